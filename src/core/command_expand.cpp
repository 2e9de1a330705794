// From a template and one item to what is executed, and both as text for people.
// Runs once per task and touches nothing but the pieces: no parsing, no quoting.
#include <algorithm>
#include <array>
#include <charconv>

#include "core/check.h"
#include "core/command.h"
#include "core/escape.h"
#include "core/shell_words.h"

namespace muster {
namespace {

using Fields = std::span<const std::string_view>;

// An index as text without allocating.
class IndexText {
 public:
  explicit IndexText(std::uint64_t index) {
    length_ = static_cast<std::size_t>(
        std::to_chars(digits_.data(), digits_.data() + digits_.size(), index).ptr - digits_.data());
  }
  std::string_view view() const { return {digits_.data(), length_}; }

 private:
  std::array<char, 20> digits_{};
  std::size_t length_ = 0;
};

std::string_view value_of(const Placeholder& placeholder, std::string_view index, Fields fields) {
  if (placeholder.kind == ValueKind::index) return index;
  MUSTER_CHECK(placeholder.column < fields.size(),
               "an item has a field for every placeholder of its command");
  return fields[placeholder.column];
}

bool reads_as_placeholder(std::string_view text, const std::vector<Placeholder>& placeholders) {
  const std::size_t end = text.find_first_of("{}", 1);
  if (end == std::string_view::npos || text[end] != '}') return false;
  const std::string_view name = text.substr(1, end - 1);
  const auto is_name_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return name.empty() || name == "#" || std::all_of(name.begin(), name.end(), is_name_char) ||
         std::any_of(placeholders.begin(), placeholders.end(),
                     [&](const Placeholder& p) { return p.name == name; });
}

// A word as it was typed: placeholders between their braces, literal braces doubled where they would be read as something else.
std::string typed_word(const CommandTemplate& command, const std::vector<Piece>& word) {
  std::string plain;
  std::vector<std::size_t> literal_braces;
  for (const Piece& piece : word) {
    if (piece.kind != PieceKind::literal) {
      plain += '{' + command.placeholders[piece.placeholder].name + '}';
      continue;
    }
    for (const char c : piece.text) {
      if (c == '{') literal_braces.push_back(plain.size());
      plain += c;
    }
  }
  std::string out;
  std::size_t at = 0;
  for (const std::size_t brace : literal_braces) {
    out.append(plain, at, brace - at);
    at = brace;
    const std::string_view rest = std::string_view(plain).substr(brace);
    const bool shell_variable = brace > 0 && plain[brace - 1] == '$' && !rest.starts_with("{}");
    const bool doubled =
        rest.starts_with("{{") || (!shell_variable && reads_as_placeholder(rest, command.placeholders));
    if (doubled) out += '{';
  }
  return out.append(plain, at);
}

// What a reference's place makes of a value when it is written out instead.
std::string quoted_for(std::string_view reference, std::string_view value) {
  std::string out;
  if (reference.front() == '"') return shell_quote(value);
  const bool single = reference.front() == '\'';
  for (const char c : value) {
    if (single && c == '\'') {
      out += "'\\''";
      continue;
    }
    if (!single && std::string_view("\\$\"`").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string expanded_word(const CommandTemplate& command, const std::vector<Piece>& word,
                          std::string_view index, Fields fields) {
  std::string out;
  for (const Piece& piece : word) {
    if (piece.kind == PieceKind::literal) {
      out += piece.text;
      continue;
    }
    const std::string_view value = value_of(command.placeholders[piece.placeholder], index, fields);
    out += piece.kind == PieceKind::value ? std::string(value) : quoted_for(piece.text, value);
  }
  return out;
}

// The first word of a command line must not read as an assignment or a reserved word.
std::string quote_program(const std::string& word) {
  const bool special = is_assignment(word) || opens_command(word) || closes_command(word);
  return special ? "'" + word + "'" : shell_quote(word);
}

std::string join_words(CommandKind kind, const std::vector<std::string>& words) {
  if (kind == CommandKind::shell && words.front() == "/bin/sh") return escape_text(words.back());
  std::string line = quote_program(words.front());
  for (std::size_t i = 1; i < words.size(); ++i) line += " " + shell_quote(words[i]);
  return escape_text(line);
}

}  // namespace

void expand_command_into(const CommandTemplate& command, std::uint64_t index, Fields fields,
                         ExpandedCommand& out) {
  const IndexText number(index);
  out.argv.resize(command.words.size());
  for (std::size_t i = 0; i < command.words.size(); ++i) {
    std::string& argument = out.argv[i];
    argument.clear();
    for (const Piece& piece : command.words[i]) {
      const bool is_value = piece.kind == PieceKind::value;
      argument +=
          is_value ? value_of(command.placeholders[piece.placeholder], number.view(), fields) : piece.text;
    }
  }
  out.env.resize(command.env_bindings.size());
  for (std::size_t i = 0; i < command.env_bindings.size(); ++i) {
    out.env[i].first = command.env_bindings[i].variable;
    out.env[i].second =
        value_of(command.placeholders[command.env_bindings[i].placeholder], number.view(), fields);
  }
}

ExpandedCommand expand_command(const CommandTemplate& command, std::uint64_t index, Fields fields) {
  ExpandedCommand out;
  expand_command_into(command, index, fields, out);
  return out;
}

std::size_t expanded_bytes(const CommandTemplate& command, std::uint64_t index, Fields fields) {
  const IndexText number(index);
  std::size_t bytes = 0;
  for (const std::vector<Piece>& word : command.words) {
    ++bytes;
    for (const Piece& piece : word) {
      const bool is_value = piece.kind == PieceKind::value;
      bytes += is_value ? value_of(command.placeholders[piece.placeholder], number.view(), fields).size()
                        : piece.text.size();
    }
  }
  for (const EnvBinding& binding : command.env_bindings) {
    bytes += binding.variable.size() + 2 +
             value_of(command.placeholders[binding.placeholder], number.view(), fields).size();
  }
  return bytes;
}

Result<void> check_argument_limit(const CommandTemplate& command, std::uint64_t index, Fields fields) {
  const std::size_t bytes = expanded_bytes(command, index, fields);
  if (bytes <= kArgumentBytesMax) return {};
  return refuse(ErrorKind::too_large, kArgumentsTooLong,
                "the command of task " + std::to_string(index) + " has " + std::to_string(bytes) +
                    " bytes; " + std::to_string(kArgumentBytesMax) + " is the limit",
                "put long values into a file and pass its name");
}

std::string display_command(const CommandTemplate& command) {
  std::vector<std::string> words;
  for (const std::vector<Piece>& word : command.words) words.push_back(typed_word(command, word));
  return join_words(command.kind, words);
}

std::string display_expanded(const CommandTemplate& command, std::uint64_t index, Fields fields) {
  const IndexText number(index);
  std::vector<std::string> words;
  for (const std::vector<Piece>& word : command.words)
    words.push_back(expanded_word(command, word, number.view(), fields));
  return join_words(command.kind, words);
}

std::string literal_word(std::string_view text) {
  std::string out;
  for (const char c : text) out.append(c == '{' ? 2 : 1, c);
  return out;
}

std::string shell_quote(std::string_view text) {
  constexpr std::string_view kSafe = "_-+./:,@%=#{}";
  const auto safe = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSafe.find(c) != std::string_view::npos || (c & 0x80) != 0;
  };
  const bool braces = text.find('{') != std::string_view::npos;
  const bool expands =
      braces && (text.find(',') != std::string_view::npos || text.find("..") != std::string_view::npos);
  const bool first_safe = !text.empty() && text.front() != '#' && text.front() != '=';
  const bool brace_alone = text == "{" || text == "}";
  if (first_safe && !expands && !brace_alone && std::all_of(text.begin(), text.end(), safe))
    return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace muster
