// What really runs: every process of every keeper, seen from outside; what server and agents believe is compared with it.
// Must hold: keepers report here what they do at the instant they do it, and nobody decides by what is written here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/keeper_messages.h"
#include "core/resources.h"
#include "sim/describe.h"

namespace muster::sim {

struct ProcessStart {
  AttemptRef attempt;
  std::size_t worker = 0;
  Resources resources;
  std::vector<std::uint32_t> gpus;
  Capacity allowed;                           // of the worker at this moment, operator's slots included
  std::uint64_t starts_allowed = UINT64_MAX;  // of this task in its life
};

class Truth {
 public:
  // Throws Broken when the start breaks a promise.
  void started(const ProcessStart& start);
  // The process is gone; `end` is what it left.
  void ended(const AttemptRef& attempt, std::size_t worker, const KeeperEnd& end);
  // Died with its keeper or machine: there is no end.
  void vanished(const AttemptRef& attempt, std::size_t worker);
  // Nothing durable tells of this start: it may be made again.
  void start_forgotten(const AttemptRef& attempt) { starts_of_attempt_.erase(attempt); }
  // What runs there stands still, and cannot be ended in time.
  void frozen(std::size_t worker);

  bool was_started(const AttemptRef& attempt) const { return starts_of_attempt_.contains(attempt); }
  const KeeperEnd* end_of(const AttemptRef& attempt) const;
  std::size_t running() const { return running_.size(); }
  std::size_t running_on(std::size_t worker) const;
  bool runs(const AttemptRef& attempt) const;

 private:
  struct Process {
    ProcessStart start;
    bool frozen = false;
  };
  void check_overlap(const ProcessStart& start) const;
  void check_resources(const ProcessStart& start) const;
  void remove(const AttemptRef& attempt, std::size_t worker);

  std::vector<Process> running_;
  std::map<AttemptRef, std::uint64_t> starts_of_attempt_;
  std::map<TaskRef, std::uint64_t> starts_of_task_;
  std::map<AttemptRef, KeeperEnd> ends_;
};

}  // namespace muster::sim
