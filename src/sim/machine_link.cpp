// A simulated worker's dealings with the server and with its fate: connections, logs, reboots, other resources.
// Must hold: what a reboot leaves is only the folder, and of its newest records not all.
#include <algorithm>
#include <charconv>

#include "sim/machine.h"
#include "sim/world.h"

namespace muster::sim {

// ---- connection

void Machine::plan_connect(Micros delay_us) {
  later(delay_us, [this, life = agent_life_] {
    if (life == agent_life_) connect();
  });
}

void Machine::connect() {
  if (!agent_ || link_ != nullptr) return;
  const Micros longest_us = world_.healed ? 100'000 : 1'000'000;
  if (!met_all_keepers() || !reachable() || !world_.server.up())
    return plan_connect(world_.random.spread(100, longest_us));
  link_ = world_.server.accept(*this);
  AgentHello hello;
  hello.worker_name = name_;
  hello.spool_id = spool_id_;
  hello.facts = facts_;
  mutate_hello(world_.mutant, hello);
  link_->say_hello(hello);
  later(15'000'000, [this, life = agent_life_, link = link_] {
    if (life == agent_life_ && link_ == link && !welcomed_) link->break_off();
  });
}

void Machine::welcomed(Link& link) {
  if (link_ != &link || welcomed_ || !agent_) return;
  welcomed_ = true;
  heard_seq_ = 0;
  world_.trace.note(world_.now_us(), "welcomed", {number_, link.session()});
  feed(agent::Connected{link.session()});
  for (const auto& [id, entry] : keepers_) log_grew(*entry.keeper, 1, entry.keeper->inventory().log_offset);
}

void Machine::hear(Link& link, const ServerMessage& message) {
  if (link_ != &link || !welcomed_) return;
  const Capacity before = told_;
  // The agent takes no notice of what was overtaken.
  const bool late = message.seq <= heard_seq_;
  if (!late) {
    heard_seq_ = message.seq;
    told_ = facts_.capacity;
    if (message.cpu_slots) told_.cpu_slots = *message.cpu_slots;
    if (message.gpu_slots) told_.gpu_slots = *message.gpu_slots;
    told_.named = message.named;
  }
  if (before != told_) {
    capacities_.emplace_back(world_.now_us(), before);
    note_capacity();
  }
  if (world_.trace.is_kept())
    say("hears " + std::to_string(message.session) + "/" + std::to_string(message.seq));
  feed(agent::ServerSaid{mutated_message(world_, *this, message)});
}

void Machine::start_again(const ServerMessage& message) {
  for (const Grant& grant : message.grants) {
    for (std::uint64_t k = 0; k < grant.count; ++k) {
      const AttemptRef attempt{grant.batch, grant.first_index + k * grant.step, grant.attempt,
                               grant.incarnation};
      for (auto& [id, entry] : keepers_) entry.keeper->start_again(attempt);
    }
  }
}

void Machine::link_lost(Link& link) {
  if (link_ != &link) return;
  link_ = nullptr;
  const bool was_welcomed = std::exchange(welcomed_, false);
  world_.trace.note(world_.now_us(), "link lost", {number_, link.session()});
  if (was_welcomed) feed(agent::Disconnected{});
  plan_connect(world_.random.spread(100, world_.healed ? 100'000 : 1'000'000));
}

void Machine::log_grew(const Keeper& keeper, std::uint64_t segment, std::uint64_t offset) {
  if (link_ == nullptr || !welcomed_) return;
  later(world_.random.spread(100, world_.healed ? 10'000 : 2'000'000),
        [this, link = link_, id = keeper.id(), segment, offset] {
          if (link_ == link && world_.server.up()) link->logs_taken(id, segment, offset);
        });
}

void Machine::hear_logs_taken(Link& link, std::uint64_t keeper, std::uint64_t segment, std::uint64_t offset) {
  if (link_ == &link && welcomed_) feed(agent::LogsTaken{keeper, segment, offset});
}

void Machine::break_link() {
  if (link_ != nullptr) link_->break_off();
}

void Machine::partition(Micros for_us) {
  world_.trace.note(world_.now_us(), "partition", {number_, static_cast<std::uint64_t>(for_us)});
  out_of_reach_until_us_ = std::max(out_of_reach_until_us_, world_.now_us() + for_us);
  break_link();
}

void Machine::stall(Way way, Micros for_us) {
  world_.trace.note(world_.now_us(), "stall",
                    {number_, static_cast<std::uint64_t>(way), static_cast<std::uint64_t>(for_us)});
  Micros& until_us = held_until_us_[static_cast<std::size_t>(way)];
  until_us = std::max(until_us, world_.now_us() + for_us);
}

void Machine::heal() {
  out_of_reach_until_us_ = 0;
  held_until_us_[0] = held_until_us_[1] = 0;
  if (frozen()) {
    frozen_until_us_ = world_.now_us();
    thaw();
  }
}

// ---- fate

void Machine::reboot() {
  world_.trace.note(world_.now_us(), "reboot", {number_});
  for (auto& [id, entry] : keepers_) entry.keeper->die(Keeper::Loss::machine);
  drop_agent();
  ++machine_life_;
  frozen_until_us_ = 0;
  capacities_.clear();
  facts_.boot_id = facts_.host + "-boot" + std::to_string(++boots_);
  clock_.restart(world_.now_us());
  for (auto& [id, entry] : keepers_) entry.report_planned = false;
  later(world_.random.spread(10'000, 20'000'000), [this] { start_agent(); });
}

void Machine::lose_folder() {
  world_.trace.note(world_.now_us(), "folder lost", {number_});
  for (auto& [id, entry] : keepers_) entry.keeper->die(Keeper::Loss::process);
  drop_agent();
  ++machine_life_;
  frozen_until_us_ = 0;
  for (auto& [id, entry] : keepers_) gone_.push_back(std::move(entry.keeper));
  keepers_.clear();
  spool_id_ = name_ + "-folder" + std::to_string(++folders_);
  // What was under way to the server was sent before a person could see that the machine is empty.
  if (!world_.healed && world_.random.one_in(3)) world_.people.say_lost(name_);
  later(world_.random.spread(200'000, 5'000'000), [this] { start_agent(); });
}

void Machine::change_facts() {
  if (!agent_) return;
  capacities_.emplace_back(world_.now_us(), told_);
  const Capacity before = facts_.capacity;
  facts_.capacity.cpu_slots = static_cast<std::uint32_t>(world_.random.between(1, 4));
  facts_.capacity.mem_mb = static_cast<std::uint64_t>(world_.random.between(512, 4096));
  if (told_.cpu_slots == before.cpu_slots) told_.cpu_slots = facts_.capacity.cpu_slots;
  told_.mem_mb = facts_.capacity.mem_mb;
  note_capacity();
  feed(agent::FactsChanged{facts_});
}

// ---- what may run

void Machine::note_capacity() {
  while (capacities_.size() > 16) capacities_.pop_front();
}

namespace {

Capacity larger(const Capacity& a, const Capacity& b) {
  Capacity both{.cpu_slots = std::max(a.cpu_slots, b.cpu_slots),
                .gpu_slots = std::max(a.gpu_slots, b.gpu_slots),
                .cpus = std::max(a.cpus, b.cpus),
                .mem_mb = std::max(a.mem_mb, b.mem_mb),
                .disk_mb = std::max(a.disk_mb, b.disk_mb),
                .named = a.named};
  for (const auto& [name, amount] : b.named) {
    if (amount <= amount_of(both.named, name)) continue;
    std::erase_if(both.named,
                  [&, wanted = std::string_view(name)](const auto& entry) { return entry.first == wanted; });
    both.named.emplace_back(name, amount);
  }
  return both;
}

}  // namespace

// Requests to keepers take their time: for so long, what was allowed before is allowed still.
Capacity Machine::allowed() const {
  constexpr Micros kGrace_us = 2'000'000;
  Capacity most = told_;
  for (const auto& [until_us, capacity] : capacities_) {
    if (until_us + kGrace_us >= world_.now_us()) most = larger(most, capacity);
  }
  return most;
}

namespace {

std::string variable(const KeeperStart& start, std::string_view name) {
  for (const auto& [key, value] : start.environment) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::uint32_t> gpus_of(const KeeperStart& start) {
  std::vector<std::uint32_t> gpus;
  const std::string text = variable(start, "CUDA_VISIBLE_DEVICES");
  for (const char* at = text.data(); at < text.data() + text.size();) {
    std::uint32_t gpu = 0;
    at = std::from_chars(at, text.data() + text.size(), gpu).ptr + 1;
    gpus.push_back(gpu);
  }
  return gpus;
}

}  // namespace

void Machine::process_started(const KeeperStart& start) {
  const TaskFacts task = world_.server.facts_of(start.attempt);
  if (variable(start, "MUSTER_TASK_NUMBER") != std::to_string(task.number)) {
    throw Broken{describe(start.attempt) + " was given the number of another task"};
  }
  const std::vector<std::string> given(start.arguments.begin() + 1, start.arguments.end());
  if (given != task.item) throw Broken{describe(start.attempt) + " was given the item of another task"};
  ProcessStart process;
  process.attempt = start.attempt;
  process.worker = number_;
  process.resources = task.resources;
  process.gpus = gpus_of(start);
  process.allowed = allowed();
  if (task.rerun == Rerun::never) process.starts_allowed = 1 + task.retries_by_people;
  world_.truth.started(process);
}

}  // namespace muster::sim
