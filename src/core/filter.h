// The one filter language: `state=failed exit=137 label.study=PACA`, parsed once, asked of tasks, attempts, batches, workers, events.
// What is parsed has known keys and values of the right kind; a refusal marks its place and offers the nearest right word.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/ids.h"

namespace muster {

enum class FilterObject : std::uint8_t { task, attempt, batch, worker, event };
inline constexpr std::size_t kFilterObjects = 5;
std::string_view to_text(FilterObject object);

enum class FilterType : std::uint8_t {
  word,      // one of a list
  text,      // any text, or with ~ a part of it
  number,    // 7, 7+, ..7, 2..8
  memory,    // 4G, 500M: compared as bytes
  duration,  // 10m, 1h30m: compared as microseconds
  time,      // 2026-11-21, RFC 3339, or how long ago (2h): compared as wall microseconds
  flag,      // yes or no
};

// What is asked about, for all objects together.
enum class FilterField : std::uint8_t {
  state,
  phase,
  reason,
  why,
  cause,
  exit,
  signal,
  worker,
  id,
  index,
  batch,
  attempt,
  attempts,
  name,
  command,
  label,
  owner,
  project,
  slots,
  gpus,
  cpus,
  mem,
  disk,
  limit,
  time,
  peak,
  created,
  started,
  ended,
  seen,
  at,
  message,
  text,
  who,
  kind,
  held,
  closed,
  connected,
  priority,
  tasks,
  waiting,
  ready,
  running,
  succeeded,
  failed,
  cancelled,
  max_running,
  host,
  version,
  serves,
  assigned,
  executing,
};

// One row of the table of keys; `muster help filters` and the parser read the same one.
struct FilterKey {
  std::string_view name;  // "state"; "label." stands for label.NAME
  FilterField field;
  FilterType type;
  std::string_view about;  // one line without a full stop
};
std::span<const FilterKey> filter_keys(FilterObject object);
// The words a key of that type may have; empty for other types.
std::span<const std::string_view> filter_words(FilterObject object, FilterField field);

// Inclusive.
struct FilterRange {
  std::int64_t low = INT64_MIN;
  std::int64_t high = INT64_MAX;
  bool operator==(const FilterRange&) const = default;
};

// A thing's value for a key. What is not known, or not there yet, matches nothing but a negation.
struct FilterValue {
  enum class Is : std::uint8_t { absent, number, text } is = Is::absent;
  std::int64_t number = 0;
  std::string_view text;
  static FilterValue of(std::string_view value) { return {Is::text, 0, value}; }
  static FilterValue of_number(std::int64_t value) { return {Is::number, value, {}}; }
  static FilterValue of_flag(bool value) { return {Is::number, value ? 1 : 0, {}}; }
};

// key=a,b or key~a,b or -key=…: true when any of the values fits.
struct FilterTerm {
  FilterField field = FilterField::state;
  FilterType type = FilterType::word;
  std::string label;  // of label.NAME
  bool negated = false;
  bool contains = false;            // ~ instead of =
  std::vector<std::string> texts;   // of words and texts; lower case when `contains`
  std::vector<FilterRange> ranges;  // of everything else
  bool operator==(const FilterTerm&) const = default;

  bool holds(const FilterValue& value) const;
};

// All terms have to hold.
class Filter {
 public:
  Filter() = default;
  Filter(FilterObject object, std::vector<FilterTerm> terms) : object_(object), terms_(std::move(terms)) {}

  const std::vector<FilterTerm>& terms() const { return terms_; }
  FilterObject object() const { return object_; }
  bool empty() const { return terms_.empty(); }
  bool asks_for(FilterField field) const;
  // Whether a thing with this value of `field` could still match: the terms about other fields are not looked at.
  bool allows(FilterField field, const FilterValue& value) const;

  // value_of(const FilterTerm&) -> FilterValue
  template <class ValueOf>
  bool holds(const ValueOf& value_of) const {
    for (const FilterTerm& term : terms_) {
      if (!term.holds(value_of(term))) return false;
    }
    return true;
  }
  bool operator==(const Filter&) const = default;

 private:
  FilterObject object_ = FilterObject::task;
  std::vector<FilterTerm> terms_;
};

inline constexpr std::size_t kFilterBytesMax = 4096;
inline constexpr std::size_t kFilterTermsMax = 64;
inline constexpr std::size_t kFilterValuesMax = 512;

// `now_wall_us`: what "ago" counts from. kMalformedFilter with the place marked; never a partial result. Blank text is no filter.
Result<Filter> parse_filter(FilterObject object, std::string_view text, Micros now_wall_us);

// parse_filter(object, to_text(filter), any) == filter for every parsed filter.
std::string to_text(const Filter& filter);

// `muster help filters`.
std::string filters_page();

}  // namespace muster
