// Killing by (process id, start time): a process descriptor is taken first, then the start time read again.
// So a signal can only reach the process that was looked at, never one that got its id later.
#include "runtime/agent/survivors.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "blobs/file.h"
#include "runtime/clock.h"

namespace muster::runtime {

namespace {

using keeper::ProcessStat;

constexpr Micros kTick_us = 10'000;  // the kernel's interface counts 100 a second everywhere

bool has_ended(const ProcessStat& process) { return process.state == 'Z' || process.state == 'X'; }

bool is_of_session(const ProcessStat& process, const KeeperStarted& leader, std::uint64_t alive_until_ticks) {
  if (leader.process_id <= 1) return false;  // it was about to start: its number is not known
  if (process.process == leader.process_id && process.start_ticks == leader.process_start_ticks) return true;
  const bool inside = process.session == leader.process_id || process.group == leader.process_id;
  return inside && process.start_ticks >= leader.process_start_ticks &&
         process.start_ticks <= alive_until_ticks;
}

void kill_process(const ProcessStat& process) {
  const blobs::File handle(static_cast<int>(syscall(SYS_pidfd_open, process.process, 0)));
  const auto again = keeper::process_stat(process.process);
  if (!again || again->start_ticks != process.start_ticks) return;
  // Kernels before 5.3 have no such descriptor; there the time between look and signal is the risk that is left.
  if (handle) {
    syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0);
  } else {
    kill(process.process, SIGKILL);
  }
}

std::string_view value_of(std::span<const std::string> environment, std::string_view name) {
  for (const std::string_view variable : environment) {
    if (variable.starts_with(name) && variable.substr(name.size()).starts_with('='))
      return variable.substr(name.size() + 1);
  }
  return {};
}

}  // namespace

std::uint64_t ticks_now() { return static_cast<std::uint64_t>(mono_now_us() / kTick_us); }

std::vector<ProcessStat> survivors_of(std::span<const ProcessStat> all,
                                      std::span<const KeeperStarted> started, std::uint64_t alive_until_ticks,
                                      const std::function<bool(const ProcessStat&)>& carries_mark) {
  std::vector<ProcessStat> found;
  for (const ProcessStat& process : all) {
    if (has_ended(process)) continue;
    const bool ours = std::any_of(started.begin(), started.end(), [&](const KeeperStarted& leader) {
      return is_of_session(process, leader, alive_until_ticks);
    });
    if (ours || carries_mark(process)) found.push_back(process);
  }
  return found;
}

bool names_attempt(std::span<const std::string> environment, std::string_view spool_id,
                   std::span<const KeeperStarted> started) {
  const std::string_view spool = value_of(environment, kSpoolIdVariable);
  if (spool.empty() || spool != spool_id) return false;
  const std::string_view task = value_of(environment, "MUSTER_TASK_ID");
  const std::string_view number = value_of(environment, "MUSTER_ATTEMPT");
  return std::any_of(started.begin(), started.end(), [&](const KeeperStarted& leader) {
    const AttemptRef& attempt = leader.attempt;
    return task == std::to_string(attempt.batch) + "." + std::to_string(attempt.index) &&
           number == std::to_string(attempt.number);
  });
}

bool kill_survivors(std::span<const KeeperStarted> started, std::uint64_t alive_until_ticks,
                    std::string_view spool_id) {
  if (started.empty()) return true;
  const auto carries_mark = [&](const ProcessStat& process) {
    return names_attempt(keeper::environment_of(process.process), spool_id, started);
  };
  bool none = true;
  for (const ProcessStat& process :
       survivors_of(keeper::all_processes(), started, alive_until_ticks, carries_mark)) {
    if (process.process == getpid()) continue;
    kill_process(process);
    none = false;
  }
  return none;
}

}  // namespace muster::runtime
