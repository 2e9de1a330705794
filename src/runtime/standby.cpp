// One thread, one poll: a listener, a signal descriptor, and a few callers with a second each, through TLS where the server has it.
// Must hold: every answer is one of three, whatever was asked.
#include "runtime/standby.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <vector>

#include "core/escape.h"
#include "front/front.h"
#include "runtime/clock.h"

namespace muster::runtime {

namespace {

constexpr Micros kLook_us = 500'000;
constexpr Micros kCaller_us = 1'000'000;
constexpr std::size_t kCallers = 64;
constexpr std::size_t kHeadBytes = 4096;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

struct Caller {
  Descriptor socket;
  std::unique_ptr<net::TlsSession> tls;  // null: plain
  std::string head;
  std::string unsent;  // of the answer
  short waits_for = POLLIN;
  Micros until_us = 0;
};

Result<Descriptor> listen_at(ListenAddress& address) {
  const bool six = address.host.find(':') != std::string::npos;
  sockaddr_storage storage{};
  socklen_t size = six ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  auto* four_address = reinterpret_cast<sockaddr_in*>(&storage);
  auto* six_address = reinterpret_cast<sockaddr_in6*>(&storage);
  storage.ss_family = six ? AF_INET6 : AF_INET;
  inet_pton(storage.ss_family, address.host.c_str(),
            six ? static_cast<void*>(&six_address->sin6_addr) : &four_address->sin_addr);
  (six ? six_address->sin6_port : four_address->sin_port) = htons(address.port);
  Descriptor socket_(socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  setsockopt(socket_.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  auto* plain = reinterpret_cast<sockaddr*>(&storage);
  if (bind(socket_.number(), plain, size) != 0 || listen(socket_.number(), 64) != 0) {
    return refuse(ErrorKind::wrong_state, kPortInUse,
                  "port " + std::to_string(address.port) + " of " + address.host +
                      " cannot be used: " + std::string(strerror(errno)),
                  "choose another one: --listen HOST:PORT; port 0 picks a free one");
  }
  if (getsockname(socket_.number(), plain, &size) == 0) {
    address.port = ntohs(six ? six_address->sin6_port : four_address->sin_port);
  }
  return socket_;
}

Descriptor watch_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return Descriptor(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

void unwatch_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
}

std::string answer_to(const std::string& head, const std::string& leader) {
  const bool lives = head.starts_with("GET /healthz ");
  std::string body = "ok\n";
  if (!lives) {
    body =
        front::problem({ErrorKind::temporary, kServerStartingOrStopping,
                        "this server is a standby" + (leader.empty() ? std::string("; no leader is known")
                                                                     : "; the leader answers at " + leader),
                        leader.empty() ? "try again in a few seconds" : "ask the leader"})
            .body;
  }
  return std::string(lives ? "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                           : "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
                             "Retry-After: 2\r\n") +
         "Content-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

// As TLS has it, also of a plain socket.
net::TlsMoved moved_plainly(ssize_t size, net::TlsStep wants) {
  if (size > 0) return {net::TlsStep::done, static_cast<std::size_t>(size)};
  if (size == 0) return {net::TlsStep::ended};
  return {errno == EAGAIN || errno == EINTR ? wants : net::TlsStep::failed};
}

net::TlsMoved receive(Caller& caller, std::array<char, 1024>& bytes) {
  if (caller.tls) return caller.tls->read(bytes.data(), bytes.size());
  return moved_plainly(recv(caller.socket.number(), bytes.data(), bytes.size(), 0), net::TlsStep::wants_read);
}

net::TlsMoved send_some(Caller& caller) {
  const std::string& text = caller.unsent;
  if (caller.tls) return caller.tls->write(text.data(), text.size());
  return moved_plainly(send(caller.socket.number(), text.data(), text.size(), MSG_NOSIGNAL),
                       net::TlsStep::wants_write);
}

// Whether it goes on when the socket is ready again.
bool waits(Caller& caller, net::TlsStep step) {
  if (step != net::TlsStep::wants_read && step != net::TlsStep::wants_write) return false;
  caller.waits_for = step == net::TlsStep::wants_read ? POLLIN : POLLOUT;
  return true;
}

// Whether the caller is done with.
bool serve(Caller& caller, const std::string& leader) {
  while (caller.unsent.empty()) {
    std::array<char, 1024> bytes;
    const net::TlsMoved moved = receive(caller, bytes);
    if (moved.step != net::TlsStep::done) return !waits(caller, moved.step);
    caller.head.append(bytes.data(), moved.bytes);
    if (caller.head.find("\r\n\r\n") == std::string::npos && caller.head.size() < kHeadBytes) continue;
    caller.unsent = answer_to(caller.head, leader);
  }
  while (!caller.unsent.empty()) {
    const net::TlsMoved moved = send_some(caller);
    if (moved.step != net::TlsStep::done) return !waits(caller, moved.step);
    caller.unsent.erase(0, moved.bytes);
  }
  if (caller.tls) caller.tls->say_end();
  shutdown(caller.socket.number(), SHUT_WR);
  return true;
}

class Standby {
 public:
  Standby(Descriptor listener, Descriptor signals, const StandbyOptions& options)
      : listener_(std::move(listener)), signals_(std::move(signals)), options_(options) {}

  StandbyEnd run() {
    Micros look_us = 0;
    for (;;) {
      const Micros now_us = mono_now_us();
      if (now_us >= look_us) {
        look_us = now_us + kLook_us;
        if (options_.may_lead()) return StandbyEnd::leads;
        std::erase_if(callers_, [&](const Caller& caller) { return caller.until_us <= now_us; });
      }
      if (wait_and_serve()) return StandbyEnd::stopped;
    }
  }

 private:
  // Whether a signal wants the end.
  bool wait_and_serve() {
    std::vector<pollfd> wait{{signals_.number(), POLLIN, 0}};
    for (const Caller& caller : callers_) wait.push_back({caller.socket.number(), caller.waits_for, 0});
    wait.push_back({listener_.number(), static_cast<short>(callers_.size() < kCallers ? POLLIN : 0), 0});
    if (poll(wait.data(), wait.size(), static_cast<int>(kLook_us / 2000)) <= 0) return false;
    if (wait.front().revents != 0) {
      // Taken, or it would end the process when signals are let through again.
      signalfd_siginfo taken{};
      return read(signals_.number(), &taken, sizeof taken) > 0;
    }
    for (std::size_t i = callers_.size(); i-- > 0;) {
      if (wait[i + 1].revents != 0 && serve(callers_[i], options_.leader())) {
        callers_.erase(callers_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    if (wait.back().revents != 0) {
      Descriptor socket(accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (socket.number() >= 0) {
        auto tls = options_.tls != nullptr ? options_.tls->open(socket.number()) : nullptr;
        callers_.push_back({std::move(socket), std::move(tls), {}, {}, POLLIN, mono_now_us() + kCaller_us});
      }
    }
    return false;
  }

  Descriptor listener_;
  Descriptor signals_;
  const StandbyOptions& options_;
  std::vector<Caller> callers_;
};

}  // namespace

Result<StandbyEnd> run_standby(const StandbyOptions& options) {
  ListenAddress address = options.listen;
  Result<Descriptor> listener = listen_at(address);
  if (!listener) return std::unexpected(listener.error());
  options.ready(address);
  Standby standby(std::move(*listener), watch_signals(), options);
  const StandbyEnd end = standby.run();
  unwatch_signals();
  return end;
}

}  // namespace muster::runtime
