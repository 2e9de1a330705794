// Memory limits of tasks: a cgroup each where the keeper may make one (version 2, else 1), else their processes are watched.
// A limit that cannot be set up is a remark in the task's end, never a reason not to run it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "blobs/file.h"
#include "core/error.h"
#include "keeper/process_facts.h"

namespace muster::keeper {

enum class LimitBy : std::uint8_t { cgroup_v2, cgroup_v1, watching };

// A folder of the memory controller in which the keeper makes its groups.
struct MemoryHierarchy {
  LimitBy by = LimitBy::watching;
  std::string folder;  // empty when watching
};
// The best that is usable here.
MemoryHierarchy find_memory_hierarchy();

// The group of one attempt.
class MemoryGroup {
 public:
  // `folder` is new and removed with the group.
  static Result<std::unique_ptr<MemoryGroup>> make(LimitBy by, const std::string& folder,
                                                   std::uint64_t bytes);
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  // cgroup.procs, open for writing: a child enters by writing "0".
  int entrance() const { return entrance_.get(); }
  void close_entrance() { entrance_.close(); }
  // Whether the kernel killed something in it for want of memory.
  bool was_exhausted() const;
  std::uint64_t peak_bytes() const;
  // Everything that is still in it.
  void kill_all() const;
  // False while something in it has not quite ended.
  bool remove() const;

 private:
  MemoryGroup(LimitBy by, std::string folder) : by_(by), folder_(std::move(folder)) {}
  LimitBy by_;
  std::string folder_;
  blobs::File entrance_;
};

class MemoryLimits {
 public:
  explicit MemoryLimits(MemoryHierarchy hierarchy);
  ~MemoryLimits();
  MemoryLimits(const MemoryLimits&) = delete;
  MemoryLimits& operator=(const MemoryLimits&) = delete;

  LimitBy by() const { return hierarchy_.by; }
  // Kills and removes what keepers that are dead left behind.
  void sweep_leftovers() const;
  Result<std::unique_ptr<MemoryGroup>> make_group(std::uint64_t mem_mb);
  // Removes it as soon as it is empty.
  void discard(std::unique_ptr<MemoryGroup> group);
  void remove_discarded();
  bool has_discarded() const { return !discarded_.empty(); }

 private:
  MemoryHierarchy hierarchy_;
  std::string own_folder_;
  bool own_made_ = false;
  std::uint64_t next_ = 1;
  std::vector<std::unique_ptr<MemoryGroup>> discarded_;
};

// Without cgroups: what the processes of a session and their descendants hold now, by the pid of the session's leader.
struct WatchedTask {
  pid_t process = 0;
  std::uint64_t limit_bytes = 0;
  std::uint64_t bytes = 0;  // found; shared pages counted once when that decides
};
void measure_watched(std::vector<WatchedTask>& tasks);

}  // namespace muster::keeper
