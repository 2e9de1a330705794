// A file of ballast that is let go when the disk is full, so that finished work can still be recorded.
// Must hold: without the ballast the state is low, whatever the disk says: new work would eat what it freed.
#pragma once

#include <cstdint>
#include <string>

#include "core/inputs.h"

namespace muster::store {

struct DiskReserveOptions {
  std::uint64_t ballast_bytes = 64ULL << 20;
  std::uint64_t low_bytes = 256ULL << 20;  // free for us, beside the ballast; below it the state is low
};

class DiskReserve {
 public:
  // Puts the ballast into `folder` if there is room for it.
  DiskReserve(const std::string& folder, DiskReserveOptions options);

  // Asks the file system; puts the ballast back when there is room again.
  SpaceState look();
  // Lets the ballast go; false when it was gone already.
  bool release();
  bool holds_ballast() const { return holds_ballast_; }

 private:
  std::uint64_t free_bytes() const;
  bool take_ballast() const;

  std::string folder_;
  std::string path_;
  DiskReserveOptions options_;
  bool holds_ballast_ = false;
  SpaceState state_ = SpaceState::plenty;
};

}  // namespace muster::store
