// Glob patterns as text: which names a pattern means. Walking folders is the caller's work.
// A leading dot is matched only by a dot, `*` never crosses a slash, `**` as a whole component means any depth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace muster {

enum class GlobKind : std::uint8_t {
  literal,   // a name, escapes taken away
  pattern,   // * ? [a-z] [!a-z] \x inside one name
  any_depth  // **: this folder and every folder below (not hidden ones)
};

struct GlobComponent {
  GlobKind kind = GlobKind::literal;
  std::string text;
  bool operator==(const GlobComponent&) const = default;
};

struct Glob {
  bool absolute = false;      // begins with a slash
  bool folders_only = false;  // ends with a slash
  std::vector<GlobComponent> components;
  bool operator==(const Glob&) const = default;
};

// Errors: kMalformedValue for an empty pattern, a NUL, an unclosed [ or a trailing backslash, the place marked.
// `{a,b}` alternatives give several globs, in the order written. At most 1,000.
Result<std::vector<Glob>> parse_glob(std::string_view pattern);

// One name without slash against one component. `?` and sets match one UTF-8 character.
bool component_matches(const GlobComponent& component, std::string_view name);

// A whole path, relative or absolute as the glob is; "." and empty components are ignored.
bool glob_matches(const Glob& glob, std::string_view path);

}  // namespace muster
