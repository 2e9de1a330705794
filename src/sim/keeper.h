// A simulated keeper: parent of simulated processes, with the behaviour that core/keeper_messages.h asks of a real one.
// Must hold: its records outlive it; what is killed with it ends without a trace, as real processes do.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "agent/agent.h"
#include "core/keeper_messages.h"

namespace muster::sim {

struct World;
class Machine;

class Keeper {
 public:
  Keeper(World& world, Machine& machine, agent::KeeperId id) : world_(world), machine_(machine), id_(id) {}

  agent::KeeperId id() const { return id_; }
  bool alive() const { return alive_; }
  bool empty() const { return running_.empty() && queue_.empty() && ended_.empty(); }

  void take(const KeeperRequest& request);
  KeeperReport inventory() const;
  // The process is killed, and all tasks with it. Records of the last `unwritten_us` may be missing.
  enum class Loss : std::uint8_t { process, machine };
  void die(Loss loss);
  // After a freeze: first of all, what outlived its lease is killed.
  void enforce_deadline();

  // A planted mistake: another process for an attempt that runs already.
  void start_again(const AttemptRef& attempt);

  struct Records {
    std::vector<AttemptRef> started;  // not ended
    std::vector<KeeperEnd> ended;     // not forgotten
  };
  Records read_records() const;

 private:
  struct Process {
    KeeperStart start;
    Micros started_wall_us = 0;
    bool obeys = true;  // ends by itself after TERM
    EndedBy by = EndedBy::itself;
    std::uint64_t life = 0;
  };
  enum class RecordKind : std::uint8_t { started, ended, forgotten };
  struct Record {
    RecordKind kind;
    AttemptRef attempt;
    KeeperEnd end;
    Micros written_us = 0;
    bool forced = false;  // on disk before the process existed
  };

  void start(const KeeperStart& start);
  void launch(const KeeperStart& start);
  void stop(const KeeperStop& stop);
  void forget(const AttemptRef& attempt);
  void run_queue();
  bool lease_is_over() const;
  void arm_deadline();
  void terminate(const AttemptRef& attempt, EndedBy by, Micros grace_us);
  void end(const AttemptRef& attempt, KeeperEnd end);
  void end_unstarted(const KeeperStart& start, EndedBy by);
  void keep_end(KeeperEnd end);
  void later(Micros delay_us, const AttemptRef& attempt, void (Keeper::*what)(const AttemptRef&));
  void on_natural_end(const AttemptRef& attempt);
  void on_time_limit(const AttemptRef& attempt);
  void on_term_obeyed(const AttemptRef& attempt);
  void on_grace_over(const AttemptRef& attempt);
  std::size_t running_from_queue() const;

  World& world_;
  Machine& machine_;
  agent::KeeperId id_;
  bool alive_ = true;
  bool leaves_when_empty_ = false;
  std::uint64_t width_ = 0;
  Micros deadline_mono_us_ = -1;
  std::map<AttemptRef, Process> running_;
  std::deque<KeeperStart> queue_;
  std::map<AttemptRef, KeeperEnd> ended_;
  std::vector<Record> records_;
  std::uint64_t log_offset_ = 0;
  std::uint64_t lives_ = 0;
};

}  // namespace muster::sim
