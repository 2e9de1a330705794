// Keeps a worker on this machine: starts an agent whenever nobody holds the worker's folder, and owns it never.
// The agent lives in a session of its own; the end of the server changes nothing for it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "core/ids.h"
#include "runtime/data_folder.h"
#include "runtime/server_log.h"

namespace muster::runtime {

struct WorkerOptions {
  bool wanted = true;  // --no-worker clears it
  std::optional<std::uint32_t> slots;
  std::optional<std::uint32_t> gpu_slots;
  std::string run_as;  // user whom its tasks run as; empty: the server's own
};

// The agent is this program again:
//   muster agent --folder DATA/worker --url-file DATA/server.url [--slots N] [--gpu-slots N] [--run-as USER]
// It takes DATA/worker/agent.lock, reads the address and agent.token anew at every connection, and ends so:
//   SIGTERM  the agent alone; tasks go on under the keeper, and the next agent takes them over
//   SIGINT   tasks get TERM, grace, KILL; keepers leave; then the agent
class WorkerSupervisor {
 public:
  WorkerSupervisor(DataFolder folder, WorkerOptions options, ServerLog& log);

  // About once a second.
  void check(Micros mono_us);

 private:
  void reap(Micros mono_us);
  void start(Micros mono_us);

  DataFolder folder_;
  WorkerOptions options_;
  ServerLog& log_;
  pid_t child_ = 0;  // started by us and not reaped
  Micros started_us_ = 0;
  Micros next_start_us_ = 0;
  Micros pause_us_ = 0;
};

}  // namespace muster::runtime
