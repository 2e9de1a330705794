// A simulated worker: a machine with clocks, keepers, and an agent with the loop around it that a real one has.
// Must hold: the agent is told of a connection only after every keeper was joined or found dead, as agent.h demands.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "sim/keeper.h"
#include "sim/link.h"
#include "sim/machine_clock.h"
#include "sim/schedule.h"

namespace muster::sim {

class Machine {
 public:
  Machine(World& world, std::size_t number);

  std::size_t number() const { return number_; }
  Now now() const;
  bool frozen() const;
  const WorkerFacts& facts() const { return facts_; }
  std::size_t agent_size() const { return agent_ ? agent_->size() : 0; }
  bool idle() const;  // nothing runs, nothing is remembered

  // ---- what happens to it
  void start_agent();
  void crash_agent();
  void crash_keeper();
  void crash_all();  // agent and keepers
  void reboot();
  void lose_folder();  // … and everything in it: comes back as another worker
  void freeze(Micros for_us);
  void thaw();
  void jump_wall(Micros by_us) { clock_.jump_wall(by_us); }
  void add_keeper();
  void change_facts();
  void partition(Micros for_us);
  void stall(Way way, Micros for_us);
  Micros held_until_us(Way way) const { return held_until_us_[static_cast<std::size_t>(way)]; }
  void break_link();
  void heal();

  // ---- for its keepers
  void process_started(const KeeperStart& start);
  void report(Keeper& keeper, const std::function<void(KeeperReport&)>& add);
  void log_grew(const Keeper& keeper, std::uint64_t segment, std::uint64_t offset);
  void keeper_left(agent::KeeperId id);
  void later(Micros delay_us, Schedule::Action action);
  void at_mono(Micros mono_us, Schedule::Action action);

  // ---- for its link
  std::uint64_t agent_life() const { return agent_life_; }
  Link* link() { return link_; }
  void welcomed(Link& link);
  void hear(Link& link, const ServerMessage& message);
  void hear_logs_taken(Link& link, std::uint64_t keeper, std::uint64_t segment, std::uint64_t offset);
  void link_lost(Link& link);
  bool reachable() const;
  // A planted mistake: what is granted again and runs already is started again.
  void start_again(const ServerMessage& message);
  // Runs `action` now, or when the machine is awake again.
  void when_awake(Schedule::Action action);

 private:
  struct KeeperEntry {
    std::unique_ptr<Keeper> keeper;
    bool joined = false;        // by the present agent
    bool told_dead = false;     // to the present agent
    Micros last_report_us = 0;  // reports and requests keep their order
    Micros last_request_us = 0;
    KeeperReport pending;
    bool report_planned = false;
  };

  void feed(const agent::Input& input);
  void perform(agent::AgentDecision decision);
  void arm_tick();
  void meet_keepers();
  void join(agent::KeeperId id);
  void tell_dead(agent::KeeperId id);
  void bury(agent::KeeperId id);
  bool met_all_keepers() const;
  void deliver(agent::KeeperId id, KeeperRequest request);
  void send_report(agent::KeeperId id);
  void plan_connect(Micros delay_us);
  void connect();
  void drop_agent();
  void note_capacity();
  Capacity allowed() const;
  agent::AgentOptions agent_options() const;
  Micros short_delay();
  void say(const std::string& words);

  World& world_;
  std::size_t number_;
  MachineClock clock_;
  WorkerFacts facts_;
  std::string name_;
  std::string spool_id_;
  std::uint64_t boots_ = 1;
  std::uint64_t folders_ = 1;
  std::uint64_t machine_life_ = 1;
  std::uint64_t agent_life_ = 0;
  std::uint64_t tick_life_ = 0;
  std::uint64_t idle_ticks_ = 0;
  Micros last_tick_us_ = -1;
  Micros frozen_until_us_ = 0;
  Micros out_of_reach_until_us_ = 0;
  Micros held_until_us_[2] = {0, 0};
  std::map<agent::KeeperId, KeeperEntry> keepers_;
  std::vector<std::unique_ptr<Keeper>> gone_;  // planned actions may still name them
  agent::KeeperId next_keeper_ = 1;
  std::optional<agent::Agent> agent_;
  Link* link_ = nullptr;  // owned by the world
  bool welcomed_ = false;
  std::uint64_t connects_ = 0;
  std::uint64_t heard_seq_ = 0;  // of this connection
  Capacity told_;                // operator's slots over facts, as the agent last heard
  std::deque<std::pair<Micros, Capacity>> capacities_;  // what was allowed until when
};

}  // namespace muster::sim
