// Level, not edge: every second it is asked whether the folder is held, whatever happened before.
// An agent that dies at once is started again after growing pauses.
#include "runtime/worker_supervisor.h"

#include <sys/wait.h>

#include <algorithm>
#include <string>

#include "runtime/process.h"

namespace muster::runtime {
namespace {

constexpr Micros kShortLife_us = 10'000'000;
constexpr Micros kFirstPause_us = 1'000'000;
constexpr Micros kLongestPause_us = 60'000'000;

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

WorkerSupervisor::WorkerSupervisor(DataFolder folder, WorkerOptions options, ServerLog& log)
    : folder_(std::move(folder)), options_(std::move(options)), log_(log) {}

void WorkerSupervisor::check(Micros mono_us) {
  if (!options_.wanted) return;
  reap(mono_us);
  if (child_ != 0 || mono_us < next_start_us_ || is_locked(folder_.agent_lock())) return;
  start(mono_us);
}

void WorkerSupervisor::reap(Micros mono_us) {
  if (child_ == 0) return;
  int status = 0;
  if (waitpid(child_, &status, WNOHANG) != child_) return;
  const bool short_life = mono_us - started_us_ < kShortLife_us;
  pause_us_ = short_life ? std::clamp(pause_us_ * 2, kFirstPause_us, kLongestPause_us) : 0;
  next_start_us_ = mono_us + pause_us_;
  log_.warning(
      "worker ended",
      {{"process", std::to_string(child_)}, {"how", describe_end(status)}, {"output", folder_.agent_log()}});
  child_ = 0;
}

void WorkerSupervisor::start(Micros mono_us) {
  DetachedProcess process;
  process.arguments = {"agent", "--folder", folder_.worker(), "--url-file", folder_.url()};
  if (options_.slots)
    process.arguments.insert(process.arguments.end(), {"--slots", std::to_string(*options_.slots)});
  if (options_.gpu_slots) {
    process.arguments.insert(process.arguments.end(), {"--gpu-slots", std::to_string(*options_.gpu_slots)});
  }
  if (!options_.run_as.empty())
    process.arguments.insert(process.arguments.end(), {"--run-as", options_.run_as});
  process.output = folder_.agent_log();
  process.folder = folder_.worker();
  started_us_ = mono_us;
  const Result<pid_t> pid = start_detached(process);
  if (!pid) {
    next_start_us_ = mono_us + kLongestPause_us;
    log_.error("worker not started", {{"why", pid.error().what}});
    return;
  }
  child_ = *pid;
  log_.info("worker started", {{"process", std::to_string(child_)}});
}

}  // namespace muster::runtime
