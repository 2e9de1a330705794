// Cutting pages out of runs and rows.
// A batch in memory has a run for every task; of one that is only on disk, a task without a row has a state run.
#include "front/task_pages.h"

#include <algorithm>
#include <limits>

namespace muster::front {
namespace {

constexpr std::size_t kWindow = 1000;      // rows asked of the history at a time
constexpr int kWindowsPerPage = 64;        // bound of work for one page over a batch on disk
constexpr int kWindowsPerCount = 1 << 20;  // counting has no other way

struct Run {
  Position first = 0;
  Position last = 0;
  TaskState state = TaskState::waiting;
};

// Runs of the batch cut to the intervals and to what comes from `from` on.
std::vector<Run> clip(const std::vector<engine::Engine::StateRun>& runs,
                      const std::vector<Layout::Interval>& intervals, Position from) {
  std::vector<Run> clipped;
  std::size_t at = 0;
  for (const auto& run : runs) {
    while (at < intervals.size() && intervals[at].last < run.first) ++at;
    for (std::size_t i = at; i < intervals.size() && intervals[i].first <= run.last; ++i) {
      const Position first = std::max({run.first, intervals[i].first, from});
      const Position last = std::min(run.last, intervals[i].last);
      if (first <= last) clipped.push_back({first, last, run.state});
    }
  }
  return clipped;
}

// Rows of [first, last] in ascending order, handed out one by one, fetched a window at a time.
class RowStream {
 public:
  RowStream(Backend& backend, TaskFilter filter) : backend_(backend), filter_(std::move(filter)) {
    next_ = filter_.first;
  }
  // The first row at or behind `position`, or null.
  const TaskRow* at_or_behind(Position position) {
    next_ = std::max(next_, position);
    for (;;) {
      while (at_ < rows_.size() && rows_[at_].position < position) ++at_;
      if (at_ < rows_.size()) return &rows_[at_];
      if (exhausted_ || next_ > filter_.last) return nullptr;
      fetch();
    }
  }
  int windows() const { return windows_; }

 private:
  void fetch() {
    rows_ = backend_.history().tasks(filter_, Page{next_, static_cast<std::uint32_t>(kWindow)});
    ++windows_;
    at_ = 0;
    exhausted_ = rows_.size() < kWindow;
    if (!rows_.empty()) next_ = rows_.back().position + 1;
  }
  Backend& backend_;
  TaskFilter filter_;
  std::vector<TaskRow> rows_;
  std::size_t at_ = 0;
  Position next_ = 0;
  bool exhausted_ = false;
  int windows_ = 0;
};

// In the store a task that moves between waiting, ready and held keeps its row: these are asked for together.
std::vector<TaskState> stored_states(const std::vector<ListedTask>& tasks) {
  std::array<bool, kTaskStates> wanted{};
  for (const ListedTask& task : tasks) wanted[static_cast<std::size_t>(task.state)] = true;
  const auto has = [&](TaskState state) { return wanted[static_cast<std::size_t>(state)]; };
  if (has(TaskState::waiting) || has(TaskState::ready) || has(TaskState::held)) {
    for (const TaskState state : {TaskState::waiting, TaskState::ready, TaskState::held}) {
      wanted[static_cast<std::size_t>(state)] = true;
    }
  }
  std::vector<TaskState> states;
  for (std::size_t i = 0; i < kTaskStates; ++i) {
    if (wanted[i]) states.push_back(static_cast<TaskState>(i));
  }
  return states;
}

TaskPage page_in_memory(Backend& backend, const BatchRow& batch,
                        const std::vector<Layout::Interval>& intervals, const StateSet& states, Position from,
                        std::size_t limit) {
  TaskPage page;
  for (const Run& run : clip(backend.engine().state_runs(batch.id), intervals, from)) {
    const TaskState shown = shown_state(batch, run.state);
    if (!states.holds(shown)) continue;
    for (Position position = run.first; position <= run.last; ++position) {
      if (page.tasks.size() == limit) {
        page.next = position;
        break;
      }
      page.tasks.push_back({position, shown, false, std::nullopt});
    }
    if (page.next) break;
  }
  if (page.tasks.empty()) return page;
  TaskFilter filter{batch.id, page.tasks.front().position, page.tasks.back().position,
                    stored_states(page.tasks)};
  RowStream rows(backend, std::move(filter));
  for (ListedTask& task : page.tasks) {
    const TaskRow* row = rows.at_or_behind(task.position);
    if (row == nullptr) break;
    if (row->position == task.position) task.row = *row;
  }
  return page;
}

// A state run of the store around or behind a position.
struct StoredRuns {
  std::vector<StateRunRow> runs;
  std::size_t at = 0;
  const StateRunRow* at_or_behind(Position position) {
    while (at < runs.size() && runs[at].last < position) ++at;
    return at < runs.size() ? &runs[at] : nullptr;
  }
};

// One walk over the tasks of an interval of a batch on disk; take() says whether to go on.
template <class Take>
std::optional<Position> walk_on_disk(Backend& backend, BatchId batch, const Layout::Interval& interval,
                                     StoredRuns& runs, int& windows_left, const Take& take) {
  RowStream rows(backend, TaskFilter{batch, interval.first, interval.last, {}});
  Position position = interval.first;
  while (position <= interval.last) {
    if (rows.windows() > windows_left) return position;
    const TaskRow* row = rows.at_or_behind(position);
    const StateRunRow* run = runs.at_or_behind(position);
    ListedTask task;
    if (row != nullptr && row->position == position) {
      task = {position, row->state, row->by_dependency, *row};
    } else if (run != nullptr && run->first <= position) {
      task = {position, run->state, run->by_dependency, std::nullopt};
    } else {
      // Neither a row nor a run: on to the next of both.
      Position next = interval.last + 1;
      if (row != nullptr) next = std::min(next, row->position);
      if (run != nullptr) next = std::min(next, run->first);
      position = next;
      continue;
    }
    if (!take(task)) return position;
    ++position;
  }
  windows_left -= rows.windows();
  return std::nullopt;
}

TaskPage page_on_disk(Backend& backend, const BatchRow& batch, const std::vector<Layout::Interval>& intervals,
                      const StateSet& states, Position from, std::size_t limit) {
  TaskPage page;
  StoredRuns runs{backend.history().state_runs(batch.id), 0};
  int windows_left = kWindowsPerPage;
  for (Layout::Interval interval : intervals) {
    if (interval.last < from) continue;
    interval.first = std::max(interval.first, from);
    page.next = walk_on_disk(backend, batch.id, interval, runs, windows_left, [&](const ListedTask& task) {
      if (!states.holds(task.state)) return true;
      if (page.tasks.size() == limit) return false;
      page.tasks.push_back(task);
      return true;
    });
    if (page.next) break;
  }
  return page;
}

}  // namespace

TaskState shown_state(const BatchRow& batch, TaskState state) {
  const bool could_move = state == TaskState::waiting || state == TaskState::ready;
  return batch.held && could_move ? TaskState::held : state;
}

TaskCounts shown_counts(const BatchRow& batch) {
  TaskCounts counts = batch.counts;
  if (!batch.held) return counts;
  std::uint64_t& held = counts[static_cast<std::size_t>(TaskState::held)];
  for (const TaskState state : {TaskState::waiting, TaskState::ready}) {
    held += std::exchange(counts[static_cast<std::size_t>(state)], 0);
  }
  return counts;
}

TaskPage task_page(Backend& backend, const BatchRow& batch, const std::vector<Layout::Interval>& intervals,
                   const StateSet& states, Position from, std::size_t limit) {
  if (backend.engine().has_batch(batch.id))
    return page_in_memory(backend, batch, intervals, states, from, limit);
  return page_on_disk(backend, batch, intervals, states, from, limit);
}

TaskCounts count_states(Backend& backend, const BatchRow& batch,
                        const std::vector<Layout::Interval>& intervals) {
  TaskCounts counts{};
  const auto whole = [&] {
    return intervals.size() == 1 && intervals[0].last - intervals[0].first + 1 == batch.task_count;
  };
  if (whole()) return batch.counts;
  if (backend.engine().has_batch(batch.id)) {
    for (const Run& run : clip(backend.engine().state_runs(batch.id), intervals, 0)) {
      counts[static_cast<std::size_t>(run.state)] += run.last - run.first + 1;
    }
    return counts;
  }
  StoredRuns runs{backend.history().state_runs(batch.id), 0};
  int windows_left = kWindowsPerCount;
  for (const Layout::Interval& interval : intervals) {
    walk_on_disk(backend, batch.id, interval, runs, windows_left, [&](const ListedTask& task) {
      ++counts[static_cast<std::size_t>(task.state)];
      return true;
    });
  }
  return counts;
}

}  // namespace muster::front
