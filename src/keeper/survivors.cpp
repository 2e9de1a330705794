// Looking through /proc for survivors, again and again until none is found.
// A descriptor of the process is opened first and its start time read again, so that a new process with an old id is spared.
#include "keeper/survivors.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "keeper/process_facts.h"

namespace muster::keeper {
namespace {

constexpr int kWaitMs = 50;

bool is_in_session(const ProcessStat& stat, const std::vector<KeeperStarted>& started) {
  return std::any_of(started.begin(), started.end(), [&](const KeeperStarted& one) {
    return one.process_id > 1 && stat.session == one.process_id &&
           stat.start_ticks >= one.process_start_ticks;
  });
}

bool is_marked(pid_t process, const std::vector<std::string>& marks) {
  if (marks.empty()) return false;
  const std::vector<std::string> environment = environment_of(process);
  return std::all_of(marks.begin(), marks.end(), [&](const std::string& mark) {
    return std::find(environment.begin(), environment.end(), mark) != environment.end();
  });
}

// The leader is still there and is the one that was started. Without it, nothing tells a survivor from a stranger whose session
// has got the same number.
bool leader_is_theirs(const ProcessStat& stat, const std::vector<KeeperStarted>& started) {
  const auto leader = process_stat(stat.session);
  return leader && std::any_of(started.begin(), started.end(), [&](const KeeperStarted& one) {
           return one.process_id == stat.session && one.process_start_ticks == leader->start_ticks;
         });
}

// Where the kernel has no process descriptors (before 5.3) the start time read just before has to do.
void kill_exactly(const ProcessStat& stat) {
  const blobs::File process(static_cast<int>(::syscall(SYS_pidfd_open, stat.process, 0)));
  const auto again = process_stat(stat.process);
  if (!again || again->start_ticks != stat.start_ticks) return;
  if (process) {
    ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
  } else {
    ::kill(stat.process, SIGKILL);
  }
}

}  // namespace

std::size_t end_survivors(const SurvivorSearch& search, Micros patience_us) {
  const Micros until_us = mono_now_us() + patience_us;
  while (true) {
    std::size_t found = 0;
    for (const ProcessStat& stat : all_processes()) {
      if (stat.process == ::getpid() || stat.state == 'Z' || stat.state == 'X') continue;
      const bool in_session = is_in_session(stat, search.started) && leader_is_theirs(stat, search.started);
      if (!in_session && !is_marked(stat.process, search.marks)) continue;
      ++found;
      kill_exactly(stat);
    }
    if (found == 0 || mono_now_us() >= until_us) return found;
    ::poll(nullptr, 0, kWaitMs);
  }
}

}  // namespace muster::keeper
