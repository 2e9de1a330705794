// The socket calls of agent_link.h.
// Paths of Unix sockets are short, data folders may not be: the socket is reached through the folder's descriptor.
#include "keeper/agent_link.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "keeper/connect.h"

namespace muster::keeper {
namespace {

constexpr int kBacklog = 8;
constexpr std::size_t kReadBytes = 64ULL << 10;
constexpr int kReadsPerRound = 8;
constexpr std::size_t kUnsentBytesMax = 128ULL << 20;

}  // namespace

Result<AgentLink> AgentLink::listen(int folder) {
  AgentLink link;
  link.listener_ = blobs::File(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!link.listener_) return blobs::file_error(errno, "make a socket");
  ::unlinkat(folder, kSocketName, 0);
  const sockaddr_un address = socket_address(folder);
  const mode_t before = ::umask(0177);
  const int bound = ::bind(link.listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  if (bound < 0) return blobs::file_error(error, "bind the keeper's socket");
  if (::listen(link.listener_.get(), kBacklog) < 0) return blobs::file_error(errno, "listen for the agent");
  return link;
}

bool AgentLink::accept() {
  bool is_new = false;
  while (true) {
    blobs::File next(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!next) return is_new;
    connection_ = std::move(next);
    reader_ = {};
    unsent_.assign(1, wire::kKeeperProtocol);
    is_new = true;
  }
}

void AgentLink::receive(const std::function<void(KeeperRequest&&)>& take) {
  std::array<char, kReadBytes> part;
  for (int reads = 0; reads < kReadsPerRound && connected(); ++reads) {
    const ssize_t got = ::read(connection_.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return close();
    reader_.append({part.data(), static_cast<std::size_t>(got)});
    while (true) {
      auto message = reader_.next();
      if (!message) return close();
      if (!*message) break;
      auto request = wire::decode_keeper_request(**message);
      if (!request) return close();
      take(std::move(*request));
    }
    if (static_cast<std::size_t>(got) < part.size()) return;
  }
}

void AgentLink::send(const KeeperReport& report) {
  if (!connected()) return;
  wire::append_keeper_report(report, unsent_);
  flush();
}

void AgentLink::flush() {
  std::size_t done = 0;
  while (connected() && done < unsent_.size()) {
    const ssize_t put = ::send(connection_.get(), unsent_.data() + done, unsent_.size() - done, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) break;
    if (put < 0) return close();
    done += static_cast<std::size_t>(put);
  }
  unsent_.erase(0, done);
  if (unsent_.size() > kUnsentBytesMax) close();
}

void AgentLink::close() {
  connection_.close();
  reader_ = {};
  unsent_.clear();
  unsent_.shrink_to_fit();
}

}  // namespace muster::keeper
