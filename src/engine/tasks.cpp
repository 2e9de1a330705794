// Single tasks and intervals of them: where they are, what they are called, how they change state.
// Counts, ready lists and rows follow each change here and nowhere else.
#include <algorithm>
#include <utility>

#include "engine/state.h"

namespace muster::engine {

Batch* Engine::State::find_batch(BatchId id) {
  const auto found = batches.find(id);
  return found == batches.end() ? nullptr : &found->second;
}

const Batch* Engine::State::find_batch(BatchId id) const {
  const auto found = batches.find(id);
  return found == batches.end() ? nullptr : &found->second;
}

std::uint32_t Engine::State::segment_of(const Batch& batch, Position position) const {
  const auto after =
      std::upper_bound(batch.segments.begin(), batch.segments.end(), position,
                       [](Position p, const SegmentRow& row) { return p < row.first_position; });
  MUSTER_CHECK(after != batch.segments.begin(), "every position lies in a segment");
  return static_cast<std::uint32_t>(after - batch.segments.begin() - 1);
}

std::optional<Position> Engine::State::position_of(const Batch& batch, TaskIndex index) const {
  for (const SegmentRow& segment : batch.segments) {
    if (index < segment.first_index) continue;
    const std::uint64_t distance = index - segment.first_index;
    if (distance % segment.step == 0 && distance / segment.step < segment.count) {
      return segment.first_position + distance / segment.step;
    }
  }
  return std::nullopt;
}

TaskIndex Engine::State::index_of(const Batch& batch, Position position) const {
  const SegmentRow& segment = batch.segments[segment_of(batch, position)];
  return segment.first_index + (position - segment.first_position) * segment.step;
}

TaskNumber Engine::State::number_of(const Batch& batch, Position position) const {
  const SegmentRow& segment = batch.segments[segment_of(batch, position)];
  return segment.first_number + (position - segment.first_position);
}

TemplateId Engine::State::template_id_of(const Batch& batch, Position position) const {
  const TemplateId overriding = batch.override_of.at(position);
  return overriding != 0 ? overriding : batch.segments[segment_of(batch, position)].template_id;
}

const TaskTemplate& Engine::State::template_of(const Batch& batch, Position position) const {
  const auto found = templates.find(template_id_of(batch, position));
  MUSTER_CHECK(found != templates.end(), "the templates of a batch are in memory with it");
  return *found->second;
}

Position Engine::State::same_template_until(const Batch& batch, Position position, Position last) const {
  const SegmentRow& segment = batch.segments[segment_of(batch, position)];
  return std::min(
      {last, batch.override_of.run_at(position).last, segment.first_position + segment.count - 1});
}

void Engine::State::make_cancel_final(Batch& batch, Position first, Position last) {
  std::vector<RunMap<TaskRun>::Run> runs;
  batch.tasks.for_each(first, last,
                       [&](Position a, Position b, const TaskRun& run) { runs.push_back({a, b, run}); });
  for (auto& run : runs) {
    if (!run.value.by_dependency) continue;
    run.value.by_dependency = false;
    batch.tasks.assign(run.first, run.last, run.value);
    if (run.value.attempts == 0) run_changes.insert(batch.row.id);
    record(batch, run.first, run.last);
  }
  unsettled_batches.insert(batch.row.id);
}

void Engine::State::move(Batch& batch, Position first, Position last, TaskEvent event, bool by_dependency) {
  std::vector<RunMap<TaskRun>::Run> runs;
  batch.tasks.for_each(first, last,
                       [&](Position a, Position b, const TaskRun& run) { runs.push_back({a, b, run}); });
  const auto is_stored_as_run = [](TaskState state) {
    return state == TaskState::held || state == TaskState::cancelled;
  };
  for (auto& run : runs) {
    const TaskState before = run.value.state;
    const TaskState after = kTaskCycle.next(before, event);
    const std::uint64_t count = run.last - run.first + 1;
    batch.row.counts[static_cast<std::size_t>(before)] -= count;
    batch.row.counts[static_cast<std::size_t>(after)] += count;
    if (run.value.attempts == 0 && (is_stored_as_run(before) || is_stored_as_run(after)))
      run_changes.insert(batch.row.id);
    run.value.state = after;
    run.value.by_dependency = by_dependency && after == TaskState::cancelled;
    if (event == TaskEvent::grant) ++run.value.attempts;
    batch.tasks.assign(run.first, run.last, run.value);
    if (after == TaskState::ready) batch.ready_from = std::min(batch.ready_from, run.first);
  }
  changed_batches.insert(batch.row.id);
  unsettled_batches.insert(batch.row.id);
  if (dependents_of.contains(batch.row.id)) dependency_news.push_back({batch.row.id, first, last});
}

void Engine::State::record(Batch& batch, Position first, Position last) {
  std::vector<Position> touched;
  batch.tasks.for_each(first, last, [&](Position a, Position b, const TaskRun& run) {
    for (Position p = a; run.attempts > 0 && p <= b; ++p) touched.push_back(p);
  });
  for (const Position position : touched) {
    write_task(batch, position);
    if (is_final(batch.tasks.at(position).state)) batch.live.erase(position);
  }
}

void Engine::State::write_task(const Batch& batch, Position position, const Finished* end) {
  const TaskRun& run = batch.tasks.at(position);
  if (run.attempts == 0) return;  // it is in its state run
  TaskRow row;
  row.batch = batch.row.id;
  row.position = position;
  row.state = run.state;
  row.by_dependency = run.by_dependency;
  const auto live = batch.live.find(position);
  if (live != batch.live.end()) {
    row.retries = live->second.retries;
    row.not_before_wall_us = live->second.not_before_wall_us;
    row.attempt = live->second.attempt;
  } else {
    // Nothing is remembered beyond the number: the attempt's own row tells how it ended.
    row.attempt.number = run.attempts;
    row.attempt.state = AttemptState::failed;
  }
  if (end != nullptr) {
    row.attempt.end = *end;
    row.attempt.end.attempt = {};
  }
  decision.changes.tasks.push_back(std::move(row));
}

void Engine::State::write_state_runs(Batch& batch) {
  decision.changes.cleared_state_runs.push_back(batch.row.id);
  if (batch.row.task_count == 0) return;
  batch.tasks.for_each(0, batch.row.task_count - 1, [&](Position a, Position b, const TaskRun& run) {
    if (run.attempts > 0) return;
    if (run.state != TaskState::held && run.state != TaskState::cancelled) return;
    decision.changes.state_runs.push_back({batch.row.id, a, b, run.state, run.by_dependency});
  });
}

void Engine::State::note_template(Batch& batch, TemplateId template_id) {
  ++template_uses[template_id];
  const Resources& shape = templates.at(template_id)->resources;
  if (std::find(batch.shapes.begin(), batch.shapes.end(), shape) == batch.shapes.end())
    batch.shapes.push_back(shape);
}

void Engine::State::drop_templates(const Batch& batch) {
  const auto drop = [&](TemplateId id) {
    const auto uses = template_uses.find(id);
    MUSTER_CHECK(uses != template_uses.end(), "what a batch names was counted when it came");
    if (--uses->second != 0) return;
    template_uses.erase(uses);
    forget_unused(id);
  };
  for (const SegmentRow& segment : batch.segments) drop(segment.template_id);
  for (const OverrideRow& override_row : batch.overrides) drop(override_row.template_id);
}

void Engine::State::forget_unused(TemplateId template_id) {
  const bool recent =
      std::find(recent_templates.begin(), recent_templates.end(), template_id) != recent_templates.end();
  if (!recent && !template_uses.contains(template_id)) templates.erase(template_id);
}

void Engine::State::withdraw(const Batch& batch) {
  for (const Resources& shape : batch.shapes) {
    const auto found = placeable.find(class_of(batch, shape));
    if (found != placeable.end())
      found->second.batches.erase({-std::int64_t{batch.row.priority}, batch.row.id});
  }
}

bool may_place(const Batch& batch) {
  const bool limited = batch.row.max_running != 0 && batch.count(TaskState::running) >= batch.row.max_running;
  return batch.count(TaskState::ready) > 0 && !batch.row.held && !limited &&
         batch.row.state != BatchState::cancelling;
}

void Engine::State::refresh_placeable(Batch& batch) {
  if (!may_place(batch)) return withdraw(batch);
  for (const Resources& shape : batch.shapes) {
    placeable[class_of(batch, shape)].batches.insert({-std::int64_t{batch.row.priority}, batch.row.id});
  }
}

void Engine::State::journal(EventKind kind, BatchId batch, std::string text, const std::string& who,
                            TaskIndex index, std::uint32_t attempt, WorkerId worker) {
  EventRow row;
  row.seq = sequences.next_event++;
  sequences_changed = true;
  row.wall_us = now.wall_us;
  row.kind = kind;
  row.batch = batch;
  row.index = index;
  row.attempt = attempt;
  row.worker = worker;
  row.who = who;
  row.text = std::move(text);
  decision.changes.events.push_back(std::move(row));
}

}  // namespace muster::engine
