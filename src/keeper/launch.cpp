// The plan of a child, the clone, and the child's own few system calls.
// Until the exec the child shares memory, not descriptors, with a parent that goes on: it may touch nothing but its plan.
#include "keeper/launch.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>

#include "core/check.h"
#include "core/escape.h"

namespace muster::keeper {
namespace {

constexpr std::size_t kStackBytes = 16ULL << 10;
constexpr std::size_t kOrdinaryBytes = 48ULL << 10;
constexpr std::size_t kAlignment = 16;
constexpr const char* kShell = "/bin/sh";
constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";
constexpr unsigned kKernelSignalSetBytes = 8;
constexpr int kNoProgram = 127;

enum class Step : int { none, parent_gone, output, identity, cwd, search, exec };

#if defined(__x86_64__)
// Raw, because the C library's functions write errno, which belongs to the parent.
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  long result = 0;
  register long fourth asm("r10") = d;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
               : "rcx", "r11", "memory");
  return result;
}
constexpr int kCloneFlags = CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD;
#else
// Elsewhere the parent waits, so that sharing errno does no harm.
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  const long result = ::syscall(number, a, b, c, d);
  return result < 0 ? -errno : result;
}
constexpr int kCloneFlags = CLONE_VM | CLONE_VFORK | CLONE_CHILD_CLEARTID | SIGCHLD;
#endif

long address(const void* pointer) { return reinterpret_cast<long>(pointer); }

bool is_absence(long error) {
  return error == -ENOENT || error == -ENOTDIR || error == -ESTALE || error == -ENODEV ||
         error == -ETIMEDOUT || error == -EACCES || error == -ELOOP || error == -ENAMETOOLONG;
}

}  // namespace

struct LaunchBlock::Child {
  char** words = nullptr;  // one free place, then the arguments, then null
  char** environment = nullptr;
  char** candidates = nullptr;  // paths to try in this order, then null
  const char* cwd = nullptr;    // null: stay
  ChildEnds ends;
  pid_t parent = 0;
  char* stack_top = nullptr;
  // What became of it.
  Step step = Step::none;
  int error = 0;
  int cgroup_error = 0;
  char** tried = nullptr;        // the candidate that exec was called for
  std::atomic<pid_t> thread{0};  // cleared by the kernel when the child leaves this memory
};

LaunchBlock::LaunchBlock() = default;
LaunchBlock::~LaunchBlock() = default;

// ---- the plan

void LaunchBlock::reserve(std::size_t bytes) {
  used_ = 0;
  const std::size_t wanted = std::max(bytes, kOrdinaryBytes);
  if (wanted > capacity_ || capacity_ > 2 * std::max(wanted, kOrdinaryBytes)) {
    memory_ = std::make_unique_for_overwrite<char[]>(wanted);
    capacity_ = wanted;
  }
}

char* LaunchBlock::put(std::string_view text) {
  char* at = memory_.get() + used_;
  std::memcpy(at, text.data(), text.size());
  at[text.size()] = '\0';
  used_ += text.size() + 1;
  return at;
}

namespace {

bool has_zero(std::string_view text) { return text.find('\0') != std::string_view::npos; }

std::optional<LaunchFailure> refusal(const KeeperStart& start) {
  if (start.arguments.empty() || start.arguments[0].empty())
    return LaunchFailure{EINVAL, "no command to run"};
  bool zero = has_zero(start.cwd) || has_zero(start.scratch);
  for (const std::string& word : start.arguments) zero = zero || has_zero(word);
  for (const auto& [name, value] : start.environment) zero = zero || has_zero(name) || has_zero(value);
  if (zero) return LaunchFailure{EINVAL, "a zero byte in an argument, a variable or a folder's name"};
  return std::nullopt;
}

std::string_view path_of(const KeeperStart& start) {
  for (const auto& [name, value] : start.environment) {
    if (name == "PATH") return value;
  }
  return kDefaultPath;
}

// "dir/command" for each folder of PATH; the command itself when it names a path.
std::vector<std::string> candidates_of(const std::string& command, std::string_view path) {
  if (command.find('/') != std::string::npos) return {command};
  std::vector<std::string> paths;
  while (true) {
    const std::size_t end = path.find(':');
    const std::string_view folder = path.substr(0, end);
    paths.push_back(folder.empty() ? command : std::string(folder) + "/" + command);
    if (end == std::string_view::npos) return paths;
    path.remove_prefix(end + 1);
  }
}

}  // namespace

std::optional<LaunchFailure> LaunchBlock::prepare(const KeeperStart& start) {
  if (auto refused = refusal(start)) return refused;
  command_ = start.arguments[0];
  searched_ = command_.find('/') == std::string::npos ? std::string(path_of(start)) : std::string();
  cwd_ = start.cwd.empty() ? start.scratch : start.cwd;
  const std::vector<std::string> candidates = candidates_of(command_, path_of(start));

  words_bytes_ = 0;
  for (const std::string& word : start.arguments) words_bytes_ += word.size() + 1;
  for (const auto& [name, value] : start.environment) words_bytes_ += name.size() + value.size() + 2;
  std::size_t strings = words_bytes_ + cwd_.size() + 1;
  for (const std::string& path : candidates) strings += path.size() + 1;
  const std::size_t pointers = start.arguments.size() + start.environment.size() + candidates.size() + 4;
  reserve(sizeof(Child) + pointers * sizeof(char*) + strings + kStackBytes + 3 * kAlignment);

  void* at = memory_.get();
  std::size_t left = capacity_;
  MUSTER_CHECK(std::align(kAlignment, sizeof(Child), at, left) != nullptr, "a launch block holds its plan");
  child_ = new (at) Child();
  auto** table = reinterpret_cast<char**>(static_cast<char*>(at) + sizeof(Child));
  used_ = static_cast<std::size_t>(reinterpret_cast<char*>(table + pointers) - memory_.get());
  child_->words = table;
  *table++ = nullptr;
  for (const std::string& word : start.arguments) *table++ = put(word);
  *table++ = nullptr;
  child_->environment = table;
  for (const auto& [name, value] : start.environment) {
    *table++ = put(name);
    memory_[used_ - 1] = '=';
    put(value);
  }
  *table++ = nullptr;
  child_->candidates = table;
  for (const std::string& path : candidates) *table++ = put(path);
  *table++ = nullptr;
  if (!cwd_.empty()) child_->cwd = put(cwd_);
  const auto top = reinterpret_cast<std::uintptr_t>(memory_.get() + capacity_) & ~(kAlignment - 1);
  child_->stack_top = memory_.get() + (top - reinterpret_cast<std::uintptr_t>(memory_.get()));
  MUSTER_CHECK(memory_.get() + used_ + kStackBytes <= child_->stack_top,
               "a launch block holds the child's stack");
  return std::nullopt;
}

// ---- the child

pid_t LaunchBlock::launch(const ChildEnds& ends) {
  child_->ends = ends;
  child_->parent = ::getpid();
  child_->thread.store(1, std::memory_order_relaxed);
  const pid_t process = ::clone(&LaunchBlock::run_child, child_->stack_top, kCloneFlags, child_, nullptr,
                                nullptr, &child_->thread);
  if (process < 0) child_->thread.store(0, std::memory_order_relaxed);
  return process;
}

// Comes back only when there is no program to become. The plan says why, and is not written before that is certain.
int LaunchBlock::try_exec(Child& child) {
  Step step = Step::search;
  long error = -ENOENT;
  for (char** path = child.candidates; *path != nullptr; ++path) {
    const long there = call(SYS_faccessat, AT_FDCWD, address(*path), X_OK);
    if (there < 0) {
      // A file that is there but may not be run is worth more to tell than one that is not there.
      if (there == -EACCES) error = there, child.tried = path;
      continue;
    }
    long result = call(SYS_execve, address(*path), address(child.words + 1), address(child.environment));
    if (result == -ENOEXEC) {
      // A script without a first line that names its interpreter.
      child.words[0] = const_cast<char*>(kShell);
      child.words[1] = *path;
      result = call(SYS_execve, address(kShell), address(child.words), address(child.environment));
    }
    step = Step::exec;
    error = result;
    child.tried = path;
    if (!is_absence(result)) break;
  }
  child.error = static_cast<int>(-error);
  child.step = step;
  return kNoProgram;
}

// Groups, group, user, each checked, and all of them looked at again: a call that did less than it said must not go unseen.
// The capabilities go with the last of root's numbers.
long LaunchBlock::become(const RunAs& who) {
  const auto user = static_cast<long>(who.user);
  const auto group = static_cast<long>(who.group);
  const auto count = static_cast<long>(who.groups.size());
  long result = call(SYS_setgroups, count, address(who.groups.data()));
  if (result == 0) result = call(SYS_setresgid, group, group, group);
  if (result == 0) result = call(SYS_setresuid, user, user, user);
  if (result < 0) return result;
  uid_t users[3] = {0, 0, 0};
  gid_t groups[3] = {0, 0, 0};
  if (call(SYS_getresuid, address(users), address(users + 1), address(users + 2)) < 0) return -EPERM;
  if (call(SYS_getresgid, address(groups), address(groups + 1), address(groups + 2)) < 0) return -EPERM;
  for (int i = 0; i < 3; ++i) {
    if (users[i] != who.user || groups[i] != who.group) return -EPERM;
  }
  if (call(SYS_getgroups, 0, 0) != count) return -EPERM;
  if (call(SYS_setresuid, 0, 0, 0) == 0) return -EPERM;  // there must be no way back
  return 0;
}

int LaunchBlock::run_child(void* plan) {
  Child& child = *static_cast<Child*>(plan);
  call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  if (call(SYS_getppid) != child.parent) {
    // The parent died before it could be watched.
    child.step = Step::parent_gone;
    return kNoProgram;
  }
  call(SYS_setsid);
  if (child.ends.cgroup >= 0) {
    const long written = call(SYS_write, child.ends.cgroup, address("0"), 1);
    if (written < 0) child.cgroup_error = static_cast<int>(-written);
  }
  long result = call(SYS_dup3, child.ends.out, STDOUT_FILENO);
  if (result >= 0) result = call(SYS_dup3, child.ends.err, STDERR_FILENO);
  if (result < 0) {
    child.step = Step::output;
    child.error = static_cast<int>(-result);
    return kNoProgram;
  }
  if (child.ends.run_as != nullptr) {
    result = become(*child.ends.run_as);
    if (result < 0) {
      child.step = Step::identity;
      child.error = static_cast<int>(-result);
      return kNoProgram;
    }
    // The kernel forgets whose death is to be watched when a process changes its user.
    call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    if (call(SYS_getppid) != child.parent) {
      child.step = Step::parent_gone;
      return kNoProgram;
    }
  }
  if (child.cwd != nullptr) {
    result = call(SYS_chdir, address(child.cwd));
    if (result < 0) {
      child.step = Step::cwd;
      child.error = static_cast<int>(-result);
      return kNoProgram;
    }
  }
  if (child.ends.files != nullptr) call(SYS_prlimit64, 0, RLIMIT_NOFILE, address(child.ends.files));
  const std::uint64_t none = 0;
  call(SYS_rt_sigprocmask, SIG_SETMASK, address(&none), 0, kKernelSignalSetBytes);
  return try_exec(child);
}

// ---- what became of it

bool LaunchBlock::is_released() const {
  return child_ == nullptr || child_->thread.load(std::memory_order_acquire) == 0;
}

int LaunchBlock::cgroup_error() const { return child_ == nullptr ? 0 : child_->cgroup_error; }

std::optional<LaunchFailure> LaunchBlock::failure() const {
  if (child_ == nullptr || child_->step == Step::none) return std::nullopt;
  const int error = child_->error;
  const std::string reason = std::strerror(error);
  const std::string tried = child_->tried == nullptr ? command_ : std::string(*child_->tried);
  switch (child_->step) {
    case Step::none:
      break;
    case Step::parent_gone:
      return LaunchFailure{ESRCH, "the keeper ended"};
    case Step::output:
      return LaunchFailure{error, "cannot connect its output: " + reason};
    case Step::identity:
      return LaunchFailure{error, "cannot become the user of --run-as: " + reason};
    case Step::cwd:
      return LaunchFailure{error, "cannot enter " + escape_text(cwd_) + ": " + reason};
    case Step::search:
      if (error == EACCES) return LaunchFailure{error, "cannot run " + escape_text(tried) + ": " + reason};
      if (searched_.empty() && command_.find('/') != std::string::npos) {
        const bool relative = command_[0] != '/' && !cwd_.empty();
        return LaunchFailure{error, "no such command: " + escape_text(command_) +
                                        (relative ? " (in " + escape_text(cwd_) + ")" : "")};
      }
      return LaunchFailure{error, "no such command: " + escape_text(command_) +
                                      " (searched PATH=" + escape_text(searched_) + ")"};
    case Step::exec:
      if (error == ENOENT) {
        return LaunchFailure{error,
                             "cannot run " + escape_text(tried) + ": the interpreter it names is missing"};
      }
      if (error == E2BIG) {
        return LaunchFailure{error, "cannot run " + escape_text(tried) + ": " + std::to_string(words_bytes_) +
                                        " bytes of arguments and environment are too many"};
      }
      return LaunchFailure{error, "cannot run " + escape_text(tried) + ": " + reason};
  }
  return std::nullopt;
}

}  // namespace muster::keeper
