// The laws of a fleet: where a task may be granted, and how much of what may run at once.
// Must hold: each is counted anew from the rows, task by task, for every single grant.
#include <algorithm>

#include "sim/ledger.h"
#include "sim/trace.h"

namespace muster::sim {

namespace {

bool was_resumed(const Input& input, WorkerId worker) {
  const auto* change = std::get_if<ChangeWorker>(&input);
  return change != nullptr && change->worker == worker && change->verb == WorkerVerb::resume;
}

}  // namespace

void Ledger::put_fleet(const Changes& changes, const Input& input) {
  for (const WorkerRow& row : changes.workers) {
    const auto before = workers_.find(row.id);
    if (before != workers_.end()) {
      const WorkerState was = before->second.state;
      const bool set_aside = was == WorkerState::paused || was == WorkerState::draining;
      const bool works_again = row.state == WorkerState::online || row.state == WorkerState::offline;
      if (set_aside && works_again && !was_resumed(input, row.id))
        throw Broken{"worker " + row.name + " works again, and nobody has resumed it"};
    }
    workers_[row.id] = row;
  }
  for (const LimitRow& row : changes.limits) limits_[{row.scope, row.name}] = row;
}

void Ledger::check_place(const FlatBatch& batch, Position position) const {
  const FlatTask& task = batch.tasks[position];
  const std::string name = describe(TaskRef{batch.row.id, index_of(batch, position)});
  const auto found = workers_.find(task.worker);
  if (found == workers_.end()) throw Broken{"task " + name + " was granted to a worker that is not there"};
  const WorkerRow& worker = found->second;
  const Resources& wanted = template_of(batch, position).resources;
  if (worker.state != WorkerState::online && worker.state != WorkerState::quarantined)
    throw Broken{"task " + name + " was granted to worker " + worker.name + ", which is " +
                 std::string(to_text(worker.state))};
  if (!carries(worker.labels, wanted.labels))
    throw Broken{"task " + name + " was granted to worker " + worker.name + " without its label"};
  if (!serves_group(worker.serves, batch.row.name))
    throw Broken{"task " + name + " was granted to worker " + worker.name + ", which serves others"};
  std::uint64_t here = 0;
  std::uint64_t alone = 0;
  for (const auto& [id, other] : batches_) {
    for (Position p = 0; p < other.tasks.size(); ++p) {
      const FlatTask& one = other.tasks[p];
      if (!one.has_row || one.state != TaskState::running || one.worker != task.worker) continue;
      ++here;
      alone += template_of(other, p).resources.sharing == Sharing::exclusive;
    }
  }
  if (alone > 0 && here > 1) throw Broken{"an exclusive task shares worker " + worker.name};
  if (worker.state == WorkerState::quarantined && here > 1)
    throw Broken{"worker " + worker.name + " is quarantined and was given more than one task"};
}

void Ledger::check_limits(const FlatBatch& batch, Position position) const {
  if (limits_.empty()) return;
  const FlatTask& task = batch.tasks[position];
  const Labels& labels = workers_.at(task.worker).labels;
  for (const auto& [key, limit] : limits_) {
    if (limit.says_nothing()) continue;
    const auto concerns = [&](const FlatBatch& one, WorkerId worker, const Labels& carried) {
      if (key.first == LimitScope::user) return one.row.owner == key.second;
      if (key.first == LimitScope::project) return one.row.project == key.second;
      (void)worker;
      return std::any_of(carried.begin(), carried.end(),
                         [&](const auto& label) { return label.first + "=" + label.second == key.second; });
    };
    if (!concerns(batch, task.worker, labels)) continue;
    std::uint64_t running = 0;
    std::uint64_t cpus = 0;
    for (const auto& [id, other] : batches_) {
      for (Position p = 0; p < other.tasks.size(); ++p) {
        const FlatTask& one = other.tasks[p];
        if (!one.has_row || one.state != TaskState::running) continue;
        const auto worker = workers_.find(one.worker);
        if (!concerns(other, one.worker, worker == workers_.end() ? Labels{} : worker->second.labels))
          continue;
        ++running;
        cpus += cores_of(template_of(other, p).resources);
      }
    }
    const bool passed =
        (limit.max_running && running > *limit.max_running) || (limit.max_cpus && cpus > *limit.max_cpus);
    if (passed)
      throw Broken{"the limit of " + std::string(to_text(key.first)) + " " + key.second + " was passed by " +
                   describe(TaskRef{batch.row.id, index_of(batch, position)})};
  }
}

}  // namespace muster::sim
