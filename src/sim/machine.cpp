// The life of a simulated worker: what its agent is told, and what becomes of what the agent asks.
// Must hold: everything that reaches it while it stands still waits until it is awake.
#include "sim/machine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/world.h"

namespace muster::sim {

namespace {

Capacity draw_capacity(Random& random) {
  Capacity capacity;
  capacity.cpu_slots = static_cast<std::uint32_t>(random.between(1, 4));
  capacity.gpu_slots = random.one_in(2) ? static_cast<std::uint32_t>(random.between(1, 3)) : 0;
  capacity.cpus = static_cast<std::uint32_t>(random.between(1, 8));
  capacity.mem_mb = static_cast<std::uint64_t>(random.between(512, 4096));
  capacity.disk_mb = static_cast<std::uint64_t>(random.between(512, 4096));
  return capacity;
}

constexpr Micros kKeeperDelayMax_us = 500'000;

}  // namespace

Machine::Machine(World& world, std::size_t number) : world_(world), number_(number), clock_(world.random) {
  facts_.host = "host" + std::to_string(number);
  facts_.boot_id = facts_.host + "-boot1";
  facts_.version = "1";
  facts_.capacity = draw_capacity(world.random);
  name_ = "w" + std::to_string(number);
  spool_id_ = name_ + "-folder1";
  told_ = facts_.capacity;
}

Now Machine::now() const { return clock_.at(world_.now_us()); }
bool Machine::frozen() const { return world_.now_us() < frozen_until_us_; }
bool Machine::reachable() const { return world_.now_us() >= out_of_reach_until_us_; }

bool Machine::idle() const {
  return agent_ && agent_->size() == 0 &&
         std::all_of(keepers_.begin(), keepers_.end(), [](const auto& entry) {
           return !entry.second.keeper->alive() || entry.second.keeper->empty();
         });
}

Micros Machine::short_delay() {
  return world_.random.one_in(100) ? world_.random.spread(50, kKeeperDelayMax_us)
                                   : world_.random.spread(50, 2000);
}

// ---- time

void Machine::when_awake(Schedule::Action action) {
  if (!frozen()) return action();
  world_.schedule.at(frozen_until_us_, [this, life = machine_life_, action = std::move(action)]() mutable {
    if (life == machine_life_) when_awake(std::move(action));
  });
}

void Machine::later(Micros delay_us, Schedule::Action action) {
  world_.schedule.after(delay_us, [this, life = machine_life_, action = std::move(action)]() mutable {
    if (life == machine_life_) when_awake(std::move(action));
  });
}

void Machine::at_mono(Micros mono_us, Schedule::Action action) {
  if (mono_us == std::numeric_limits<Micros>::max()) return;
  later(std::max<Micros>(0, clock_.world_us(mono_us) - world_.now_us()), std::move(action));
}

void Machine::freeze(Micros for_us) {
  frozen_until_us_ = std::max(frozen_until_us_, world_.now_us() + for_us);
  world_.truth.frozen(number_);
  world_.schedule.at(frozen_until_us_, [this, life = machine_life_] {
    if (life == machine_life_) thaw();
  });
}

void Machine::thaw() {
  if (frozen()) return;
  for (auto& [until_us, capacity] : capacities_) until_us = world_.now_us();
  for (auto& [id, entry] : keepers_) entry.keeper->enforce_deadline();
}

// ---- agent

agent::AgentOptions Machine::agent_options() const {
  agent::AgentOptions options;
  options.facts = facts_;
  options.work_folder = "/work";
  options.environment = {{"PATH", "/bin"}};
  options.log_patience_us = world_.limits.log_patience_us;
  options.run_queue_depth = static_cast<std::uint64_t>(world_.limits.run_queue_depth);
  return options;
}

void Machine::start_agent() {
  if (agent_) return;
  ++agent_life_;
  ++facts_.process_id;
  world_.trace.note(world_.now_us(), "agent up", {number_, agent_life_});
  agent_.emplace(agent_options());
  note_capacity();
  meet_keepers();
  plan_connect(short_delay());
}

void Machine::drop_agent() {
  if (!agent_) return;
  ++agent_life_;
  ++tick_life_;
  agent_.reset();
  welcomed_ = false;
  if (link_ != nullptr) std::exchange(link_, nullptr)->agent_left();
  for (auto& [id, entry] : keepers_) {
    entry.joined = false;
    entry.told_dead = false;
    entry.pending = {};
  }
}

void Machine::crash_agent() {
  if (!agent_) return;
  world_.trace.note(world_.now_us(), "agent crash", {number_});
  drop_agent();
  later(world_.healed ? 1000 : world_.random.spread(1000, 20'000'000), [this] { start_agent(); });
}

void Machine::feed(const agent::Input& input) {
  if (!agent_) return;
  perform(agent_->handle(input, now()));
  if (world_.random.one_in(8)) {
    const std::vector<std::string> broken = agent_->audit();
    if (!broken.empty()) throw Broken{"agent " + std::to_string(number_) + ": " + broken.front()};
  }
  arm_tick();
}

void Machine::perform(agent::AgentDecision decision) {
  if (!decision.to_server.empty() && (link_ == nullptr || !welcomed_))
    throw Broken{"an agent spoke without a connection"};
  for (const AgentMessage& message : decision.to_server) link_->to_server(message);
  for (agent::ToKeeper& one : decision.to_keepers) {
    KeeperEntry& entry = keepers_.at(one.keeper);
    if (world_.trace.is_kept()) say(describe(one.request));
    entry.last_request_us = std::max(entry.last_request_us, world_.now_us() + short_delay());
    world_.schedule.at(entry.last_request_us,
                       [this, life = machine_life_, from = agent_life_, one = std::move(one)]() mutable {
                         if (life != machine_life_) return;
                         when_awake([this, from, one = std::move(one)]() mutable {
                           // What a dead agent left in the pipe is thrown away when the next one joins.
                           if (from == agent_life_ || !agent_) deliver(one.keeper, std::move(one.request));
                         });
                       });
  }
  std::vector<agent::KeeperId> gone;
  for (const auto& [id, entry] : keepers_) {
    if (entry.told_dead && !agent_->remembers(id)) gone.push_back(id);
  }
  for (const agent::KeeperId id : gone) {
    gone_.push_back(std::move(keepers_.at(id).keeper));
    keepers_.erase(id);
  }
}

void Machine::say(const std::string& words) {
  world_.trace.say(world_.now_us(), "worker " + std::to_string(number_) + " " + words);
}

void Machine::arm_tick() {
  const Micros due_us = agent_->next_due_us();
  const std::uint64_t life = ++tick_life_;
  at_mono(due_us, [this, life] {
    if (life != tick_life_ || !agent_) return;
    idle_ticks_ = last_tick_us_ == world_.now_us() ? idle_ticks_ + 1 : 0;
    last_tick_us_ = world_.now_us();
    if (idle_ticks_ > 100)
      throw Broken{"agent " + std::to_string(number_) + " asks for ticks without an end"};
    feed(agent::Tick{});
  });
}

// ---- keepers

void Machine::meet_keepers() {
  bool any_alive = false;
  for (const auto& [id, entry] : keepers_) {
    any_alive = any_alive || entry.keeper->alive();
    later(short_delay(), [this, keeper = id, life = agent_life_] {
      if (life != agent_life_ || !keepers_.contains(keeper)) return;
      if (keepers_.at(keeper).keeper->alive()) {
        join(keeper);
      } else {
        tell_dead(keeper);
      }
    });
  }
  if (!any_alive) add_keeper();
}

bool Machine::met_all_keepers() const {
  return std::all_of(keepers_.begin(), keepers_.end(),
                     [](const auto& entry) { return entry.second.joined || entry.second.told_dead; });
}

void Machine::add_keeper() {
  if (!agent_) return;
  const agent::KeeperId id = next_keeper_++;
  keepers_[id].keeper = std::make_unique<Keeper>(world_, *this, id);
  world_.trace.note(world_.now_us(), "keeper up", {number_, id});
  later(short_delay(), [this, id, life = agent_life_] {
    if (life == agent_life_ && keepers_.contains(id) && keepers_.at(id).keeper->alive()) join(id);
  });
}

void Machine::join(agent::KeeperId id) {
  KeeperEntry& entry = keepers_.at(id);
  if (!agent_ || entry.joined) return;
  entry.joined = true;
  entry.pending = {};
  feed(agent::KeeperJoined{id, entry.keeper->inventory()});
}

void Machine::tell_dead(agent::KeeperId id) {
  KeeperEntry& entry = keepers_.at(id);
  if (!agent_ || entry.told_dead) return;
  entry.told_dead = true;
  Keeper::Records records = entry.keeper->read_records();
  world_.trace.note(world_.now_us(), "keeper dead",
                    {number_, id, records.started.size(), records.ended.size()});
  const bool was_newest = id == keepers_.rbegin()->first;
  feed(agent::KeeperDied{id, std::move(records.started), std::move(records.ended)});
  if (was_newest) add_keeper();
}

void Machine::bury(agent::KeeperId id) {
  later(short_delay(), [this, id, life = agent_life_] {
    if (life == agent_life_ && agent_ && keepers_.contains(id)) tell_dead(id);
  });
}

void Machine::keeper_left(agent::KeeperId id) {
  later(0, [this, id] {
    const auto found = keepers_.find(id);
    if (found == keepers_.end() || !found->second.keeper->alive() || !found->second.keeper->empty()) return;
    found->second.keeper->die(Keeper::Loss::process);
    bury(id);
  });
}

void Machine::crash_keeper() {
  std::vector<agent::KeeperId> alive;
  for (const auto& [id, entry] : keepers_) {
    if (entry.keeper->alive()) alive.push_back(id);
  }
  if (alive.empty()) return;
  const agent::KeeperId id = world_.random.pick(alive);
  world_.trace.note(world_.now_us(), "keeper crash", {number_, id});
  keepers_.at(id).keeper->die(Keeper::Loss::process);
  bury(id);
}

void Machine::crash_all() {
  for (auto& [id, entry] : keepers_) {
    if (entry.keeper->alive()) entry.keeper->die(Keeper::Loss::process);
  }
  crash_agent();
}

void Machine::deliver(agent::KeeperId id, KeeperRequest request) {
  const auto found = keepers_.find(id);
  mutate_request(world_.mutant, request);
  if (found != keepers_.end() && found->second.keeper->alive()) found->second.keeper->take(request);
}

void Machine::report(Keeper& keeper, const std::function<void(KeeperReport&)>& add) {
  const auto found = keepers_.find(keeper.id());
  if (found == keepers_.end() || !found->second.joined) return;  // the inventory will tell
  KeeperEntry& entry = found->second;
  add(entry.pending);
  if (entry.report_planned) return;
  entry.report_planned = true;
  entry.last_report_us = std::max(entry.last_report_us, world_.now_us() + short_delay());
  later(entry.last_report_us - world_.now_us(), [this, id = keeper.id()] { send_report(id); });
}

void Machine::send_report(agent::KeeperId id) {
  const auto found = keepers_.find(id);
  if (found == keepers_.end()) return;
  KeeperEntry& entry = found->second;
  entry.report_planned = false;
  if (!entry.joined || !agent_ || entry.told_dead) return;
  KeeperReport report = std::exchange(entry.pending, {});
  // "those that are still running when the report leaves"
  std::erase_if(report.started, [&](const KeeperStarted& started) {
    return std::any_of(report.ended.begin(), report.ended.end(),
                       [&](const KeeperEnd& end) { return end.attempt == started.attempt; });
  });
  if (world_.trace.is_kept()) say(describe(report));
  if (!report.started.empty() || !report.ended.empty()) feed(agent::KeeperSaid{id, std::move(report)});
}

}  // namespace muster::sim
