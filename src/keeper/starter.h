// Starts one task: its folder, its memory group, its pipes, its process.
// What goes wrong before there is a process is told at once; what goes wrong in the child is told by its end.
#pragma once

#include <sys/resource.h>

#include <memory>
#include <optional>
#include <vector>

#include "keeper/memory_limits.h"
#include "keeper/tasks.h"

namespace muster::keeper {

class Starter {
 public:
  // `files`: the limit on open files that tasks get; nothing: the caller's own.
  // `run_as`: whom tasks run as; nothing: the keeper's own user.
  Starter(MemoryLimits& limits, const std::optional<rlimit>& files, const std::optional<RunAs>& run_as)
      : limits_(limits), files_(files), run_as_(run_as) {}

  // On success the task has its process, pipes, log, times and marks, and is still `queued` in the table.
  std::optional<LaunchFailure> start(Task& task);
  // Takes the block of a task back whose child has left it.
  void release(Task& task);

 private:
  std::unique_ptr<LaunchBlock> take_block();
  std::optional<LaunchFailure> launch(Task& task);

  MemoryLimits& limits_;
  std::optional<rlimit> files_;
  const std::optional<RunAs>& run_as_;
  std::vector<std::unique_ptr<LaunchBlock>> spare_;
};

}  // namespace muster::keeper
