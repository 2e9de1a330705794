// Parsing and matching of glob patterns, by name and by path.
// Matching one name takes time in the product of lengths at worst; nothing recurses but over path components.
#include "core/glob_text.h"

#include <algorithm>
#include <optional>

#include "core/escape.h"

namespace muster {
namespace {

constexpr std::size_t kAlternativesMax = 1000;

std::unexpected<Error> malformed(std::string_view pattern, std::size_t at, const std::string& why) {
  return refuse(ErrorKind::usage, kMalformedValue, "malformed pattern: " + why + mark_place(pattern, at),
                "put a backslash before a character that means itself");
}

// Where the set that begins at `at` ends (its ]), or npos. A ] right behind the [ or the ! is a member.
std::size_t set_end(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  if (i < text.size() && (text[i] == '!' || text[i] == '^')) ++i;
  if (i < text.size() && text[i] == ']') ++i;
  for (; i < text.size() && text[i] != ']'; ++i) {
    if (text[i] == '\\') ++i;
  }
  return i < text.size() ? i : std::string_view::npos;
}

// The end of the character or construct at `at`: one byte, an escaped byte, a set.
std::size_t after(std::string_view text, std::size_t at) {
  if (text[at] == '\\' && at + 1 < text.size()) return at + 2;
  if (text[at] != '[') return at + 1;
  const std::size_t end = set_end(text, at);
  return end == std::string_view::npos ? at + 1 : end + 1;
}

Result<void> check_pattern(std::string_view pattern) {
  if (pattern.empty()) return malformed(pattern, 0, "it is empty");
  for (std::size_t at = 0; at < pattern.size(); at = after(pattern, at)) {
    if (pattern[at] == '\0') return malformed(pattern, at, "it holds a NUL");
    if (pattern[at] == '\\' && at + 1 == pattern.size())
      return malformed(pattern, at, "nothing follows the backslash");
    if (pattern[at] != '[') continue;
    const std::size_t end = set_end(pattern, at);
    if (end == std::string_view::npos) return malformed(pattern, at, "the [ is never closed");
    if (pattern.substr(at, end - at).find('/') != std::string_view::npos)
      return malformed(pattern, at, "a set cannot hold a slash");
  }
  return {};
}

// The first {a,b} of a pattern: where it opens and closes, and its commas. Nothing when there is none: {} and {a} are literal.
struct Alternatives {
  std::size_t open = 0;
  std::size_t close = 0;
  std::vector<std::size_t> commas;
};

std::optional<Alternatives> find_alternatives(std::string_view pattern) {
  for (std::size_t open = 0; open < pattern.size(); open = after(pattern, open)) {
    if (pattern[open] != '{') continue;
    Alternatives found{open, 0, {}};
    std::size_t depth = 0;
    for (std::size_t at = open; at < pattern.size(); at = after(pattern, at)) {
      if (pattern[at] == '{') ++depth;
      if (pattern[at] == ',' && depth == 1) found.commas.push_back(at);
      if (pattern[at] != '}' || --depth > 0) continue;
      found.close = at;
      break;
    }
    if (found.close > 0 && !found.commas.empty()) return found;
  }
  return {};
}

bool expand_alternatives(const std::string& pattern, std::vector<std::string>& out) {
  std::vector<std::string> waiting = {pattern};
  while (!waiting.empty()) {
    const std::string next = std::move(waiting.back());
    waiting.pop_back();
    const std::optional<Alternatives> found = find_alternatives(next);
    if (!found) {
      out.push_back(next);
    } else {
      // The last one first, so that the first one is taken next.
      std::size_t end = found->close;
      for (std::size_t i = found->commas.size() + 1; i-- > 0;) {
        const std::size_t begin = i == 0 ? found->open : found->commas[i - 1];
        waiting.push_back(next.substr(0, found->open) + next.substr(begin + 1, end - begin - 1) +
                          next.substr(found->close + 1));
        end = begin;
      }
    }
    if (out.size() + waiting.size() > kAlternativesMax) return false;
  }
  return true;
}

bool has_pattern(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); at = after(text, at)) {
    if (text[at] == '*' || text[at] == '?' || text[at] == '[') return true;
  }
  return false;
}

std::string without_escapes(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    out += text[at];
  }
  return out;
}

Glob glob_of(std::string_view pattern) {
  Glob glob;
  glob.absolute = pattern.starts_with('/');
  glob.folders_only = pattern.ends_with('/');
  std::size_t begin = 0;
  while (begin < pattern.size()) {
    std::size_t end = begin;
    while (end < pattern.size() && pattern[end] != '/') end = after(pattern, end);
    const std::string_view part = pattern.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "**") {
      const bool repeated = !glob.components.empty() && glob.components.back().kind == GlobKind::any_depth;
      if (!repeated) glob.components.push_back({GlobKind::any_depth, {}});
    } else if (has_pattern(part)) {
      glob.components.push_back({GlobKind::pattern, std::string(part)});
    } else {
      glob.components.push_back({GlobKind::literal, without_escapes(part)});
    }
  }
  return glob;
}

// One character of a set or a pattern, escapes taken away; `at` moves behind it.
Utf8Character take_character(std::string_view text, std::size_t& at) {
  if (text[at] == '\\' && at + 1 < text.size()) ++at;
  const Utf8Character character = next_character(text.substr(at));
  at += character.length;
  return character;
}

bool same(const Utf8Character& a, const Utf8Character& b) {
  return a.code_point == b.code_point && a.valid == b.valid;
}

// `set` is what stands between the brackets.
bool in_set(std::string_view set, const Utf8Character& wanted) {
  std::size_t at = 0;
  const bool negated = !set.empty() && (set[0] == '!' || set[0] == '^');
  if (negated) ++at;
  bool found = false;
  while (at < set.size()) {
    const Utf8Character first = take_character(set, at);
    if (at + 1 < set.size() && set[at] == '-') {
      ++at;
      const Utf8Character last = take_character(set, at);
      found = found ||
              (wanted.valid && first.code_point <= wanted.code_point && wanted.code_point <= last.code_point);
    } else {
      found = found || same(first, wanted);
    }
  }
  return found != negated;
}

// Matches the construct at `p` (no star) against the character at `n`; both move behind it.
bool match_one(std::string_view pattern, std::size_t& p, std::string_view name, std::size_t& n) {
  const Utf8Character character = next_character(name.substr(n));
  n += character.length;
  if (pattern[p] == '?') {
    ++p;
    return true;
  }
  if (pattern[p] == '[') {
    const std::size_t end = set_end(pattern, p);
    const std::string_view set = pattern.substr(p + 1, end - p - 1);
    p = end + 1;
    return in_set(set, character);
  }
  return same(take_character(pattern, p), character);
}

bool match_pattern(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;  // behind the last star seen
  std::size_t star_name = 0;                  // where the name goes on if it takes one character more
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_name = n;
      continue;
    }
    std::size_t next_n = n;
    if (p < pattern.size() && match_one(pattern, p, name, next_n)) {
      n = next_n;
      continue;
    }
    if (star == std::string_view::npos) return false;
    star_name += next_character(name.substr(star_name)).length;
    n = star_name;
    p = star;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (!part.empty() && part != ".") parts.push_back(part);
    begin = end + 1;
  }
  return parts;
}

}  // namespace

Result<std::vector<Glob>> parse_glob(std::string_view pattern) {
  if (Result<void> checked = check_pattern(pattern); !checked) return std::unexpected(checked.error());
  std::vector<std::string> patterns;
  if (!expand_alternatives(std::string(pattern), patterns)) {
    return malformed(pattern, pattern.find('{'), "more than 1000 alternatives");
  }
  std::vector<Glob> globs;
  for (const std::string& one : patterns) {
    if (!one.empty()) globs.push_back(glob_of(one));
  }
  if (globs.empty()) return malformed(pattern, 0, "it is empty");
  return globs;
}

bool component_matches(const GlobComponent& component, std::string_view name) {
  if (component.kind == GlobKind::literal) return component.text == name;
  const bool hidden = name.starts_with('.');
  if (component.kind == GlobKind::any_depth) return !hidden;
  const bool dot_named = component.text.starts_with('.') || component.text.starts_with("\\.");
  return (!hidden || dot_named) && match_pattern(component.text, name);
}

bool glob_matches(const Glob& glob, std::string_view path) {
  if (glob.absolute != path.starts_with('/')) return false;
  if (glob.folders_only && !path.ends_with('/')) return false;
  const std::vector<std::string_view> parts = split_path(path);
  // reached[k]: the components so far can end at the first k parts of the path.
  std::vector<bool> reached(parts.size() + 1);
  reached[0] = true;
  for (const GlobComponent& component : glob.components) {
    std::vector<bool> next(parts.size() + 1);
    const bool any_depth = component.kind == GlobKind::any_depth;
    for (std::size_t k = 0; k <= parts.size(); ++k) {
      const bool from_before =
          k > 0 && (any_depth ? next[k - 1] : reached[k - 1]) && component_matches(component, parts[k - 1]);
      next[k] = from_before || (any_depth && reached[k]);
    }
    reached = std::move(next);
  }
  return reached.back();
}

}  // namespace muster
