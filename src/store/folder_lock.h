// Exclusive use of a folder of ours: a data folder of a server, the folder of a worker.
// Must hold: the lock ends with the process that holds it, however that ends; the file stays, so that nobody locks a deleted one.
#pragma once

#include <string>
#include <utility>

#include "core/error.h"

namespace muster::store {

class FolderLock {
 public:
  // Makes the folder (and those above it) for its owner alone if it is not there, then locks `FOLDER/lock` and writes the
  // process id into it. kDataFolderInUse, with the id of the owner, when another process or another lock of this one has it.
  // Throws std::system_error when the folder or the file cannot be made or opened.
  static Result<FolderLock> take(const std::string& folder);

  FolderLock(FolderLock&& other) noexcept
      : folder_(std::move(other.folder_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  FolderLock& operator=(FolderLock&& other) noexcept;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock() { release(); }

  const std::string& folder() const { return folder_; }

 private:
  FolderLock(std::string folder, int descriptor) : folder_(std::move(folder)), descriptor_(descriptor) {}
  void release() noexcept;

  std::string folder_;
  int descriptor_ = -1;
};

}  // namespace muster::store
