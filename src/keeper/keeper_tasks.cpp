// One task's life: started, its output taken, stopped when asked, reaped, and its end put together.
// A task ends when its process is gone, what is left of its process group was killed, and its pipes were read to their end.
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "core/failpoint.h"
#include "keeper/keeper_loop.h"
#include "keeper/process_facts.h"

namespace muster::keeper {
namespace {

constexpr Micros kDrain_us = 100'000;  // for a pipe that somebody else still holds
constexpr Micros kYoung_us = 2000;     // for a program that has not begun after that time already
constexpr int kReadsAtEnd = 32;        // more than any pipe holds
constexpr int kReadsPerRound = 4;
constexpr int kOutOfMemoryScore = 100;  // more than the keeper's own: the kernel takes a task first
constexpr int kOutOfMemoryScoreMax = 1000;

Micros micros_of(const timeval& time) { return static_cast<Micros>(time.tv_sec) * 1'000'000 + time.tv_usec; }

// Blocks of the disk are counted in 512 bytes whatever the disk says.
constexpr std::uint64_t kBlockBytes = 512;

void raise_out_of_memory_score(pid_t process) {
  static const int own = std::atoi(read_small_file("/proc/self/oom_score_adj").c_str());
  const int score = std::min(own + kOutOfMemoryScore, kOutOfMemoryScoreMax);
  write_small_file("/proc/" + std::to_string(process) + "/oom_score_adj", std::to_string(score));
}

}  // namespace

// ---- starting

void Keeper::start(Task& task) {
  if (task.start.records_first) {
    std::string message;
    wire::append_keeper_started({task.attempt(), 0, 0, wall_now_us(), {}}, message);
    records_->append(RecordKind::about_to_start, message);
  }
  failpoint("keeper.starting");
  if (const auto failed = starter_.start(task)) {
    task.end.kind = EndKind::launch_failed;
    task.end.launch_errno = failed->error_number;
    task.end.message = failed->message;
    task.end.started_wall_us = wall_now_us();
    finish(task);
    return;
  }
  tasks_.set_running(task);
  if (task.start.mem_mb > 0 && task.group == nullptr) ++watched_tasks_;
  if (task.start.time_limit_us > 0) {
    tasks_.set_due(task, Due::terminate, task.started_mono_us + task.start.time_limit_us);
  }
  young_.push_back(&task);
  std::string message;
  wire::append_keeper_started({task.attempt(), task.process, task.start_ticks, task.started_wall_us, {}},
                              message);
  failpoint("keeper.started");
  records_->append(RecordKind::started, message);
  failpoint("keeper.start.noted");
}

void Keeper::fill_from_queue() {
  while (Task* task = tasks_.next_of_queue(width_)) {
    // The deadline is looked at right before each start: nothing begins after it.
    if (deadline_us_ >= 0 && mono_now_us() >= deadline_us_) {
      end_unstarted(*task, EndedBy::lease);
    } else {
      start(*task);
    }
  }
}

// Whether its program runs. Then the memory it was started from is free, the kernel may prefer it as a victim, and its start is
// worth telling.
bool Keeper::begin_program(Task& task) {
  if (task.block == nullptr) return true;
  if (!task.block->is_released()) return false;
  if (task.block->failure()) return true;  // told when it is reaped
  if (task.block->cgroup_error() != 0) {
    task.remark =
        "memory was not limited by a cgroup: " + std::string(std::strerror(task.block->cgroup_error()));
  }
  starter_.release(task);
  if (task.group != nullptr) task.group->close_entrance();
  raise_out_of_memory_score(task.process);
  if (parts_.link.connected()) {
    untold_starts_.push_back(task.attempt());
    pacer_.note(now_us_);
  }
  return true;
}

void Keeper::settle(Task& task) {
  watch_output(task);
  if (begin_program(task)) return;
  slow_.push_back(&task);
  next_tidy_us_ = std::min(next_tidy_us_, now_us_ + kYoung_us);
}

// ---- output

// A child that has not begun its program holds a copy of this descriptor, and would keep it in the epoll set after a mere close.
void Keeper::close_pipe(Task& task, std::size_t slot) {
  if (!task.pipes[slot]) return;
  if (task.is_watched) ::epoll_ctl(parts_.events.get(), EPOLL_CTL_DEL, task.pipes[slot].get(), nullptr);
  task.pipes[slot].close();
}

void Keeper::read_pipe(Task& task, blobs::Stream stream, int reads_max) {
  const std::size_t slot = blobs::slot_of(stream);
  for (int reads = 0; reads < reads_max && task.pipes[slot]; ++reads) {
    const Taken taken = parts_.spool.take(task.pipes[slot].get(), task.log, stream, now_us_);
    if (taken == Taken::nothing_now) break;
    if (taken == Taken::end) close_pipe(task, slot);
  }
}

void Keeper::take_output(Task& task, blobs::Stream stream) {
  read_pipe(task, stream, kReadsPerRound);
  if (task.phase == TaskPhase::draining && !task.pipes[0] && !task.pipes[1]) finish(task);
}

// Takes what is in the pipes; true when both are at their end.
bool Keeper::drain(Task& task) {
  for (const blobs::Stream stream : {blobs::Stream::out, blobs::Stream::err}) {
    read_pipe(task, stream, kReadsAtEnd);
  }
  return !task.pipes[0] && !task.pipes[1];
}

// ---- stopping

// To the whole group; to the process alone while it has not got as far as leading one.
void Keeper::signal_task(const Task& task, int number) const {
  if (!task.has_process()) return;
  if (::kill(-task.process, number) < 0 && errno == ESRCH) ::kill(task.process, number);
  // What is stopped has to go on to notice.
  if (number != SIGKILL) ::kill(-task.process, SIGCONT);
}

void Keeper::stop(Task& task, EndedBy by, Micros grace_us) {
  if (task.phase == TaskPhase::queued) return end_unstarted(task, by);
  if (!task.has_process()) return;
  if (task.by == EndedBy::itself || by == EndedBy::lease || by == EndedBy::memory_limit) task.by = by;
  if (grace_us <= 0) {
    signal_task(task, SIGKILL);
    tasks_.set_due(task, Due::nothing, 0);
    return;
  }
  const Micros kill_us = now_us_ + grace_us;
  if (task.due == Due::kill && task.due_us <= kill_us) return;
  if (task.due != Due::kill) signal_task(task, SIGTERM);
  tasks_.set_due(task, Due::kill, kill_us);
}

void Keeper::stop_all(EndedBy by) {
  const bool at_once = by == EndedBy::lease || terminations_ > 1;
  std::vector<Task*> live;
  tasks_.for_each([&](Task& task) {
    if (task.phase == TaskPhase::queued || task.phase == TaskPhase::running) live.push_back(&task);
  });
  for (Task* task : live) stop(*task, by, at_once ? 0 : task->start.grace_us);
}

void Keeper::end_unstarted(Task& task, EndedBy by) {
  task.by = by;
  task.end.kind = EndKind::never_started;
  finish(task);
}

// ---- ending

void Keeper::reap() {
  while (true) {
    siginfo_t info{};
    // Seen first and reaped later: until then nobody else can have its id, and its group can be killed by it.
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) return;
    if (Task* task = tasks_.find_process(info.si_pid)) {
      take_end(*task);
    } else {
      ::waitpid(info.si_pid, nullptr, WNOHANG);
    }
  }
}

void Keeper::take_end(Task& task) {
  ::kill(-task.process, SIGKILL);
  KeeperEnd& end = task.end;
  end.message = std::move(task.remark);
  if (task.start.mem_mb > 0 && task.group == nullptr) --watched_tasks_;
  bool was_exhausted = false;
  std::uint64_t peak_bytes = task.watched_peak_bytes;
  if (task.group != nullptr) {
    task.group->kill_all();
    was_exhausted = task.group->was_exhausted();
    peak_bytes = task.group->peak_bytes();
  }
  int status = 0;
  rusage used{};
  ::wait4(task.process, &status, 0, &used);
  if (task.group != nullptr) limits_.discard(std::move(task.group));
  end.usage.wall_us = mono_now_us() - task.started_mono_us;
  end.usage.user_us = micros_of(used.ru_utime);
  end.usage.system_us = micros_of(used.ru_stime);
  end.usage.peak_memory_bytes =
      std::max<std::uint64_t>(peak_bytes, static_cast<std::uint64_t>(used.ru_maxrss) * 1024);
  end.usage.read_bytes = static_cast<std::uint64_t>(used.ru_inblock) * kBlockBytes;
  end.usage.written_bytes = static_cast<std::uint64_t>(used.ru_oublock) * kBlockBytes;
  end.started_wall_us = task.started_wall_us;
  const auto failed = task.block == nullptr ? std::nullopt : task.block->failure();
  if (failed) {
    end.kind = EndKind::launch_failed;
    end.launch_errno = failed->error_number;
    end.message = failed->message;
  } else if (WIFSIGNALED(status)) {
    end.kind = EndKind::signalled;
    end.signal = WTERMSIG(status);
  } else {
    end.kind = EndKind::exited;
    end.exit_code = WEXITSTATUS(status);
  }
  const bool went_well = end.kind == EndKind::exited && end.exit_code == 0;
  if (was_exhausted && !went_well && task.by == EndedBy::itself) task.by = EndedBy::memory_limit;
  std::erase(young_, &task);
  std::erase(slow_, &task);
  starter_.release(task);
  tasks_.set_draining(task);
  has_orphans_ = true;
  if (drain(task)) return finish(task);
  watch_output(task);
  tasks_.set_due(task, Due::give_up, now_us_ + kDrain_us);
}

// Nothing more comes from it. What it was is written down and told at the end of the round.
void Keeper::finish(Task& task) {
  if (task.phase == TaskPhase::draining) {
    drain(task);
    parts_.spool.finish(task.log);
  }
  for (std::size_t slot = 0; slot < task.pipes.size(); ++slot) close_pipe(task, slot);
  task.end.attempt = task.attempt();
  task.end.by = task.by;
  task.end.ended_wall_us = wall_now_us();
  task.end.stdout_bytes = task.log.written[0];
  task.end.stderr_bytes = task.log.written[1];
  tasks_.set_ended(task);
  ended_now_.push_back(&task);
}

}  // namespace muster::keeper
