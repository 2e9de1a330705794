// Turns a start into a process: everything the child needs is laid out beforehand, so that it only makes system calls.
// The child runs beside its parent in the same memory until it execs; a slow disk under a program holds up only its own task.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/keeper_messages.h"
#include "keeper/run_as.h"

namespace muster::keeper {

struct LaunchFailure {
  int error_number = 0;
  std::string message;  // one line: which step failed, on what
};

// What the child inherits besides the plan: fd 0 is the parent's own.
struct ChildEnds {
  int out = -1;
  int err = -1;
  int cgroup = -1;                // cgroup.procs to write itself into; -1: none
  const rlimit* files = nullptr;  // RLIMIT_NOFILE to go back to; null: as it is
  const RunAs* run_as = nullptr;  // whom to become; null: nobody else
};

// The memory of one launch: arguments, environment, paths, the child's stack. It must stay as it is until is_released().
class LaunchBlock {
 public:
  LaunchBlock();
  LaunchBlock(const LaunchBlock&) = delete;
  LaunchBlock& operator=(const LaunchBlock&) = delete;
  ~LaunchBlock();

  // Lays the start out; a failure needs no process. The start is not needed afterwards.
  std::optional<LaunchFailure> prepare(const KeeperStart& start);
  // The new process, or -1 with errno. All signals are blocked in the caller, and no handler is installed.
  pid_t launch(const ChildEnds& ends);

  // The child has left this memory: it became the program, or ended.
  bool is_released() const;
  // Why the child did not become the program; only meaningful when released. Nothing: it did.
  std::optional<LaunchFailure> failure() const;
  // errno of the attempt to enter the cgroup; 0: it is inside, or none was wanted.
  int cgroup_error() const;
  std::size_t bytes() const { return capacity_; }

 private:
  struct Child;
  static int run_child(void* child);
  static int try_exec(Child& child);
  static long become(const RunAs& who);
  char* put(std::string_view text);
  void reserve(std::size_t bytes);

  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  Child* child_ = nullptr;
  // For messages.
  std::string command_;
  std::string searched_;
  std::string cwd_;
  std::size_t words_bytes_ = 0;
};

}  // namespace muster::keeper
