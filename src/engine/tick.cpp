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
  worker.row.state = kWorkerCycle.next(worker.row.state, WorkerEvent::declare_lost);
  state.decision.changes.workers.push_back(worker.row);
  // What was granted under the old lease and is still on its way must not be started under a new one: it has to connect anew.
  if (worker.session != 0) {
    state.decision.effects.push_back(CloseSession{worker.session, "silent for longer than its lease"});
    state.disconnect(worker);
  }
  const auto assigned = worker.assigned;
  for (const auto& [batch_id, position] : assigned) {
    Batch& batch = *state.find_batch(batch_id);
    const LiveTask& live = batch.live.at(position);
    Finished end;
    end.attempt = {batch_id, state.index_of(batch, position), live.attempt.number, live.attempt.incarnation};
    end.outcome = AttemptState::lost;
    end.cause = Cause::worker_lost;
    end.ended_wall_us = state.now.wall_us;
    end.message = "worker " + worker.row.name + " was silent for longer than its lease";
    state.finish_attempt(batch, position, end);
  }
}

void look_at_workers(Engine::State& state) {
  for (auto& [id, worker] : state.workers) {
    if (worker.row.state == WorkerState::removed) continue;
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
  }
}

}  // namespace

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

Micros Engine::next_due_us() const {
  Micros due = std::numeric_limits<Micros>::max();
  if (state_->placement_unfinished) return state_->now.mono_us;
  if (!state_->back_offs.empty()) due = std::min(due, state_->back_offs.begin()->mono_us);
  for (const auto& [id, worker] : state_->workers) {
    if (worker.row.state == WorkerState::online)
      due = std::min(due, worker.heard_mono_us + state_->options.silence_us);
    if (!worker.assigned.empty() && worker.row.state != WorkerState::lost &&
        worker.row.state != WorkerState::removed) {
      due = std::min(due, worker.lease_until_mono_us);
    }
  }
  return due;
}

}  // namespace muster::engine
