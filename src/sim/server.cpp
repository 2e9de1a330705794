// The loop around the engine: groups of inputs, commits with their faults, and what is said after them.
// Must hold: nothing leaves before its commit, unless the run plants exactly that mistake.
#include "sim/server.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/world.h"

namespace muster::sim {

Server::Server(World& world)
    : world_(world), clock_(world.random), disk_(store_), ledger_(world.truth), oracle_(ledger_) {}
Server::~Server() = default;

Now Server::now() const { return clock_.at(world_.now_us()); }

// ---- life

void Server::start() {
  if (up()) return;
  restart_engine();
  plan_pump(1);
}

void Server::restart_engine() {
  ++life_;
  StoreSnapshot snapshot = disk_.load();
  world_.trace.note(world_.now_us(), "server up", {snapshot.incarnation, snapshot.batches.size()});
  mutate_snapshot(world_.mutant, snapshot);
  ledger_.load(store_);
  oracle_.restart();
  engine_.emplace(engine_options(world_.limits));
  Now from = now();
  if (world_.mutant == Mutant::silence_is_loss) from.mono_us -= world_.limits.lease_us;
  engine_->restore(std::move(snapshot), from);
  going_down_ = false;
  if (space_ == SpaceState::low) inbox_.push_back(DiskSpace{space_});
  arm_tick();
}

void Server::drop_engine() {
  if (!up()) return;
  ++life_;
  ++tick_life_;
  engine_.reset();
  inbox_.clear();
  pump_planned_ = false;
  welcomed_.clear();
  for (const auto& [session, link] : std::exchange(links_, {})) link->server_left();
}

void Server::crash(Micros down_us) {
  if (!up()) return;
  world_.trace.note(world_.now_us(), "server down", {static_cast<std::uint64_t>(down_us)});
  drop_engine();
  world_.schedule.after(down_us, [this] { start(); });
}

void Server::reboot() {
  const Micros down_us = world_.random.spread(100'000, 20'000'000);
  clock_.restart(world_.now_us());
  crash(down_us);
}

void Server::freeze(Micros for_us) {
  world_.trace.note(world_.now_us(), "server frozen", {static_cast<std::uint64_t>(for_us)});
  frozen_until_us_ = std::max(frozen_until_us_, world_.now_us() + for_us);
}

void Server::thaw() {
  if (world_.now_us() >= frozen_until_us_) return;
  frozen_until_us_ = world_.now_us();
  if (up()) pump();
}

void Server::set_space(SpaceState space) {
  if (space == space_) return;
  space_ = space;
  if (up()) {
    inbox_.push_back(DiskSpace{space});
    plan_pump(1);
  }
}

// ---- inbox

void Server::post(Input input) {
  if (!up()) return;
  inbox_.push_back(std::move(input));
  plan_pump(world_.random.spread(1, 500));
}

void Server::plan_pump(Micros delay_us) {
  if (pump_planned_) return;
  pump_planned_ = true;
  world_.schedule.after(delay_us, [this, life = life_] {
    if (life == life_) pump();
  });
}

void Server::pump() {
  if (world_.now_us() < frozen_until_us_) {
    pump_planned_ = true;
    world_.schedule.at(frozen_until_us_, [this, life = life_] {
      if (life == life_) pump();
    });
    return;
  }
  pump_planned_ = false;
  run_group();
  if (!up()) return;
  if (!inbox_.empty()) plan_pump(world_.random.spread(1, 2000));
  arm_tick();
}

void Server::arm_tick() {
  const std::uint64_t tick_life = ++tick_life_;
  const Micros due_us = engine_->next_due_us();
  if (due_us == std::numeric_limits<Micros>::max()) return;
  world_.schedule.at(std::max(world_.now_us(), clock_.world_us(due_us)), [this, tick_life] {
    if (tick_life != tick_life_ || !up()) return;
    ticks_at_once_ = last_tick_us_ == world_.now_us() ? ticks_at_once_ + 1 : 0;
    last_tick_us_ = world_.now_us();
    if (ticks_at_once_ > 10'000) throw Broken{"the engine asks for ticks without an end"};
    inbox_.push_back(Tick{});
    if (!pump_planned_) pump();
  });
}

Link* Server::accept(Machine& machine) {
  const SessionId session = next_session_++;
  world_.links.push_back(std::make_unique<Link>(world_, machine, session, machine.agent_life(), life_));
  links_[session] = world_.links.back().get();
  return world_.links.back().get();
}

void Server::take_hello(Link& link, const AgentHello& hello, WorkerPlace place) {
  post(AgentConnected{link.session(), hello, place});
}

void Server::take_message(Link& link, const AgentMessage& message) {
  if (!links_.contains(link.session())) return;
  post(AgentSaid{mutated_message(world_, message)});
}

void Server::link_gone(SessionId session, std::uint64_t server_life) {
  if (!up() || server_life != life_) return;
  links_.erase(session);
  post(AgentGone{session});
}

// ---- one group

void Server::run_group() {
  Changes changes;
  std::vector<Effect> effects;
  std::uint64_t count = static_cast<std::uint64_t>(world_.random.between(1, world_.limits.group_inputs_max));
  for (; count > 0 && !inbox_.empty(); --count) {
    Input input = std::move(inbox_.front());
    inbox_.pop_front();
    handle(std::move(input), changes, effects);
  }
  if (world_.mutant == Mutant::speaks_first) {
    perform(std::exchange(effects, {}));
    if (!up()) return;
  }
  const bool dies = !world_.healed && world_.random.chance(world_.rules.crash_at_commit_permille);
  const std::uint64_t where = dies ? world_.random.below(3) : 3;
  const Micros down_us = world_.random.spread(1000, 10'000'000);
  if (where == 0) return crash(down_us);
  if (!commit(changes)) return;
  if (where == 1) return crash(down_us);
  if (where == 2) {  // in the midst of speaking
    if (!effects.empty()) effects.resize(world_.random.below(effects.size()));
    perform(std::move(effects));
    return crash(down_us);
  }
  engine_->committed();
  if (world_.random.one_in(40)) compare_with_store();
  perform(std::move(effects));
}

bool Server::commit(const Changes& changes) {
  if (changes.empty()) return true;
  const Rules& rules = world_.rules;
  if (!world_.healed) {
    if (world_.random.chance(rules.refused_permille)) disk_.set_next_commit(store::CommitFault::refused);
    if (world_.random.chance(rules.unknown_permille)) {
      disk_.set_next_commit(world_.random.one_in(2) ? store::CommitFault::unknown_written
                                                    : store::CommitFault::unknown_not_written);
    }
  }
  try {
    disk_.commit(changes);
    world_.trace.note(world_.now_us(), "commit",
                      {changes.tasks.size(), changes.batches.size(), changes.events.size()});
    return true;
  } catch (const StoreFull&) {
    world_.trace.note(world_.now_us(), "commit refused");
  } catch (const StoreUnknown&) {
    world_.trace.note(world_.now_us(), "commit unknown");
  }
  // What is in memory may be ahead of the disk: all of it is dropped, and with it every connection and question.
  drop_engine();
  restart_engine();
  return false;
}

namespace {

void merge_into(ServerMessage& into, const ServerMessage& later) {
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  into.seq = later.seq;
  if (later.echo_sent_mono_us != 0) into.echo_sent_mono_us = later.echo_sent_mono_us;
  into.cpu_slots = later.cpu_slots;
  into.gpu_slots = later.gpu_slots;
  into.named = later.named;
  append(into.templates, later.templates);
  append(into.grants, later.grants);
  append(into.stops, later.stops);
  append(into.forget, later.forget);
}

// As the real loop: everything that a group has to say to a session is one message; connections are closed last.
std::vector<Effect> merged(std::vector<Effect> effects) {
  std::vector<Effect> result;
  std::vector<Effect> closes;
  std::vector<Effect> replies;
  std::map<SessionId, std::size_t> at;
  for (Effect& effect : effects) {
    auto* said = std::get_if<ToAgent>(&effect);
    if (said == nullptr) {
      (std::holds_alternative<CloseSession>(effect) ? closes : replies).push_back(std::move(effect));
      continue;
    }
    const auto [found, fresh] = at.emplace(said->message.session, result.size());
    if (fresh) {
      result.push_back(std::move(effect));
    } else {
      merge_into(std::get<ToAgent>(result[found->second]).message, said->message);
    }
  }
  for (const Effect& close : closes) {
    std::erase_if(result, [&](const Effect& effect) {
      return std::get<ToAgent>(effect).message.session == std::get<CloseSession>(close).session;
    });
  }
  std::move(closes.begin(), closes.end(), std::back_inserter(result));
  std::move(replies.begin(), replies.end(), std::back_inserter(result));
  return result;
}

}  // namespace

void Server::perform(std::vector<Effect> effects) {
  if (world_.rules.merges_messages) effects = merged(std::move(effects));
  for (const Effect& effect : effects) {
    perform_one(effect);
    if (!up()) return;
  }
}

void Server::perform_one(const Effect& effect) {
  if (const auto* reply = std::get_if<Reply>(&effect)) {
    check_spoken(*reply);
    world_.people.hear(*reply);
    if (std::holds_alternative<ShutDownDone>(reply->body) && going_down_)
      crash(world_.random.spread(100'000, 10'000'000));
  } else if (const auto* said = std::get_if<ToAgent>(&effect)) {
    check_spoken(said->message);
    const auto link = links_.find(said->message.session);
    if (link == links_.end()) return;
    if (world_.trace.is_kept()) world_.trace.say(world_.now_us(), describe(said->message));
    if (welcomed_.insert(said->message.session).second) link->second->welcome();
    link->second->to_agent(said->message);
  } else {
    const SessionId session = std::get<CloseSession>(effect).session;
    const auto link = links_.find(session);
    if (link == links_.end()) return;
    Link* closed = link->second;
    links_.erase(link);
    closed->server_left();
  }
}

// ---- one input

namespace {

std::vector<BatchId> batches_of(const Input& input) {
  std::vector<BatchId> ids;
  if (const auto* change = std::get_if<Change>(&input)) {
    for (const Target& target : change->targets) ids.push_back(target.batch);
  } else if (const auto* submit = std::get_if<Submit>(&input)) {
    if (submit->batch != 0) ids.push_back(submit->batch);
    for (const Dependency& dependency : submit->dependencies) ids.push_back(dependency.batch);
  } else if (const auto* set = std::get_if<SetBatch>(&input)) {
    ids.push_back(set->batch);
  }
  return ids;
}

}  // namespace

void Server::load_what_is_missing(const Input& input, Changes& changes, std::vector<Effect>& effects) {
  for (const BatchId id : batches_of(input)) load(id, changes, effects);
}

void Server::load(BatchId id, Changes& changes, std::vector<Effect>& effects) {
  for (const BatchId missing : engine_->missing_for(id)) {
    std::optional<BatchSnapshot> snapshot = store_.load_batch(missing);
    if (!snapshot) return;
    handle(LoadedBatch{std::move(*snapshot)}, changes, effects);
    if (missing == id) load(id, changes, effects);
  }
}

void Server::handle(Input input, Changes& changes, std::vector<Effect>& effects) {
  if (auto* submit = std::get_if<Submit>(&input)) {
    if (!submit->key.empty()) submit->known_key = store_.key(submit->principal.project, submit->key);
    if (submit->batch == 0 && !submit->batch_name.empty()) {
      const auto id =
          store_.newest_batch_named(submit->principal.project, submit->batch_name, History::Closed::excluded);
      if (id) submit->batch = *id;
    }
  }
  if (auto* change = std::get_if<Change>(&input); change != nullptr && !change->key.empty())
    change->known_key = store_.key(change->principal.project, change->key);
  if (std::holds_alternative<ShutDown>(input)) going_down_ = true;
  load_what_is_missing(input, changes, effects);
  world_.trace.note(world_.now_us(), "input", {input.index()});
  if (world_.trace.is_kept()) world_.trace.say(world_.now_us(), describe(input));
  const Expectation expected = oracle_.expect(input, *engine_);
  Decision decision = engine_->handle(input, now());
  mutate_decision(world_, life_, decision);
  ledger_.apply(decision.changes, input, store_.incarnation());
  check_after(input, expected, decision);
  changes.merge(std::move(decision.changes));
  std::move(decision.effects.begin(), decision.effects.end(), std::back_inserter(effects));
}

}  // namespace muster::sim
