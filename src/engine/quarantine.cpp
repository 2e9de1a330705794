// Workers that spoil tasks: set aside for a while when what fails there goes well elsewhere, then tried with one task.
// A batch that fails everywhere is not a worker's fault; as soon as that shows, workers set aside because of it come back.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

namespace {

constexpr Micros kFast_us = 10'000'000;  // a failure within that time may be the worker's
constexpr std::size_t kStrikes = 3;      // distinct tasks in a row

bool is_fast_failure(const Finished& end) {
  if (end.outcome != AttemptState::failed) return false;
  if (end.cause == Cause::launch) return true;
  if (end.cause != Cause::exit && end.cause != Cause::signal) return false;
  return end.ended_wall_us - end.started_wall_us < kFast_us;
}

// How the batch fares on all other workers: it runs or ran there, and hardly ever failed fast.
bool goes_well_elsewhere(const Batch& batch, WorkerId worker) {
  const auto found = batch.tallies.find(worker);
  const Tally here = found == batch.tallies.end() ? Tally{} : found->second;
  const std::uint64_t well =
      batch.together.running - here.running + batch.together.succeeded - here.succeeded;
  return well > 0 && (batch.together.fast_failed - here.fast_failed) * 10 <= well;
}

}  // namespace

void Engine::State::judge(Batch& batch, Position position, const LiveTask& live, const Finished& end) {
  const auto found = workers.find(live.attempt.worker);
  if (found == workers.end()) return;
  Worker& worker = found->second;
  const bool tried = worker.row.state == WorkerState::quarantined && worker.half_open;
  Tally& here = batch.tallies[worker.row.id];
  if (end.outcome == AttemptState::succeeded) {
    ++here.succeeded;
    ++batch.together.succeeded;
    worker.strikes.clear();
    if (tried) lift_quarantine(worker, "a task went well");
    return;
  }
  if (!is_fast_failure(end)) {
    if (tried && end.outcome == AttemptState::failed) lift_quarantine(worker, "a task ran for a while");
    return;
  }
  ++here.fast_failed;
  ++batch.together.fast_failed;
  worker.strikes.insert({batch.row.id, position});
  if (tried) {
    if (!goes_well_elsewhere(batch, worker.row.id))
      return lift_quarantine(worker, "the batch fails elsewhere, too");
    return set_quarantine(worker, batch);
  }
  free_the_blameless(batch);
  if (worker.row.state != WorkerState::online) return;
  const auto strikes = std::count_if(worker.strikes.begin(), worker.strikes.end(),
                                     [&](const auto& strike) { return strike.first == batch.row.id; });
  if (static_cast<std::size_t>(strikes) >= kStrikes && goes_well_elsewhere(batch, worker.row.id))
    set_quarantine(worker, batch);
}

void Engine::State::set_quarantine(Worker& worker, const Batch& batch) {
  static constexpr Micros kSteps[] = {1, 5, 30};
  const std::size_t step = std::min<std::size_t>(worker.row.quarantines, std::size(kSteps) - 1);
  const Micros length_us = kSteps[step] * options.quarantine_us;
  if (worker.row.state == WorkerState::online)
    worker.row.state = kWorkerCycle.next(worker.row.state, WorkerEvent::quarantine);
  ++worker.row.quarantines;
  worker.row.quarantined_until_wall_us = now.wall_us + length_us;
  worker.quarantined_until_mono_us = now.mono_us + length_us;
  worker.quarantined_by = batch.row.id;
  worker.half_open = false;
  watch(worker);
  worker.row.reason = "tasks of batch " + std::to_string(batch.row.id) +
                      " fail at once here, and go well elsewhere; the next try is after " +
                      std::to_string(length_us / 1'000'000) + " s";
  worker.strikes.clear();
  recall_unstarted(worker);
  decision.changes.workers.push_back(worker.row);
  journal(EventKind::worker_quarantined, batch.row.id, worker.row.name + ": " + worker.row.reason, {}, 0, 0,
          worker.row.id);
}

void Engine::State::lift_quarantine(Worker& worker, const std::string& why, const std::string& who) {
  worker.strikes.clear();
  worker.row.quarantines = 0;
  worker.row.quarantined_until_wall_us = 0;
  worker.quarantined_by = 0;
  worker.half_open = false;
  resume(worker);
  journal(EventKind::worker_changed, 0, "quarantine lifted: " + why, who, 0, 0, worker.row.id);
}

// Where the batch fails elsewhere, too, it was never the workers.
void Engine::State::free_the_blameless(const Batch& batch) {
  for (auto& [id, worker] : workers) {
    if (worker.row.state != WorkerState::quarantined || worker.quarantined_by != batch.row.id) continue;
    if (!goes_well_elsewhere(batch, id)) lift_quarantine(worker, "the batch fails elsewhere, too");
  }
}

}  // namespace muster::engine
