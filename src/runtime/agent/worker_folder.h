// The folder that is a worker: its lock, its identity, its keepers' folders and the folders of attempts.
// One agent at a time holds it; what is in it outlives agents, and a copy of it must never be used beside the original.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blobs/file.h"
#include "core/error.h"

namespace muster::runtime {

// <folder>/            0700, made if missing
//   agent.lock         held (flock) by the running agent; its text is the process id
//   spool_id           random, made once: the server knows the worker by it
//   keepers/<n>/       one per keeper, 1, 2, 3 …: its socket, records and log segments
//   work/<batch>/<index>/<attempt>/
//   versions/<v>/muster  newer programs that servers gave; probation: the one that has not reached its server yet; refused: one that failed
//   removed/           folders on their way out
class WorkerFolder {
 public:
  // Errors: kDataFolderInUse when another agent holds it, kInternal with the system's reason.
  static Result<WorkerFolder> take(const std::string& folder);

  const std::string& path() const { return path_; }
  const std::string& spool_id() const { return spool_id_; }
  std::string work() const { return path_ + "/work"; }
  std::string versions() const { return path_ + "/versions"; }
  std::string removed() const { return path_ + "/removed"; }
  std::string keepers() const { return path_ + "/keepers"; }
  std::string keeper(std::uint64_t number) const { return keepers() + "/" + std::to_string(number); }

  // The lock goes along to the program that this process becomes by exec, which takes the folder as it would any other.
  void keep_lock_through_exec() const;
  // False when somebody removed it under us, or put another one in its place.
  bool is_still_there() const;
  // Numbers of the keepers' folders, rising.
  std::vector<std::uint64_t> keeper_numbers() const;

 private:
  WorkerFolder() = default;
  std::string path_;
  std::string spool_id_;
  blobs::File lock_;
};

}  // namespace muster::runtime
