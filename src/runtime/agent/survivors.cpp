// Reading /proc and killing by (process id, start time): a process file descriptor is taken first, then the start time read.
// So a signal can only reach the process that was looked at, never one that got its id later.
#include "runtime/agent/survivors.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "runtime/clock.h"

namespace muster::runtime {

namespace {

std::optional<std::string> read_small_file(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  std::string text;
  char bytes[4096];
  ssize_t got = 0;
  while ((got = read(file, bytes, sizeof bytes)) > 0) text.append(bytes, static_cast<std::size_t>(got));
  close(file);
  if (got < 0) return std::nullopt;
  return text;
}

template <class Number>
bool parse_number(std::string_view text, Number& value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

// Kills exactly this one.
void kill_process(const ProcessLine& process) {
  const pid_t pid = static_cast<pid_t>(process.process_id);
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (is_running(process.process_id, process.start_ticks)) {
    // Kernels before 5.3 have no such descriptor; there the time between look and signal is the risk that is left.
    if (handle >= 0) {
      syscall(SYS_pidfd_send_signal, handle, SIGKILL, nullptr, 0);
    } else {
      kill(pid, SIGKILL);
    }
  }
  if (handle >= 0) close(handle);
}

}  // namespace

std::optional<ProcessLine> parse_process_stat(std::string_view stat) {
  // PID (NAME) STATE PPID PGRP SESSION …; the name may hold anything, its end is the last parenthesis.
  const std::size_t open_at = stat.find(" (");
  const std::size_t close_at = stat.rfind(") ");
  ProcessLine line;
  if (open_at == std::string_view::npos || close_at == std::string_view::npos) return std::nullopt;
  if (!parse_number(stat.substr(0, open_at), line.process_id)) return std::nullopt;
  std::string_view rest = stat.substr(close_at + 2);
  for (int field = 3; field <= 22; ++field) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    bool good = true;
    if (field == 3) line.ended = word == "Z" || word == "X";
    if (field == 5) good = parse_number(word, line.group);
    if (field == 6) good = parse_number(word, line.session);
    if (field == 22) good = parse_number(word, line.start_ticks);
    if (!good) return std::nullopt;
  }
  return line;
}

std::optional<ProcessLine> read_process(std::int64_t process_id) {
  const auto stat = read_small_file("/proc/" + std::to_string(process_id) + "/stat");
  return stat ? parse_process_stat(*stat) : std::nullopt;
}

std::vector<ProcessLine> list_processes() {
  std::vector<ProcessLine> found;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return found;
  while (const dirent* entry = readdir(folder)) {
    std::int64_t process_id = 0;
    if (!parse_number(std::string_view(entry->d_name), process_id)) continue;
    if (const auto line = read_process(process_id)) found.push_back(*line);
  }
  closedir(folder);
  return found;
}

bool is_running(std::int64_t process_id, std::uint64_t start_ticks) {
  const auto line = read_process(process_id);
  return line && !line->ended && line->start_ticks == start_ticks;
}

std::uint64_t ticks_now() {
  static const std::uint64_t per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  return static_cast<std::uint64_t>(mono_now_us()) / (1'000'000 / per_second);
}

bool names_attempt(std::string_view environment, std::string_view spool_id, std::span<const AttemptLeader> leaders) {
  std::string_view spool;
  std::string_view task;
  std::string_view number;
  while (!environment.empty()) {
    const std::size_t end = std::min(environment.find('\0'), environment.size());
    const std::string_view variable = environment.substr(0, end);
    environment.remove_prefix(std::min(end + 1, environment.size()));
    const std::size_t equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = variable.substr(0, equals);
    const std::string_view value = variable.substr(equals + 1);
    if (name == kSpoolIdVariable) spool = value;
    if (name == "MUSTER_TASK_ID") task = value;
    if (name == "MUSTER_ATTEMPT") number = value;
  }
  if (spool.empty() || spool != spool_id) return false;
  return std::any_of(leaders.begin(), leaders.end(), [&](const AttemptLeader& leader) {
    return task == std::to_string(leader.attempt.batch) + "." + std::to_string(leader.attempt.index) &&
           number == std::to_string(leader.attempt.number);
  });
}

bool kill_survivors(std::span<const AttemptLeader> leaders, std::uint64_t alive_until_ticks, std::string_view spool_id) {
  if (leaders.empty()) return true;
  const std::int64_t own = getpid();
  const auto carries_mark = [&](const ProcessLine& process) {
    const auto environment = read_small_file("/proc/" + std::to_string(process.process_id) + "/environ");
    return environment && names_attempt(*environment, spool_id, leaders);
  };
  const std::vector<ProcessLine> all = list_processes();
  bool none = true;
  for (const ProcessLine& process : survivors_of(all, leaders, alive_until_ticks, carries_mark)) {
    if (process.process_id == own) continue;
    kill_process(process);
    none = false;
  }
  return none;
}

}  // namespace muster::runtime
