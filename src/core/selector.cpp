// Reading and writing selectors by hand: the grammar is small, and each refusal has to mark its place.
// Nothing is accepted that to_text() would write differently, but for the order and overlap of ranges.
#include "core/selector.h"

#include <algorithm>
#include <limits>

#include "core/escape.h"

namespace muster {
namespace {

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads one selector from left to right; `at_` is where a refusal points.
class SelectorReader {
 public:
  explicit SelectorReader(std::string_view text) : text_(text) {}

  Result<Selector> read() {
    Result<void> head = read_head();
    if (!head) return std::unexpected(head.error());
    if (Result<void> tasks = read_tasks(); !tasks) return std::unexpected(tasks.error());
    if (Result<void> attempt = read_attempt(); !attempt) return std::unexpected(attempt.error());
    if (at_ != text_.size()) return fail("nothing is expected here");
    return std::move(selector_);
  }

 private:
  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }

  std::unexpected<Error> fail(const std::string& why) const {
    return refuse(ErrorKind::usage, kMalformedSelector, "malformed selector: " + why + mark_place(text_, at_),
                  "write 42, 42.17, 42.17#2, 42.1-500, T100017, last or @name");
  }

  Result<std::uint64_t> read_number(const char* wanted) {
    const std::size_t begin = at_;
    std::uint64_t value = 0;
    for (; at_ < text_.size() && is_digit(text_[at_]); ++at_) {
      const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
      if (value > (kNumberMax - digit) / 10) {
        at_ = begin;
        return fail("the number is too large");
      }
      value = value * 10 + digit;
    }
    if (at_ == begin) return fail(std::string(wanted) + " is expected here");
    return value;
  }

  Result<void> read_positive(const char* wanted, std::uint64_t& out) {
    const std::size_t begin = at_;
    Result<std::uint64_t> number = read_number(wanted);
    if (!number) return std::unexpected(number.error());
    if (*number == 0) {
      at_ = begin;
      return fail(std::string(wanted) + " counts from 1");
    }
    out = *number;
    return {};
  }

  Result<void> read_head() {
    if (text_.empty()) return fail("it is empty");
    if (next_is('@')) return read_name();
    if (is_digit(text_.front())) {
      selector_.by = BatchBy::id;
      return read_positive("a batch number", selector_.number);
    }
    if (text_.starts_with("last")) {
      selector_.by = BatchBy::last;
      at_ = 4;
      return {};
    }
    if (text_.size() >= 2 && text_[0] == 'T' && is_digit(text_[1])) {
      selector_.by = BatchBy::task_number;
      at_ = 1;
      return read_positive("a task number", selector_.number);
    }
    return fail(
        "a batch number, 'last', '@name' or 'T' and a task number is expected (a batch's name begins with "
        "@)");
  }

  // `@name` up to the attempt; digits behind the last dot are task indexes, unless a batch is called just so.
  Result<void> read_name() {
    at_ = 1;
    selector_.by = BatchBy::name;
    const std::size_t hash = std::min(text_.find('#'), text_.size());
    const std::string_view body = text_.substr(1, hash - 1);
    const std::size_t dot = body.rfind('.');
    std::string_view name = body;
    if (dot != std::string_view::npos && dot + 1 < body.size() && is_digit(body[dot + 1]) &&
        body.find_first_not_of("0123456789,-", dot + 1) == std::string_view::npos) {
      name = body.substr(0, dot);
      if (hash == text_.size()) selector_.dotted_name = body;
    }
    if (const Result<void> fits = check_name(name); !fits) return fail(fits.error().what);
    selector_.name = name;
    at_ += name.size();
    return {};
  }

  Result<void> read_tasks() {
    if (!next_is('.')) return {};
    if (selector_.by == BatchBy::task_number)
      return fail("a task number names one task; nothing is inside it");
    do {
      ++at_;
      if (Result<void> span = read_span(); !span) return span;
    } while (next_is(','));
    join_spans();
    return {};
  }

  Result<void> read_span() {
    const std::size_t begin = at_;
    const Result<std::uint64_t> first = read_number("a task index");
    if (!first) return std::unexpected(first.error());
    IndexSpan span{*first, *first};
    if (next_is('-')) {
      ++at_;
      const Result<std::uint64_t> last = read_number("the last index of the range");
      if (!last) return std::unexpected(last.error());
      span.last = *last;
    }
    if (span.last < span.first) {
      at_ = begin;
      return fail("the range runs backwards");
    }
    selector_.ranges.push_back(span);
    return {};
  }

  void join_spans() {
    std::vector<IndexSpan>& spans = selector_.ranges;
    std::sort(spans.begin(), spans.end(),
              [](const IndexSpan& a, const IndexSpan& b) { return a.first < b.first; });
    std::vector<IndexSpan> joined;
    for (const IndexSpan& span : spans) {
      if (!joined.empty() && span.first <= joined.back().last + 1) {
        joined.back().last = std::max(joined.back().last, span.last);
      } else {
        joined.push_back(span);
      }
    }
    spans = std::move(joined);
  }

  Result<void> read_attempt() {
    if (!next_is('#')) return {};
    if (!selector_.one_task()) return fail("an attempt belongs to one task, as in 42.17#2");
    ++at_;
    const std::size_t begin = at_;
    std::uint64_t attempt = 0;
    if (Result<void> number = read_positive("an attempt", attempt); !number) return number;
    if (attempt > std::numeric_limits<std::uint32_t>::max()) {
      at_ = begin;
      return fail("the number is too large");
    }
    selector_.attempt = static_cast<std::uint32_t>(attempt);
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Selector selector_;
};

}  // namespace

bool Selector::holds(std::uint64_t index) const {
  if (whole_batch()) return true;
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), index,
                       [](std::uint64_t wanted, const IndexSpan& span) { return wanted < span.first; });
  return after != ranges.begin() && index <= std::prev(after)->last;
}

Result<Selector> parse_selector(std::string_view text) { return SelectorReader(text).read(); }

std::string to_text(const Selector& selector) {
  if (!selector.dotted_name.empty()) return "@" + selector.dotted_name;
  std::string out;
  switch (selector.by) {
    case BatchBy::id:
      out = std::to_string(selector.number);
      break;
    case BatchBy::last:
      out = "last";
      break;
    case BatchBy::name:
      out = "@" + selector.name;
      break;
    case BatchBy::task_number:
      out = "T" + std::to_string(selector.number);
      break;
  }
  char separator = '.';
  for (const IndexSpan& span : selector.ranges) {
    out += separator + std::to_string(span.first);
    if (span.last != span.first) out += "-" + std::to_string(span.last);
    separator = ',';
  }
  if (selector.attempt) out += "#" + std::to_string(*selector.attempt);
  return out;
}

Result<void> check_name(std::string_view name) {
  const auto wrong = [&](const std::string& why) {
    return refuse(ErrorKind::usage, kMalformedValue, why, "use letters, digits, '-', '_' and '.'");
  };
  if (name.empty()) return wrong("the name is empty");
  if (name.size() > kNameBytesMax) return wrong("the name is longer than 200 bytes");
  if (needs_escape(name))
    return wrong("the name '" + escape_text(name) + "' has control characters or broken UTF-8");
  if (name.find('#') != std::string_view::npos)
    return wrong("the name '" + std::string(name) + "' has a '#'");
  if (name.front() == '@' || name.front() == '-') {
    return wrong("the name '" + std::string(name) + "' begins with '" + name.front() + "'");
  }
  if (name.front() == ' ' || name.back() == ' ')
    return wrong("the name '" + std::string(name) + "' has a blank at its end");
  return {};
}

}  // namespace muster
