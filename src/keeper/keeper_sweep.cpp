// What got away from its process group, and memory limits where there are no cgroups.
// An orphan is a child of this process, so its id cannot come to mean another process before it is reaped here.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "keeper/keeper_loop.h"
#include "keeper/process_facts.h"

namespace muster::keeper {
namespace {

constexpr Micros kSweep_us = 1'000'000;
constexpr Micros kWatch_us = 200'000;
constexpr int kLastRounds = 200;
constexpr int kLastRound_ms = 10;

}  // namespace

// Nothing runs any more, so every child there still is was left behind by an attempt that is over.
void Keeper::end_orphans() {
  for (int round = 0; round < kLastRounds; ++round) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    const std::vector<pid_t> orphans = own_children();
    if (orphans.empty()) return;
    for (const pid_t orphan : orphans) ::kill(orphan, SIGKILL);
    pollfd wait{parts_.signals.get(), POLLIN, 0};
    ::poll(&wait, 1, kLastRound_ms);
    signalfd_siginfo info{};
    if (::read(parts_.signals.get(), &info, sizeof info) < 0) continue;
  }
}

bool Keeper::belongs_to_running(const std::vector<std::string>& environment) const {
  const auto has = [&](const std::string& mark) {
    return !mark.empty() && std::find(environment.begin(), environment.end(), mark) != environment.end();
  };
  return std::any_of(tasks_.running_tasks().begin(), tasks_.running_tasks().end(), [&](const Task* task) {
    return task->has_process() && has(task->task_mark) && has(task->attempt_mark);
  });
}

// Children that are no task's main process were given to this process when their parent died. Those whose attempt is over are
// killed; those that do not say whose they are, when nothing runs that they could belong to.
void Keeper::sweep_orphans() {
  next_sweep_us_ = now_us_ + kSweep_us;
  has_orphans_ = false;
  const bool is_idle = std::none_of(tasks_.running_tasks().begin(), tasks_.running_tasks().end(),
                                    [](const Task* task) { return task->has_process(); });
  for (const pid_t child : own_children()) {
    if (tasks_.find_process(child) != nullptr) continue;
    has_orphans_ = true;
    const std::vector<std::string> environment = environment_of(child);
    const bool is_marked =
        std::any_of(environment.begin(), environment.end(),
                    [](const std::string& variable) { return variable.starts_with("MUSTER_ATTEMPT="); });
    if (is_marked ? belongs_to_running(environment) : !is_idle) continue;
    const pid_t group = ::getpgid(child);
    if (group > 1 && group != ::getpgrp() && tasks_.find_process(group) == nullptr) ::kill(-group, SIGKILL);
    ::kill(child, SIGKILL);
  }
}

void Keeper::watch_memory() {
  next_watch_us_ = now_us_ + kWatch_us;
  std::vector<WatchedTask> watched;
  std::vector<Task*> owners;
  for (Task* task : tasks_.running_tasks()) {
    if (!task->has_process() || task->start.mem_mb == 0 || task->group != nullptr) continue;
    watched.push_back({task->process, task->start.mem_mb << 20, 0});
    owners.push_back(task);
  }
  measure_watched(watched);
  for (std::size_t i = 0; i < watched.size(); ++i) {
    Task& task = *owners[i];
    task.watched_peak_bytes = std::max(task.watched_peak_bytes, watched[i].bytes);
    if (watched[i].bytes > watched[i].limit_bytes) stop(task, EndedBy::memory_limit, 0);
  }
}

}  // namespace muster::keeper
