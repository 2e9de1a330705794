// What keepers report, and what they are asked; keepers that died, and those of an earlier agent.
// A task an earlier agent started is known by its note: what it holds is counted before anything new is started.
#include <algorithm>

#include "agent/state.h"

namespace muster::agent {

KeeperRequest& Agent::State::ask(KeeperId keeper) {
  Keeper& entry = keepers[keeper];
  entry.has_request = true;
  return entry.request;
}

void Agent::State::on(const KeeperJoined& input) {
  if (!keepers.empty() && input.keeper > keepers.rbegin()->first) {
    // Tasks on what was the newest keeper are counted one by one from here on; new ones go to the new keeper.
    const KeeperId before = keepers.rbegin()->first;
    for (auto& [ref, task] : tasks) {
      if (task.place == Place::run_queue && task.keeper == before) reserved.add(task.resources);
    }
    in_run_queue = 0;
  }
  keepers[input.keeper];
  for (const KeeperQueued& queued : input.report.queued) {
    take_started(input.keeper, queued.attempt, queued.note, AttemptState::assigned);
  }
  for (const KeeperStarted& started : input.report.started) {
    take_started(input.keeper, started.attempt, started.note, AttemptState::executing);
  }
  for (const KeeperEnd& end : input.report.ended) take_end(input.keeper, end);
}

void Agent::State::on(const KeeperSaid& input) {
  if (!keepers.contains(input.keeper)) return;
  for (const KeeperStarted& started : input.report.started) {
    take_started(input.keeper, started.attempt, started.note, AttemptState::executing);
  }
  for (const KeeperEnd& end : input.report.ended) take_end(input.keeper, end);
}

void Agent::State::take_started(KeeperId keeper, const AttemptRef& ref, const std::string& note,
                                AttemptState phase) {
  const auto known = tasks.find(ref);
  if (known != tasks.end()) {
    Task& task = known->second;
    if (task.place == Place::ended || task.phase == phase || task.phase == AttemptState::stopping) return;
    task.phase = phase;
    phase_news.push_back({ref, phase});
    return;
  }
  Task& task = tasks[ref];
  task.place = Place::run_queue;
  apply_note(note, task);
  task.keeper = keeper;
  task.phase = phase;
  if (task.place == Place::at_once) {
    reserved.add(task.resources);
    gpus_taken.insert(task.gpus.begin(), task.gpus.end());
  } else if (keeper == keepers.rbegin()->first) {
    ++in_run_queue;
  } else {
    reserved.add(task.resources);
  }
}

void Agent::State::take_end(KeeperId keeper, const KeeperEnd& end) {
  auto known = tasks.find(end.attempt);
  if (known == tasks.end()) {
    known = tasks.try_emplace(end.attempt).first;
    known->second.keeper = keeper;
  }
  Task& task = known->second;
  if (task.place == Place::ended) return;
  if (task.stop == StopReason::stale) {
    release(task);
    task.place = Place::ended;
    return forget(end.attempt);
  }
  task.log_end = {end.log_segment, end.log_offset};
  end_task(end.attempt, task, finished_from(end, task));
}

namespace {

void set_cause(const KeeperEnd& end, Finished& finished) {
  finished.outcome = AttemptState::failed;
  if (end.kind == EndKind::launch_failed) {
    finished.cause = Cause::launch;
  } else if (end.by == EndedBy::time_limit) {
    finished.cause = Cause::timeout;
  } else if (end.by == EndedBy::memory_limit) {
    finished.cause = Cause::oom;
  } else if (end.kind == EndKind::signalled) {
    finished.cause = Cause::signal;
  } else if (end.exit_code != 0) {
    finished.cause = Cause::exit;
  } else {
    finished.outcome = AttemptState::succeeded;
  }
}

}  // namespace

Finished Agent::State::finished_from(const KeeperEnd& end, const Task& task) const {
  Finished finished;
  finished.exit_code = end.exit_code;
  finished.signal = end.signal;
  finished.started_wall_us = end.started_wall_us;
  finished.ended_wall_us = end.ended_wall_us;
  finished.usage = end.usage;
  finished.stdout_bytes = end.stdout_bytes;
  finished.stderr_bytes = end.stderr_bytes;
  finished.message = end.message;
  if (end.by == EndedBy::lease && end.kind != EndKind::never_started) {
    finished.outcome = AttemptState::lost;
    finished.cause = Cause::worker_lost;
    if (finished.message.empty())
      finished.message = "killed at the end of the lease: the server was out of reach for too long";
  } else if (end.by == EndedBy::stop || end.kind == EndKind::never_started) {
    // Whose stop it was may be forgotten by a restart of the agent; the server knows whether it asked for a cancel.
    finished.outcome = task.stop == StopReason::cancel ? AttemptState::cancelled : AttemptState::refused;
  } else {
    set_cause(end, finished);
  }
  return finished;
}

void Agent::State::on(const KeeperDied& input) {
  for (const KeeperEnd& end : input.ended) {
    take_end(input.keeper, end);
    const auto known = tasks.find(end.attempt);
    if (known != tasks.end())
      known->second.patience_until_mono_us =
          std::min(known->second.patience_until_mono_us, now.mono_us + options.log_patience_us);
  }
  for (const AttemptRef& ref : input.started) {
    Task& task = tasks[ref];
    if (task.place == Place::ended) continue;
    if (task.keeper == 0) task.keeper = input.keeper;
    Finished end;
    end.outcome = AttemptState::lost;
    end.cause = Cause::worker_lost;
    end.started_wall_us = now.wall_us;
    end.message = "its keeper died, and it with it";
    end.log_cut = true;
    end_task(ref, task, std::move(end));
  }
  // Handed over and never started: the start was lost with the keeper; the grants stay, another keeper gets them.
  std::vector<AttemptRef> again;
  for (auto& [ref, task] : tasks) {
    if (task.keeper != input.keeper || task.place == Place::ended || task.place == Place::waiting) continue;
    again.push_back(ref);
  }
  for (const AttemptRef& ref : again) {
    Task& task = tasks.at(ref);
    Finished end;
    end.outcome = task.stop == StopReason::cancel ? AttemptState::cancelled : AttemptState::refused;
    end.message = "its keeper died before it was started";
    end_task(ref, task, std::move(end));
  }
  keepers.erase(input.keeper);
  // The run queue is counted for the newest keeper only.
  in_run_queue = 0;
  reserved = {};
  const KeeperId newest = keepers.empty() ? 0 : keepers.rbegin()->first;
  for (const auto& [ref, task] : tasks) {
    if (task.place == Place::run_queue && task.keeper == newest) ++in_run_queue;
    if (task.place == Place::at_once || (task.place == Place::run_queue && task.keeper != newest))
      reserved.add(task.resources);
  }
}

void Agent::State::set_width(KeeperId id, std::uint64_t width) {
  Keeper& keeper = keepers.at(id);
  if (keeper.width_told && keeper.run_queue_width == width) return;
  keeper.run_queue_width = width;
  keeper.width_told = true;
  ask(id).run_queue_width = static_cast<std::int64_t>(width);
}

// How many of its run queue each keeper may run: the newest what nothing else has reserved; an older one as many as it has,
// as far as the slots reserved for them are there. What the newest may be running is not given to an older one meanwhile.
void Agent::State::set_widths() {
  const KeeperId newest = keepers.rbegin()->first;
  const std::uint64_t free =
      capacity.cpu_slots > reserved.cpu_slots ? capacity.cpu_slots - reserved.cpu_slots : 0;
  if (keepers.size() > 1) {
    std::map<KeeperId, std::uint64_t> in_queue_of;
    std::uint64_t in_older_queues = 0;
    std::uint64_t executing = 0;  // on the newest
    for (const auto& [ref, task] : tasks) {
      if (task.place != Place::run_queue) continue;
      if (task.keeper == newest) {
        executing += task.phase != AttemptState::assigned;
      } else {
        ++in_queue_of[task.keeper];
        ++in_older_queues;
      }
    }
    const Keeper& present = keepers.at(newest);
    const std::uint64_t told = present.width_told ? present.run_queue_width : in_run_queue;
    const std::uint64_t taken =
        reserved.cpu_slots - in_older_queues + std::min(in_run_queue, std::max(told, executing));
    std::uint64_t left = capacity.cpu_slots > taken ? capacity.cpu_slots - taken : 0;
    for (const auto& [id, count] : in_queue_of) {
      const std::uint64_t width = std::min(count, left);
      left -= width;
      if (keepers.contains(id)) set_width(id, width);
    }
  }
  set_width(newest, free);
}

void Agent::State::tell_keepers() {
  if (!keepers.empty() && slots_known) set_widths();
  for (auto& [id, keeper] : keepers) {
    const bool newest = id == keepers.rbegin()->first;
    if (lease_deadline_us > keeper.deadline_told_us) {
      keeper.deadline_told_us = lease_deadline_us;
      ask(id).deadline_mono_us = lease_deadline_us;
    }
    if (!newest && !keeper.request.leave_when_empty) {
      const bool empty = std::none_of(tasks.begin(), tasks.end(),
                                      [&](const auto& entry) { return entry.second.keeper == id; });
      if (empty) ask(id).leave_when_empty = true;
    }
    if (!keeper.has_request) continue;
    decision.to_keepers.push_back({id, std::exchange(keeper.request, {})});
    keeper.has_request = false;
  }
}

}  // namespace muster::agent
