// Quantities as people write and read them: memory, bytes, durations, times, array expressions.
// What is written here is read back by the same page: parse(format(x)) is x up to the precision shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace muster {

// `16G`, `512M`, `1.5GiB`, `100k`, `2T`: powers of 1024, with or without `B` or `iB`, any case.
// Memory: a plain number is MiB, as in Slurm; a fraction is rounded up to a MiB. Errors: kMalformedValue.
Result<std::uint64_t> parse_memory_mb(std::string_view text);
// Bytes: a plain number is bytes.
Result<std::uint64_t> parse_bytes(std::string_view text);

// `90` (seconds), `90s`, `1.5h`, `1h30m`, `2d`, `500ms`, `1w`, `HH:MM:SS`, `D-HH:MM:SS`; microseconds, at most 100 years.
// `10:30` is refused: it is minutes to some and hours to others.
Result<std::int64_t> parse_duration_us(std::string_view text);

// Three digits and a letter: `0`, `512`, `1.5K`, `15.9G`; at most five columns up to 999P.
std::string format_bytes(std::uint64_t bytes);
std::string format_memory_mb(std::uint64_t mem_mb);
// Two units: `320ms`, `4.2s`, `42s`, `4m12s`, `3h05m`, `2d03h`; negative ones with a minus.
std::string format_duration(std::int64_t duration_us);
// Seconds with as many decimals as needed, at most six: `4.25`. For scripts.
std::string format_seconds(std::int64_t duration_us);

enum class TimePrecision : std::uint8_t { seconds, milliseconds, microseconds };
// RFC 3339 in UTC, `2025-01-02T03:04:05.678Z`; years 0001 to 9999, times beyond are clamped. Cut, not rounded.
std::string format_rfc3339(std::int64_t wall_us, TimePrecision precision = TimePrecision::milliseconds);
// Any offset (`Z`, `+02:00`), any number of decimals. Errors: kMalformedValue.
Result<std::int64_t> parse_rfc3339(std::string_view text);

// first, first + step, …, last; last is an index of the range.
struct IndexRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t step = 1;  // 1 when first == last
  bool operator==(const IndexRange&) const = default;

  std::uint64_t count() const { return (last - first) / step + 1; }
};

inline constexpr std::uint64_t kTasksPerSubmitMax = 10'000'000;
inline constexpr std::uint64_t kIndexMax = (std::uint64_t{1} << 53) - 1;  // what JSON numbers hold exactly

// `1-1000`, `1-1000:2`, `1_000_000` as a number, `7` (that index alone), `1,3,5-9`; sorted and disjoint, neighbours joined.
// Errors: kArrayError for an empty one, a repeated index, ranges that interleave, more than kTasksPerSubmitMax tasks.
Result<std::vector<IndexRange>> parse_array(std::string_view text);
std::string format_array(const std::vector<IndexRange>& ranges);
std::uint64_t task_count(const std::vector<IndexRange>& ranges);

}  // namespace muster
