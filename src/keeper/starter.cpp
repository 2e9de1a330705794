// The steps before a process exists, in the order in which they can fail cheaply.
// Descriptors are all closed on exec; a task gets its three and no other.
#include "keeper/starter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "blobs/beneath.h"
#include "core/escape.h"
#include "keeper/process_facts.h"

namespace muster::keeper {
namespace {

constexpr std::size_t kSpareBlocks = 8;
constexpr std::string_view kTaskMark = "MUSTER_TASK_ID";
constexpr std::string_view kAttemptMark = "MUSTER_ATTEMPT";

LaunchFailure failure(int error, const std::string& what) {
  return {error, what + ": " + std::strerror(error)};
}

// The folder with all its parents.
int make_folders(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0) return 0;
  if (errno == EEXIST) return 0;
  if (errno != ENOENT) return errno;
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return ENOENT;
  if (const int error = make_folders(path.substr(0, slash))) return error;
  return ::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST ? 0 : errno;
}

// The folder that is an operator's choice, and what of the path follows from a task: its batch, its index, its attempt.
std::pair<std::string, std::string> split_scratch(const std::string& folder) {
  std::size_t slash = folder.size();
  for (int parts = 0; parts < 3 && slash != std::string::npos && slash > 0; ++parts)
    slash = folder.rfind('/', slash - 1);
  if (slash == std::string::npos) return {".", folder};
  return {slash == 0 ? "/" : folder.substr(0, slash), folder.substr(slash + 1)};
}

// Links that somebody put into the way are refused, so that nothing is made, or given away, elsewhere.
std::optional<LaunchFailure> make_scratch(const std::string& folder, const std::optional<RunAs>& owner) {
  if (folder.empty()) return std::nullopt;
  const auto [home, inner] = split_scratch(folder);
  const auto refused = [&](int error) {
    return failure(error, "cannot make the folder " + escape_text(folder));
  };
  if (const int error = make_folders(home)) return refused(error);
  const blobs::File base(::open(home.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!base) return refused(errno);
  const auto own = blobs::make_folders_beneath(base.get(), inner, 0777);
  if (!own) return refused(own.error());
  // The inner ones first: as long as the outer one is the keeper's, nobody else comes in.
  for (const char* part : {"input", "output", "tmp"}) {
    const auto made = blobs::make_folders_beneath(own->get(), part, 0777);
    if (!made) return refused(made.error());
    if (owner && ::fchown(made->get(), owner->user, owner->group) < 0) return refused(errno);
  }
  if (owner && ::fchown(own->get(), owner->user, owner->group) < 0) return refused(errno);
  return std::nullopt;
}

// Only the reading end does not block: to the task it is an ordinary pipe.
std::optional<LaunchFailure> make_pipe(blobs::File& reading, blobs::File& writing) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return failure(errno, "cannot make a pipe");
  reading = blobs::File(ends[0]);
  writing = blobs::File(ends[1]);
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) return failure(errno, "cannot make a pipe");
  return std::nullopt;
}

}  // namespace

std::unique_ptr<LaunchBlock> Starter::take_block() {
  if (spare_.empty()) return std::make_unique<LaunchBlock>();
  std::unique_ptr<LaunchBlock> block = std::move(spare_.back());
  spare_.pop_back();
  return block;
}

void Starter::release(Task& task) {
  if (task.block != nullptr && spare_.size() < kSpareBlocks) spare_.push_back(std::move(task.block));
  task.block.reset();
}

std::optional<LaunchFailure> Starter::start(Task& task) {
  if (auto failed = make_scratch(task.start.scratch, run_as_)) return failed;
  task.block = take_block();
  std::optional<LaunchFailure> failed = task.block->prepare(task.start);
  if (!failed) failed = launch(task);
  if (failed) {
    release(task);
    task.pipes = {};
    if (task.group != nullptr) limits_.discard(std::move(task.group));
    return failed;
  }
  for (const auto& [name, value] : task.start.environment) {
    if (name == kTaskMark) task.task_mark = name + "=" + value;
    if (name == kAttemptMark) task.attempt_mark = name + "=" + value;
  }
  task.start.arguments = {};
  task.start.environment = {};
  return std::nullopt;
}

std::optional<LaunchFailure> Starter::launch(Task& task) {
  if (task.start.mem_mb > 0 && limits_.by() != LimitBy::watching) {
    if (auto group = limits_.make_group(task.start.mem_mb)) {
      task.group = std::move(*group);
    } else {
      task.remark = "memory was not limited by a cgroup: " + group.error().what;
    }
  }
  blobs::File out;
  blobs::File err;
  if (auto failed = make_pipe(task.pipes[0], out)) return failed;
  if (auto failed = make_pipe(task.pipes[1], err)) return failed;
  // /dev/stdout of a task is this pipe, opened anew: it has to be the task's.
  for (const int end : {out.get(), err.get()}) {
    if (run_as_ && ::fchown(end, run_as_->user, run_as_->group) < 0)
      return failure(errno, "cannot give away a pipe");
  }
  const int entrance = task.group == nullptr ? -1 : task.group->entrance();
  const std::uint64_t before_ns = boot_now_ns();
  task.started_wall_us = wall_now_us();
  const pid_t process = task.block->launch(
      {out.get(), err.get(), entrance, files_ ? &*files_ : nullptr, run_as_ ? &*run_as_ : nullptr});
  if (process < 0) return failure(errno, "cannot make a process");
  const std::uint64_t after_ns = boot_now_ns();
  task.process = process;
  task.started_mono_us = static_cast<Micros>(before_ns / 1000);
  const auto ticks = start_ticks_between(before_ns, after_ns);
  if (ticks) {
    task.start_ticks = *ticks;
  } else if (const auto stat = process_stat(process)) {
    task.start_ticks = stat->start_ticks;
  }
  task.log = LogSpool::begin(task.attempt(), task.start.log_max_bytes, task.started_mono_us);
  return std::nullopt;
}

}  // namespace muster::keeper
