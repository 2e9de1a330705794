// Changing the config file line by line, so that a person's comments and order stay.
// The new text is parsed before it replaces the old one: a layout that this does not know is refused, never damaged.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <toml++/toml.h>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "client/context_file.h"
#include "client/text.h"
#include "core/escape.h"

namespace muster::client {

namespace {

using Lines = std::vector<std::string>;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

bool is_header(std::string_view line) { return trimmed(line).starts_with('['); }

bool is_header_of(std::string_view line, std::string_view name) {
  const std::string_view text = trimmed(line);
  return text.starts_with(join_text("[contexts.", name, "]")) ||
         text.starts_with(join_text("[contexts.\"", name, "\"]"));
}

bool is_key(std::string_view line, std::string_view key) {
  const std::string_view text = trimmed(line);
  return text.starts_with(key) && trimmed(text.substr(key.size())).starts_with('=');
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + '"';
}

struct Section {
  std::size_t begin = 0;  // behind the header
  std::size_t end = 0;
};

std::optional<Section> find_section(const Lines& lines, std::string_view name) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!is_header_of(lines[i], name)) continue;
    std::size_t end = i + 1;
    while (end < lines.size() && !is_header(lines[end])) ++end;
    return Section{i + 1, end};
  }
  return std::nullopt;
}

// The end of what belongs to a section, without the blank lines and comments that lead to the next one.
std::size_t last_value(const Lines& lines, const Section& section) {
  std::size_t end = section.end;
  while (end > section.begin && (trimmed(lines[end - 1]).empty() || trimmed(lines[end - 1]).starts_with('#')))
    --end;
  return end;
}

void set_key(Lines& lines, Section& section, std::string_view key, std::string_view value) {
  std::size_t at = section.begin;
  while (at < section.end && !is_key(lines[at], key)) ++at;
  const bool there = at < section.end;
  const std::string line = join_text(key, " = ", quoted(value));
  if (there && value.empty()) {
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
    --section.end;
  } else if (there) {
    lines[at] = line;
  } else if (!value.empty()) {
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(last_value(lines, section)), line);
    ++section.end;
  }
}

void set_current(Lines& lines, std::string_view name) {
  Section top{0, 0};
  while (top.end < lines.size() && !is_header(lines[top.end])) ++top.end;
  set_key(lines, top, "current", name);
}

void apply(Lines& lines, const ContextChange& change, bool was_current) {
  std::optional<Section> section = find_section(lines, change.name);
  if (change.remove && section) {
    const std::size_t end = last_value(lines, *section);
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(section->begin - 1),
                lines.begin() + static_cast<std::ptrdiff_t>(end));
    if (was_current) set_current(lines, "");
    return;
  }
  if (!section && !change.settings.empty()) {
    if (!lines.empty() && !trimmed(lines.back()).empty()) lines.emplace_back();
    lines.push_back(join_text("[contexts.", change.name, "]"));
    section = Section{lines.size(), lines.size()};
  }
  for (const auto& [key, value] : change.settings) set_key(lines, *section, key, value);
  if (change.make_current) set_current(lines, change.name);
}

bool is_as_wanted(const std::string& text, const ContextChange& change) {
  try {
    const toml::table table = toml::parse(text);
    const auto context = table["contexts"][change.name];
    if (change.make_current && table["current"].value_or(std::string()) != change.name) return false;
    if (change.remove) return !context.is_table();
    for (const auto& [key, value] : change.settings) {
      if (context[key].value_or(std::string()) != value) return false;
    }
    return context.is_table();
  } catch (const toml::parse_error&) {
    return false;
  }
}

std::unexpected<Error> cannot_write(const std::string& file) {
  return refuse(ErrorKind::temporary, kOutputFailed,
                join_text(escape_text(file), " cannot be written: ", std::strerror(errno)));
}

Result<void> make_folders(const std::string& file) {
  for (std::size_t slash = file.find('/', 1); slash != std::string::npos; slash = file.find('/', slash + 1)) {
    if (mkdir(file.substr(0, slash).c_str(), 0700) != 0 && errno != EEXIST) return cannot_write(file);
  }
  return {};
}

Result<void> replace_file(const std::string& file, const std::string& text) {
  if (auto made = make_folders(file); !made) return made;
  const std::string temporary = join_text(file, ".", getpid());
  const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return cannot_write(file);
  const bool written = write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool kept = close(descriptor) == 0 && written && rename(temporary.c_str(), file.c_str()) == 0;
  if (kept) return {};
  auto failed = cannot_write(file);
  unlink(temporary.c_str());
  return failed;
}

}  // namespace

Result<void> change_context(const ContextChange& change, const Environment& environment) {
  const Result<ContextList> list = list_contexts(environment);
  if (!list) return std::unexpected(list.error());
  if (list->file.empty()) {
    return refuse(ErrorKind::usage, kMalformedValue, "there is no place for a config file: HOME is not set",
                  "set HOME or XDG_CONFIG_HOME");
  }
  Lines lines;
  std::ifstream in(list->file);
  for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));
  apply(lines, change, list->current == change.name);
  std::string text;
  for (const std::string& line : lines) text += join_text(line, '\n');
  if (!is_as_wanted(text, change)) {
    return refuse(
        ErrorKind::wrong_state, kWrongState,
        join_text(escape_text(list->file), " is written in a way that this command does not change"),
        "change it by hand; muster help environment shows its form");
  }
  return replace_file(list->file, text);
}

}  // namespace muster::client
