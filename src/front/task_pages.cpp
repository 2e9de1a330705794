// Cutting pages out of runs and rows.
// A batch in memory has a run for every task; of one that is only on disk, a task without a row has a state run.
#include "front/task_pages.h"

#include <algorithm>
#include <limits>

namespace muster::front {
namespace {

constexpr std::size_t kWindow = 1000;  // rows asked of the history at a time
constexpr int kWindowsPerPage = 64;    // bound of work for one page over a batch on disk
constexpr int kWindowsPerFilteredPage = 8;
constexpr int kWindowsPerCount = 1 << 20;  // counting has no other way
// Bound of work for one page with a filter, about 20 ms; what a question to the history, a row and a position cost of it.
constexpr std::int64_t kWorkPerPage = 200'000;
constexpr std::int64_t kWorkPerQuestion = 200;
constexpr std::int64_t kWorkPerRow = 20;

const StateSet kEveryState;

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
  // Looks no further than `last` from now on.
  void reach(Position last) {
    if (last == filter_.last) return;
    filter_.last = last;
    exhausted_ = false;
  }
  int windows() const { return windows_; }
  std::int64_t work() const { return windows_ * kWorkPerQuestion + rows_read_ * kWorkPerRow; }

 private:
  void fetch() {
    rows_ = backend_.history().tasks(filter_, Page{next_, static_cast<std::uint32_t>(kWindow)});
    ++windows_;
    rows_read_ += static_cast<std::int64_t>(rows_.size());
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
  std::int64_t rows_read_ = 0;
};

// In the store a task that moves between waiting, ready and held keeps its row: these are asked for together.
std::vector<TaskState> stored_states(std::array<bool, kTaskStates> wanted) {
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

std::array<bool, kTaskStates> states_of(const std::vector<ListedTask>& tasks) {
  std::array<bool, kTaskStates> wanted{};
  for (const ListedTask& task : tasks) wanted[static_cast<std::size_t>(task.state)] = true;
  return wanted;
}

// The rows of a page's tasks, for those that have one.
void add_rows(Backend& backend, BatchId batch, TaskPage& page) {
  if (page.tasks.empty()) return;
  TaskFilter filter{batch, page.tasks.front().position, page.tasks.back().position,
                    stored_states(states_of(page.tasks))};
  RowStream rows(backend, std::move(filter));
  for (ListedTask& task : page.tasks) {
    const TaskRow* row = rows.at_or_behind(task.position);
    if (row == nullptr) break;
    if (row->position == task.position) task.row = *row;
  }
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
  add_rows(backend, batch.id, page);
  return page;
}

// A filtered walk over a batch in memory: run by run, in them template by template, in them task by task where it has to be.
class FilteredWalk {
 public:
  FilteredWalk(Backend& backend, const BatchRow& batch, const Layout& layout, const StateSet& states,
               TaskMatcher& matcher, std::size_t limit)
      : batch_(batch),
        layout_(layout),
        states_(states),
        matcher_(matcher),
        limit_(limit),
        rows_(backend, TaskFilter{batch.id, 0, kEverything, stored_states(wanted_states())}) {
    const std::array<bool, kTaskStates> wanted = wanted_states();
    only_failed_ = wanted[static_cast<std::size_t>(TaskState::failed)] &&
                   std::count(wanted.begin(), wanted.end(), true) == 1;
  }

  void collect_into(std::vector<PositionSpan>& spans) { spans_ = &spans; }

  TaskPage walk(const std::vector<Run>& runs) {
    if (!matcher_.allows_batch()) return page_;
    for (const Run& run : runs) {
      const TaskState shown = shown_state(batch_, run.state);
      if (!states_.holds(shown) || !matcher_.allows_state(shown)) continue;
      for (Position position = run.first; position <= run.last;) {
        const Position until = layout_.same_template_until(position, run.last);
        if (matcher_.allows_template(layout_.template_of(position))) {
          if (!walk_template(position, until, shown)) return page_;
        }
        position = until + 1;
        spent_ += 1;
      }
    }
    return page_;
  }

 private:
  std::array<bool, kTaskStates> wanted_states() const {
    std::array<bool, kTaskStates> wanted{};
    for (std::size_t i = 0; i < kTaskStates; ++i) {
      const TaskState shown = shown_state(batch_, static_cast<TaskState>(i));
      wanted[i] = states_.holds(shown) && matcher_.allows_state(shown);
    }
    return wanted;
  }

  // False: the page is full, or the work done; `next` says where to go on.
  bool walk_template(Position first, Position last, TaskState shown) {
    // Failed tasks have an index of their own, in which what lies between them costs nothing.
    rows_.reach(only_failed_ ? kEverything : last);
    if (spans_ != nullptr && matcher_.is_settled_by_runs()) {
      add_span(*spans_, {first, last});
      return true;
    }
    for (Position position = first; position <= last; ++position) {
      if (spent_ + rows_.work() > kWorkPerPage) {
        page_.next = position;
        return false;
      }
      ++spent_;
      ListedTask task{position, shown, false, std::nullopt};
      if (!matcher_.is_settled_by_runs()) {
        const TaskRow* row = rows_.at_or_behind(position);
        if (!matcher_.allows_untried() && (row == nullptr || row->position != position)) {
          if (row == nullptr || row->position > last) return true;
          position = row->position - 1;
          continue;
        }
        if (row != nullptr && row->position == position) task.row = *row;
        if (!matcher_.holds(task)) continue;
      }
      if (spans_ != nullptr) {
        add_span(*spans_, {position, position});
        continue;
      }
      if (page_.tasks.size() == limit_) {
        page_.next = position;
        return false;
      }
      page_.tasks.push_back(std::move(task));
    }
    return true;
  }

  static constexpr Position kEverything = UINT64_MAX;
  const BatchRow& batch_;
  const Layout& layout_;
  const StateSet& states_;
  TaskMatcher& matcher_;
  std::size_t limit_;
  RowStream rows_;
  bool only_failed_ = false;
  TaskPage page_;
  std::vector<PositionSpan>* spans_ = nullptr;  // set: positions are wanted, not tasks
  std::int64_t spent_ = 0;
};

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

bool matches(TaskMatcher& matcher, const ListedTask& task) {
  return matcher.allows_state(task.state) && (task.row || matcher.allows_untried()) &&
         matcher.allows_template(matcher.layout().template_of(task.position)) &&
         (matcher.is_settled_by_runs() || matcher.holds(task));
}

TaskPage page_on_disk(Backend& backend, const BatchRow& batch, const std::vector<Layout::Interval>& intervals,
                      const StateSet& states, Position from, std::size_t limit, TaskMatcher* matcher) {
  TaskPage page;
  if (matcher != nullptr && !matcher->allows_batch()) return page;
  StoredRuns runs{backend.history().state_runs(batch.id), 0};
  int windows_left = matcher == nullptr ? kWindowsPerPage : kWindowsPerFilteredPage;
  for (Layout::Interval interval : intervals) {
    if (interval.last < from) continue;
    interval.first = std::max(interval.first, from);
    page.next = walk_on_disk(backend, batch.id, interval, runs, windows_left, [&](const ListedTask& task) {
      if (!states.holds(task.state)) return true;
      if (matcher != nullptr && !matches(*matcher, task)) return true;
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
                   const StateSet& states, Position from, std::size_t limit, TaskMatcher* matcher) {
  if (!backend.engine().has_batch(batch.id))
    return page_on_disk(backend, batch, intervals, states, from, limit, matcher);
  if (matcher == nullptr) return page_in_memory(backend, batch, intervals, states, from, limit);
  FilteredWalk walk(backend, batch, matcher->layout(), states, *matcher, limit);
  TaskPage page = walk.walk(clip(backend.engine().state_runs(batch.id), intervals, from));
  if (matcher->is_settled_by_runs()) add_rows(backend, batch.id, page);
  return page;
}

void add_span(std::vector<PositionSpan>& spans, PositionSpan span) {
  if (!spans.empty() && spans.back().last + 1 == span.first) {
    spans.back().last = span.last;
  } else {
    spans.push_back(span);
  }
}

SpanPage matching_spans(Backend& backend, const BatchRow& batch,
                        const std::vector<Layout::Interval>& intervals, Position from, TaskMatcher& matcher) {
  SpanPage found;
  if (!backend.engine().has_batch(batch.id)) {
    const TaskPage page = page_on_disk(backend, batch, intervals, {}, from, kWindow, &matcher);
    for (const ListedTask& task : page.tasks) add_span(found.spans, {task.position, task.position});
    found.next = page.next;
    return found;
  }
  FilteredWalk walk(backend, batch, matcher.layout(), kEveryState, matcher, 0);
  walk.collect_into(found.spans);
  found.next = walk.walk(clip(backend.engine().state_runs(batch.id), intervals, from)).next;
  return found;
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
