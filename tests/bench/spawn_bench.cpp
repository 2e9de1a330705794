// What each way of starting a process costs, and what each thing costs that a task's process needs: the ground of decision 0002.
// CPU of parent and children for each start and end, as differences to posix_spawn in the same short round; medians.
// Arguments: processes a round, rounds, in flight.
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "blobs/test_folder.h"
#include "core/check.h"
#include "keeper/keeper_test_client.h"

namespace {

struct Way {
  const char* name = "";
  bool posix_spawn = false;
  bool parent_waits = true;  // CLONE_VFORK
  bool by_pidfd = false;     // instead of SIGCHLD through a signalfd
  bool by_signalfd = false;
  bool session = false;
  bool group = false;
  bool parent_death = false;
  bool pipes = false;
  bool watch_pipes = false;  // in the epoll set from the beginning
};

constexpr std::size_t kStackBytes = 16 << 10;
constexpr std::uint64_t kPipe =
    1ULL << 40;  // in the tag of an event: a pipe of the process in the other bits

struct Child {
  std::unique_ptr<char[]> stack;
  int pidfd = -1;
  int out = -1;
  int err = -1;
};

class Bench {
 public:
  Bench(std::string program, Way way, std::size_t in_flight)
      : program_(std::move(program)), way_(way), in_flight_(in_flight) {
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child, &before_);
    events_ = muster::blobs::File(::epoll_create1(EPOLL_CLOEXEC));
    signals_ = muster::blobs::File(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    if (way_.by_signalfd) watch(signals_.get(), 0);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

  void run(std::size_t count) {
    std::size_t started = 0;
    while (ended_ < count) {
      while (started < count && started < ended_ + in_flight_) {
        start();
        ++started;
      }
      if (way_.by_signalfd || way_.by_pidfd) {
        wait_for_events();
      } else {
        reap(0);
      }
    }
  }

 private:
  void watch(int descriptor, std::uint64_t tag) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tag;
    ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, descriptor, &event);
  }

  static int run_child(void* self) {
    const Bench& bench = *static_cast<Bench*>(self);
    if (bench.way_.session) ::setsid();
    if (bench.way_.group) ::setpgid(0, 0);
    if (bench.way_.parent_death) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (bench.way_.pipes) {
      ::dup2(bench.out_, STDOUT_FILENO);
      ::dup2(bench.err_, STDERR_FILENO);
    }
    ::sigprocmask(SIG_SETMASK, &bench.before_, nullptr);
    ::execve(bench.program_.c_str(), const_cast<char**>(bench.words_), const_cast<char**>(bench.variables_));
    return 127;
  }

  void start() {
    if (way_.posix_spawn) {
      pid_t process = 0;
      const int error = ::posix_spawn(&process, program_.c_str(), nullptr, nullptr, words_, variables_);
      MUSTER_CHECK(error == 0, "the program can be started");
      children_[process];
      return;
    }
    Child child;
    int out[2] = {-1, -1};
    int err[2] = {-1, -1};
    if (way_.pipes) {
      MUSTER_CHECK(::pipe2(out, O_CLOEXEC) == 0 && ::pipe2(err, O_CLOEXEC) == 0, "pipes can be made");
      out_ = out[1];
      err_ = err[1];
    }
    child.stack =
        spare_.empty() ? std::make_unique_for_overwrite<char[]>(kStackBytes) : std::move(spare_.back());
    if (!spare_.empty()) spare_.pop_back();
    const int flags =
        CLONE_VM | SIGCHLD | (way_.parent_waits ? CLONE_VFORK : 0) | (way_.by_pidfd ? CLONE_PIDFD : 0);
    char* top = child.stack.get() + kStackBytes - 64;
    top -= reinterpret_cast<std::uintptr_t>(top) % 16;
    const pid_t process = ::clone(&Bench::run_child, top, flags, this, &child.pidfd);
    MUSTER_CHECK(process > 0, "the program can be started");
    for (const int end : {out[1], err[1]}) {
      if (end >= 0) ::close(end);
    }
    child.out = out[0];
    child.err = err[0];
    if (way_.by_pidfd) watch(child.pidfd, static_cast<std::uint64_t>(process));
    if (way_.watch_pipes) {
      watch(child.out, kPipe | static_cast<std::uint64_t>(process) << 1);
      watch(child.err, kPipe | static_cast<std::uint64_t>(process) << 1 | 1);
    }
    children_[process] = std::move(child);
  }

  void wait_for_events() {
    epoll_event events[16];
    const int count = ::epoll_wait(events_.get(), events, 16, -1);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t tag = events[i].data.u64;
      if (way_.by_pidfd) reap(static_cast<pid_t>(tag));
      if ((tag & kPipe) != 0) {
        const auto child = children_.find(static_cast<pid_t>((tag & ~kPipe) >> 1));
        if (child != children_.end()) close_end((tag & 1) == 0 ? child->second.out : child->second.err);
      }
      if (!way_.by_signalfd || tag != 0) continue;
      signalfd_siginfo info{};
      if (::read(signals_.get(), &info, sizeof info) < 0) continue;
      while (reap(-1)) {
      }
    }
  }

  void close_end(int& end) const {
    char byte = 0;
    if (end < 0 || ::read(end, &byte, 1) != 0) return;
    if (way_.watch_pipes) ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, end, nullptr);
    ::close(end);
    end = -1;
  }

  // 0: waits for any; -1: any that has ended; else that one.
  bool reap(pid_t which) {
    int status = 0;
    rusage used{};
    const pid_t process = ::wait4(which > 0 ? which : -1, &status, which == 0 ? 0 : WNOHANG, &used);
    if (process <= 0) return false;
    MUSTER_CHECK(status == 0, "the program ends well");
    Child& child = children_[process];
    close_end(child.out);
    close_end(child.err);
    if (child.pidfd >= 0) ::close(child.pidfd);
    if (child.stack) spare_.push_back(std::move(child.stack));
    children_.erase(process);
    ++ended_;
    return true;
  }

  std::string program_;
  Way way_;
  std::size_t in_flight_;
  sigset_t before_{};
  muster::blobs::File events_;
  muster::blobs::File signals_;
  char name_[6] = "empty";
  char path_[19] = "PATH=/usr/bin:/bin";
  char* words_[2] = {name_, nullptr};
  char* variables_[2] = {path_, nullptr};
  int out_ = -1;
  int err_ = -1;
  std::map<pid_t, Child> children_;
  std::vector<std::unique_ptr<char[]>> spare_;
  std::size_t ended_ = 0;
};

double cpu_us() {
  double sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    ::getrusage(who, &used);
    for (const timeval& time : {used.ru_utime, used.ru_stime}) {
      sum += static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    }
  }
  return sum;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<Way> ways() {
  std::vector<Way> all{{.name = "posix_spawn", .posix_spawn = true},
                       {.name = "vfork"},
                       {.name = "shared_memory", .parent_waits = false},
                       {.name = "shared_memory_signalfd", .parent_waits = false, .by_signalfd = true},
                       {.name = "shared_memory_pidfd", .parent_waits = false, .by_pidfd = true},
                       {.name = "shared_memory_group", .parent_waits = false, .group = true},
                       {.name = "shared_memory_session", .parent_waits = false, .session = true},
                       {.name = "shared_memory_pipes", .parent_waits = false, .pipes = true}};
  Way task{.name = "task_shared_memory",
           .parent_waits = false,
           .by_signalfd = true,
           .session = true,
           .parent_death = true,
           .pipes = true};
  all.push_back(task);
  task.watch_pipes = true;
  task.name = "task_pipes_watched_at_once";
  all.push_back(task);
  task.watch_pipes = false;
  task.parent_waits = true;
  task.name = "task_vfork";
  all.push_back(task);
  return all;
}

}  // namespace

int main(int count, char** words) {
  const auto argument = [&](int at, std::size_t usual) {
    return count > at ? std::strtoul(words[at], nullptr, 10) : usual;
  };
  const std::size_t processes = argument(1, 200);
  const std::size_t rounds = argument(2, 41);
  const std::size_t in_flight = argument(3, 2);
  const muster::blobs::TestFolder folder;
  const std::string program = muster::keeper::make_tiny_echo(folder.file("empty"));
  const std::vector<Way> all = ways();
  std::vector<std::vector<double>> cost(all.size());
  std::vector<std::vector<double>> more(all.size());
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const double before = cpu_us();
      Bench(program, all[i], in_flight).run(processes);
      cost[i].push_back((cpu_us() - before) / static_cast<double>(processes));
      more[i].push_back(cost[i].back() - cost[0].back());
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::printf("spawn_%s %.1f us (posix_spawn %.1f, difference %+.1f)\n", all[i].name, median(cost[i]),
                median(cost[0]), median(more[i]));
  }
  return 0;
}
