// What the old version does while the new one is on probation: waits, and puts itself back when the new one ends or reaches no server.
// Nothing of the new version is relied on but that it removes `probation` when it has reached the server.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "blobs/file.h"
#include "core/escape.h"
#include "runtime/agent/agent_log.h"
#include "runtime/agent/upgrade.h"
#include "runtime/clock.h"
#include "runtime/data_folder.h"
#include "runtime/process.h"

extern char** environ;

namespace muster::runtime {

namespace {

constexpr Micros kLook_us = 100'000;
constexpr Micros kEnd_us = 10'000'000;
// Who looks after agents (a service manager, a server for its own worker) is first to start one again.
constexpr Micros kOthersFirst_us = 5'000'000;
constexpr Micros kTry_us = 10'000'000;

bool exists(const std::string& path) {
  struct stat file{};
  return stat(path.c_str(), &file) == 0;
}

Result<void> put_back(const std::string& folder, const std::vector<std::string>& words) {
  const std::string lock = folder + "/agent.lock";
  const Micros until_us = mono_now_us() + kOthersFirst_us;
  while (mono_now_us() < until_us && exists(lock)) {
    if (is_locked(lock)) return {};
    poll(nullptr, 0, static_cast<int>(kLook_us / 1000));
  }
  if (!exists(lock)) return {};  // the worker's folder is gone
  log_agent(AgentLogLevel::info, "starting this version again");
  DetachedProcess agent;
  agent.arguments = words;
  agent.output = folder + "/agent.log";
  const Result<pid_t> started = start_detached(agent);
  if (!started) return std::unexpected(started.error());
  return {};
}

}  // namespace

Result<void> watch_upgrade(const std::string& folder, Micros patience_us,
                           const std::vector<std::string>& words, const std::function<void()>& ready) {
  const std::string probation = folder + "/versions/probation";
  std::optional<OtherProcess> agent = OtherProcess::holding(folder + "/agent.lock");
  if (!agent || !exists(probation)) {
    return refuse(ErrorKind::wrong_state, kWrongState,
                  "no agent of " + escape_text(folder) + " is changing its version",
                  "agents start this themselves");
  }
  ready();
  const Micros until_us = mono_now_us() + patience_us;
  std::string why = "ended";
  while (!agent->wait_for_end(kLook_us)) {
    if (!exists(probation)) return {};
    if (mono_now_us() < until_us) continue;
    why = "did not reach the server in time";
    agent->send_signal(SIGKILL);
    agent->wait_for_end(kEnd_us);
    break;
  }
  if (!exists(probation)) return {};
  log_agent(AgentLogLevel::warning, "the new version " + why);
  rename(probation.c_str(), (folder + "/versions/refused").c_str());
  return put_back(folder, words);
}

Result<void> try_program(const std::string& program, const std::string& version) {
  const auto does_not = [&](const std::string& how) {
    return refuse(ErrorKind::wrong_state, kWrongState,
                  escape_text(program) + " is not version " + escape_text(version) + ": " + how,
                  "see that the server's program fits this machine, and that its folder lets programs run");
  };
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return does_not("no pipe");
  const blobs::File in(ends[0]);
  blobs::File out(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  std::string name = program;
  std::string word = "--version";
  std::array<char*, 3> words{name.data(), word.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, program.c_str(), &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  out.close();
  if (error != 0) return does_not(std::string("it cannot be started: ") + std::strerror(error));
  std::string said;
  const Micros until_us = mono_now_us() + kTry_us;
  for (;;) {
    pollfd wait{in.get(), POLLIN, 0};
    const Micros left_us = until_us - mono_now_us();
    std::array<char, 256> piece;
    if (left_us <= 0 || said.size() > 4096 || poll(&wait, 1, static_cast<int>(left_us / 1000) + 1) == 0) {
      kill(child, SIGKILL);
      break;
    }
    const ssize_t got = read(in.get(), piece.data(), piece.size());
    if (got <= 0) break;
    said.append(piece.data(), static_cast<std::size_t>(got));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) return does_not("it fails when it is asked for its version");
  if (said != "muster " + version + "\n")
    return does_not("it says '" + escape_text(said.substr(0, 100)) + "'");
  return {};
}

}  // namespace muster::runtime
