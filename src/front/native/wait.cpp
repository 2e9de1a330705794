// /wait: answers when every selected task is final, or when the time is over.
// What was selected is fixed at the start: "last" goes on meaning the batch it
// meant.
#include <algorithm>

#include "front/native/call.h"
#include "front/native/describe.h"

namespace muster::front::native {
namespace {

constexpr Micros kPause_us = 50'000;
constexpr std::size_t kSelectorsMax = 1000;

struct Waited {
  TaskCounts counts{};
  std::uint64_t executing = 0;
  std::uint64_t stopping = 0;
  std::uint64_t tasks = 0;
  bool done = false;
  std::optional<TimeLeft> left;  // when one whole batch is waited for
};

void add_one_task(Backend& backend, const Selected& selected, Waited& sum) {
  const TaskRef ref{selected.batch.id, only_index(selected)};
  const auto view = backend.engine().task(ref);
  ++sum.tasks;
  ++sum.counts[static_cast<std::size_t>(view->state)];
  if (view->state != TaskState::running) return;
  if (view->phase == AttemptState::executing) ++sum.executing;
  if (view->phase == AttemptState::stopping) ++sum.stopping;
}

void add_some(Backend& backend, const BatchRow& row, const Selected& selected, Waited& sum) {
  const Layout layout = Layout::of(backend, row.id);
  const std::vector<Layout::Interval> intervals = layout.intervals(selected.ranges);
  const TaskCounts counts = count_states(backend, row, intervals);
  for (std::size_t i = 0; i < kTaskStates; ++i) {
    sum.counts[i] += counts[i];
    sum.tasks += counts[i];
  }
  for (const engine::LiveAttempt& live : backend.engine().live_attempts(row.id)) {
    const std::optional<Position> position = layout.position_of(live.attempt.index);
    const bool inside =
        position && std::any_of(intervals.begin(), intervals.end(), [&](const Layout::Interval& interval) {
          return *position >= interval.first && *position <= interval.last;
        });
    if (!inside) continue;
    if (live.phase == AttemptState::executing) ++sum.executing;
    if (live.phase == AttemptState::stopping) ++sum.stopping;
  }
}

void add_whole(Backend& backend, const BatchRow& row, Waited& sum) {
  const TaskCounts counts = shown_counts(row);
  for (std::size_t i = 0; i < kTaskStates; ++i) sum.counts[i] += counts[i];
  sum.tasks += row.task_count;
  if (const auto view = backend.engine().batch(row.id)) {
    sum.executing += view->executing;
    sum.stopping += view->stopping;
  }
}

Waited look_at(Backend& backend, Statistics& statistics, const std::vector<Selected>& selection) {
  Waited sum;
  bool live = false;
  for (const Selected& selected : selection) {
    // As it is now: the selection holds the rows of the first look.
    const std::optional<BatchRow> row = find_batch(backend, selected.batch.project, selected.batch.id);
    if (!row) continue;
    if (selected.ranges.empty() && selection.size() == 1) sum.left = statistics.time_left(*row);
    if (selected.ranges.empty()) {
      live = live || !is_final(row->state);
      add_whole(backend, *row, sum);
    } else if (selected.one_task && backend.engine().has_batch(row->id)) {
      add_one_task(backend, selected, sum);
    } else {
      add_some(backend, *row, selected, sum);
    }
  }
  std::uint64_t final_tasks = 0;
  for (const TaskState state : {TaskState::succeeded, TaskState::failed, TaskState::cancelled}) {
    final_tasks += sum.counts[static_cast<std::size_t>(state)];
  }
  sum.done = !live && final_tasks == sum.tasks;
  return sum;
}

std::string wait_json(const Waited& sum) {
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.wait/1");
  out.key("done").flag(sum.done);
  out.key("tasks").number(sum.tasks);
  out.key("counts");
  wire::write_counts(out, sum.counts, sum.executing, sum.stopping);
  out.key("executing").number(sum.executing);
  out.key("left");
  write_time_left(out, sum.left);
  out.end_object();
  return json;
}

}  // namespace

void wait(const CallPtr& call) {
  QueryReader query(call->target);
  Micros timeout_us = 30'000'000;
  query.seconds("timeout_s", timeout_us, call->options.wait_max_us);
  const std::vector<std::string> texts = query.texts("selector");
  if (texts.empty() || texts.size() > kSelectorsMax)
    query.refuse_parameter("selector", "has to be given, at most 1000 times");
  if (failed(call, query.finish())) return;
  auto selection = std::make_shared<std::vector<Selected>>();
  Wait wait;
  bool small = true;
  for (const std::string& text : texts) {
    Result<Selected> selected = resolve(call->backend, call->principal.project, text);
    if (failed(call, selected)) return;
    wait.batches.push_back(selected->batch.id);
    small = small && (selected->ranges.empty() || selected->one_task);
    selection->push_back(std::move(*selected));
  }
  const auto look = [call, selection](Look why) {
    const Waited sum = look_at(call->backend, call->statistics, *selection);
    if (!sum.done && why == Look::changed) return false;
    call->answer(200, wait_json(sum));
    return true;
  };
  if (look(timeout_us == 0 ? Look::over : Look::changed)) return;
  wait.deadline_mono_us = call->backend.now().mono_us + timeout_us;
  wait.pause_us = small ? 0 : kPause_us;
  wait.look = look;
  call->waiters.add(std::move(wait), call->backend.now().mono_us);
}

}  // namespace muster::front::native
