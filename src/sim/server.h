// The simulated server: the engine, a store that fails when told to, and the loop that commits first and speaks then.
// Must hold: the loop does what the real one does and nothing else: several inputs, one commit, then the effects in order.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "sim/ledger.h"
#include "sim/machine_clock.h"
#include "sim/oracle.h"
#include "store/memory/faulty_store.h"
#include "store/memory/memory_store.h"

namespace muster::sim {

struct World;
class Link;
class Machine;

class Server {
 public:
  explicit Server(World& world);
  ~Server();

  bool up() const { return engine_.has_value(); }
  std::uint64_t life() const { return life_; }
  Now now() const;
  store::MemoryStore& store() { return store_; }
  const engine::Engine& engine() const { return *engine_; }
  const Ledger& ledger() const { return ledger_; }

  // ---- what happens to it
  void start();
  void crash(Micros down_us);
  void reboot();
  void freeze(Micros for_us);
  void thaw();
  void jump_wall(Micros by_us) { clock_.jump_wall(by_us); }
  void set_space(SpaceState space);
  bool disk_is_low() const { return space_ == SpaceState::low; }

  // ---- what reaches it
  void post(Input input);
  Link* accept(Machine& machine);
  void take_hello(Link& link, const AgentHello& hello, WorkerPlace place);
  void take_message(Link& link, const AgentMessage& message);
  void link_gone(SessionId session, std::uint64_t server_life);

  // What the store says of an attempt's task; throws Broken when it does not know the attempt.
  TaskFacts facts_of(const AttemptRef& attempt);
  // The live engine against one restored from a copy of the store.
  void compare_with_store();

 private:
  void pump();
  void plan_pump(Micros delay_us);
  void arm_tick();
  void run_group();
  void handle(Input input, Changes& changes, std::vector<Effect>& effects);
  void load_what_is_missing(const Input& input, Changes& changes, std::vector<Effect>& effects);
  void load(BatchId batch, Changes& changes, std::vector<Effect>& effects);
  void check_after(const Input& input, const Expectation& expected, const Decision& decision);
  bool commit(const Changes& changes);
  void perform(std::vector<Effect> effects);
  void perform_one(const Effect& effect);
  void check_spoken(const ServerMessage& message);
  void check_spoken(const Reply& reply);
  void drop_engine();
  void restart_engine();

  World& world_;
  MachineClock clock_;
  store::MemoryStore store_;
  store::FaultyStore disk_;
  std::optional<engine::Engine> engine_;
  Ledger ledger_;
  Oracle oracle_;
  std::deque<Input> inbox_;
  std::map<SessionId, Link*> links_;  // open ones
  std::set<SessionId> welcomed_;
  SessionId next_session_ = 1;
  SpaceState space_ = SpaceState::plenty;
  std::uint64_t life_ = 0;
  std::uint64_t tick_life_ = 0;
  bool pump_planned_ = false;
  bool going_down_ = false;
  Micros frozen_until_us_ = 0;
  Micros last_tick_us_ = -1;
  std::uint64_t ticks_at_once_ = 0;
};

}  // namespace muster::sim
