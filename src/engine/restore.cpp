// From rows to the working set: at the start of the server, after a commit whose result is unknown, and for old batches.
// What is derived (gates, sums, ready lists) is computed here from what is stored, by the same functions as in a turn.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

namespace {

constexpr Micros kLongestBackOff_us = 300'000'000;

void add_segments(Batch& batch, const BatchSnapshot& snapshot) {
  for (const SegmentRow& segment : snapshot.segments) {
    const Position last = segment.first_position + segment.count - 1;
    batch.segments.push_back(segment);
    batch.items.emplace_back();
    batch.gates.push_back(Gate::pending);
    batch.override_of.append(segment.first_position, last, 0);
  }
  for (const ItemBlockRow& block : snapshot.item_blocks) batch.items[block.segment].blocks.push_back(block);
  for (const OverrideRow& override_row : snapshot.overrides) {
    batch.override_of.assign(override_row.first, override_row.last, override_row.template_id);
    batch.overrides.push_back(override_row);
  }
}

// Task rows over state runs over the default; built in one pass so that a million rows cost no splitting.
void add_tasks(Batch& batch, const BatchSnapshot& snapshot) {
  Position next = 0;
  std::size_t run = 0;
  const auto fill_to = [&](Position end) {  // tasks without rows up to `end`, exclusive
    while (next < end) {
      while (run < snapshot.state_runs.size() && snapshot.state_runs[run].last < next) ++run;
      Position last = end - 1;
      TaskRun value;
      if (run < snapshot.state_runs.size()) {
        const StateRunRow& row = snapshot.state_runs[run];
        if (row.first <= next) {
          last = std::min(last, row.last);
          value = {row.state, row.by_dependency, 0};
        } else {
          last = std::min(last, row.first - 1);
        }
      }
      batch.tasks.append(next, last, value);
      next = last + 1;
    }
  };
  for (const BatchSnapshot::Task& task : snapshot.tasks) {
    fill_to(task.position);
    batch.tasks.append(task.position, task.position, {task.state, task.by_dependency, task.attempt_number});
    next = task.position + 1;
  }
  fill_to(snapshot.batch.task_count);
}

void add_live(Engine::State& state, Batch& batch, const BatchSnapshot::Task& task) {
  if (is_final(task.state)) return;
  if (task.state != TaskState::running && task.retries == RetryCounts{} && task.not_before_wall_us == 0)
    return;
  LiveTask& live = batch.live[task.position];
  live.attempt.number = task.attempt_number;
  live.attempt.incarnation = task.incarnation;
  live.attempt.worker = task.worker;
  live.attempt.granted_wall_us = task.granted_wall_us;
  live.attempt.state = task.attempt_state;
  live.retries = task.retries;
  if (task.state == TaskState::running) {
    live.attempt.state = AttemptState::assigned;
    if (task.attempt_state == AttemptState::stopping) state.set_phase(batch, live, AttemptState::stopping);
    const auto worker = state.workers.find(task.worker);
    if (worker != state.workers.end()) {
      worker->second.assigned.insert({batch.row.id, task.position});
      const Resources& wanted = state.template_of(batch, task.position).resources;
      worker->second.in_use.add(wanted);
      state.count_use(batch, worker->second, wanted, +1);
      state.note_hold(worker->second);
      ++batch.tallies[task.worker].running;
      ++batch.together.running;
    }
  } else if ((task.state == TaskState::waiting || task.state == TaskState::held) &&
             task.not_before_wall_us != 0) {
    // The wall clock may have jumped meanwhile: a back-off is never longer than the longest one.
    const Micros left_us =
        std::clamp<Micros>(task.not_before_wall_us - state.now.wall_us, 0, kLongestBackOff_us);
    live.not_before_wall_us = task.not_before_wall_us;
    live.not_before_mono_us = std::max<Micros>(1, state.now.mono_us + left_us);
    state.back_offs.insert({live.not_before_mono_us, batch.row.id, task.position});
  }
}

}  // namespace

Batch& Engine::State::adopt(const BatchSnapshot& snapshot) {
  for (const TemplateRow& row : snapshot.templates) templates.emplace(row.id, row.body);
  Batch& batch = batches[snapshot.batch.id];
  batch.row = snapshot.batch;
  add_segments(batch, snapshot);
  for (const SegmentRow& segment : batch.segments) note_template(batch, segment.template_id);
  for (const OverrideRow& override_row : batch.overrides) note_template(batch, override_row.template_id);
  add_tasks(batch, snapshot);
  for (const SegmentRow& segment : batch.segments) {
    for (const Dependency& dependency : segment.dependencies)
      dependents_of[dependency.batch].insert(batch.row.id);
  }
  // What has a row is counted as stored; what has none starts as waiting and is opened by its gates.
  TaskCounts counted{};
  if (batch.row.task_count > 0) {
    batch.tasks.for_each(0, batch.row.task_count - 1, [&](Position a, Position b, const TaskRun& run) {
      counted[static_cast<std::size_t>(run.state)] += b - a + 1;
    });
  }
  batch.row.counts = counted;
  for (const BatchSnapshot::Task& task : snapshot.tasks) add_live(*this, batch, task);
  if (is_final(batch.row.state)) final_order.push_back(batch.row.id);
  return batch;
}

namespace {

void open_gates(Engine::State& state, BatchId id) {
  Batch& batch = *state.find_batch(id);
  for (const SegmentRow& segment : std::vector<SegmentRow>(batch.segments)) {
    state.evaluate_segment(batch, segment.ordinal, segment.first_position,
                           segment.first_position + segment.count - 1);
  }
  state.refresh_placeable(batch);
}

}  // namespace

void Engine::restore(StoreSnapshot snapshot, Now now) {
  const EngineOptions options = state_->options;
  state_ = std::make_unique<State>();
  State& state = *state_;
  state.options = options;
  state.now = now;
  state.incarnation = snapshot.incarnation;
  state.sequences = snapshot.sequences;
  for (LimitRow& row : snapshot.limits) {
    Usage& usage = state.usage_of(row.scope, row.name);
    usage.limit = std::move(row);
  }
  for (Flavor& flavor : snapshot.flavors) state.flavors.emplace(flavor.key, std::move(flavor));
  for (WorkerRow& row : snapshot.workers) {
    Worker& worker = state.workers[row.id];
    worker.row = std::move(row);
    worker.boot_id = worker.row.facts.boot_id;
    // Nobody is declared dead because the server was away: every lease runs anew, in full.
    worker.heard_mono_us = now.mono_us;
    worker.lease_until_mono_us = server_deadline_us(now.mono_us, worker.row.promised_us);
    worker.promised_until_mono_us = worker.lease_until_mono_us;
    state.set_capacity(worker);
    state.tie_labels(worker);
    const Micros left_us =
        std::clamp<Micros>(worker.row.quarantined_until_wall_us - now.wall_us, 0, 30 * options.quarantine_us);
    worker.quarantined_until_mono_us = now.mono_us + left_us;
  }
  state.renew_served_groups();
  std::vector<BatchRow> stored;
  for (BatchSnapshot& batch : snapshot.batches) {
    stored.push_back(batch.batch);
    state.adopt(batch);
  }
  for (const BatchRow& row : stored) open_gates(state, row.id);
  state.settle();
  // What was computed is what the store says already; what differs is written with the next turn.
  for (const BatchRow& row : stored) {
    if (state.batches.at(row.id).row == row) state.changed_batches.erase(row.id);
  }
}

void Engine::State::on(const LoadedBatch& input) {
  if (batches.contains(input.snapshot.batch.id)) return;
  const BatchId id = adopt(input.snapshot).row.id;
  open_gates(*this, id);
  const auto dependents = dependents_of.find(id);
  if (dependents == dependents_of.end()) return;
  for (const BatchId dependent : std::set<BatchId>(dependents->second)) {
    if (batches.contains(dependent)) open_gates(*this, dependent);
  }
}

}  // namespace muster::engine
