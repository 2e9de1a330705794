// Making a process into a keeper: alone in its session, deaf to hang-ups, parent of orphans, with its folder in order.
// Everything that can fail does so before "ready" is said.
#include "keeper/keeper.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "core/failpoint.h"
#include "keeper/connect.h"
#include "keeper/keeper_loop.h"
#include "keeper/process_facts.h"

namespace muster::keeper {
namespace {

constexpr int kFailed = 1;

// Goes on as a child of whoever adopts it; the caller of the program sees it end at once.
void detach() {
  const pid_t child = ::fork();
  if (child > 0) ::_exit(0);
  ::setsid();
}

// Ordinary dispositions (tasks inherit them) and everything blocked but what cannot be: signals are read, never handled.
void take_over_signals() {
  for (int number = 1; number < SIGRTMAX; ++number) ::signal(number, SIG_DFL);
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
}

void close_inherited(int keep) {
  Result<std::vector<std::string>> names = std::vector<std::string>();
  {
    const blobs::File folder(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder) names = blobs::list_folder(folder.get());
  }
  if (!names) return;
  for (const std::string& name : *names) {
    const int descriptor = std::atoi(name.c_str());
    if (descriptor > STDERR_FILENO && descriptor != keep) ::close(descriptor);
  }
}

// /dev/null, or where there is no /dev (an empty root): an empty file of nobody's that cannot grow.
blobs::File open_nothing() {
  blobs::File nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (nothing) return nothing;
  blobs::File empty(::memfd_create("nothing", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (empty) ::fcntl(empty.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_WRITE);
  return empty;
}

// stdin and stdout are nothing; what must be said before the end of the world goes into the file `errors`.
Result<void> set_standard_descriptors(int folder) {
  const blobs::File nothing = open_nothing();
  Result<blobs::File> errors = blobs::open_at(folder, "errors", O_WRONLY | O_CREAT | O_APPEND);
  if (!errors) return std::unexpected(std::move(errors.error()));
  if (!nothing || ::dup2(nothing.get(), STDIN_FILENO) < 0 || ::dup2(nothing.get(), STDOUT_FILENO) < 0 ||
      ::dup2(errors->get(), STDERR_FILENO) < 0) {
    return blobs::file_error(errno, "set up standard descriptors");
  }
  return {};
}

// Two pipes for each task; tasks themselves get the limit that was there before.
std::optional<rlimit> raise_file_limit() {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit raised = before;
  raised.rlim_cur = raised.rlim_max;
  if (before.rlim_cur == raised.rlim_cur || ::setrlimit(RLIMIT_NOFILE, &raised) < 0) return std::nullopt;
  return before;
}

Result<std::optional<RunAs>> run_as_of(const KeeperOptions& options) {
  if (options.run_as.empty()) return std::nullopt;
  Result<RunAs> found = find_run_as(options.run_as);
  if (!found) return std::unexpected(std::move(found.error()));
  return std::move(*found);
}

Result<Keeper::Parts> open_parts(const KeeperOptions& options, AgentLink link, blobs::File folder,
                                 blobs::File logs_folder, LogSpool spool) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT}) ::sigaddset(&wanted, number);
  blobs::File signals(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  blobs::File timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  blobs::File events(::epoll_create1(EPOLL_CLOEXEC));
  if (!signals || !timer || !events) return blobs::file_error(errno, "make the event loop");
  Result<std::optional<RunAs>> run_as = run_as_of(options);
  if (!run_as) return std::unexpected(std::move(run_as.error()));
  const bool watch = options.memory == MemoryBy::watching;
  return Keeper::Parts{
      std::move(folder), std::move(logs_folder), std::move(signals),
      std::move(timer),  std::move(events),      std::move(link),
      std::move(spool),  raise_file_limit(),     watch ? MemoryHierarchy() : find_memory_hierarchy(),
      std::move(*run_as)};
}

Result<std::unique_ptr<Keeper>> make_keeper(const KeeperOptions& options) {
  Result<blobs::File> folder = blobs::open_at(AT_FDCWD, options.folder, O_RDONLY | O_DIRECTORY);
  if (!folder) return std::unexpected(std::move(folder.error()));
  if (::flock(folder->get(), LOCK_EX | LOCK_NB) < 0)
    return blobs::file_error(errno, "be the only keeper there");
  if (auto set = set_standard_descriptors(folder->get()); !set)
    return std::unexpected(std::move(set.error()));
  Result<blobs::File> logs_folder = blobs::open_folder_at(folder->get(), kLogsName);
  if (!logs_folder) return std::unexpected(std::move(logs_folder.error()));
  Result<LogSpool> spool = LogSpool::open(logs_folder->get(), options.logs);
  if (!spool) return std::unexpected(std::move(spool.error()));
  const auto self = process_stat(::getpid());
  const KeeperIdentity identity{::getpid(), self ? self->start_ticks : 0, boot_id()};
  if (auto done = write_identity(folder->get(), identity); !done)
    return std::unexpected(std::move(done.error()));
  failpoint("keeper.identity.written");
  Result<AgentLink> link = AgentLink::listen(folder->get());
  failpoint("keeper.listens");
  if (!link) return std::unexpected(std::move(link.error()));
  Result<Keeper::Parts> parts =
      open_parts(options, std::move(*link), std::move(*folder), std::move(*logs_folder), std::move(*spool));
  if (!parts) return std::unexpected(std::move(parts.error()));
  return Keeper::make(std::move(*parts));
}

void tell(int ready_fd, const std::string& line) {
  if (ready_fd < 0) return;
  if (::write(ready_fd, line.data(), line.size()) < 0) std::perror("cannot say ready");
  ::close(ready_fd);
}

int run(const KeeperOptions& options) {
  Result<std::unique_ptr<Keeper>> keeper = make_keeper(options);
  if (!keeper) {
    tell(options.ready_fd, keeper.error().what + "\n");
    return kFailed;
  }
  tell(options.ready_fd, "ready\n");
  (*keeper)->run();
  return 0;
}

}  // namespace

int run_keeper(const KeeperOptions& options) {
  if (options.detach) detach();
  ::setsid();
  take_over_signals();
  // What waits here for its start may hold secrets: no core dump, and no look into this memory by the tasks.
  ::prctl(PR_SET_DUMPABLE, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  close_inherited(options.ready_fd);
  if (::chdir("/") < 0) return kFailed;
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "the keeper ends: %s\n", error.what());
    return kFailed;
  }
}

}  // namespace muster::keeper
