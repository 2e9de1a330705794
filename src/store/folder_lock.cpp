// flock on a file of the folder, with the owner's process id in it for people.
// Must hold: only the id is taken from the file's content, and only for the message.
#include "store/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/escape.h"

namespace muster::store {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void make_folder(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return;
  const std::filesystem::path above = std::filesystem::path(folder).parent_path();
  if (!above.empty()) std::filesystem::create_directories(above);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) fail("cannot make the folder " + folder);
}

// "process 123", or less when the owner has not written its id yet.
std::string owner_in(int descriptor) {
  char text[32];
  const ssize_t size = pread(descriptor, text, sizeof text, 0);
  std::string digits;
  for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i) digits += text[i];
  return digits.empty() ? "another process" : "process " + digits;
}

}  // namespace

Result<FolderLock> FolderLock::take(const std::string& folder) {
  make_folder(folder);
  const std::string path = folder + "/lock";
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) fail("cannot open " + path);
  FolderLock lock(folder, descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail("cannot lock " + path);
    return refuse(ErrorKind::wrong_state, kDataFolderInUse,
                  "the folder " + escape_text(folder) + " is in use by " + owner_in(descriptor),
                  "stop that process, or choose another folder");
  }
  const std::string id = std::to_string(getpid()) + "\n";
  // The id is for people only, so a full disk does not stand in the way.
  if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, id.data(), id.size(), 0) < 0) errno = 0;
  return lock;
}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  if (this != &other) {
    release();
    folder_ = std::move(other.folder_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

// Closing the only descriptor of the open file gives the lock back.
void FolderLock::release() noexcept {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

}  // namespace muster::store
