// B8: ten thousand connected agents that have nothing to do, in a process of their own; then the server is killed, and all come back.
// Goals: < 600 MB of server memory, < 60 % of one core; all back < 60 s after the kill.
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <random>
#include <span>

#include "loopback.h"

namespace {

using namespace muster;
using namespace muster::bench;

constexpr double kSync_s = 5;    // how often an agent says that it lives
constexpr double kIdle_s = 20;   // how long they are watched
constexpr double kPause_s = 30;  // the longest pause before a new try

struct Agent {
  std::unique_ptr<AgentSocket> socket;
  std::string name;
  double due_s = 0;  // its next word, or its next try
};

double resident_mb(int pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

// Reads what came for all that are connected, and lets each say that it lives when it is due.
void live(std::span<Agent> agents, double now_s) {
  std::vector<Loopback*> connections;
  for (Agent& agent : agents) connections.push_back(&agent.socket->connection());
  poll_all(connections, 20);
  for (Agent& agent : agents) {
    agent.socket->turn();
    if (agent.due_s > now_s) continue;
    agent.socket->say_all();
    agent.due_s = now_s + kSync_s;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  BenchServer server;
  std::mt19937_64 random(8);
  const auto dice = [&](double limit) { return std::uniform_real_distribution<double>(0, limit)(random); };
  const auto start = Clock::now();
  std::vector<Agent> agents(count);
  for (std::size_t i = 0; i < count; ++i) {
    agents[i].name = "n" + std::to_string(i);
    agents[i].socket = std::make_unique<AgentSocket>(server, agents[i].name, 4);
    agents[i].due_s = seconds_since(start) + dice(kSync_s);
    // A silent agent is given up: those that are there go on speaking while others come.
    if (i % 100 == 99) live(std::span(agents).first(i + 1), seconds_since(start));
  }
  const double joined_s = seconds_since(start);

  const double cpu = server.cpu_seconds();
  const auto idle = Clock::now();
  while (seconds_since(idle) < kIdle_s) live(agents, seconds_since(start));
  const double share = (server.cpu_seconds() - cpu) / seconds_since(idle);
  const double memory_mb = resident_mb(server.process());

  // Every agent waits for a moment of its own before it tries again, as the real one does.
  const auto killed = Clock::now();
  server.kill_and_restart();
  for (Agent& agent : agents) {
    agent.socket.reset();
    agent.due_s = dice(kPause_s);
  }
  std::sort(agents.begin(), agents.end(),
            [](const Agent& left, const Agent& right) { return left.due_s < right.due_s; });
  for (std::size_t i = 0; i < count; ++i) {
    while (seconds_since(killed) < agents[i].due_s) usleep(500);
    agents[i].socket = std::make_unique<AgentSocket>(server, agents[i].name, 4);
    agents[i].due_s = seconds_since(start) + dice(kSync_s);
    if (i % 100 == 99) live(std::span(agents).first(i + 1), seconds_since(start));
  }
  const double back_s = seconds_since(killed);

  std::printf("B8.agents %zu agents (goal 10000; joined one after the other in %.1f s)\n", count, joined_s);
  std::printf("B8.memory %.1f MB (goal 600, %.3f)\n", memory_mb, memory_mb / 600);
  std::printf("B8.cpu %.1f %% of one core (goal 60, %.3f)\n", share * 100, share / 0.6);
  std::printf("B8.back %.1f s after a kill (goal 60, of which up to %.0f are the agents' own pauses, %.3f)\n",
              back_s, kPause_s, back_s / 60);
  return 0;
}
