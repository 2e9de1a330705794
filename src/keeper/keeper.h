// The keeper: parent of a worker's tasks, owner of their deadlines, exit statuses and output; it outlives the agent it serves.
// One thread, one folder, no configuration but this; everything else is asked of it over its socket (wire/keeper).
#pragma once

#include <cstdint>
#include <string>

#include "keeper/log_spool.h"

namespace muster::keeper {

enum class MemoryBy : std::uint8_t {
  best,      // a cgroup where one can be made, else watching
  watching,  // as where no cgroup can be made
};

struct KeeperOptions {
  std::string folder;   // absolute, made by the agent, of no other keeper
  int ready_fd = -1;    // gets one line: "ready", or why not; closed then
  bool detach = false;  // go on as nobody's child
  std::string run_as;   // user whom tasks run as; empty: the keeper's own
  LogSpoolOptions logs;
  MemoryBy memory = MemoryBy::best;
};

// Runs until told to leave (and empty), or TERM ended everything, or the lease ended and nobody asks. The exit code of the process:
// 0, or 1 when it could not begin.
//
// Exits at once when killed; its tasks die with it. TERM: tasks get TERM, their grace, KILL; a second TERM kills at once.
int run_keeper(const KeeperOptions& options);

}  // namespace muster::keeper
