// Removes whole folders a little at a time, so that a task that left a million files behind does not hold up the loop.
// A link is removed, never followed; nothing outside the folder that was handed over is touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "blobs/file.h"
#include "core/ids.h"

namespace muster::runtime {

class FolderRemover {
 public:
  // `bin` is a folder of ours on the same disk as what is removed; what an earlier process left there is removed, too.
  explicit FolderRemover(std::string bin);
  ~FolderRemover();
  FolderRemover(const FolderRemover&) = delete;
  FolderRemover& operator=(const FolderRemover&) = delete;

  // Moves it into the bin at once (its path is free again); what does not exist, or does not lie beside the bin, is left alone.
  void add(const std::string& folder);
  // Removes up to `entries` files and folders; true while there is more to do.
  bool step(std::size_t entries);
  bool has_work() const;

 private:
  struct Level;
  bool open_level(int parent, const std::string& name);
  bool remove_one();

  std::string bin_;
  std::string home_;  // what the bin lies in, with a slash behind it
  blobs::File home_folder_;
  std::uint64_t next_name_ = 1;
  int bin_folder_ = -1;
  std::vector<std::string> waiting_;  // names in the bin
  std::vector<Level> levels_;         // the way down to where we are
};

// Attempt folders work/<batch>/<index>/<attempt>, as numbers; everything else below `work` is left alone.
struct AttemptFolder {
  BatchId batch = 0;
  TaskIndex index = 0;
  std::uint32_t number = 0;
  Micros changed_wall_us = 0;  // of the folder itself
  std::string path;
};
std::vector<BatchId> list_batch_folders(const std::string& work);
std::vector<AttemptFolder> list_attempt_folders(const std::string& work, BatchId batch);

}  // namespace muster::runtime
