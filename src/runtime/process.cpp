// Locks, pidfds and spawning.
// A pid alone proves nothing: the process has to have the lock file open while the lock is held.
#include "runtime/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

#include "runtime/core_dumps.h"
#include "runtime/data_folder.h"

namespace muster::runtime {
namespace {

int open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// Whether the process has this very file open.
bool has_open(pid_t pid, const struct stat& file) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
  DIR* directory = opendir(folder.c_str());
  if (directory == nullptr) return false;
  bool found = false;
  while (const dirent* entry = readdir(directory)) {
    struct stat one{};
    if (fstatat(dirfd(directory), entry->d_name, &one, 0) != 0) continue;
    if (one.st_dev == file.st_dev && one.st_ino == file.st_ino) {
      found = true;
      break;
    }
  }
  closedir(directory);
  return found;
}

// Inodes of the sockets that listen on `port`, from a table such as /proc/net/tcp.
void add_listeners(const char* table, std::uint16_t port, std::set<ino_t>& inodes) {
  constexpr unsigned kListen = 0x0A;
  std::ifstream lines(table);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
    std::istringstream words(line);
    std::string number, local, remote, state, queues, timer, retransmits, user, timeout;
    ino_t inode = 0;
    words >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
    const std::size_t colon = local.rfind(':');
    if (!words || colon == std::string::npos) continue;
    if (std::stoul(state, nullptr, 16) == kListen &&
        std::stoul(local.substr(colon + 1), nullptr, 16) == port) {
      inodes.insert(inode);
    }
  }
}

bool has_socket(const std::filesystem::path& process, const std::set<ino_t>& inodes) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(process / "fd", error), end; !error && entry != end;
       entry.increment(error)) {
    struct stat one{};
    if (stat(entry->path().c_str(), &one) == 0 && S_ISSOCK(one.st_mode) && inodes.contains(one.st_ino))
      return true;
  }
  return false;
}

std::optional<pid_t> pid_in(const std::string& path) {
  const std::optional<std::string> line = read_line_file(path);
  if (!line) return std::nullopt;
  const long pid = std::strtol(line->c_str(), nullptr, 10);
  if (pid <= 1) return std::nullopt;
  return static_cast<pid_t>(pid);
}

}  // namespace

bool is_locked(const std::string& path) {
  const int lock = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (lock < 0) return false;
  // A shared lock is refused while somebody holds it; where nobody does, it is given back in the same moment.
  const bool held = flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(lock);
  return held;
}

std::optional<OtherProcess> OtherProcess::holding(const std::string& lock) {
  if (!is_locked(lock)) return std::nullopt;
  const std::optional<pid_t> pid = pid_in(lock);
  struct stat file{};
  if (!pid || stat(lock.c_str(), &file) != 0) return std::nullopt;
  const int descriptor = open_pidfd(*pid);
  if (descriptor < 0) return std::nullopt;
  OtherProcess owner(*pid, descriptor);
  if (!has_open(*pid, file)) return std::nullopt;
  return owner;
}

std::optional<OtherProcess> OtherProcess::listening(const std::string& folder, const std::string& name) {
  // Through the folder's descriptor: the address of a socket is short, paths are not.
  const int place = open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (place < 0) return std::nullopt;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(place) + "/" + name;
  const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::optional<OtherProcess> found;
  if (connection >= 0 && path.size() < sizeof address.sun_path) {
    std::copy(path.begin(), path.end(), address.sun_path);
    ucred peer{};
    socklen_t size = sizeof peer;
    if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 1) {
      const int descriptor = open_pidfd(peer.pid);
      if (descriptor >= 0) found = OtherProcess(peer.pid, descriptor);
    }
  }
  if (connection >= 0) close(connection);
  close(place);
  return found;
}

OtherProcess& OtherProcess::operator=(OtherProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

OtherProcess::~OtherProcess() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool OtherProcess::send_signal(int signal) const {
  return syscall(SYS_pidfd_send_signal, descriptor_, signal, nullptr, 0) == 0;
}

bool OtherProcess::wait_for_end(Micros timeout_us) const {
  pollfd wait{descriptor_, POLLIN, 0};
  return poll(&wait, 1, static_cast<int>(timeout_us / 1000)) == 1;
}

std::optional<PortOwner> port_owner(std::uint16_t port) {
  std::set<ino_t> inodes;
  add_listeners("/proc/net/tcp", port, inodes);
  add_listeners("/proc/net/tcp6", port, inodes);
  if (inodes.empty()) return std::nullopt;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos || !has_socket(entry->path(), inodes))
      continue;
    std::error_code unreadable;
    const std::filesystem::path program = std::filesystem::read_symlink(entry->path() / "exe", unreadable);
    return PortOwner{static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10)),
                     program.filename().string().starts_with("muster")};
  }
  return std::nullopt;
}

Result<pid_t> start_detached(const DetachedProcess& process) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  const std::string output = process.output.empty() ? "/dev/null" : process.output;
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  int first_closed = 3;
  if (process.keep_descriptor >= 0) {
    posix_spawn_file_actions_adddup2(&actions, process.keep_descriptor, 3);
    first_closed = 4;
  }
  // Sockets above all: a listening one that lives on in a child keeps the port.
  posix_spawn_file_actions_addclosefrom_np(&actions, first_closed);
  if (!process.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, process.folder.c_str());
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> words = {"muster"};
  words.insert(words.end(), process.arguments.begin(), process.arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  // The running program, also when its file was replaced meanwhile.
  const CoreDumpsOfChildren allowed;
  const int error = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    return refuse(ErrorKind::temporary, kInternal,
                  "cannot start a process: " + std::generic_category().message(error));
  }
  return pid;
}

}  // namespace muster::runtime
