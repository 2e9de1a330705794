// GPUs by nvidia-smi: an absolute path, a fixed environment, a time-out.
// It is asked once at the start; a machine without the program pays a few calls of access().
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "runtime/agent/machine.h"
#include "runtime/clock.h"

namespace muster::runtime {

namespace {

constexpr std::array kPrograms = {"/usr/bin/nvidia-smi", "/usr/local/bin/nvidia-smi",
                                  "/usr/local/nvidia/bin/nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi"};
constexpr std::size_t kOutputBytesMax = 64 << 10;

// Output of the program until it closes it, the time is over, or it says too much. False: no clean end.
bool read_all(int pipe, Micros until_mono_us, std::string& output) {
  while (output.size() < kOutputBytesMax) {
    const Micros left_us = until_mono_us - mono_now_us();
    pollfd one{pipe, POLLIN, 0};
    if (left_us <= 0 || poll(&one, 1, static_cast<int>(left_us / 1000 + 1)) <= 0) return false;
    char bytes[4096];
    const ssize_t got = read(pipe, bytes, sizeof bytes);
    if (got <= 0) return got == 0;
    output.append(bytes, static_cast<std::size_t>(got));
  }
  return false;
}

// Waits for the end; a program that cannot even be killed (a hanging driver) is left behind.
bool ended_well(pid_t pid, bool read_well, Micros until_mono_us) {
  if (!read_well) kill(pid, SIGKILL);
  const Micros give_up_us = std::max(until_mono_us, mono_now_us() + 1'000'000);
  while (mono_now_us() < give_up_us) {
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) == pid)
      return read_well && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    usleep(2'000);
  }
  kill(pid, SIGKILL);
  return false;
}

std::optional<std::string> output_of(const char* program, Micros patience_us) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::string words[] = {program, "--query-gpu=name", "--format=csv,noheader"};
  std::string variables[] = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  char* environment[] = {variables[0].data(), variables[1].data(), nullptr};
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, program, &actions, nullptr, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  const Micros until_mono_us = mono_now_us() + patience_us;
  std::string output;
  const bool good = failed == 0 && ended_well(pid, read_all(ends[0], until_mono_us, output), until_mono_us);
  close(ends[0]);
  if (!good) return std::nullopt;
  return output;
}

}  // namespace

std::vector<std::string> parse_gpu_names(std::string_view output) {
  std::vector<std::string> names;
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    std::string_view line = output.substr(0, end);
    output.remove_prefix(std::min(end + 1, output.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (!line.empty()) names.emplace_back(line);
  }
  return names;
}

std::vector<std::string> discover_gpus(Micros patience_us) {
  for (const char* program : kPrograms) {
    if (access(program, X_OK) != 0) continue;
    if (const auto output = output_of(program, patience_us)) return parse_gpu_names(*output);
  }
  return {};
}

}  // namespace muster::runtime
