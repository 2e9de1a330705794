// Starting a keeper and connecting to one.
// What is inherited by accident (descriptors, ignored signals) is the keeper's own to get rid of.
#include "keeper/connect.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "keeper/process_facts.h"

extern char** environ;

namespace muster::keeper {
namespace {

std::unexpected<Error> not_started(const std::string& why) {
  return refuse(ErrorKind::temporary, kInternal, "the keeper did not start: " + why);
}

// One line, before the time is up.
std::string read_line(int pipe, Micros until_us) {
  std::string line;
  while (line.empty() || line.back() != '\n') {
    pollfd wait{pipe, POLLIN, 0};
    const Micros left_us = until_us - mono_now_us();
    if (left_us <= 0) return {};
    const int ready = ::poll(&wait, 1, static_cast<int>(left_us / 1000 + 1));
    if (ready < 0 && errno != EINTR) return {};
    if (ready <= 0) continue;
    std::array<char, 256> part;
    const ssize_t got = ::read(pipe, part.data(), part.size());
    if (got <= 0) return {};
    line.append(part.data(), static_cast<std::size_t>(got));
  }
  return line;
}

int spawn(const std::string& program, const std::vector<std::string>& words, pid_t& process) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  const int error = ::posix_spawn(&process, program.c_str(), nullptr, &attributes, pointers.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

}  // namespace

sockaddr_un socket_address(int folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, kSocketName);
  return address;
}

Result<blobs::File> connect_keeper(const std::string& folder) {
  const blobs::File open(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!open) return blobs::file_error(errno, "open " + folder);
  blobs::File socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return blobs::file_error(errno, "make a socket");
  const sockaddr_un address = socket_address(open.get());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return refuse(ErrorKind::unreachable, kNoServer,
                  "no keeper answers in " + folder + ": " + std::strerror(errno));
  }
  if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) < 0) return blobs::file_error(errno, "use a socket");
  return socket;
}

Result<KeeperIdentity> start_keeper(const std::string& program, const std::vector<std::string>& arguments,
                                    const std::string& folder, Micros patience_us) {
  const Micros until_us = mono_now_us() + patience_us;
  if (auto made = blobs::open_folder_at(AT_FDCWD, folder); !made)
    return std::unexpected(std::move(made.error()));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return not_started(std::strerror(errno));
  const blobs::File ready(ends[0]);
  blobs::File told(ends[1]);
  // The one descriptor that the program is to inherit.
  if (::fcntl(told.get(), F_SETFD, 0) < 0) return not_started(std::strerror(errno));
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const std::string told_text = std::to_string(told.get());
  words.insert(words.end(), {"--folder", folder, "--ready-fd", told_text, "--detach"});
  pid_t process = 0;
  const int error = spawn(program, words, process);
  told.close();
  if (error != 0) return not_started(std::strerror(error));
  const std::string line = read_line(ready.get(), until_us);
  if (line != "ready\n") ::kill(process, SIGKILL);
  while (::waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (line != "ready\n") return not_started(line.empty() ? "it said nothing in time" : line);
  auto identity = read_identity(folder);
  if (!identity) return not_started("it left no identity");
  return *identity;
}

}  // namespace muster::keeper
