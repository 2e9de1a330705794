// Pages of tasks: what is in memory as runs joined with the rows that exist, so that waiting tasks cost nothing to keep.
// Filtered before it is cut: a page is full unless there is no more, or a bound of work was reached (then `next` goes on).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/rows.h"
#include "front/backend.h"
#include "front/selection.h"
#include "front/task_matcher.h"

namespace muster::front {

// Which states to show; all of them when none is set.
class StateSet {
 public:
  void add(TaskState state) { set_[static_cast<std::size_t>(state)] = any_ = true; }
  bool holds(TaskState state) const { return !any_ || set_[static_cast<std::size_t>(state)]; }
  bool everything() const { return !any_; }

 private:
  std::array<bool, kTaskStates> set_{};
  bool any_ = false;
};

// The state as people see it: what cannot move because its batch is held is held.
TaskState shown_state(const BatchRow& batch, TaskState state);
TaskCounts shown_counts(const BatchRow& batch);

struct ListedTask {
  Position position = 0;
  TaskState state = TaskState::waiting;  // as shown
  bool by_dependency = false;
  std::optional<TaskRow> row;  // nothing: never granted
};

struct TaskPage {
  std::vector<ListedTask> tasks;
  std::optional<Position> next;  // where the next page begins
};

// Tasks of `batch` in these intervals, from position `from` on; with `matcher` those alone that match. A page with a matcher
// may hold less than `limit`, even nothing, and go on at `next`.
TaskPage task_page(Backend& backend, const BatchRow& batch, const std::vector<Layout::Interval>& intervals,
                   const StateSet& states, Position from, std::size_t limit, TaskMatcher* matcher = nullptr);

// The same as positions alone, for what is done to all of them. `next`: the work of one page was done, it goes on there.
struct SpanPage {
  std::vector<PositionSpan> spans;  // sorted and disjoint
  std::optional<Position> next;
};
SpanPage matching_spans(Backend& backend, const BatchRow& batch,
                        const std::vector<Layout::Interval>& intervals, Position from, TaskMatcher& matcher);
// Adds to sorted spans what lies behind them, and joins it with the last one where they touch.
void add_span(std::vector<PositionSpan>& spans, PositionSpan span);

// How many tasks of the intervals are in each state (as stored, not as shown).
TaskCounts count_states(Backend& backend, const BatchRow& batch,
                        const std::vector<Layout::Interval>& intervals);

}  // namespace muster::front
