// Array expressions: sets of task indexes as a few ranges, however many tasks they mean.
// What is accepted is normal: sorted by first, no two ranges over the same stretch, neighbours joined.
#include <algorithm>
#include <optional>

#include "core/escape.h"
#include "core/units.h"

namespace muster {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string text_of(const IndexRange& range) {
  std::string out = std::to_string(range.first);
  if (range.last != range.first) out += "-" + std::to_string(range.last);
  if (range.step != 1) out += ":" + std::to_string(range.step);
  return out;
}

bool holds(const IndexRange& range, std::uint64_t index) {
  return index >= range.first && index <= range.last && (index - range.first) % range.step == 0;
}

class ArrayReader {
 public:
  explicit ArrayReader(std::string_view text) : text_(text) {}

  Result<std::vector<IndexRange>> read() {
    if (text_.empty()) return fail("it is empty");
    for (;;) {
      if (Result<void> range = read_range(); !range) return std::unexpected(range.error());
      if (at_ == text_.size()) break;
      if (text_[at_] == '%')
        return fail("'%' is not known here; the number that may run at a time is --max-running");
      if (text_[at_] != ',') return fail("a comma is expected here");
      ++at_;
    }
    if (Result<void> normal = normalise(); !normal) return std::unexpected(normal.error());
    return std::move(ranges_);
  }

 private:
  std::unexpected<Error> fail(const std::string& why) const {
    return refuse(ErrorKind::usage, kArrayError, "malformed array: " + why + mark_place(text_, at_),
                  "write it as in 1-1000, 1-1000:2 or 1,3,5-9");
  }

  // Digits, which an underscore between two of them may group.
  Result<std::uint64_t> read_number(const char* wanted) {
    const std::size_t begin = at_;
    std::uint64_t value = 0;
    while (at_ < text_.size()) {
      const bool grouping = text_[at_] == '_' && at_ > begin && is_digit(text_[at_ - 1]) &&
                            at_ + 1 < text_.size() && is_digit(text_[at_ + 1]);
      if (!is_digit(text_[at_]) && !grouping) break;
      if (!grouping) value = value * 10 + static_cast<std::uint64_t>(text_[at_] - '0');
      ++at_;
      if (value <= kIndexMax) continue;
      at_ = begin;
      return fail("the number is too large");
    }
    if (at_ == begin) return fail(std::string(wanted) + " is expected here");
    return value;
  }

  Result<void> read_range() {
    const std::size_t begin = at_;
    const Result<std::uint64_t> first = read_number("an index");
    if (!first) return std::unexpected(first.error());
    IndexRange range{*first, *first, 1};
    if (at_ < text_.size() && text_[at_] == '-') {
      ++at_;
      const Result<std::uint64_t> last = read_number("the last index");
      if (!last) return std::unexpected(last.error());
      range.last = *last;
      if (Result<void> step = read_step(range.step); !step) return step;
    }
    if (range.last < range.first) {
      at_ = begin;
      return fail("the range runs backwards");
    }
    range.last -= (range.last - range.first) % range.step;
    if (range.first == range.last) range.step = 1;
    ranges_.push_back(range);
    return {};
  }

  Result<void> read_step(std::uint64_t& step) {
    if (at_ == text_.size() || text_[at_] != ':') return {};
    const std::size_t begin = ++at_;
    const Result<std::uint64_t> number = read_number("a step");
    if (!number) return std::unexpected(number.error());
    if (*number == 0) {
      at_ = begin;
      return fail("a step is 1 or more");
    }
    step = *number;
    return {};
  }

  Result<void> normalise() {
    std::uint64_t tasks = 0;
    for (const IndexRange& range : ranges_) {
      tasks += range.count();
      if (tasks <= kTasksPerSubmitMax) continue;
      return refuse(ErrorKind::too_large, kArrayError,
                    "the array '" + escape_text(text_.substr(0, 60)) + "' has more than 10,000,000 tasks",
                    "submit it in parts to one --batch");
    }
    std::sort(ranges_.begin(), ranges_.end(),
              [](const IndexRange& a, const IndexRange& b) { return a.first < b.first; });
    std::vector<IndexRange> joined;
    for (const IndexRange& range : ranges_) {
      if (!joined.empty() && range.first <= joined.back().last) return overlap(joined.back(), range);
      const bool neighbours = !joined.empty() && joined.back().step == 1 && range.step == 1 &&
                              range.first == joined.back().last + 1;
      if (neighbours) {
        joined.back().last = range.last;
      } else {
        joined.push_back(range);
      }
    }
    ranges_ = std::move(joined);
    return {};
  }

  static Result<void> overlap(const IndexRange& before, const IndexRange& after) {
    const bool walk_after = after.count() < before.count();
    const IndexRange& walked = walk_after ? after : before;
    const IndexRange& other = walk_after ? before : after;
    for (std::uint64_t index = walked.first; index <= walked.last; index += walked.step) {
      if (!holds(other, index)) continue;
      return refuse(ErrorKind::usage, kArrayError,
                    "index " + std::to_string(index) + " is in the array twice: in " + text_of(before) +
                        " and in " + text_of(after),
                    "name each index once");
    }
    return refuse(ErrorKind::usage, kArrayError,
                  "the ranges " + text_of(before) + " and " + text_of(after) + " interleave",
                  "submit them one after the other to the same --batch");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<IndexRange> ranges_;
};

}  // namespace

Result<std::vector<IndexRange>> parse_array(std::string_view text) { return ArrayReader(text).read(); }

std::string format_array(const std::vector<IndexRange>& ranges) {
  std::string out;
  for (const IndexRange& range : ranges) out += (out.empty() ? "" : ",") + text_of(range);
  return out;
}

std::uint64_t task_count(const std::vector<IndexRange>& ranges) {
  std::uint64_t tasks = 0;
  for (const IndexRange& range : ranges) tasks += range.count();
  return tasks;
}

}  // namespace muster
