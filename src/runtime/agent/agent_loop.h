// The agent as a process: its decider, its server, its keepers and its folder around one loop.
// Tasks live in the keeper: whatever ends this loop, they go on, and the next agent takes them over.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "runtime/agent/machine.h"
#include "runtime/agent/server_link.h"
#include "runtime/agent/upgrade.h"
#include "runtime/agent/worker_folder.h"

namespace muster::runtime {

struct AgentProcess {
  ServerLinkOptions server;
  std::string name;  // as the server is asked to call this worker; empty: the host's
  std::string version;
  DeclaredSlots slots;
  MachineSources sources;
  std::string run_as;  // user whom tasks run as; empty: the agent's own
  // How this agent is started again, behind the program's name, by a newer version or after one that did not come up.
  std::vector<std::string> words;
  Micros upgrade_patience_us = kUpgradePatience_us;
};

// What every task's environment begins with: from ours, only what says who and where one is, and how to speak.
std::vector<std::pair<std::string, std::string>> task_environment(const std::vector<std::string>& own,
                                                                  const std::string& spool_id);

// Whom tasks of this folder ran as before; empty: the agent's own user.
std::string kept_run_as(const WorkerFolder& folder);

// Runs until a signal ends it.
//   SIGTERM  ends the agent alone; tasks go on under the keeper
//   SIGINT   tasks get TERM, their grace, KILL (at once with a second one), keepers leave, then the agent does
Result<void> run_agent(const WorkerFolder& folder, const AgentProcess& process);

}  // namespace muster::runtime
