// Taking back what was granted ahead and not started: another worker is idle, or this one is to take nothing more.
// A recall is a wish: what was started meanwhile goes on; what was not comes back as refused, and costs nothing.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

bool Engine::State::wants_back(const Worker& worker) const {
  return worker.row.state == WorkerState::paused || worker.row.state == WorkerState::draining ||
         (worker.row.state == WorkerState::quarantined && !worker.half_open);
}

void Engine::State::recall(Batch& batch, Position position, LiveTask& live, Worker& worker) {
  live.recalled = true;
  const AttemptRef ref{batch.row.id, index_of(batch, position), live.attempt.number,
                       live.attempt.incarnation};
  worker.outbox.stops.push_back({ref, StopReason::recall});
  speak_to(worker);
}

void Engine::State::recall_unstarted(Worker& worker) {
  if (worker.session == 0) return;  // its next full message says what there is to take back
  for (const auto& [batch_id, position] : worker.assigned) {
    Batch& batch = *find_batch(batch_id);
    LiveTask& live = batch.live.at(position);
    if (live.attempt.state == AttemptState::assigned && !live.recalled) recall(batch, position, live, worker);
  }
}

void Engine::State::note_hold(Worker& worker) {
  if (worker.in_use.cpu_slots > worker.capacity.cpu_slots) {
    over_held.insert(worker.row.id);
  } else {
    over_held.erase(worker.row.id);
  }
}

namespace {

// Places for plain tasks that nothing ready wants, worker by worker.
class IdlePlaces {
 public:
  explicit IdlePlaces(const Engine::State& state) {
    for (const auto& [id, worker] : state.workers) {
      if (!state.is_open(worker)) continue;
      const std::uint64_t room =
          state.room_for(worker, Resources{}, UINT64_MAX, Engine::State::Hold::slots_only);
      if (room > 0) places_.push_back({&worker, room});
    }
  }
  bool take(const std::string& group) {
    for (auto& [worker, room] : places_) {
      if (room == 0 || !serves_group(worker->row.serves, group)) continue;
      --room;
      return true;
    }
    return false;
  }
  bool empty() const { return places_.empty(); }

 private:
  std::vector<std::pair<const Worker*, std::uint64_t>> places_;
};

}  // namespace

// A worker that was fast a moment ago was given much ahead; when its tasks turn out to be long, others are idle beside it.
void Engine::State::take_back() {
  std::optional<IdlePlaces> idle;
  for (const WorkerId id : over_held) {
    Worker& worker = workers.at(id);
    if (worker.session == 0 || !worker.synced) continue;
    const std::uint64_t may_hold = worker.capacity.cpu_slots + ahead_of(worker);
    if (worker.in_use.cpu_slots <= may_hold) continue;
    if (!idle) idle.emplace(*this);
    if (idle->empty()) return;
    std::uint64_t excess = worker.in_use.cpu_slots - may_hold;
    for (auto it = worker.assigned.rbegin(); it != worker.assigned.rend() && excess > 0; ++it) {
      Batch& batch = *find_batch(it->first);
      LiveTask& live = batch.live.at(it->second);
      if (live.attempt.state != AttemptState::assigned) continue;
      if (!template_of(batch, it->second).resources.is_plain()) continue;
      --excess;  // one that is on its way back counts
      if (live.recalled) continue;
      if (!idle->take(batch.row.name)) break;
      recall(batch, it->second, live, worker);
    }
  }
}

}  // namespace muster::engine
