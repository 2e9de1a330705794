// Selectors: how a batch, some of its tasks or one attempt are named on a command line and in a URL.
// A parsed selector is normal (ranges sorted, disjoint, joined), so equal sets of tasks compare equal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace muster {

enum class BatchBy : std::uint8_t {
  id,           // 42
  last,         // last
  name,         // @name
  task_number,  // T100017: one task by its global number; no batch is named
};

struct IndexSpan {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  bool operator==(const IndexSpan&) const = default;
};

struct Selector {
  BatchBy by = BatchBy::last;
  std::uint64_t number = 0;  // batch id, or global task number
  std::string name;          // of a batch, without the @
  // `@v1.2` is task 2 of batch v1, unless a batch is called exactly "v1.2": then that one is meant. Empty when there is no doubt.
  std::string dotted_name;
  std::vector<IndexSpan> ranges;  // task indexes; empty: the whole batch (or the one task of a global number)
  std::optional<std::uint32_t> attempt;  // from 1; only beside exactly one task
  bool operator==(const Selector&) const = default;

  bool whole_batch() const { return by != BatchBy::task_number && ranges.empty(); }
  bool one_task() const {
    return by == BatchBy::task_number || (ranges.size() == 1 && ranges[0].first == ranges[0].last);
  }
  bool holds(std::uint64_t index) const;  // true for every index when the whole batch is selected
};

// What stands for everything there is where selectors are asked for; it is not one of them, and parse_selector() refuses it.
inline constexpr std::string_view kEverySelector = "all";

// 42 · 42.17 · 42.17#2 · 42.1-500 · 42.1,3,7-9 · T100017 · T100017#2 · last · last.17 · @name · @name.17
// kMalformedSelector with the place marked; never a partial result.
Result<Selector> parse_selector(std::string_view text);

// parse_selector(to_text(s)) == s for every parsed s.
std::string to_text(const Selector& selector);

// A name for a batch (worker, …): 1 to 200 bytes, no control character, no '#', no leading '@' or '-', no blank at either end.
// kMalformedValue otherwise.
inline constexpr std::size_t kNameBytesMax = 200;
Result<void> check_name(std::string_view name);

}  // namespace muster
