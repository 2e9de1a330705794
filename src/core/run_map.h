// Values over 0..n-1 that are equal over long runs: a million waiting tasks are one entry.
// Runs are disjoint, without gaps, and neighbours differ.
#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "core/check.h"
#include "core/ids.h"

namespace muster {

template <class Value>
class RunMap {
 public:
  struct Run {
    Position first = 0;
    Position last = 0;
    Value value{};
  };

  Position size() const { return runs_.empty() ? 0 : std::prev(runs_.end())->second.last + 1; }
  std::size_t run_count() const { return runs_.size(); }

  // Precondition (checked): first == size().
  void append(Position first, Position last, const Value& value) {
    MUSTER_CHECK(first == size() && first <= last, "runs are appended without gaps");
    if (!runs_.empty() && std::prev(runs_.end())->second.value == value) {
      std::prev(runs_.end())->second.last = last;
    } else {
      runs_.emplace_hint(runs_.end(), first, Tail{last, value});
    }
  }

  const Value& at(Position position) const {
    MUSTER_CHECK(position < size(), "the position is inside");
    return std::prev(runs_.upper_bound(position))->second.value;
  }

  // The run around `position`.
  Run run_at(Position position) const {
    MUSTER_CHECK(position < size(), "the position is inside");
    const auto found = std::prev(runs_.upper_bound(position));
    return {found->first, found->second.last, found->second.value};
  }

  // O(log n + runs replaced).
  void assign(Position first, Position last, const Value& value) {
    MUSTER_CHECK(first <= last && last < size(), "the interval is inside");
    auto at_first = split_before(first);
    const auto after_last = last + 1 < size() ? split_before(last + 1) : runs_.end();
    if (std::next(at_first) == after_last) {
      at_first->second = Tail{last, value};
    } else {
      const auto rest = std::next(at_first);
      at_first->second = Tail{last, value};
      runs_.erase(rest, after_last);
    }
    join_with_next(at_first);
    if (at_first != runs_.begin()) join_with_next(std::prev(at_first));
  }

  // Calls visit(first, last, value) for each run, clipped to the interval, in order. The map must not change meanwhile.
  template <class Visit>
  void for_each(Position first, Position last, Visit visit) const {
    if (runs_.empty() || first > last) return;
    for (auto it = std::prev(runs_.upper_bound(first)); it != runs_.end() && it->first <= last; ++it) {
      if (it->second.last < first) continue;
      visit(it->first < first ? first : it->first, it->second.last < last ? it->second.last : last,
            it->second.value);
    }
  }

  // The first run at or after `from` whose value satisfies `wanted`, clipped at `from`.
  template <class Wanted>
  std::optional<Run> find(Position from, Wanted wanted) const {
    if (from >= size()) return std::nullopt;
    for (auto it = std::prev(runs_.upper_bound(from)); it != runs_.end(); ++it) {
      if (wanted(it->second.value)) {
        return Run{it->first < from ? from : it->first, it->second.last, it->second.value};
      }
    }
    return std::nullopt;
  }

 private:
  struct Tail {
    Position last;
    Value value;
  };
  using Iterator = typename std::map<Position, Tail>::iterator;

  Iterator split_before(Position position) {
    auto it = std::prev(runs_.upper_bound(position));
    if (it->first == position) return it;
    const Tail right{it->second.last, it->second.value};
    it->second.last = position - 1;
    return runs_.emplace_hint(std::next(it), position, right);
  }

  void join_with_next(Iterator it) {
    const auto next = std::next(it);
    if (next == runs_.end() || !(next->second.value == it->second.value)) return;
    it->second.last = next->second.last;
    runs_.erase(next);
  }

  std::map<Position, Tail> runs_;
};

}  // namespace muster
