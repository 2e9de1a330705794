// Reading the working set, for people: counts, reasons, what runs where.
// Pure; a view is as old as the last turn, and what it shows is committed when it is sent.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

bool Engine::has_batch(BatchId id) const { return state_->batches.contains(id); }

std::vector<BatchId> Engine::missing_for(BatchId id) const {
  const Batch* batch = state_->find_batch(id);
  if (batch == nullptr) return {id};
  std::set<BatchId> missing;
  for (const SegmentRow& segment : batch->segments) {
    for (const Dependency& dependency : segment.dependencies) {
      if (!state_->batches.contains(dependency.batch)) missing.insert(dependency.batch);
    }
  }
  return {missing.begin(), missing.end()};
}

std::optional<BatchId> Engine::open_batch_named(const std::string& project, const std::string& name) const {
  for (auto it = state_->batches.rbegin(); it != state_->batches.rend(); ++it) {
    const BatchRow& row = it->second.row;
    if (row.name == name && row.project == project && !row.closed) return row.id;
  }
  return std::nullopt;
}

std::optional<BatchView> Engine::batch(BatchId id) const {
  const Batch* batch = state_->find_batch(id);
  if (batch == nullptr) return std::nullopt;
  BatchView view;
  view.row = batch->row;
  view.executing = batch->executing;
  view.stopping = batch->stopping;
  const auto unmoving = [](const TaskRun& run) {
    return run.state == TaskState::ready || run.state == TaskState::waiting || run.state == TaskState::held;
  };
  if (batch->count(TaskState::ready) + batch->count(TaskState::waiting) + batch->count(TaskState::held) > 0) {
    // The task that would move first speaks for the batch.
    auto run = batch->tasks.find(batch->ready_from,
                                 [](const TaskRun& value) { return value.state == TaskState::ready; });
    if (!run) run = batch->tasks.find(0, unmoving);
    if (run) view.reason = reason_of(*state_, *batch, run->first);
  }
  return view;
}

std::vector<BatchId> Engine::live_batches() const {
  std::vector<BatchId> ids;
  for (const auto& [id, batch] : state_->batches) {
    if (!is_final(batch.row.state)) ids.push_back(id);
  }
  return ids;
}

std::vector<WorkerView> Engine::workers() const {
  std::vector<WorkerView> views;
  for (const auto& [id, worker] : state_->workers) {
    WorkerView view;
    view.row = worker.row;
    view.connected = worker.session != 0;
    view.half_open = worker.half_open;
    view.capacity = worker.capacity;
    view.assigned = worker.assigned.size();
    for (const auto& [batch_id, position] : worker.assigned) {
      const Batch& batch = state_->batches.at(batch_id);
      const AttemptState phase = batch.live.at(position).attempt.state;
      if (phase != AttemptState::executing && phase != AttemptState::stopping) continue;
      ++view.executing;
      view.in_use.add(state_->template_of(batch, position).resources);
    }
    views.push_back(std::move(view));
  }
  return views;
}

const Totals& Engine::totals() const { return state_->totals; }

std::vector<LiveAttempt> Engine::live_attempts(BatchId id) const {
  std::vector<LiveAttempt> attempts;
  const Batch* batch = state_->find_batch(id);
  if (batch == nullptr) return attempts;
  for (const auto& [position, live] : batch->live) {
    if (batch->tasks.at(position).state != TaskState::running) continue;
    LiveAttempt attempt;
    attempt.attempt = {id, state_->index_of(*batch, position), live.attempt.number, live.attempt.incarnation};
    attempt.phase = live.attempt.state;
    attempt.worker = live.attempt.worker;
    attempt.granted_wall_us = live.attempt.granted_wall_us;
    attempt.started_wall_us = live.started_wall_us;
    attempts.push_back(attempt);
  }
  return attempts;
}

std::optional<Engine::TaskView> Engine::task(TaskRef ref) const {
  const Batch* batch = state_->find_batch(ref.batch);
  if (batch == nullptr) return std::nullopt;
  const auto position = state_->position_of(*batch, ref.index);
  if (!position) return std::nullopt;
  const TaskRun& run = batch->tasks.at(*position);
  TaskView view;
  view.position = *position;
  view.state = run.state;
  view.reason = reason_of(*state_, *batch, *position);
  view.attempts = run.attempts;
  view.template_id = state_->template_id_of(*batch, *position);
  const auto live = batch->live.find(*position);
  if (live != batch->live.end()) view.phase = live->second.attempt.state;
  return view;
}

Engine::LogOwner Engine::log_owner(SessionId session, const AttemptRef& attempt) const {
  const auto worker = state_->sessions.find(session);
  if (worker == state_->sessions.end()) return LogOwner::another;
  const Batch* batch = state_->find_batch(attempt.batch);
  if (batch == nullptr) return LogOwner::not_known;
  const auto position = state_->position_of(*batch, attempt.index);
  if (!position || attempt.number > batch->tasks.at(*position).attempts) return LogOwner::another;
  const auto live = batch->live.find(*position);
  if (live == batch->live.end() || live->second.attempt.number != attempt.number) return LogOwner::not_known;
  return live->second.attempt.worker == worker->second ? LogOwner::itself : LogOwner::another;
}

std::vector<Engine::StateRun> Engine::state_runs(BatchId id) const {
  std::vector<StateRun> runs;
  const Batch* batch = state_->find_batch(id);
  if (batch == nullptr || batch->row.task_count == 0) return runs;
  batch->tasks.for_each(0, batch->row.task_count - 1, [&](Position a, Position b, const TaskRun& run) {
    if (!runs.empty() && runs.back().state == run.state) {
      runs.back().last = b;
    } else {
      runs.push_back({a, b, run.state});
    }
  });
  return runs;
}

}  // namespace muster::engine
