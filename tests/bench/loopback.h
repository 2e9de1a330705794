// Clients of a real server over loopback, for benchmarks: keep-alive HTTP and an agent's WebSocket, without a library between.
// One thread, poll(); what they cost is not the server's.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/agent/agent_codec.h"

namespace muster::bench {

using Clock = std::chrono::steady_clock;

[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "benchmark: %s\n", why.c_str());
  std::exit(1);
}

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

inline std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// A server of its own in a temporary folder, started and stopped with the program under test.
class BenchServer {
 public:
  BenchServer() {
    const char* place = std::getenv("TMPDIR");
    std::string folder = std::string(place == nullptr ? "/tmp" : place) + "/muster-bench-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) give_up("no temporary folder");
    data_ = folder;
    const char* program = std::getenv("MUSTER");
    program_ = program == nullptr ? "build/muster" : program;
    up(0);
  }
  ~BenchServer() {
    run("down");
    if (std::getenv("MUSTER_BENCH_KEEP") != nullptr) return;
    if (std::system(("rm -rf " + data_).c_str()) != 0) std::perror("rm");
  }
  void kill_and_restart() {
    ::kill(pid_, SIGKILL);
    up(port_);
  }
  std::uint16_t port() const { return port_; }
  int process() const { return pid_; }
  std::string admin_token() const { return first_line(data_ + "/admin.token"); }
  std::string agent_token() const { return first_line(data_ + "/worker/agent.token"); }
  double cpu_seconds() const {
    std::string stat = first_line("/proc/" + std::to_string(pid_) + "/stat");
    stat = stat.substr(stat.rfind(')') + 2);
    std::vector<std::string> words;
    for (std::size_t begin = 0; begin < stat.size();) {
      const std::size_t end = std::min(stat.size(), stat.find(' ', begin));
      words.push_back(stat.substr(begin, end - begin));
      begin = end + 1;
    }
    return (std::stod(words[11]) + std::stod(words[12])) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }

 private:
  void up(std::uint16_t port) {
    run("up -d --no-worker --listen 127.0.0.1:" + std::to_string(port));
    const std::string url = first_line(data_ + "/server.url");
    port_ = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    pid_ = std::stoi(first_line(data_ + "/lock"));
  }
  void run(const std::string& words) {
    const std::string command = program_ + " " + words + " --data " + data_ + " >" + data_ + "/output 2>&1";
    if (std::system(command.c_str()) != 0) give_up("'" + command + "' failed");
  }
  std::string program_;
  std::string data_;
  std::uint16_t port_ = 0;
  int pid_ = 0;
};

// A non-blocking connection with what is still to be sent and what came.
class Loopback {
 public:
  explicit Loopback(std::uint16_t port) {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      give_up("cannot connect");
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(socket_, F_SETFL, O_NONBLOCK);
  }
  Loopback(const Loopback&) = delete;
  ~Loopback() { close(socket_); }

  int socket_number() const { return socket_; }
  short wanted() const { return static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT)); }
  void send(std::string_view bytes) {
    out_ += bytes;
    flush();
  }
  void flush() {
    while (!out_.empty()) {
      const ssize_t sent = ::send(socket_, out_.data(), out_.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) give_up("the connection broke while sending");
      out_.erase(0, static_cast<std::size_t>(sent));
    }
  }
  // What arrived is appended to in(); false when nothing did.
  bool receive() {
    char buffer[1 << 16];
    const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
    if (got == 0) give_up("the server closed the connection");
    if (got < 0) return false;
    in_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }
  std::string& in() { return in_; }

 private:
  int socket_ = -1;
  std::string out_;
  std::string in_;
};

// Takes one complete answer off the front; its status, or nothing yet.
inline std::optional<int> take_answer(std::string& in) {
  const std::size_t end = in.find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  const std::size_t field = in.find("Content-Length: ");
  const std::size_t length = field < end ? std::stoul(in.substr(field + 16, 20)) : 0;
  if (in.size() < end + 4 + length) return std::nullopt;
  const int status = std::stoi(in.substr(9, 3));
  in.erase(0, end + 4 + length);
  return status;
}

inline void wait_for(Loopback& connection) {
  pollfd one{connection.socket_number(), connection.wanted(), 0};
  if (poll(&one, 1, 20'000) != 1) give_up("the server is silent");
  connection.flush();
  if ((one.revents & POLLIN) != 0) connection.receive();
}

// An agent that ends everything it is granted at once, over the real protocol.
class AgentSocket {
 public:
  AgentSocket(const BenchServer& server, const std::string& name, std::uint32_t slots)
      : connection_(server.port()) {
    connection_.send(std::string("GET ") + std::string(wire::kAgentPath) +
                     " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + server.agent_token() +
                     "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " +
                     std::string(wire::kAgentSubprotocol) + "\r\n\r\n");
    while (connection_.in().find("\r\n\r\n") == std::string::npos) wait_for(connection_);
    if (!connection_.in().starts_with("HTTP/1.1 101")) give_up("no upgrade: " + connection_.in());
    connection_.in().erase(0, connection_.in().find("\r\n\r\n") + 4);
    AgentHello hello;
    hello.worker_name = name;
    hello.spool_id = "bench-" + name;
    hello.facts.host = "bench";
    hello.facts.boot_id = "boot";
    hello.facts.capacity = {slots, 0, slots, 1 << 20, 1 << 20};
    send(wire::encode_hello(hello));
    while (session_ == 0) {
      wait_for(connection_);
      turn();
    }
    say_all();
  }

  // The message that says all it has, which is nothing.
  void say_all() {
    AgentMessage full = message();
    full.full = true;
    send(wire::encode_agent_message(full));
  }

  Loopback& connection() { return connection_; }
  std::uint64_t granted() const { return granted_; }
  std::uint64_t forgotten() const { return forgotten_; }

  // Handles every frame that is complete, then reports what ended.
  void turn() {
    while (take_frame()) {
    }
    if (ended_.empty()) return;
    AgentMessage report = message();
    report.finished = std::move(ended_);
    ended_.clear();
    send(wire::encode_agent_message(report));
  }

 private:
  AgentMessage message() {
    AgentMessage message;
    message.session = session_;
    message.seq = ++seq_;
    message.seen_seq = seen_seq_;
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    message.sent_mono_us = time.tv_sec * 1'000'000 + time.tv_nsec / 1000;
    return message;
  }

  // A masked binary frame; the mask is zero, which costs the server the same as any other.
  void send(const std::string& payload) { send_frame('\x82', payload); }
  void send_frame(char opcode, const std::string& payload) {
    std::string frame;
    frame += opcode;
    const std::size_t size = payload.size();
    if (size < 126) {
      frame += static_cast<char>(0x80 | size);
    } else if (size < 65536) {
      frame += static_cast<char>(0x80 | 126);
      frame += static_cast<char>(size >> 8);
      frame += static_cast<char>(size);
    } else {
      frame += static_cast<char>(0x80 | 127);
      for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(size >> shift);
    }
    frame.append(4, '\0');
    connection_.send(frame + payload);
  }

  bool take_frame() {
    std::string& in = connection_.in();
    if (in.size() < 2) return false;
    const auto byte = [&](std::size_t at) {
      return static_cast<std::uint64_t>(static_cast<unsigned char>(in[at]));
    };
    std::uint64_t size = byte(1) & 0x7f;
    std::size_t head = 2;
    if (size >= 126) {
      const std::size_t digits = size == 126 ? 2 : 8;
      if (in.size() < 2 + digits) return false;
      size = 0;
      for (std::size_t i = 0; i < digits; ++i) size = size << 8 | byte(2 + i);
      head += digits;
    }
    if (in.size() < head + size) return false;
    const std::string payload = in.substr(head, size);
    const std::uint64_t kind = byte(0) & 0x0f;
    in.erase(0, head + size);
    if (kind == 2) take_payload(payload);
    if (kind == 9) send_frame('\x8a', payload);
    if (kind == 8) give_up("the server closed the agent's connection");
    return true;
  }

  void take_payload(const std::string& payload) {
    const auto kind = wire::frame_kind(payload);
    if (kind == wire::FrameKind::refused)
      give_up("the agent was refused: " + wire::decode_refused(payload)->what);
    if (kind == wire::FrameKind::welcome) session_ = wire::decode_welcome(payload)->session;
    if (kind != wire::FrameKind::server_message) return;
    const Result<ServerMessage> said = wire::decode_server_message(payload);
    if (!said) give_up(said.error().what);
    seen_seq_ = said->seq;
    forgotten_ += said->forget.size();
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    const Micros wall_us = time.tv_sec * 1'000'000 + time.tv_nsec / 1000;
    for (const Grant& grant : said->grants) {
      granted_ += grant.count;
      for (std::uint64_t k = 0; k < grant.count; ++k) {
        Finished& end = ended_.emplace_back();
        end.attempt = {grant.batch, grant.first_index + k * grant.step, grant.attempt, grant.incarnation};
        end.started_wall_us = wall_us;
        end.ended_wall_us = wall_us + 400;
        end.usage = {400, 200, 200, 1 << 20, 4096, 0};
      }
    }
  }

  Loopback connection_;
  SessionId session_ = 0;
  std::uint64_t seq_ = 0;
  std::uint64_t seen_seq_ = 0;
  std::uint64_t granted_ = 0;
  std::uint64_t forgotten_ = 0;
  std::vector<Finished> ended_;
};

// Waits for any of the connections and reads what came.
inline void poll_all(std::vector<Loopback*>& connections, int timeout_ms) {
  std::vector<pollfd> waits;
  for (Loopback* connection : connections)
    waits.push_back({connection->socket_number(), connection->wanted(), 0});
  poll(waits.data(), waits.size(), timeout_ms);
  for (std::size_t i = 0; i < waits.size(); ++i) {
    if ((waits[i].revents & POLLOUT) != 0) connections[i]->flush();
    if ((waits[i].revents & (POLLIN | POLLHUP)) != 0) connections[i]->receive();
  }
}

}  // namespace muster::bench
