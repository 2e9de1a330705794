// Verbs of operators on workers: declare, set, pause, drain, resume, lost, remove.
// They take effect with this turn's placement; the agent stays connected, and what runs goes on.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

namespace {

Error no_such_worker(WorkerId id) {
  return {ErrorKind::not_found, kNoSuchThing, "there is no worker " + std::to_string(id),
          "list them: muster worker list"};
}

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// "license=4, lanes=2"
template <class Pairs>
std::string listed(const Pairs& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) {
    text += (text.empty() ? "" : ", ") + name + "=";
    if constexpr (std::is_same_v<Pairs, Labels>) {
      text += value;
    } else {
      text += std::to_string(value);
    }
  }
  return text.empty() ? "none" : text;
}

// Why the verb means nothing for this worker; nothing when it does.
std::optional<Error> refusal_of_verb(const Worker& worker, WorkerVerb verb) {
  const WorkerState state = worker.row.state;
  const auto wrong = [&](std::string why, std::string next) {
    return Error{ErrorKind::wrong_state, kWrongState, "worker " + worker.row.name + " " + std::move(why),
                 std::move(next)};
  };
  const std::string quoted = worker.row.name;
  switch (verb) {
    case WorkerVerb::pause:
      if (!kWorkerCycle.find(state, WorkerEvent::pause))
        return wrong("is " + std::string(to_text(state)) + ": it takes nothing already",
                     "let it work again: muster worker resume " + quoted);
      break;
    case WorkerVerb::resume:
      if (!kWorkerCycle.find(state, WorkerEvent::resume))
        return wrong("is " + std::string(to_text(state)) + ": there is nothing to resume",
                     "see what it does: muster worker show " + quoted);
      break;
    case WorkerVerb::drain:
      if (!kWorkerCycle.find(state, WorkerEvent::drain))
        return wrong("is " + std::string(to_text(state)) + ": only what is online or paused is drained",
                     state == WorkerState::draining ? "when it is empty: muster worker remove " + quoted
                                                    : "see what it does: muster worker show " + quoted);
      break;
    case WorkerVerb::lost:
      if (!kWorkerCycle.find(state, WorkerEvent::declare_lost))
        return wrong("is " + std::string(to_text(state)) + " already", "");
      break;
    case WorkerVerb::remove:
      if (!worker.assigned.empty())
        return wrong("still has " + counted(worker.assigned.size(), "attempt"),
                     "drain it and wait; if the machine is gone: muster worker lost " + quoted);
      if (!kWorkerCycle.find(state, WorkerEvent::remove))
        return wrong("is " + std::string(to_text(state)) + ": only a worker that takes nothing is removed",
                     "first: muster worker drain " + quoted);
      break;
  }
  return std::nullopt;
}

}  // namespace

Micros Engine::State::lease_of(const Worker& worker) const {
  const Micros of_place_us =
      worker.place == WorkerPlace::elsewhere ? options.lease_elsewhere_us : options.lease_us;
  return std::min(worker.row.lease_us.value_or(of_place_us), options.lease_us);
}

// What its agent is about to be told. A lease that was made shorter counts when the longer one that was promised before is over,
// also for a server that starts anew and has only the row.
Micros Engine::State::promise_lease(Worker& worker) {
  const Micros lease_us = lease_of(worker);
  const Micros until_us = server_deadline_us(worker.heard_mono_us, lease_us);
  const bool longer = lease_us > worker.row.promised_us;
  if (longer || (lease_us < worker.row.promised_us && now.mono_us >= worker.promised_until_mono_us)) {
    worker.row.promised_us = lease_us;
    worker.promised_until_mono_us = until_us;
    decision.changes.workers.push_back(worker.row);
  }
  if (lease_us == worker.row.promised_us)
    worker.promised_until_mono_us = std::max(worker.promised_until_mono_us, until_us);
  worker.lease_until_mono_us = std::max(worker.lease_until_mono_us, until_us);
  watch(worker);
  return lease_us;
}

std::optional<Error> Engine::State::refusal_of(const WorkerSettings& settings, WorkerId worker) const {
  const auto malformed = [](std::string what, std::string next) {
    return Error{ErrorKind::usage, kMalformedValue, std::move(what), std::move(next)};
  };
  Labels labels = settings.labels.value_or(Labels{});
  NamedAmounts offers = settings.offers.value_or(NamedAmounts{});
  if (!normalize(labels) || !normalize(offers))
    return malformed("a label or resource of the worker is malformed, or stands twice",
                     "names and values are letters, digits and -_./ , for instance storage=lustre");
  if (settings.lease_us && *settings.lease_us != 0 &&
      (*settings.lease_us < 1'000'000 || *settings.lease_us > options.lease_us)) {
    return malformed("a lease is at least 1 s, and not longer than the server's of " +
                         std::to_string(options.lease_us / 1'000'000) + " s",
                     "0 gives it the server's own again");
  }
  if (!settings.name) return std::nullopt;
  if (!is_resource_name(*settings.name)) return malformed("a worker's name is letters, digits and -_./", "");
  for (const auto& [id, other] : workers) {
    if (id == worker || other.row.state == WorkerState::removed || other.row.name != *settings.name) continue;
    return Error{ErrorKind::wrong_state, kWrongState, "there is a worker " + *settings.name + " already",
                 "take another name, or remove that one: muster worker remove " + *settings.name};
  }
  return std::nullopt;
}

void Engine::State::apply(Worker& worker, const WorkerSettings& settings, std::string& text) {
  const auto tell = [&](const std::string& what, const std::string& value) {
    text += (text.empty() ? "" : ", ") + what + " " + value;
  };
  if (settings.cpu_slots) {
    worker.row.cpu_slots = settings.cpu_slots;
    tell("slots", std::to_string(*settings.cpu_slots));
  }
  if (settings.gpu_slots) {
    worker.row.gpu_slots = settings.gpu_slots;
    tell("GPU slots", std::to_string(*settings.gpu_slots));
  }
  if (settings.offers) {
    worker.row.offers = *settings.offers;
    normalize(worker.row.offers);
    tell("offers", listed(worker.row.offers));
  }
  if (settings.labels) {
    const auto count_all = [&](int sign) {
      for (const auto& [batch_id, position] : worker.assigned) {
        Batch& batch = *find_batch(batch_id);
        count_use(batch, worker, template_of(batch, position).resources, sign);
      }
    };
    count_all(-1);
    worker.row.labels = *settings.labels;
    normalize(worker.row.labels);
    tie_labels(worker);
    count_all(+1);
    tell("labels", listed(worker.row.labels));
  }
  if (settings.lease_us) {
    worker.row.lease_us = *settings.lease_us == 0 ? std::nullopt : settings.lease_us;
    tell("lease", std::to_string(lease_of(worker) / 1'000'000) + " s");
  }
  if (settings.name) {
    worker.row.name = *settings.name;
    tell("name", *settings.name);
  }
  if (settings.serves) {
    worker.row.serves = *settings.serves;
    renew_served_groups();
    tell("serves", worker.row.serves.empty() ? "everything" : worker.row.serves);
  }
  set_capacity(worker);
  unblock_all();
  if (worker.session != 0) speak_to(worker);
}

// Which names of batches some worker serves decides the classes of their tasks: all are listed anew.
void Engine::State::renew_served_groups() {
  std::set<std::string> groups;
  for (const auto& [id, worker] : workers) {
    if (worker.row.state != WorkerState::removed && !worker.row.serves.empty())
      groups.insert(worker.row.serves);
  }
  if (groups == served_groups) return;
  for (const auto& [id, batch] : batches) withdraw(batch);
  served_groups = std::move(groups);
  for (auto& [id, batch] : batches) refresh_placeable(batch);
}

void Engine::State::on(const SetWorker& input) {
  const auto found = workers.find(input.worker);
  if (found == workers.end() || found->second.row.state == WorkerState::removed)
    return reply(input.request, no_such_worker(input.worker));
  if (auto error = refusal_of(input.settings, input.worker)) return reply(input.request, std::move(*error));
  Changed answer;
  answer.count = 1;
  answer.worker = input.worker;
  if (input.dry_run) return reply(input.request, std::move(answer));
  Worker& worker = found->second;
  std::string text;
  apply(worker, input.settings, text);
  decision.changes.workers.push_back(worker.row);
  journal(EventKind::worker_changed, 0, std::move(text), input.principal.user, 0, 0, worker.row.id);
  reply(input.request, std::move(answer));
}

void Engine::State::on(const CreateWorker& input) {
  if (auto error = refusal_of(input.settings, 0)) return reply(input.request, std::move(*error));
  Changed answer;
  answer.count = 1;
  answer.worker = sequences.next_worker;
  if (input.dry_run) return reply(input.request, std::move(answer));
  const WorkerId id = sequences.next_worker++;
  sequences_changed = true;
  Worker& worker = workers[id];
  worker.row.id = id;
  worker.row.created_wall_us = now.wall_us;
  std::string text;
  apply(worker, input.settings, text);
  decision.changes.workers.push_back(worker.row);
  if (input.key) decision.changes.keys.push_back(*input.key);
  journal(EventKind::worker_created, 0, std::move(text), input.principal.user, 0, 0, id);
  reply(input.request, std::move(answer));
}

void Engine::State::resume(Worker& worker) {
  worker.row.state = kWorkerCycle.next(worker.row.state, WorkerEvent::resume);
  if (worker.session != 0) worker.row.state = kWorkerCycle.next(worker.row.state, WorkerEvent::connect);
  watch(worker);
  worker.row.reason.clear();
  freed.insert(worker.row.id);
  decision.changes.workers.push_back(worker.row);
}

// Nothing of it runs any more: by its lease, or by a person's word.
void Engine::State::lose_all(Worker& worker, const std::string& message) {
  const bool is_set_aside = worker.row.state == WorkerState::paused ||
                            worker.row.state == WorkerState::draining ||
                            worker.row.state == WorkerState::quarantined;
  worker.row.returns_as = is_set_aside ? worker.row.state : WorkerState::online;
  worker.row.state = kWorkerCycle.next(worker.row.state, WorkerEvent::declare_lost);
  worker.half_open = false;
  decision.changes.workers.push_back(worker.row);
  // What was granted and is still on its way must not be started under a new lease: the agent has to connect anew.
  if (worker.session != 0) {
    decision.effects.push_back(CloseSession{worker.session, message});
    disconnect(worker);
  }
  const auto assigned = worker.assigned;
  for (const auto& [batch_id, position] : assigned) {
    Batch& batch = *find_batch(batch_id);
    const LiveTask& live = batch.live.at(position);
    Finished end;
    end.attempt = {batch_id, index_of(batch, position), live.attempt.number, live.attempt.incarnation};
    end.outcome = AttemptState::lost;
    end.cause = Cause::worker_lost;
    end.ended_wall_us = now.wall_us;
    end.message = message;
    finish_attempt(batch, position, end);
  }
}

void Engine::State::on(const ChangeWorker& input) {
  const auto found = workers.find(input.worker);
  if (found == workers.end() || found->second.row.state == WorkerState::removed)
    return reply(input.request, no_such_worker(input.worker));
  Worker& worker = found->second;
  if (auto error = refusal_of_verb(worker, input.verb)) return reply(input.request, std::move(*error));
  Changed answer;
  answer.count = 1;
  answer.worker = input.worker;
  if (input.dry_run) return reply(input.request, std::move(answer));
  const bool was_quarantined = worker.row.state == WorkerState::quarantined;
  std::string text(to_text(input.verb));
  if (!input.reason.empty()) text += ": " + input.reason;
  worker.row.reason = input.reason;
  EventKind kind = EventKind::worker_changed;
  switch (input.verb) {
    case WorkerVerb::pause:
    case WorkerVerb::drain:
      worker.row.state = kWorkerCycle.next(
          worker.row.state, input.verb == WorkerVerb::pause ? WorkerEvent::pause : WorkerEvent::drain);
      recall_unstarted(worker);
      decision.changes.workers.push_back(worker.row);
      break;
    case WorkerVerb::resume:
      if (was_quarantined) {
        lift_quarantine(worker, "a person resumed it", input.principal.user);
        return reply(input.request, std::move(answer));
      }
      resume(worker);
      break;
    case WorkerVerb::lost:
      lose_all(worker, "a person said that worker " + worker.row.name + " is lost");
      break;
    case WorkerVerb::remove:
      if (worker.session != 0) {
        decision.effects.push_back(CloseSession{worker.session, "the worker was removed"});
        disconnect(worker);
      }
      worker.row.state = kWorkerCycle.next(worker.row.state, WorkerEvent::remove);
      decision.changes.workers.push_back(worker.row);
      renew_served_groups();
      kind = EventKind::worker_removed;
      break;
  }
  journal(kind, 0, std::move(text), input.principal.user, 0, 0, worker.row.id);
  reply(input.request, std::move(answer));
}

void Engine::State::set_capacity(Worker& worker) {
  worker.capacity = worker.row.facts.capacity;
  if (worker.row.cpu_slots) worker.capacity.cpu_slots = *worker.row.cpu_slots;
  if (worker.row.gpu_slots) worker.capacity.gpu_slots = *worker.row.gpu_slots;
  worker.capacity.named = worker.row.offers;
  freed.insert(worker.row.id);
  note_hold(worker);
}

Capacity whole_capacity(const Worker& worker) {
  // Slots that an operator switched off for now can be switched on again: they count.
  Capacity whole = worker.capacity;
  const Capacity& machine = worker.row.facts.capacity;
  whole.cpu_slots = std::max(whole.cpu_slots, machine.cpu_slots);
  whole.gpu_slots = std::max(whole.gpu_slots, machine.gpu_slots);
  if (!worker.row.is_declared_only()) return whole;
  // Only what was said of it is known.
  if (!worker.row.cpu_slots) whole.cpu_slots = UINT32_MAX;
  if (!worker.row.gpu_slots) whole.gpu_slots = UINT32_MAX;
  whole.cpus = UINT32_MAX;
  whole.mem_mb = whole.disk_mb = UINT64_MAX;
  return whole;
}

}  // namespace muster::engine
