// Rows in, states of single tasks out; and what a row may say after what was said before.
// Must hold: slow and simple, so that it cannot be wrong in the same way as the engine.
#include "sim/ledger.h"

#include <algorithm>

#include "sim/trace.h"

namespace muster::sim {

bool means(const Target& target, TaskIndex index, Position position) {
  const auto in = [](std::uint64_t number) {
    return [number](const auto& span) { return span.first <= number && number <= span.last; };
  };
  if (target.chosen) return std::any_of(target.chosen->begin(), target.chosen->end(), in(position));
  return target.ranges.empty() || std::any_of(target.ranges.begin(), target.ranges.end(), in(index));
}

bool names(const Input& input, ChangeVerb verb, TaskRef task, Position position) {
  const auto* change = std::get_if<Change>(&input);
  if (change == nullptr || change->verb != verb || change->dry_run) return false;
  return std::any_of(change->targets.begin(), change->targets.end(), [&](const Target& target) {
    return target.batch == task.batch && means(target, task.index, position);
  });
}

// ---- reading

const FlatBatch* Ledger::find(BatchId id) const {
  const auto found = batches_.find(id);
  return found == batches_.end() ? nullptr : &found->second;
}

const SegmentRow& Ledger::segment_of(const FlatBatch& batch, Position position) {
  for (const SegmentRow& segment : batch.segments) {
    if (position - segment.first_position < segment.count) return segment;
  }
  throw Broken{"a position without a segment"};
}

TaskIndex Ledger::index_of(const FlatBatch& batch, Position position) {
  const SegmentRow& segment = segment_of(batch, position);
  return segment.first_index + (position - segment.first_position) * segment.step;
}

std::optional<Position> Ledger::position_of(TaskRef task) const {
  const FlatBatch* batch = find(task.batch);
  if (batch == nullptr) return std::nullopt;
  for (const SegmentRow& segment : batch->segments) {
    for (std::uint64_t k = 0; k < segment.count; ++k) {
      if (segment.first_index + k * segment.step == task.index) return segment.first_position + k;
    }
  }
  return std::nullopt;
}

const TaskTemplate& Ledger::template_of(const FlatBatch& batch, Position position) const {
  const auto found = templates_.find(batch.tasks.at(position).template_id);
  if (found == templates_.end()) throw Broken{"a task whose template was never written"};
  return *found->second;
}

std::uint64_t Ledger::retries_by_people(TaskRef task) const {
  const auto found = retries_by_people_.find(task);
  return found == retries_by_people_.end() ? 0 : found->second;
}

FlatGate Ledger::gate_of(const FlatBatch& batch, Position position) const {
  const SegmentRow& segment = segment_of(batch, position);
  FlatGate gate = FlatGate::met;
  for (const Dependency& dependency : segment.dependencies) {
    const FlatBatch& before = batches_.at(dependency.batch);
    bool ended = false;
    bool succeeded = false;
    if (dependency.kind == DependencyKind::batch) {
      ended = before.finals == before.tasks.size();
      succeeded = before.successes == before.tasks.size();
    } else {
      const TaskIndex index =
          dependency.kind == DependencyKind::task ? dependency.index : index_of(batch, position);
      const auto at = position_of({dependency.batch, index});
      if (!at) throw Broken{"a dependency on a task that does not exist"};
      ended = before.tasks[*at].stored_final();
      succeeded = ended && before.tasks[*at].state == TaskState::succeeded;
    }
    if (ended && !succeeded && !dependency.any_end) return FlatGate::impossible;
    if (!ended) gate = FlatGate::pending;
  }
  return gate;
}

TaskState Ledger::state_of(const FlatBatch& batch, Position position) const {
  const FlatTask& task = batch.tasks[position];
  if (task.has_row || task.in_run) return task.state;
  return gate_of(batch, position) == FlatGate::met ? TaskState::ready : TaskState::waiting;
}

// ---- taking in

void Ledger::change(FlatBatch& batch, FlatTask& task, const FlatTask& to) {
  const auto weigh = [&](const FlatTask& one, std::uint64_t by) {
    if (!one.stored_final()) return;
    batch.finals += by;
    if (one.state == TaskState::succeeded) batch.successes += by;
  };
  weigh(task, UINT64_MAX);
  task = to;
  weigh(task, 1);
}

void Ledger::put_segment(const SegmentRow& row) {
  FlatBatch& batch = batches_[row.batch];
  if (row.first_position != batch.tasks.size()) throw Broken{"a segment does not continue its batch"};
  batch.segments.push_back(row);
  FlatTask task;
  task.template_id = row.template_id;
  batch.tasks.resize(batch.tasks.size() + row.count, task);
}

void Ledger::put_override(const OverrideRow& row) {
  FlatBatch& batch = batches_.at(row.batch);
  for (Position position = row.first; position <= row.last; ++position)
    batch.tasks.at(position).template_id = row.template_id;
}

void Ledger::put_row(FlatBatch& batch, const TaskRow& row) {
  FlatTask& task = batch.tasks.at(row.position);
  FlatTask to = task;
  to.has_row = true;
  to.in_run = false;
  to.state = row.state;
  to.by_dependency = row.by_dependency;
  to.backs_off = row.not_before_wall_us != 0;
  to.attempt = row.attempt.number;
  to.incarnation = row.attempt.incarnation;
  to.attempt_state = row.attempt.state;
  to.worker = row.attempt.worker;
  change(batch, task, to);
}

void Ledger::load(store::MemoryStore& store) {
  batches_.clear();
  templates_.clear();
  workers_.clear();
  limits_.clear();
  for (const WorkerRow& row : store.workers()) workers_[row.id] = row;
  for (const LimitRow& row : store.limits()) limits_[{row.scope, row.name}] = row;
  Page page;
  page.limit = 1000;
  std::vector<BatchRow> rows = store.batches(page);
  std::reverse(rows.begin(), rows.end());
  for (const BatchRow& row : rows) {
    FlatBatch& batch = batches_[row.id];
    batch.row = row;
    for (const SegmentRow& segment : store.segments(row.id)) put_segment(segment);
    for (const OverrideRow& one : store.overrides(row.id)) put_override(one);
    for (const StateRunRow& run : store.state_runs(row.id)) {
      for (Position position = run.first; position <= run.last; ++position) {
        FlatTask to = batch.tasks.at(position);
        to.in_run = true;
        to.state = run.state;
        to.by_dependency = run.by_dependency;
        change(batch, batch.tasks[position], to);
      }
    }
    TaskFilter all;
    all.batch = row.id;
    for (const TaskRow& task : store.tasks(all, page)) put_row(batch, task);
    for (const FlatTask& task : batch.tasks) {
      auto& body = templates_[task.template_id];
      if (body == nullptr) body = store.task_template(task.template_id);
    }
  }
}

void Ledger::put_runs(const Changes& changes, const Input& input) {
  for (const BatchId id : changes.cleared_state_runs) {
    FlatBatch& batch = batches_.at(id);
    const std::vector<FlatTask> before = batch.tasks;
    for (FlatTask& task : batch.tasks) {
      FlatTask to = task;
      to.in_run = false;
      if (task.in_run) change(batch, task, to);
    }
    for (const StateRunRow& run : changes.state_runs) {
      if (run.batch != id) continue;
      for (Position position = run.first; position <= run.last; ++position) {
        FlatTask& task = batch.tasks.at(position);
        if (task.has_row) continue;
        FlatTask to = task;
        to.in_run = true;
        to.state = run.state;
        to.by_dependency = run.by_dependency;
        change(batch, task, to);
      }
    }
    for (Position position = 0; position < before.size(); ++position) {
      const FlatTask& was = before[position];
      const FlatTask& is = batch.tasks[position];
      if (!was.in_run || was.state != TaskState::cancelled || was.by_dependency) continue;
      if (is.in_run && is.state == TaskState::cancelled) continue;
      const TaskRef task{id, index_of(batch, position)};
      if (!names(input, ChangeVerb::retry, task, position))
        throw Broken{"the cancelled task " + describe(task) + " came back"};
    }
  }
}

void Ledger::count_retries(const Input& input) {
  const auto* retry = std::get_if<Change>(&input);
  if (retry == nullptr || retry->verb != ChangeVerb::retry || retry->dry_run) return;
  for (const Target& target : retry->targets) {
    const FlatBatch* batch = find(target.batch);
    for (Position position = 0; batch != nullptr && position < batch->tasks.size(); ++position) {
      const TaskRef task{target.batch, index_of(*batch, position)};
      if (batch->tasks[position].stored_final() && names(input, ChangeVerb::retry, task, position))
        ++retries_by_people_[task];
    }
  }
}

void Ledger::apply(const Changes& changes, const Input& input, Incarnation incarnation) {
  count_retries(input);
  for (const BatchRow& row : changes.batches) batches_[row.id].row = row;
  for (const SegmentRow& row : changes.segments) put_segment(row);
  for (const OverrideRow& row : changes.overrides) put_override(row);
  for (const TemplateRow& row : changes.templates) templates_[row.id] = row.body;
  put_runs(changes, input);
  put_fleet(changes, input);
  std::vector<std::pair<BatchId, Position>> granted;
  for (const TaskRow& row : changes.tasks) {
    FlatBatch& batch = batches_.at(row.batch);
    if (row.attempt.number > batch.tasks.at(row.position).attempt)
      granted.emplace_back(row.batch, row.position);
    check_row(batch, row, input, incarnation);
    check_end(batch, row.position, row.attempt);
    put_row(batch, row);
  }
  for (const AttemptRow& row : changes.attempts) check_end(batches_.at(row.batch), row.position, row.attempt);
  check_grants(granted);
}

}  // namespace muster::sim
