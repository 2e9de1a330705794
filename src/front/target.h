// The target of a request taken apart: path and query, decoded.
// Decoding is strict: a broken escape, a NUL or an empty segment in the middle is refused, never guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace muster::front {

inline constexpr std::size_t kTargetBytesMax = 8192;

struct Target {
  std::vector<std::string> path;  // "/api/v1/tasks/42.17" is {"api", "v1", "tasks", "42.17"}; "/" is {}
  std::vector<std::pair<std::string, std::string>> query;  // in order
};

// Origin form only. Errors: kMalformedValue.
Result<Target> parse_target(std::string_view text);

// Reads the query parameter by parameter; finish() refuses those that nobody asked for.
class QueryReader {
 public:
  explicit QueryReader(const Target& target) : query_(target.query) {}

  // Given twice is refused, except for texts().
  void text(std::string_view name, std::string& out);
  // "true" or "false"; not given is false.
  bool flag(std::string_view name);
  void number(std::string_view name, std::uint64_t& out, std::uint64_t min, std::uint64_t max);
  void seconds(std::string_view name, std::int64_t& out_us, std::int64_t max_us);
  std::vector<std::string> texts(std::string_view name);
  // Words between commas; each has to be accepted by `known`.
  template <class Known>
  void words(std::string_view name, const Known& known) {
    std::string list;
    text(name, list);
    for (std::string_view rest = list; !rest.empty();) {
      const std::size_t comma = rest.find(',');
      const std::string_view word = rest.substr(0, comma);
      if (!known(word)) refuse_parameter(name, "does not know \"" + std::string(word) + "\"");
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  void refuse_parameter(std::string_view name, std::string_view why);
  Result<void> finish();

 private:
  const std::string* find(std::string_view name);
  const std::vector<std::pair<std::string, std::string>>& query_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

}  // namespace muster::front
