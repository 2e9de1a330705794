// B2: an array of a million tasks through server and four simulated agents, durable, without any process started.
// Goals: >= 100,000 tasks/s from the submit to the last confirmed end, server CPU <= 10 us per task.
#include <algorithm>
#include <memory>

#include "loopback.h"

namespace {

using namespace muster;
using namespace muster::bench;

constexpr int kAgents = 4;
constexpr std::uint32_t kSlots = 64;

void submit(const BenchServer& server, std::uint64_t count) {
  const std::string body =
      R"({"command":["/bin/true"],"cwd":"/","array":"1-)" + std::to_string(count) + R"("})";
  Loopback client(server.port());
  client.send("POST /api/v1/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " +
              server.admin_token() + "\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
  for (;;) {
    if (const auto status = take_answer(client.in())) {
      if (*status != 201) give_up("the submission was refused: " + std::to_string(*status));
      return;
    }
    wait_for(client);
  }
}

struct Figures {
  double per_second = 0;
  double cpu_us = 0;
};

Figures run(std::uint64_t count) {
  const BenchServer server;
  std::vector<std::unique_ptr<AgentSocket>> agents;
  std::vector<Loopback*> connections;
  for (int i = 0; i < kAgents; ++i) {
    agents.push_back(std::make_unique<AgentSocket>(server, std::to_string(i), kSlots));
    connections.push_back(&agents.back()->connection());
  }
  const double cpu = server.cpu_seconds();
  const auto start = Clock::now();
  submit(server, count);
  for (std::uint64_t done = 0; done < count;) {
    poll_all(connections, 1000);
    done = 0;
    for (const auto& agent : agents) {
      agent->turn();
      done += agent->forgotten();
    }
  }
  const double seconds = seconds_since(start);
  return {static_cast<double>(count) / seconds,
          (server.cpu_seconds() - cpu) * 1e6 / static_cast<double>(count)};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  std::vector<double> rates;
  std::vector<double> cpus;
  for (int round = 0; round < 5; ++round) {
    const Figures figures = run(count);
    rates.push_back(figures.per_second);
    cpus.push_back(figures.cpu_us);
  }
  std::printf("B2.rate %.0f tasks/s (goal 100000, %.3f)\n", median(rates), median(rates) / 100'000);
  std::printf("B2.cpu %.2f us (goal 10, %.3f)\n", median(cpus), median(cpus) / 10);
  return 0;
}
