// statvfs for what is left, fallocate for the ballast.
// Must hold: plenty is said again only well above the mark where low was said, so that the two do not alternate.
#include "store/disk_reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/check.h"

namespace muster::store {

DiskReserve::DiskReserve(const std::string& folder, DiskReserveOptions options)
    : folder_(folder), path_(folder + "/ballast"), options_(options) {
  MUSTER_CHECK(options_.ballast_bytes > 0, "there is a ballast");
  struct stat found{};
  const bool is_there = stat(path_.c_str(), &found) == 0;
  constexpr std::uint64_t kBlockBytes = 512;
  holds_ballast_ = is_there &&
                   static_cast<std::uint64_t>(found.st_blocks) * kBlockBytes >= options_.ballast_bytes &&
                   static_cast<std::uint64_t>(found.st_size) == options_.ballast_bytes;
  if (is_there && !holds_ballast_) unlink(path_.c_str());
  look();
}

SpaceState DiskReserve::look() {
  const std::uint64_t free = free_bytes();
  const std::uint64_t comfortable = options_.low_bytes + options_.low_bytes / 4;
  if (!holds_ballast_ && free >= options_.ballast_bytes + comfortable) holds_ballast_ = take_ballast();
  const std::uint64_t wanted = state_ == SpaceState::low ? comfortable : options_.low_bytes;
  state_ = holds_ballast_ && free_bytes() >= wanted ? SpaceState::plenty : SpaceState::low;
  return state_;
}

bool DiskReserve::release() {
  if (!holds_ballast_) return false;
  holds_ballast_ = false;
  state_ = SpaceState::low;
  unlink(path_.c_str());
  // Some file systems give the blocks away only with their next own commit.
  const int folder = open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);
    close(folder);
  }
  return true;
}

std::uint64_t DiskReserve::free_bytes() const {
  struct statvfs disk{};
  // A file system that does not answer is not known to be full.
  if (statvfs(folder_.c_str(), &disk) != 0) return UINT64_MAX / 2;
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

bool DiskReserve::take_ballast() const {
  const int file = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return false;
  const bool taken = posix_fallocate(file, 0, static_cast<off_t>(options_.ballast_bytes)) == 0;
  close(file);
  if (!taken) unlink(path_.c_str());
  return taken;
}

}  // namespace muster::store
