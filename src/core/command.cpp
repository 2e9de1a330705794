// From words as typed to a template: finds the placeholders, decides which words are shell text, binds variables.
// Whatever comes out of here can be expanded with any value; everything that could go wrong is refused now.
#include "core/command.h"

#include <algorithm>
#include <iterator>

#include "core/check.h"
#include "core/escape.h"
#include "core/shell_text.h"
#include "core/shell_words.h"

namespace muster {
namespace {

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_identifier(std::string_view text) {
  return !text.empty() && is_name_start(text.front()) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_name_start(c) || is_digit(c) || c == '-';
  });
}

// A column's name that leaves shell text as it is when it stands there between braces.
bool is_quiet_in_shell(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return is_name_start(c) || is_digit(c) || std::string_view("-.:/ ").find(c) != std::string_view::npos ||
           (c & 0x80) != 0;
  });
}

// A placeholder found in a word: what stands between its braces.
struct Form {
  std::size_t length = 0;  // with the braces; 0: the brace is literal
  std::string_view name;
};

std::string quoted_list(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 20;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    out += (i == 0 ? "" : ", ") + escape_text(names[i]);
  return names.size() > kShown ? out + " and " + std::to_string(names.size() - kShown) + " more" : out;
}

const char* reason_of(ShellPlace place) {
  switch (place) {
    case ShellPlace::comment:
      return "it stands in a comment";
    case ShellPlace::here_document:
      return "it stands in a here-document";
    case ShellPlace::arithmetic:
      return "a shell evaluates what stands there as arithmetic";
    case ShellPlace::parameter:
      return "it stands inside ${ }";
    case ShellPlace::nested_shell:
      return "another shell would parse the value";
    case ShellPlace::ansi_quoted:
      return "it stands inside $' '";
    case ShellPlace::after_dollar:
      return "a dollar sign stands before it";
    default:
      return "shells read the text before it differently";
  }
}

const char* advice_for(ShellPlace place) {
  switch (place) {
    case ShellPlace::comment:
      return "leave it out of the comment, or write {{ for a literal brace";
    case ShellPlace::nested_shell:
      return "pass it as an argument: sh -c 'echo \"$1\"' sh {}";
    case ShellPlace::after_dollar:
      return "put the dollar sign into single quotes: '$'{}";
    case ShellPlace::doubtful:
      return "use $( ) instead of backticks and plain quotes, or put the value into a variable first: x={}";
    default:
      return "put the value into a variable first: x={}; then use \"$x\"";
  }
}

class CommandCompiler {
 public:
  CommandCompiler(const std::vector<std::string>& columns, ItemSource source)
      : columns_(columns), source_(source) {}

  Result<CommandTemplate> compile(const std::vector<std::string>& words,
                                  const std::optional<std::string>& shell) {
    if (Result<void> fits = check_words(words); !fits) return std::unexpected(fits.error());
    const bool has_blank = words.front().find_first_of(" \t\n") != std::string::npos;
    Result<void> done = shell || (words.size() == 1 && has_blank) ? compile_shell(words, shell.value_or(""))
                                                                  : compile_argv(words);
    if (!done) return std::unexpected(done.error());
    if (Result<void> fits = check_size(literal_bytes()); !fits) return std::unexpected(fits.error());
    return std::move(out_);
  }

 private:
  static Result<void> check_words(const std::vector<std::string>& words) {
    if (words.empty() || words.front().find_first_not_of(" \t\n") == std::string::npos) {
      return refuse(ErrorKind::usage, kMalformedValue, "the command is missing",
                    "write it behind --: muster submit -- echo hi");
    }
    std::size_t bytes = 0;
    for (const std::string& word : words) {
      bytes += word.size() + 1;
      if (word.find('\0') == std::string::npos) continue;
      return refuse(ErrorKind::usage, kMalformedValue,
                    "the word '" + escape_text(word) + "' of the command holds a NUL");
    }
    return check_size(bytes);
  }

  std::size_t literal_bytes() const {
    std::size_t bytes = 0;
    for (const std::vector<Piece>& word : out_.words) {
      ++bytes;
      for (const Piece& piece : word) bytes += piece.text.size();
    }
    return bytes;
  }

  static Result<void> check_size(std::size_t bytes) {
    if (bytes <= kArgumentBytesMax) return {};
    return refuse(ErrorKind::too_large, kArgumentsTooLong,
                  "the command has " + std::to_string(bytes) + " bytes; " +
                      std::to_string(kArgumentBytesMax) + " is the limit",
                  "put long lists into a file and pass its name");
  }

  Result<void> compile_shell(const std::vector<std::string>& words, const std::string& shell) {
    if (words.size() != 1) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    "--shell takes the command as one word, and there are several",
                    "quote it: --shell -- 'cd data && make'");
    }
    if (!shell.empty() && !is_shell_name(shell)) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    "'" + escape_text(shell) + "' is not a shell whose quoting is known",
                    "use sh, bash, dash, zsh or ksh; for another one: -- " + shell_quote(escape_text(shell)) +
                        " -c TEXT");
    }
    out_.kind = CommandKind::shell;
    out_.words = {{literal(shell.empty() || shell == "sh" ? "/bin/sh" : shell)}, {literal("-c")}};
    // A text that begins like an option would be taken for one.
    const std::string& text = words.front();
    return add_shell_text(text.front() == '-' || text.front() == '+' ? " " + text : text, Appending::to_text);
  }

  enum class Appending : std::uint8_t { to_text, no };

  Result<void> compile_argv(const std::vector<std::string>& words) {
    const ShellWord shell = find_shell_word(words);
    for (std::size_t i = 0; i < words.size(); ++i) {
      const bool is_text = shell.text == i;
      if (is_text && !shell.environment_arrives) {
        if (Result<void> without = refuse_placeholders(words[i], words.front()); !without) return without;
      }
      const Appending appending = i + 1 == words.size() ? Appending::to_text : Appending::no;
      Result<void> added =
          is_text && shell.environment_arrives ? add_shell_text(words[i], appending) : add_argument(words[i]);
      if (!added) return added;
    }
    if (source_ == ItemSource::line && out_.placeholders.empty()) out_.words.push_back({value(Form{2, ""})});
    return {};
  }

  // The word behind a shell's -c, and whether that shell is sure to get the task's environment.
  struct ShellWord {
    std::optional<std::size_t> text;
    bool environment_arrives = true;
  };

  static ShellWord find_shell_word(const std::vector<std::string>& words) {
    Evaluation state = Evaluation::none;
    std::size_t shell = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const Evaluation before = state;
      state = evaluation_after(words[i], before);
      if (state == Evaluation::eval || state == Evaluation::let) state = Evaluation::none;
      const bool still_options = state == Evaluation::shell_text || state == Evaluation::shell_option_text;
      if (before == Evaluation::shell_text && !still_options)
        return {i, shell == 0 || passes_environment(words, shell)};
      if (state == Evaluation::shell_named && is_shell_name(words[i]) &&
          before != Evaluation::shell_option_arg)
        shell = i;
    }
    return {};
  }

  static bool passes_environment(const std::vector<std::string>& words, std::size_t shell) {
    constexpr std::string_view kWrappers[] = {"env",    "nice",    "nohup", "time",    "timeout", "setsid",
                                              "stdbuf", "ionice",  "chrt",  "taskset", "numactl", "strace",
                                              "flock",  "busybox", "xargs", "chronic"};
    const std::string_view program = std::string_view(words[0]).substr(words[0].rfind('/') + 1);
    if (std::find(std::begin(kWrappers), std::end(kWrappers), program) == std::end(kWrappers)) return false;
    // env: -i, -u and -S change what arrives; only assignments are sure not to.
    return program != "env" ||
           std::all_of(words.begin() + 1, words.begin() + static_cast<std::ptrdiff_t>(shell),
                       [](const std::string& word) { return is_assignment(word); });
  }

  Result<void> refuse_placeholders(std::string_view text, std::string_view program) {
    for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
      if (text.substr(at).starts_with("{{")) {
        ++at;
        continue;
      }
      const Form form = form_at(text, at);
      if (form.length == 0 || is_shell_variable(text, at, form)) continue;
      return unquotable(
          text, at, form,
          "it is shell text behind '" + escape_text(program) + "', where the value's variable may not arrive",
          advice_for(ShellPlace::nested_shell));
    }
    return {};
  }

  // ${name} and ${#} belong to a shell; ${} means nothing to it.
  static bool is_shell_variable(std::string_view text, std::size_t at, const Form& form) {
    return at > 0 && text[at - 1] == '$' && !form.name.empty();
  }

  Form form_at(std::string_view text, std::size_t at) const {
    const std::size_t end = text.find_first_of("{}", at + 1);
    if (end == std::string_view::npos || text[end] != '}') return {};
    const std::string_view name = text.substr(at + 1, end - at - 1);
    const bool known = name.empty() || name == "#" || is_identifier(name) || column_of(name).has_value();
    return known ? Form{end + 1 - at, name} : Form{};
  }

  std::optional<std::uint32_t> column_of(std::string_view name) const {
    if (source_ != ItemSource::table || name.empty()) return {};
    const auto found = std::find(columns_.begin(), columns_.end(), name);
    if (found == columns_.end()) return {};
    return static_cast<std::uint32_t>(found - columns_.begin());
  }

  std::unexpected<Error> unquotable(std::string_view text, std::size_t at, const Form& form,
                                    const std::string& why, const char* advice) const {
    return refuse(ErrorKind::usage, kPlaceholderUnquotable,
                  "the placeholder {" + escape_text(form.name) + "} cannot be quoted here: " + why +
                      mark_place(text, at, form.length),
                  advice);
  }

  // Says what is wrong with a placeholder that has no value; nothing when it has one.
  Result<void> check_form(std::string_view text, std::size_t at, const Form& form) const {
    const std::string shown = "{" + escape_text(form.name) + "}";
    const std::string place = mark_place(text, at, form.length);
    const std::string literal_hint = "write {" + shown + " for the literal text";
    if (form.name == "#" || column_of(form.name)) return {};
    if (!form.name.empty()) {
      const std::string known = source_ == ItemSource::table ? "the columns are " + quoted_list(columns_)
                                                             : "there is no table with such a column";
      return refuse(ErrorKind::usage, kUnknownPlaceholder,
                    "unknown placeholder " + shown + ": " + known + place, literal_hint);
    }
    if (source_ == ItemSource::none) {
      return refuse(ErrorKind::usage, kPlaceholderWithoutValue,
                    "a placeholder without a value: there are no items" + place,
                    "give items with --array, --from, --each or on standard input; " + literal_hint);
    }
    if (source_ == ItemSource::table && columns_.size() != 1) {
      return refuse(ErrorKind::usage, kUnknownPlaceholder,
                    "{} could be any column of the table: " + quoted_list(columns_) + place,
                    "name one, as in {" + escape_text(columns_.empty() ? "name" : columns_.front()) + "}; " +
                        literal_hint);
    }
    return {};
  }

  static Piece literal(std::string text) { return {PieceKind::literal, 0, std::move(text)}; }

  static void add_literal(std::vector<Piece>& word, std::string_view text) {
    if (text.empty()) return;
    if (word.empty() || word.back().kind != PieceKind::literal) word.push_back(literal(""));
    word.back().text += text;
  }

  std::uint32_t placeholder_of(const Form& form) {
    const bool is_index = form.name == "#" || source_ == ItemSource::index;
    Placeholder wanted{is_index ? ValueKind::index : ValueKind::field, column_of(form.name).value_or(0),
                       std::string(form.name)};
    const auto found = std::find(out_.placeholders.begin(), out_.placeholders.end(), wanted);
    const auto number = static_cast<std::uint32_t>(found - out_.placeholders.begin());
    if (found == out_.placeholders.end()) out_.placeholders.push_back(std::move(wanted));
    return number;
  }

  Piece value(const Form& form) { return {PieceKind::value, placeholder_of(form), {}}; }

  Result<void> add_argument(std::string_view text) {
    std::vector<Piece> word;
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t brace = std::min(text.find('{', at), text.size());
      add_literal(word, text.substr(at, brace - at));
      at = brace;
      if (at == text.size()) break;
      const bool doubled = text.substr(at).starts_with("{{");
      const Form form = doubled ? Form{} : form_at(text, at);
      if (form.length == 0 || is_shell_variable(text, at, form)) {
        add_literal(word, "{");
        at += doubled ? 2 : 1;
        continue;
      }
      if (Result<void> known = check_form(text, at, form); !known) return known;
      word.push_back(value(form));
      at += form.length;
    }
    out_.words.push_back(std::move(word));
    return {};
  }

  // The number of a variable that the text does not use itself.
  std::string next_variable(std::string_view text) {
    for (;;) {
      std::string name = "M" + std::to_string(++variable_);
      bool used = false;
      for (std::size_t at = text.find(name); at != std::string_view::npos && !used;
           at = text.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        const auto in_name = [](char c) { return is_name_start(c) || is_digit(c); };
        used = !(at > 0 && in_name(text[at - 1])) && !(end < text.size() && in_name(text[end]));
      }
      if (!used) return name;
    }
  }

  std::string variable_of(std::uint32_t placeholder, std::string_view text) {
    for (const EnvBinding& binding : out_.env_bindings) {
      if (binding.placeholder == placeholder) return binding.variable;
    }
    out_.env_bindings.push_back({next_variable(text), placeholder});
    return out_.env_bindings.back().variable;
  }

  Piece reference(const Form& form, ShellPlace place, std::string_view text) {
    const std::uint32_t placeholder = placeholder_of(form);
    const std::string variable = variable_of(placeholder, text);
    std::string written = "\"$" + variable + "\"";
    if (place == ShellPlace::double_quoted) written = "${" + variable + "}";
    if (place == ShellPlace::single_quoted) written = "'" + written + "'";
    return {PieceKind::reference, placeholder, std::move(written)};
  }

  Result<void> check_shell_form(std::string_view text, const ShellScan& scan, const BraceMark& brace,
                                const Form& form) const {
    if (Result<void> known = check_form(text, brace.offset, form); !known) return known;
    if (brace.place > ShellPlace::single_quoted) {
      return unquotable(text, brace.offset, form, reason_of(brace.place), advice_for(brace.place));
    }
    if (!is_quiet_in_shell(form.name) && form.name != "#") {
      return unquotable(text, brace.offset, form,
                        "the column's name has characters that mean something to a shell",
                        "rename the column");
    }
    if (scan.unclosed) {
      return refuse(ErrorKind::usage, kPlaceholderUnquotable,
                    "the placeholder {" + escape_text(form.name) +
                        "} cannot be quoted: a quote or parenthesis is never closed" +
                        mark_place(text, *scan.unclosed),
                    "close it; a lone quote character is written \\' or \\\"");
    }
    return {};
  }

  Result<void> add_shell_text(std::string_view text, Appending appending) {
    const ShellScan scan = scan_shell_text(text);
    std::vector<Piece> word;
    std::size_t at = 0;
    for (const BraceMark& brace : scan.braces) {
      if (brace.offset < at) continue;  // taken with the brace before it
      add_literal(word, text.substr(at, brace.offset - at));
      at = brace.offset;
      const bool plain = brace.place == ShellPlace::escaped ||
                         (brace.place == ShellPlace::after_dollar && !text.substr(at).starts_with("{}"));
      const bool doubled = !plain && text.substr(at).starts_with("{{");
      const Form form = plain || doubled ? Form{} : form_at(text, at);
      if (form.length == 0 || is_shell_variable(text, at, form)) {
        add_literal(word, "{");
        at += doubled ? 2 : 1;
        continue;
      }
      if (Result<void> fits = check_shell_form(text, scan, brace, form); !fits) return fits;
      word.push_back(reference(form, brace.place, text));
      at += form.length;
    }
    add_literal(word, text.substr(at));
    if (appending == Appending::to_text && source_ == ItemSource::line && out_.placeholders.empty()) {
      if (Result<void> added = append_item(word, text); !added) return added;
    }
    out_.words.push_back(std::move(word));
    return {};
  }

  // Plain lines and no placeholder: the item becomes the last argument of the last command.
  Result<void> append_item(std::vector<Piece>& word, std::string_view text) {
    const std::size_t last = text.find_last_not_of(" \t\n");
    const std::size_t end = last == std::string_view::npos ? 0 : last + 1;
    const bool ends_escaped = end > 0 && text[end - 1] == '\\';
    if (ends_escaped || !scan_shell_text(text.substr(0, end)).takes_argument) {
      return refuse(ErrorKind::usage, kPlaceholderUnquotable,
                    "the item cannot be appended: the text does not end with a command and its arguments" +
                        mark_place(text, end),
                    "write {} where the item belongs");
    }
    MUSTER_CHECK(!word.empty() && word.back().kind == PieceKind::literal,
                 "text without a placeholder is one literal");
    std::string& written = word.back().text;
    written.erase(written.find_last_not_of(" \t\n") + 1);
    written += ' ';
    word.push_back(reference(Form{2, ""}, ShellPlace::bare, text));
    return {};
  }

  const std::vector<std::string>& columns_;
  ItemSource source_;
  CommandTemplate out_;
  std::uint32_t variable_ = 0;
};

}  // namespace

Result<CommandTemplate> compile_command(const std::vector<std::string>& words,
                                        const std::optional<std::string>& shell,
                                        const std::vector<std::string>& columns, ItemSource source) {
  return CommandCompiler(columns, source).compile(words, shell);
}

}  // namespace muster
