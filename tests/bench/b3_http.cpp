// B3 over HTTP: durable life cycles (submit one by one, grant, done) from 32 keep-alive clients and one simulated agent;
// and B4's part inside the server: from a submit to the grant on the agent's socket, one at a time.
// Goals: >= 25,000 life cycles/s, p99 <= 10 ms, server CPU <= 40 us; the way through the server well below 1 ms.
#include <algorithm>
#include <memory>

#include "loopback.h"

namespace {

using namespace muster;
using namespace muster::bench;

constexpr int kClients = 32;

std::string submit_request(const BenchServer& server) {
  const std::string body = R"({"command":["/bin/true"],"cwd":"/"})";
  return "POST /api/v1/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + server.admin_token() +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

double percentile(std::vector<double>& values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(static_cast<double>(values.size() - 1) * part)];
}

struct Client {
  std::unique_ptr<Loopback> connection;
  Clock::time_point sent;
};

struct Figures {
  double per_second = 0;
  double cpu_us = 0;
  double p50_ms = 0;
  double p99_ms = 0;
};

Figures life_cycles(const BenchServer& server, AgentSocket& agent, std::uint64_t count) {
  const std::string request = submit_request(server);
  std::vector<Client> clients(kClients);
  std::vector<Loopback*> connections{&agent.connection()};
  for (Client& client : clients) {
    client.connection = std::make_unique<Loopback>(server.port());
    connections.push_back(client.connection.get());
  }
  std::vector<double> delays_ms;
  const std::uint64_t forgotten_before = agent.forgotten();
  std::uint64_t sent = 0;
  const double cpu = server.cpu_seconds();
  const auto start = Clock::now();
  const auto send_next = [&](Client& client) {
    if (sent == count) return;
    ++sent;
    client.sent = Clock::now();
    client.connection->send(request);
  };
  for (Client& client : clients) send_next(client);
  while (delays_ms.size() < count || agent.forgotten() - forgotten_before < count) {
    poll_all(connections, 1000);
    agent.turn();
    for (Client& client : clients) {
      while (const auto status = take_answer(client.connection->in())) {
        if (*status != 201) give_up("a submission was refused: " + std::to_string(*status));
        delays_ms.push_back(seconds_since(client.sent) * 1e3);
        send_next(client);
      }
    }
  }
  const double seconds = seconds_since(start);
  Figures figures;
  figures.per_second = static_cast<double>(count) / seconds;
  figures.cpu_us = (server.cpu_seconds() - cpu) * 1e6 / static_cast<double>(count);
  figures.p50_ms = percentile(delays_ms, 0.5);
  figures.p99_ms = percentile(delays_ms, 0.99);
  return figures;
}

// From the first byte of a submission to the grant on the agent's socket, with nothing else going on.
Figures one_at_a_time(const BenchServer& server, AgentSocket& agent, int count) {
  const std::string request = submit_request(server);
  Loopback client(server.port());
  std::vector<Loopback*> connections{&agent.connection(), &client};
  std::vector<double> delays_ms;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t granted = agent.granted();
    const std::uint64_t forgotten = agent.forgotten();
    const auto start = Clock::now();
    client.send(request);
    std::optional<double> delay_ms;
    bool answered = false;
    while (!delay_ms || !answered || agent.forgotten() == forgotten) {
      poll_all(connections, 1000);
      agent.turn();
      if (!delay_ms && agent.granted() != granted) delay_ms = seconds_since(start) * 1e3;
      answered = answered || take_answer(client.in()).has_value();
    }
    delays_ms.push_back(*delay_ms);
  }
  return {0, 0, percentile(delays_ms, 0.5), percentile(delays_ms, 0.99)};
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000;
  std::vector<double> rates, cpus, p99s, p50s;
  for (int round = 0; round < 5; ++round) {
    const BenchServer server;
    AgentSocket agent(server, "one", 64);
    if (round == 0) {
      life_cycles(server, agent, 2000);  // pages and caches
      Figures alone = one_at_a_time(server, agent, 1000);
      std::printf("B4-submit-to-grant-p50 %.3f ms (goal 1 ms, %.2f)\n", alone.p50_ms, alone.p50_ms);
      std::printf("B4-submit-to-grant-p99 %.3f ms (goal 5 ms, %.2f)\n", alone.p99_ms, alone.p99_ms / 5);
    }
    const Figures figures = life_cycles(server, agent, count);
    rates.push_back(figures.per_second);
    cpus.push_back(figures.cpu_us);
    p50s.push_back(figures.p50_ms);
    p99s.push_back(figures.p99_ms);
  }
  const double rate = percentile(rates, 0.5);
  const double cpu = percentile(cpus, 0.5);
  const double p99 = percentile(p99s, 0.5);
  std::printf("B3-http-life-cycles %.0f per second (goal 25000, %.2f)\n", rate, rate / 25'000);
  std::printf("B3-http-server-cpu %.1f us per life cycle (goal 40, %.2f)\n", cpu, cpu / 40);
  std::printf("B3-http-p50 %.2f ms\n", percentile(p50s, 0.5));
  std::printf("B3-http-p99 %.2f ms (goal 10, %.2f)\n", p99, p99 / 10);
}
