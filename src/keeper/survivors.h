// Finds and ends what a dead keeper's tasks left behind: processes that had got away from the parent-death signal.
// For the agent, before it says that a keeper's tasks are dead. A process is never killed by its id alone.
#pragma once

#include <string>
#include <vector>

#include "keeper/records.h"

namespace muster::keeper {

struct SurvivorSearch {
  // Tasks lead sessions of their own: what is in the session of one of these whose leader still lives is ended.
  std::vector<KeeperStarted> started;
  // NAME=VALUE, all of which stand in the environment of every process to be ended, and of no other in the world: such as the
  // worker's random id. Empty: only sessions
  // are looked at.
  std::vector<std::string> marks;
};

// Kills them and waits until they are gone, at most `patience_us`; how many are still there afterwards (0: all dead).
std::size_t end_survivors(const SurvivorSearch& search, Micros patience_us);

}  // namespace muster::keeper
