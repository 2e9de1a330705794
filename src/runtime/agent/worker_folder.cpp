// Taking the folder: lock first, then read or make what is in it.
// The identity is on disk before anybody hears of it.
#include "runtime/agent/worker_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "core/escape.h"
#include "runtime/data_folder.h"

namespace muster::runtime {

namespace {

constexpr std::size_t kSpoolIdBytes = 16;

Result<void> make_private_folder(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path above = std::filesystem::path(path).parent_path();
  if (!above.empty()) std::filesystem::create_directories(above, failed);
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return blobs::file_error(errno, "make the folder " + escape_text(path));
}

std::string owner_of(int lock) {
  char text[32] = {};
  const ssize_t size = pread(lock, text, sizeof text - 1, 0);
  std::string digits;
  for (ssize_t at = 0; at < size && text[at] >= '0' && text[at] <= '9'; ++at) digits += text[at];
  return digits.empty() ? "another process" : "process " + digits;
}

// What this process had open when it was another program: the lock is still held through it.
blobs::File inherited_lock(int lock) {
  if (owner_of(lock) != "process " + std::to_string(getpid())) return {};
  struct stat wanted{};
  if (fstat(lock, &wanted) != 0) return {};
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", failed)) {
    const int descriptor = std::atoi(entry.path().filename().c_str());
    struct stat held{};
    if (descriptor <= STDERR_FILENO || descriptor == lock || fstat(descriptor, &held) != 0) continue;
    if (held.st_dev != wanted.st_dev || held.st_ino != wanted.st_ino) continue;
    if ((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0) continue;  // of another folder object in this process
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    return blobs::File(descriptor);
  }
  return {};
}

Result<blobs::File> take_lock(const std::string& folder) {
  auto lock = blobs::open_at(AT_FDCWD, folder + "/agent.lock", O_RDWR | O_CREAT | O_NOFOLLOW);
  if (!lock) return std::unexpected(std::move(lock.error()));
  if (flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return blobs::file_error(errno, "lock " + escape_text(folder));
    if (blobs::File inherited = inherited_lock(lock->get())) return inherited;
    return refuse(ErrorKind::wrong_state, kDataFolderInUse,
                  "the worker's folder " + escape_text(folder) + " is in use by " + owner_of(lock->get()),
                  "stop that agent, or choose another folder");
  }
  // For people only, so a full disk does not stand in the way.
  const std::string id = std::to_string(getpid()) + "\n";
  if (ftruncate(lock->get(), 0) == 0 && pwrite(lock->get(), id.data(), id.size(), 0) < 0) errno = 0;
  return lock;
}

Result<std::string> read_or_make_spool_id(const std::string& path) {
  if (const auto line = read_line_file(path); line && !line->empty()) return *line;
  unsigned char bytes[kSpoolIdBytes];
  if (getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes))
    return blobs::file_error(errno, "read random bytes");
  std::string id;
  for (const unsigned char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    id += kDigits[byte >> 4];
    id += kDigits[byte & 15];
  }
  const Result<void> written = write_file_atomically(path, id + "\n", 0600);
  if (!written) return std::unexpected(written.error());
  return id;
}

}  // namespace

Result<WorkerFolder> WorkerFolder::take(const std::string& folder) {
  WorkerFolder taken;
  std::error_code failed;
  taken.path_ = std::filesystem::absolute(folder, failed).lexically_normal().string();
  while (taken.path_.size() > 1 && taken.path_.ends_with('/')) taken.path_.pop_back();
  if (auto made = make_private_folder(taken.path_); !made) return std::unexpected(std::move(made.error()));
  auto lock = take_lock(taken.path_);
  if (!lock) return std::unexpected(std::move(lock.error()));
  taken.lock_ = std::move(*lock);
  for (const std::string& inner : {taken.keepers(), taken.work()}) {
    if (auto made = make_private_folder(inner); !made) return std::unexpected(std::move(made.error()));
  }
  auto spool_id = read_or_make_spool_id(taken.path_ + "/spool_id");
  if (!spool_id) return std::unexpected(std::move(spool_id.error()));
  taken.spool_id_ = std::move(*spool_id);
  return taken;
}

void WorkerFolder::keep_lock_through_exec() const { fcntl(lock_.get(), F_SETFD, 0); }

bool WorkerFolder::is_still_there() const {
  struct stat named{};
  struct stat held{};
  return stat((path_ + "/agent.lock").c_str(), &named) == 0 && fstat(lock_.get(), &held) == 0 &&
         named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

std::vector<std::uint64_t> WorkerFolder::keeper_numbers() const {
  std::vector<std::uint64_t> numbers;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(keepers(), failed)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec == std::errc{} && parsed.ptr == name.data() + name.size() && number > 0)
      numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace muster::runtime
