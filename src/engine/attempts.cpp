// The end of attempts: what a result means for its task, its worker and its batch.
// Only the attempt that is current, by number and incarnation, gets here; the others are refused in agent_said.cpp.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

namespace {

// `rerun never` holds once the first attempt may have run.
bool may_have_run(const Finished& end) {
  return end.started_wall_us != 0 || end.outcome == AttemptState::lost;
}

}  // namespace

void Engine::State::set_phase(Batch& batch, LiveTask& live, AttemptState phase) {
  const auto counter = [&](AttemptState state) -> std::uint64_t* {
    if (state == AttemptState::executing) return &batch.executing;
    if (state == AttemptState::stopping) return &batch.stopping;
    return nullptr;
  };
  if (auto* before = counter(live.attempt.state)) --*before;
  if (auto* after = counter(phase)) ++*after;
  live.attempt.state = phase;
  if (phase == AttemptState::executing) {
    live.held_ahead = false;
    if (live.started_wall_us == 0) live.started_wall_us = now.wall_us;
  }
  changed_batches.insert(batch.row.id);
}

void Engine::State::release_worker(Batch& batch, Position position, LiveTask& live, AttemptState outcome) {
  const auto found = workers.find(live.attempt.worker);
  if (found == workers.end()) return;
  Worker& worker = found->second;
  if (worker.assigned.erase({batch.row.id, position}) == 0) return;
  const Resources& wanted = template_of(batch, position).resources;
  worker.in_use.remove(wanted);
  count_use(batch, worker, wanted, -1);
  --batch.tallies[worker.row.id].running;
  --batch.together.running;
  note_hold(worker);
  freed.insert(worker.row.id);
  if (now.mono_us - worker.window_start_mono_us >= options.prefetch_window_us) {
    const bool adjacent = now.mono_us - worker.window_start_mono_us < 2 * options.prefetch_window_us;
    worker.ended_in_last_window = adjacent ? worker.ended_in_window : 0;
    worker.ended_in_window = 0;
    worker.window_start_mono_us = now.mono_us;
  }
  if (outcome == AttemptState::succeeded) ++worker.ended_in_window;
}

void Engine::State::make_ready_or_wait(Batch& batch, Position position) {
  const Gate gate = task_gate(batch, position);
  if (gate == Gate::pending) move(batch, position, position, TaskEvent::block);
  if (gate == Gate::impossible) move(batch, position, position, TaskEvent::cancel, true);
}

void Engine::State::finish_attempt(Batch& batch, Position position, Finished end) {
  LiveTask& live = batch.live.at(position);
  const bool stop_was_asked = live.attempt.state == AttemptState::stopping;
  const TaskTemplate& body = template_of(batch, position);
  const bool rerun_never = body.rerun == Rerun::never;
  // What is above --log-max was cut where it is kept; the agent has sent all of it, and does not know.
  if (end.stdout_bytes > body.log_max_bytes || end.stderr_bytes > body.log_max_bytes - end.stdout_bytes)
    end.log_cut = true;
  release_worker(batch, position, live, end.outcome);
  // What is lost began when that was heard; that it was not heard of is no proof that it began.
  if (end.outcome == AttemptState::lost && live.started_wall_us != 0)
    end.started_wall_us = live.started_wall_us;
  if (end.outcome == AttemptState::refused && rerun_never && may_have_run(end)) {
    end.outcome = AttemptState::failed;
    end.cause = Cause::signal;
    end.message = "stopped after its start; --rerun never";
  }
  if (stop_was_asked && end.outcome != AttemptState::succeeded) {
    end.outcome = AttemptState::cancelled;
    end.cause = Cause::none;
  }
  const bool never_started = end.started_wall_us == 0 && live.held_ahead;
  set_phase(batch, live, end.outcome);
  judge(batch, position, live, end);
  const AttemptRecord record_of_attempt = live.attempt;
  switch (end.outcome) {
    case AttemptState::succeeded:
      move(batch, position, position, TaskEvent::succeed);
      break;
    case AttemptState::cancelled:
      move(batch, position, position, TaskEvent::cancel);
      break;
    case AttemptState::refused:
      move(batch, position, position, TaskEvent::give_back);
      make_ready_or_wait(batch, position);
      break;
    default:
      end_failed(batch, position, live, end, never_started ? Start::never : Start::possible);
  }
  ++totals.ended[{end.outcome, end.cause}];
  if (end.outcome != AttemptState::succeeded) {
    AttemptRow row{batch.row.id, position, record_of_attempt};
    row.attempt.end = end;
    row.attempt.end.attempt = {};
    decision.changes.attempts.push_back(std::move(row));
  }
  write_task(batch, position, &end);
  if (is_final(batch.tasks.at(position).state)) batch.live.erase(position);
}

void Engine::State::end_failed(Batch& batch, Position position, LiveTask& live, Finished& end, Start start) {
  const TaskTemplate& body = template_of(batch, position);
  const TaskIndex index = index_of(batch, position);
  if (end.outcome == AttemptState::lost) {
    end.cause = Cause::worker_lost;
    journal(EventKind::attempt_lost, batch.row.id, end.message, {}, index, live.attempt.number,
            live.attempt.worker);
  }
  // A task that only waited on a worker did not kill it: such a loss counts as an eviction, which is bounded, too.
  const bool waited = end.outcome == AttemptState::lost && start == Start::never;
  RetryVerdict verdict = after_failure(waited ? Cause::evicted : end.cause, body.retries, live.retries);
  if (waited) verdict.cause = end.cause;
  if (end.cause == Cause::launch) {
    live.launch_failed_on.push_back(live.attempt.worker);
    bool another = false;
    bool another_here = false;
    for (const auto& [id, worker] : workers) {
      const auto& tried = live.launch_failed_on;
      if (worker.row.state == WorkerState::removed ||
          std::find(tried.begin(), tried.end(), id) != tried.end())
        continue;
      if (worker.row.is_declared_only() || !has_a_place_for(worker, body.resources, batch.row)) continue;
      another = true;
      another_here = another_here || worker.session != 0;
    }
    if (!another) verdict = {RetryVerdict::Next::failed, 0, Cause::launch};
    // One that is connected is tried at once; one that is not gets the time of the back-off to come.
    if (another_here) verdict.delay_us = 0;
  }
  if (body.rerun == Rerun::never && may_have_run(end))
    verdict = {RetryVerdict::Next::failed, 0, verdict.cause};
  if (verdict.next == RetryVerdict::Next::failed) {
    if (verdict.cause == Cause::poison) {
      end.message = "three workers were lost under it; the last: " + end.message;
      journal(EventKind::task_poisoned, batch.row.id, end.message, {}, index, live.attempt.number,
              live.attempt.worker);
    } else {
      journal(EventKind::attempt_failed, batch.row.id, std::string(to_text(end.cause)), {}, index,
              live.attempt.number, live.attempt.worker);
    }
    end.cause = verdict.cause;
    move(batch, position, position, TaskEvent::fail);
    return;
  }
  if (verdict.delay_us == 0) {
    move(batch, position, position, TaskEvent::give_back);
    make_ready_or_wait(batch, position);
    return;
  }
  live.not_before_mono_us = now.mono_us + verdict.delay_us;
  live.not_before_wall_us = now.wall_us + verdict.delay_us;
  back_offs.insert({live.not_before_mono_us, batch.row.id, position});
  move(batch, position, position, TaskEvent::retry);
}

void Engine::State::request_stop(Batch& batch, Position position, StopReason reason) {
  LiveTask& live = batch.live.at(position);
  if (reason == StopReason::cancel && live.attempt.state != AttemptState::stopping) {
    set_phase(batch, live, AttemptState::stopping);
    write_task(batch, position);  // a cancel that was answered survives a restart
  }
  const auto found = workers.find(live.attempt.worker);
  if (found == workers.end() || found->second.session == 0) return;
  const AttemptRef ref{batch.row.id, index_of(batch, position), live.attempt.number,
                       live.attempt.incarnation};
  found->second.outbox.stops.push_back({ref, reason});
  speak_to(found->second);
}

}  // namespace muster::engine
