// Masking word by word; a word ends at a blank, a quote, a bracket, a comma, an equals sign or a semicolon.
// What is masked is decided by the form of a word alone.
#include "core/masked_line.h"

#include <algorithm>

#include "core/escape.h"

namespace muster {
namespace {

constexpr std::size_t kHashLeast = 6;  // hexadecimal digits, a digit among them

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool ends_word(char c) {
  return is_blank(c) || std::string_view("'\"`()[]{}<>,;=|").find(c) != std::string_view::npos;
}

// A slash with something behind it; a lone one, or "and/or", is no path.
bool is_path(std::string_view word) {
  if (word.find("://") != std::string_view::npos) return true;
  const std::size_t slash = word.find('/');
  if (slash == std::string_view::npos || word.size() < 3) return false;
  return slash == 0 || word.starts_with("./") || word.starts_with("../") || word.starts_with("~/") ||
         std::count(word.begin(), word.end(), '/') > 1;
}

// 0x…, a hash, or the groups of a UUID.
bool is_hash(std::string_view word) {
  if (word.starts_with("0x")) word.remove_prefix(2);
  const auto part_of_hash = [](char c) { return is_hex(c) || c == '-'; };
  return word.size() >= kHashLeast && std::all_of(word.begin(), word.end(), part_of_hash) &&
         std::any_of(word.begin(), word.end(), is_digit);
}

void add_word(std::string& out, std::string_view word) {
  std::size_t tail = word.size();
  while (tail > 0 && (word[tail - 1] == '.' || word[tail - 1] == ':')) --tail;
  const std::string_view end = word.substr(tail);
  word = word.substr(0, tail);
  if (is_path(word)) {
    out += "<path>";
  } else if (is_hash(word)) {
    out += '#';
  } else {
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (!is_digit(word[i])) {
        out += word[i];
      } else if (i == 0 || !is_digit(word[i - 1])) {
        out += '#';
      }
    }
  }
  out += end;
}

}  // namespace

std::string_view last_line(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  const std::size_t before = text.find_last_of("\n\r");
  return before == std::string_view::npos ? text : text.substr(before + 1);
}

std::string masked_line(std::string_view line, std::size_t width) {
  std::string out;
  bool blank = false;
  for (std::size_t at = 0; at < line.size();) {
    if (is_blank(line[at])) {
      blank = !out.empty();
      ++at;
      continue;
    }
    if (blank) out += ' ';
    blank = false;
    if (ends_word(line[at])) {
      out += line[at++];
      continue;
    }
    const std::size_t begin = at;
    while (at < line.size() && !ends_word(line[at])) ++at;
    add_word(out, line.substr(begin, at - begin));
  }
  return truncate_text(escape_text(out), width);
}

}  // namespace muster
