// What agents say: connections, what they have, what has ended. Late and doubled messages change nothing.
// A full message is compared with what should be there, so that whatever was lost before is healed by it.
#include <algorithm>

#include "core/agent_protocol.h"
#include "engine/state.h"

namespace muster::engine {

namespace {

std::optional<WorkerEvent> return_event(WorkerState before) {
  switch (before) {
    case WorkerState::paused:
      return WorkerEvent::pause;
    case WorkerState::draining:
      return WorkerEvent::drain;
    case WorkerState::quarantined:
      return WorkerEvent::quarantine;
    default:
      return std::nullopt;
  }
}

void connect_row(Engine::State& state, Worker& worker) {
  const auto to = kWorkerCycle.find(worker.row.state, WorkerEvent::connect);
  if (to) worker.row.state = *to;
  // What a person or its own failures had said of it outlives its loss.
  if (const auto before = return_event(worker.row.returns_as))
    worker.row.state = kWorkerCycle.next(worker.row.state, *before);
  worker.row.returns_as = WorkerState::online;
  worker.row.last_seen_wall_us = state.now.wall_us;
  state.decision.changes.workers.push_back(worker.row);
}

bool is_free(const Worker& worker) {
  return worker.row.is_declared_only() || (worker.session == 0 && worker.assigned.empty());
}

void take_facts(Worker& worker, const WorkerFacts& facts) {
  const std::string boot_before = worker.row.facts.boot_id;
  worker.row.facts = facts;
  worker.row.facts.boot_id = boot_before;
  worker.boot_id = facts.boot_id;
}

// The worker whose folder this is. Else the one of that name, if it was declared beforehand or nothing can run there any more;
// else a new one. A name that is in use, and a folder that was removed, are refused.
Result<Worker*> worker_of(Engine::State& state, const AgentHello& hello) {
  const std::string name = hello.worker_name.empty() ? "worker" : hello.worker_name;
  Worker* of_name = nullptr;
  for (auto& [id, worker] : state.workers) {
    const bool removed = worker.row.state == WorkerState::removed;
    if (worker.row.spool_id == hello.spool_id && !removed) return &worker;
    if (worker.row.spool_id == hello.spool_id && removed)
      return refuse(ErrorKind::not_allowed, kNotAllowed, "worker " + worker.row.name + " was removed",
                    "to have this machine back, start its agent in another folder");
    if (worker.row.name == name && !removed) of_name = &worker;
  }
  if (of_name != nullptr && !is_free(*of_name)) {
    return refuse(ErrorKind::wrong_state, kWrongState,
                  "there is a worker " + name + " already, which is not this one",
                  "give this one another name; if that one is gone: muster worker lost " + name);
  }
  if (of_name == nullptr) {
    const WorkerId id = state.sequences.next_worker++;
    state.sequences_changed = true;
    of_name = &state.workers[id];
    of_name->row.id = id;
    of_name->row.name = name;
    of_name->row.created_wall_us = state.now.wall_us;
  }
  of_name->row.spool_id = hello.spool_id;
  of_name->row.facts.boot_id = hello.facts.boot_id;
  return of_name;
}

}  // namespace

void Engine::State::on(const AgentConnected& input) {
  const AgentHello& hello = input.hello;
  if (agreed_protocol(hello.protocol_min, hello.protocol_max) == 0) {
    decision.effects.push_back(
        CloseSession{input.session, "the agent speaks other protocol numbers than this server"});
    return;
  }
  const Result<Worker*> known = worker_of(*this, hello);
  if (!known) {
    decision.effects.push_back(CloseSession{input.session, known.error().what + "; " + known.error().next});
    return;
  }
  Worker& worker = **known;
  if (worker.session != 0) {
    decision.effects.push_back(
        CloseSession{worker.session, "another connection of the same worker took over"});
    disconnect(worker);
  }
  worker.session = input.session;
  worker.received_seq = 0;
  worker.sent_seq = 0;
  worker.synced = false;
  worker.templates_sent.clear();
  worker.outbox = {};
  worker.heard_mono_us = now.mono_us;
  take_facts(worker, hello.facts);
  worker.place = input.place;
  worker.row.let_in_by = input.let_in_by;
  worker.lease_until_mono_us =
      std::max(worker.lease_until_mono_us, server_deadline_us(now.mono_us, lease_of(worker)));
  sessions[input.session] = worker.row.id;
  set_capacity(worker);
  for (const auto& [batch_id, position] : worker.assigned) {
    batches.at(batch_id).live.at(position).granted_in_seq = 0;
  }
  connect_row(*this, worker);
  journal(worker.rebooted() ? EventKind::worker_restarted : EventKind::worker_connected, 0, worker.row.name,
          {}, 0, 0, worker.row.id);
  speak_to(worker);
  watch(worker);
}

void Engine::State::on(const AgentGone& input) {
  const auto session = sessions.find(input.session);
  if (session == sessions.end()) return;
  disconnect(workers.at(session->second));
}

void Engine::State::disconnect(Worker& worker) {
  sessions.erase(worker.session);
  worker.session = 0;
  worker.outbox = {};
  worker.has_news = false;
}

namespace {

// One agent message against what the engine believes.
class AgentTurn {
 public:
  AgentTurn(Engine::State& state, Worker& worker, const AgentMessage& message)
      : state_(state), worker_(worker), message_(message) {}

  void run() {
    for (const Finished& end : message_.finished) take_end(end);
    for (const Have& have : message_.have) take_have(have);
    if (message_.full) {
      find_missing();
      worker_.synced = true;
      state_.freed.insert(worker_.row.id);
      if (worker_.rebooted()) {
        worker_.row.facts.boot_id = worker_.boot_id;
        state_.decision.changes.workers.push_back(worker_.row);
      }
    }
  }

 private:
  struct Found {
    Batch* batch = nullptr;
    Position position = 0;
    LiveTask* live = nullptr;  // null: the attempt is not the current one
    std::uint32_t newest = 0;  // number of the task's newest attempt; 0: unknown here
  };

  Found find(const AttemptRef& ref) {
    Found found;
    found.batch = state_.find_batch(ref.batch);
    if (found.batch == nullptr) return found;
    const auto position = state_.position_of(*found.batch, ref.index);
    if (!position) return found;
    found.position = *position;
    const TaskRun& run = found.batch->tasks.at(*position);
    found.newest = run.attempts;
    const auto live = found.batch->live.find(*position);
    if (run.state != TaskState::running || live == found.batch->live.end()) return found;
    const AttemptRecord& attempt = live->second.attempt;
    const bool current = attempt.number == ref.number && attempt.incarnation == ref.incarnation &&
                         attempt.worker == worker_.row.id;
    if (current) found.live = &live->second;
    return found;
  }

  void take_end(const Finished& end) {
    const Found found = find(end.attempt);
    worker_.outbox.forget.push_back(end.attempt);
    state_.speak_to(worker_);
    if (found.live != nullptr) {
      Finished taken = end;
      if (taken.outcome == AttemptState::failed && taken.cause == Cause::none) taken.cause = Cause::exit;
      state_.finish_attempt(*found.batch, found.position, std::move(taken));
      return;
    }
    // The same end once more is quiet: its forget was lost on the way. Another one is refused and shown.
    if (found.batch == nullptr || found.newest == 0) return;
    const TaskRun& run = found.batch->tasks.at(found.position);
    const auto live = found.batch->live.find(found.position);
    const bool same_again = run.attempts == end.attempt.number &&
                            (live == found.batch->live.end() || live->second.attempt.state == end.outcome);
    if (same_again) return;
    ++state_.totals.late_results;
    state_.journal(EventKind::late_result_refused, end.attempt.batch,
                   std::string(to_text(end.outcome)) + " came too late", {}, end.attempt.index,
                   end.attempt.number, worker_.row.id);
  }

  void take_have(const Have& have) {
    const Found found = find(have.attempt);
    if (found.live == nullptr) {
      worker_.outbox.stops.push_back({have.attempt, StopReason::stale});
      state_.speak_to(worker_);
      return;
    }
    if (message_.full) present_.insert({have.attempt.batch, found.position});
    if (found.live->attempt.state == AttemptState::stopping) {
      // A stop that may have been lost is said again; one that is under way is not.
      if (have.phase != AttemptState::stopping && message_.full) {
        worker_.outbox.stops.push_back({have.attempt, StopReason::cancel});
        state_.speak_to(worker_);
      }
      return;
    }
    if (have.phase == AttemptState::assigned) found.live->held_ahead = true;
    if (message_.full && have.phase == AttemptState::assigned) {
      found.live->recalled = false;
      if (state_.wants_back(worker_)) state_.recall(*found.batch, found.position, *found.live, worker_);
    }
    if (state_.stopping_tasks && message_.full && have.phase != AttemptState::stopping) {
      worker_.outbox.stops.push_back({have.attempt, StopReason::shutdown});
      state_.speak_to(worker_);
    }
    if (found.live->attempt.state != have.phase && have.phase != AttemptState::stopping) {
      state_.set_phase(*found.batch, *found.live, have.phase);
    }
  }

  // Assigned here, announced in a message the agent has seen, and neither there nor ended: say it again, or it is lost.
  void find_missing() {
    const auto assigned = worker_.assigned;
    for (const auto& [batch_id, position] : assigned) {
      if (present_.contains({batch_id, position})) continue;
      Batch& batch = *state_.find_batch(batch_id);
      LiveTask& live = batch.live.at(position);
      if (live.granted_in_seq > message_.seen_seq) continue;
      if (worker_.rebooted() || live.attempt.state == AttemptState::executing) {
        lose(batch, position, live);
      } else if (live.attempt.state == AttemptState::stopping) {
        Finished end = end_of(batch, position, live);
        end.outcome = AttemptState::cancelled;
        state_.finish_attempt(batch, position, end);
      } else if (state_.shutting_down || state_.wants_back(worker_) ||
                 !may_serve(worker_.row, batch.row.owner)) {
        if (state_.shutting_down && !state_.stopping_tasks) continue;
        Finished end = end_of(batch, position, live);
        end.outcome = AttemptState::refused;
        end.message = state_.shutting_down ? "the server went down before it was started"
                                           : "taken back before its start";
        state_.finish_attempt(batch, position, end);
      } else {
        // The message that carried the template may be what was lost.
        worker_.templates_sent.erase(state_.template_id_of(batch, position));
        state_.send_grant(batch, worker_, position, live);
      }
    }
  }

  Finished end_of(const Batch& batch, Position position, const LiveTask& live) {
    Finished end;
    end.attempt = {batch.row.id, state_.index_of(batch, position), live.attempt.number,
                   live.attempt.incarnation};
    end.ended_wall_us = state_.now.wall_us;
    return end;
  }

  void lose(Batch& batch, Position position, const LiveTask& live) {
    Finished end = end_of(batch, position, live);
    end.outcome = AttemptState::lost;
    end.cause = Cause::worker_lost;
    end.message = worker_.rebooted() ? "the machine was restarted" : "the worker does not have it any more";
    state_.finish_attempt(batch, position, end);
  }

  Engine::State& state_;
  Worker& worker_;
  const AgentMessage& message_;
  std::set<std::pair<BatchId, Position>> present_;
};

}  // namespace

void Engine::State::on(const AgentSaid& input) {
  const AgentMessage& message = input.message;
  const auto session = sessions.find(message.session);
  if (session == sessions.end()) return;  // of a connection that was replaced
  Worker& worker = workers.at(session->second);
  if (message.seq <= worker.received_seq) return;
  worker.received_seq = message.seq;
  worker.heard_mono_us = now.mono_us;
  worker.lease_until_mono_us =
      std::max(worker.lease_until_mono_us, server_deadline_us(now.mono_us, lease_of(worker)));
  worker.outbox.echo_sent_mono_us = message.sent_mono_us;
  if (message.full) speak_to(worker);  // it waits for the answer: its lease counts from sending this
  if (worker.row.state == WorkerState::offline || worker.row.state == WorkerState::lost)
    connect_row(*this, worker);
  if (message.facts) {
    take_facts(worker, *message.facts);
    set_capacity(worker);
    decision.changes.workers.push_back(worker.row);
  }
  AgentTurn(*this, worker, message).run();
  watch(worker);
}

}  // namespace muster::engine
