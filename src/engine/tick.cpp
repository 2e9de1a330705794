// What time, disk and the end of the server bring: back-offs that are over, silence, leases, refusal of new work.
// Durations are measured on the monotonic clock; a jump of the wall clock changes nothing here.
#include <algorithm>
#include <limits>

#include "engine/state.h"

namespace muster::engine {

namespace {

void end_back_offs(Engine::State& state) {
  while (!state.back_offs.empty() && state.back_offs.begin()->mono_us <= state.now.mono_us) {
    const Due due = *state.back_offs.begin();
    state.back_offs.erase(state.back_offs.begin());
    Batch* batch = state.find_batch(due.batch);
    if (batch == nullptr) continue;
    const auto live = batch->live.find(due.position);
    if (live == batch->live.end() || live->second.not_before_mono_us != due.mono_us) continue;
    live->second.not_before_mono_us = 0;
    live->second.not_before_wall_us = 0;
    if (batch->tasks.at(due.position).state != TaskState::waiting) continue;
    state.apply_gate(*batch, due.position, due.position, state.task_gate(*batch, due.position));
    // It waits on, for a dependency: without this a restart would take the back-off for unfinished.
    if (batch->tasks.at(due.position).state == TaskState::waiting) state.write_task(*batch, due.position);
  }
}

// Its lease is over and it is silent: by its own clock its tasks are dead, so they may run again.
void expire_lease(Engine::State& state, Worker& worker) {
  state.journal(EventKind::lease_expired, 0, worker.row.name, {}, 0, 0, worker.row.id);
  state.lose_all(worker, "worker " + worker.row.name + " was silent for longer than its lease");
}

// When something has to be done about a worker although nothing was heard of it.
Micros due_of(const Engine::State& state, const Worker& worker) {
  Micros due = std::numeric_limits<Micros>::max();
  if (worker.row.state == WorkerState::online) due = worker.heard_mono_us + state.options.silence_us;
  if (worker.row.state == WorkerState::quarantined && !worker.half_open)
    due = std::min(due, worker.quarantined_until_mono_us);
  if (!worker.assigned.empty() && worker.row.state != WorkerState::lost &&
      worker.row.state != WorkerState::removed) {
    due = std::min(due, worker.lease_until_mono_us);
  }
  return due;
}

void look_at_workers(Engine::State& state) {
  if (state.now.mono_us < state.workers_due_mono_us) return;
  state.workers_due_mono_us = std::numeric_limits<Micros>::max();
  for (auto& [id, worker] : state.workers) {
    if (worker.row.state == WorkerState::removed) continue;
    const bool over = state.now.mono_us >= worker.quarantined_until_mono_us;
    if (worker.row.state == WorkerState::quarantined && !worker.half_open && over) {
      worker.half_open = true;
      state.freed.insert(id);
    }
    const bool silent =
        worker.session == 0 || state.now.mono_us - worker.heard_mono_us >= state.options.silence_us;
    if (worker.row.state == WorkerState::online && silent &&
        state.now.mono_us - worker.heard_mono_us >= state.options.silence_us) {
      worker.row.state = kWorkerCycle.next(worker.row.state, WorkerEvent::silence);
      state.decision.changes.workers.push_back(worker.row);
      state.journal(EventKind::worker_silent, 0, worker.row.name, {}, 0, 0, id);
    }
    if (!worker.assigned.empty() && state.now.mono_us >= worker.lease_until_mono_us &&
        worker.row.state != WorkerState::lost) {
      expire_lease(state, worker);
    }
    state.watch(worker);
  }
}

}  // namespace

void Engine::State::watch(const Worker& worker) {
  workers_due_mono_us = std::min(workers_due_mono_us, due_of(*this, worker));
}

void Engine::State::on(const Tick&) {
  end_back_offs(*this);
  look_at_workers(*this);
}

void Engine::State::on(const DiskSpace& input) {
  if (space == input.state) return;
  space = input.state;
  const bool low = space == SpaceState::low;
  journal(low ? EventKind::disk_full : EventKind::disk_has_space, 0,
          low ? "new work is refused until there is room" : "new work is accepted again");
}

void Engine::State::on(const ShutDown& input) {
  shutting_down = true;
  journal(EventKind::server_stopped, 0,
          input.tasks == StopTasks::stop ? "tasks are given back" : "tasks go on", input.principal.user);
  if (input.tasks == StopTasks::keep_running) return reply(input.request, ShutDownDone{});
  stopping_tasks = true;
  shut_down_requests.push_back(input.request);
  for (auto& [id, worker] : workers) {
    if (worker.session == 0) continue;
    for (const auto& [batch_id, position] : worker.assigned) {
      request_stop(*find_batch(batch_id), position, StopReason::shutdown);
    }
  }
}

void Engine::State::check_shut_down() {
  if (shut_down_requests.empty()) return;
  const bool busy = std::any_of(workers.begin(), workers.end(), [](const auto& entry) {
    return entry.second.session != 0 && !entry.second.assigned.empty();
  });
  if (busy) return;
  for (const RequestId request : shut_down_requests) reply(request, ShutDownDone{});
  shut_down_requests.clear();
}

namespace {

// When placement has something to look at again although nothing has happened.
Micros placement_due_us(const Engine::State& state) {
  Micros due = std::numeric_limits<Micros>::max();
  if (state.shutting_down) return due;
  for (const WorkerId id : state.over_held) {
    const Worker& worker = state.workers.at(id);
    const Micros stale_us = worker.window_start_mono_us + 2 * state.options.prefetch_window_us;
    if (worker.session != 0 && stale_us > state.now.mono_us) due = std::min(due, stale_us);
  }
  for (const auto& [of, queue] : state.placeable) {
    if (queue.blocked && !queue.starving && !queue.batches.empty() && !of.shape.is_plain())
      due = std::min(due, queue.blocked_since_mono_us + state.options.reserve_after_us);
  }
  return due;
}

}  // namespace

Micros Engine::next_due_us() const {
  if (state_->placement_unfinished) return state_->now.mono_us;
  Micros due = placement_due_us(*state_);
  if (!state_->back_offs.empty()) due = std::min(due, state_->back_offs.begin()->mono_us);
  return std::min(due, state_->workers_due_mono_us);
}

}  // namespace muster::engine
