// The laws of rows: what may follow what, what a grant needs, and what the sums of a batch have to be.
// Must hold: each law is a promise of product.md or of the life-cycle tables, not a habit of the engine.
#include <algorithm>

#include "sim/ledger.h"
#include "sim/trace.h"

namespace muster::sim {

namespace {

std::string name(const FlatBatch& batch, Position position) {
  return describe(TaskRef{batch.row.id, Ledger::index_of(batch, position)});
}

void check_same_attempt(const FlatBatch& batch, const FlatTask& was, TaskState before, const TaskRow& row,
                        const Input& input) {
  const std::string task = name(batch, row.position);
  const bool retried =
      names(input, ChangeVerb::retry, {row.batch, Ledger::index_of(batch, row.position)}, row.position);
  if (row.attempt.incarnation != 0 && was.incarnation != 0 && row.attempt.incarnation != was.incarnation) {
    throw Broken{"an attempt of task " + task + " changed its epoch"};
  }
  if (is_final(before) && row.state != before) {
    if (before == TaskState::succeeded) throw Broken{"the succeeded task " + task + " changed"};
    const bool revived = before == TaskState::cancelled && was.by_dependency;
    if (!retried && !revived) throw Broken{"the final task " + task + " changed, and nobody retried it"};
  }
  if (before == TaskState::running && was.attempt_state == AttemptState::stopping) {
    const bool lawful = row.state == TaskState::cancelled || row.state == TaskState::succeeded ||
                        (row.state == TaskState::running && row.attempt.state == AttemptState::stopping);
    if (!lawful) throw Broken{"the cancel of task " + task + " was forgotten"};
  }
  if (before != TaskState::running && row.state == TaskState::running) {
    throw Broken{"task " + task + " runs again under an old number"};
  }
}

}  // namespace

void Ledger::check_row(const FlatBatch& batch, const TaskRow& row, const Input& input,
                       Incarnation incarnation) const {
  const FlatTask& was = batch.tasks.at(row.position);
  const TaskState before = was.has_row || was.in_run ? was.state : TaskState::waiting;
  const std::string task = name(batch, row.position);
  if (row.attempt.number < was.attempt) throw Broken{"the attempt numbers of task " + task + " went back"};
  if (row.attempt.number == was.attempt) return check_same_attempt(batch, was, before, row, input);
  if (row.attempt.number != was.attempt + 1) throw Broken{"task " + task + " left out an attempt number"};
  if (row.state != TaskState::running || row.attempt.state != AttemptState::assigned) {
    throw Broken{"a new attempt of task " + task + " is not written as assigned"};
  }
  if (row.attempt.incarnation != incarnation)
    throw Broken{"a new attempt of task " + task + " has an old epoch"};
  if (is_final(before) || before == TaskState::running || before == TaskState::held) {
    throw Broken{"task " + task + " was granted while it was " + std::string(to_text(before))};
  }
}

void Ledger::check_end(const FlatBatch& batch, Position position, const AttemptRecord& attempt) const {
  const bool by_exit = attempt.state == AttemptState::succeeded ||
                       (attempt.state == AttemptState::failed && attempt.end.cause == Cause::exit);
  if (!by_exit || attempt.incarnation == 0) return;
  const AttemptRef ref{batch.row.id, index_of(batch, position), attempt.number, attempt.incarnation};
  const KeeperEnd* end = truth_.end_of(ref);
  if (end == nullptr || end->kind != EndKind::exited || end->exit_code != attempt.end.exit_code) {
    throw Broken{"the result of " + describe(ref) + " is not how it ended"};
  }
}

void Ledger::check_grants(const std::vector<std::pair<BatchId, Position>>& granted) const {
  for (const auto& [id, position] : granted) {
    const FlatBatch& batch = batches_.at(id);
    if (gate_of(batch, position) != FlatGate::met) {
      throw Broken{"task " + name(batch, position) + " was granted before its dependencies were met"};
    }
    if (batch.row.held)
      throw Broken{"task " + name(batch, position) + " was granted while its batch is held"};
    if (batch.row.state == BatchState::cancelling)
      throw Broken{"task " + name(batch, position) + " of a cancelled batch was granted"};
    check_place(batch, position);
    check_limits(batch, position);
    if (batch.row.max_running == 0) continue;
    const auto running = std::count_if(batch.tasks.begin(), batch.tasks.end(), [](const FlatTask& task) {
      return task.has_row && task.state == TaskState::running;
    });
    if (static_cast<std::uint64_t>(running) > batch.row.max_running) {
      throw Broken{"batch " + std::to_string(id) + " runs more tasks than max-running"};
    }
  }
}

void Ledger::check_counts(const Changes& changes) const {
  for (const BatchRow& row : changes.batches) {
    const FlatBatch& batch = batches_.at(row.id);
    const std::string name = "batch " + std::to_string(row.id);
    TaskCounts counts{};
    for (Position position = 0; position < batch.tasks.size(); ++position) {
      ++counts[static_cast<std::size_t>(state_of(batch, position))];
    }
    if (counts != row.counts) throw Broken{"the counts of " + name + " are not what its rows say"};
    if (row.task_count != batch.tasks.size()) throw Broken{name + " does not know how many tasks it has"};
    const bool all_final = batch.finals == batch.tasks.size();
    if (is_final(row.state) != all_final)
      throw Broken{name + " is " + std::string(to_text(row.state)) + ", its tasks are not"};
    if ((row.state == BatchState::succeeded) != (batch.successes == batch.tasks.size())) {
      throw Broken{name + " does not know that all its tasks succeeded"};
    }
  }
}

void Ledger::check_one_state(const FlatBatch& batch, Position position, TaskState seen) const {
  const FlatTask& task = batch.tasks[position];
  const std::string who = name(batch, position);
  if (seen != state_of(batch, position)) {
    throw Broken{"task " + who + " is " + std::string(to_text(seen)) + " in memory and " +
                 std::string(to_text(state_of(batch, position))) + " by its rows"};
  }
  if (is_final(seen) || seen == TaskState::running) return;
  const FlatGate gate = gate_of(batch, position);
  if (gate == FlatGate::impossible) throw Broken{"task " + who + " waits for what can no longer come"};
  if (seen == TaskState::ready && gate != FlatGate::met)
    throw Broken{"task " + who + " is ready before its dependencies"};
  if (seen == TaskState::waiting && gate == FlatGate::met && !task.backs_off)
    throw Broken{"task " + who + " waits for nothing"};
}

void Ledger::check_states(const engine::Engine& engine) const {
  for (const BatchId id : engine.live_batches()) {
    const FlatBatch* batch = find(id);
    if (batch == nullptr) throw Broken{"batch " + std::to_string(id) + " is in memory only"};
    Position next = 0;
    for (const engine::Engine::StateRun& run : engine.state_runs(id)) {
      if (run.first != next) throw Broken{"runs of states have a gap"};
      for (; next <= run.last; ++next) check_one_state(*batch, next, run.state);
    }
    if (next != batch->tasks.size()) throw Broken{"runs of states do not cover batch " + std::to_string(id)};
  }
}

}  // namespace muster::sim
