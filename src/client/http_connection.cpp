// POSIX sockets under Beast's parser, which is included here only.
// Sockets are non-blocking and waited for with poll: Beast's own blocking calls know neither deadlines nor signals.
#include "client/http_connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "client/text.h"
#include "net/resolve.h"

namespace muster::client {

namespace http = boost::beast::http;

namespace {

constexpr std::int64_t kConnectTimeout_us = 5'000'000;
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::string_view kGreeting = "HTTP/";

std::unexpected<TransportError> fail(TransportFailure failure, std::string why) {
  return std::unexpected(TransportError{failure, std::move(why), {}});
}

std::unexpected<TransportError> fail_errno(TransportFailure failure) {
  return fail(failure, std::strerror(errno));
}

std::string request_head(const HttpRequest& request, const Address& address) {
  std::string head =
      join_text(request.method, ' ', request.target, " HTTP/1.1\r\nHost: ", address.authority(), "\r\n");
  for (const auto& [name, value] : request.fields) head += join_text(name, ": ", value, "\r\n");
  if (!request.content_type.empty()) head += join_text("Content-Type: ", request.content_type, "\r\n");
  if (request.source) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (request.method != "GET") {
    head += join_text("Content-Length: ", request.body.size(), "\r\n");
  }
  return head + "\r\n";
}

std::string chunk_of(std::string_view bytes) {
  std::array<char, 20> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), bytes.size(), 16);
  (void)error;
  return join_text(std::string_view(digits.data(), end), "\r\n", bytes, "\r\n");
}

}  // namespace

std::string_view HttpResponse::find(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (boost::beast::iequals({field.data(), field.size()}, {name.data(), name.size()})) return value;
  }
  return {};
}

// The answer while it arrives.
class HttpConnection::Parser {
 public:
  Parser() {
    parser_.body_limit(boost::none);
    parser_.header_limit(64 * 1024);
    parser_.eager(true);
  }

  bool done() const { return parser_.is_done(); }
  bool started() const { return started_; }
  bool keeps_connection() const { return parser_.keep_alive(); }

  std::expected<void, TransportError> feed(std::string_view bytes) {
    started_ = true;
    carry_.append(bytes);
    if (!greeted_ && carry_.size() >= kGreeting.size()) {
      if (!carry_.starts_with(kGreeting))
        return fail(TransportFailure::malformed, "it said: " + carry_.substr(0, 60));
      greeted_ = true;
    }
    boost::system::error_code error;
    while (!carry_.empty() && !parser_.is_done()) {
      const std::size_t used = parser_.put(boost::asio::buffer(carry_.data(), carry_.size()), error);
      carry_.erase(0, used);
      if (error == http::error::need_more || used == 0) break;
      if (error) return fail(TransportFailure::malformed, error.message());
    }
    return {};
  }

  std::expected<void, TransportError> end_of_stream() {
    boost::system::error_code error;
    if (started_ && parser_.is_header_done()) parser_.put_eof(error);
    if (!started_ || !parser_.is_done() || error) {
      return fail(TransportFailure::lost, "the server closed the connection");
    }
    return {};
  }

  bool is_stream() {
    return parser_.is_header_done() &&
           http::to_status_class(parser_.get().result()) == http::status_class::successful;
  }
  std::string take_body() { return std::exchange(parser_.get().body(), {}); }

  HttpResponse take() {
    HttpResponse response;
    auto& message = parser_.get();
    response.status = static_cast<int>(message.result_int());
    for (const auto& field : message) {
      response.fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    response.body = std::move(message.body());
    return response;
  }

 private:
  http::response_parser<http::string_body> parser_;
  std::string carry_;
  bool started_ = false;
  bool greeted_ = false;
};

HttpConnection::HttpConnection(Address address, int interrupt_descriptor, std::string ca_file)
    : address_(std::move(address)), interrupt_(interrupt_descriptor), ca_file_(std::move(ca_file)) {}

HttpConnection::~HttpConnection() { disconnect(); }

void HttpConnection::disconnect() {
  tls_.reset();
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

std::expected<HttpConnection::Ready, TransportError> HttpConnection::wait(short events,
                                                                          std::int64_t timeout_us) {
  std::array<pollfd, 2> watched{{{socket_, events, 0}, {interrupt_, POLLIN, 0}}};
  const int timeout_ms = static_cast<int>((timeout_us + 999) / 1000);
  const int count = poll(watched.data(), watched.size(), timeout_ms);
  if (count < 0 && errno != EINTR) return fail_errno(TransportFailure::lost);
  if (count < 0) return wait(events, timeout_us);
  if ((watched[1].revents & POLLIN) != 0) return fail(TransportFailure::interrupted, "interrupted");
  if (count == 0)
    return fail(TransportFailure::silent, join_text("no answer within ", timeout_us / 1'000'000, " s"));
  // An error or a hang-up is read like data: the call that follows says what it is.
  const bool readable = (watched[0].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
  return readable && (events & POLLIN) != 0 ? Ready::readable : Ready::writable;
}

std::expected<void, TransportError> HttpConnection::ensure_open() {
  if (socket_ >= 0) return {};
  const std::vector<std::string> hosts = net::resolve_host(address_.host);
  if (hosts.empty())
    return fail(TransportFailure::refused, join_text("nobody knows the name ", address_.host));
  std::expected<void, TransportError> opened;
  for (const std::string& host : hosts) {
    opened = open_socket(host);
    if (opened || opened.error().failure == TransportFailure::interrupted) break;
  }
  if (!opened || address_.scheme == net::Scheme::http) return opened;
  opened = shake_hands();
  if (!opened) disconnect();
  return opened;
}

std::expected<void, TransportError> HttpConnection::open_socket(const std::string& host) {
  sockaddr_storage storage{};
  socklen_t length = 0;
  auto* four = reinterpret_cast<sockaddr_in*>(&storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(address_.port);
    length = sizeof(sockaddr_in);
  } else if (inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(address_.port);
    length = sizeof(sockaddr_in6);
  }
  socket_ = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_ < 0) return fail_errno(TransportFailure::refused);
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(socket_, reinterpret_cast<sockaddr*>(&storage), length) == 0) return {};
  if (errno != EINPROGRESS) {
    auto failure = fail_errno(TransportFailure::refused);
    disconnect();
    return failure;
  }
  auto ready = wait(POLLOUT, kConnectTimeout_us);
  int error = 0;
  socklen_t error_size = sizeof(error);
  getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &error_size);
  if (ready && error == 0) return {};
  disconnect();
  if (error != 0) return fail(TransportFailure::refused, std::strerror(error));
  TransportError failure = ready.error();
  if (failure.failure == TransportFailure::silent) failure.failure = TransportFailure::refused;
  return std::unexpected(std::move(failure));
}

std::expected<void, TransportError> HttpConnection::shake_hands() {
  if (!context_) {
    auto made = net::TlsContext::client({address_.pin, ca_file_});
    if (!made)
      return std::unexpected(TransportError{TransportFailure::source, made.error().what, made.error()});
    context_.emplace(std::move(*made));
  }
  tls_ = context_->open(socket_, address_.host);
  for (;;) {
    const net::TlsStep step = tls_->handshake();
    if (step == net::TlsStep::done) return {};
    if (step == net::TlsStep::failed) {
      return fail(tls_->is_distrusted() ? TransportFailure::untrusted : TransportFailure::malformed,
                  tls_->why());
    }
    if (step == net::TlsStep::ended) return fail(TransportFailure::lost, "the server closed the connection");
    const auto ready = wait(step == net::TlsStep::wants_write ? POLLOUT : POLLIN, kConnectTimeout_us);
    if (!ready) return std::unexpected(ready.error());
  }
}

// What the socket gives or takes at once; errno says why it failed.
net::TlsMoved HttpConnection::receive(char* bytes, std::size_t size) {
  if (tls_) return tls_->read(bytes, size);
  const ssize_t count = recv(socket_, bytes, size, 0);
  if (count > 0) return {net::TlsStep::done, static_cast<std::size_t>(count)};
  if (count == 0) return {net::TlsStep::ended};
  return {errno == EAGAIN || errno == EINTR ? net::TlsStep::wants_read : net::TlsStep::failed};
}

net::TlsMoved HttpConnection::transmit(std::string_view bytes) {
  if (tls_) return tls_->write(bytes.data(), bytes.size());
  const ssize_t count = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count >= 0) return {net::TlsStep::done, static_cast<std::size_t>(count)};
  return {errno == EAGAIN || errno == EINTR ? net::TlsStep::wants_write : net::TlsStep::failed};
}

std::expected<void, TransportError> HttpConnection::receive_some(Parser& parser) {
  std::array<char, kReadBytes> buffer;
  const net::TlsMoved moved = receive(buffer.data(), buffer.size());
  switch (moved.step) {
    case net::TlsStep::done:
      return parser.feed({buffer.data(), moved.bytes});
    case net::TlsStep::ended:
      return parser.end_of_stream();
    case net::TlsStep::wants_read:
    case net::TlsStep::wants_write:
      return {};
    case net::TlsStep::failed:
      break;
  }
  return tls_ ? fail(TransportFailure::lost, tls_->why()) : fail_errno(TransportFailure::lost);
}

// Stops as soon as an answer begins: what is not sent yet is not wanted.
std::expected<void, TransportError> HttpConnection::send_bytes(std::string_view bytes,
                                                               const HttpRequest& request, Parser& parser) {
  while (!bytes.empty() && !parser.started()) {
    const net::TlsMoved moved = transmit(bytes);
    if (moved.step == net::TlsStep::done) {
      bytes.remove_prefix(moved.bytes);
      continue;
    }
    // The server may have answered and closed its side before it read everything: the answer is still to be read.
    const bool closed = moved.step == net::TlsStep::ended ||
                        (moved.step == net::TlsStep::failed && (errno == EPIPE || errno == ECONNRESET));
    if (!closed && moved.step == net::TlsStep::failed)
      return tls_ ? fail(TransportFailure::lost, tls_->why()) : fail_errno(TransportFailure::lost);
    const auto ready = wait(closed ? POLLIN : POLLIN | POLLOUT, request.timeout_us);
    if (!ready) return std::unexpected(ready.error());
    if (*ready != Ready::readable) continue;
    if (auto received = receive_some(parser); !received) return received;
  }
  return {};
}

std::expected<void, TransportError> HttpConnection::send_all(const HttpRequest& request, Parser& parser) {
  const std::string head = request_head(request, address_);
  if (!request.source) return send_bytes(head + request.body, request, parser);
  if (auto sent = send_bytes(head, request, parser); !sent) return sent;
  while (!parser.started()) {
    Result<std::string> bytes = request.source();
    if (!bytes) {
      return std::unexpected(TransportError{TransportFailure::source, bytes.error().what, bytes.error()});
    }
    const std::string chunk = bytes->empty() ? "0\r\n\r\n" : chunk_of(*bytes);
    if (auto sent = send_bytes(chunk, request, parser); !sent) return sent;
    if (bytes->empty()) break;
    // Nothing is there yet in almost every round; an early refusal is seen before the next chunk is made.
    if (auto received = receive_some(parser); !received) return received;
  }
  return {};
}

std::expected<HttpResponse, TransportError> HttpConnection::try_once(const HttpRequest& request) {
  if (auto opened = ensure_open(); !opened) return std::unexpected(opened.error());
  Parser parser;
  std::expected<void, TransportError> step = send_all(request, parser);
  while (step && !parser.done()) {
    const auto ready = wait(POLLIN, request.timeout_us);
    step = ready ? receive_some(parser) : std::unexpected(ready.error());
  }
  if (!step) {
    TransportError error = step.error();
    disconnect();
    return std::unexpected(std::move(error));
  }
  HttpResponse response = parser.take();
  // After an early answer the rest of the body is unsent, so the connection cannot carry another request.
  if (!parser.keeps_connection() || request.source) disconnect();
  return response;
}

std::expected<HttpResponse, TransportError> HttpConnection::stream(const HttpRequest& request,
                                                                   const BodySink& sink) {
  disconnect();
  if (auto opened = ensure_open(); !opened) return std::unexpected(opened.error());
  Parser parser;
  std::expected<void, TransportError> step = send_all(request, parser);
  std::int64_t silent_us = 0;
  bool wanted = true;
  while (step && wanted && !parser.done()) {
    const auto ready = wait(POLLIN, request.pulse_us);
    if (!ready && ready.error().failure == TransportFailure::silent && silent_us < request.timeout_us) {
      silent_us += request.pulse_us;
      if (parser.is_stream()) wanted = sink({});
      continue;
    }
    silent_us = 0;
    step = ready ? receive_some(parser) : std::unexpected(ready.error());
    if (!step || !parser.is_stream()) continue;
    const std::string bytes = parser.take_body();
    if (!bytes.empty()) wanted = sink(bytes);
  }
  disconnect();
  if (!step) return std::unexpected(step.error());
  return parser.take();
}

std::expected<HttpResponse, TransportError> HttpConnection::exchange(const HttpRequest& request) {
  const bool kept = socket_ >= 0;
  auto response = try_once(request);
  const bool closed_meanwhile = !response && response.error().failure == TransportFailure::lost;
  if (kept && closed_meanwhile && request.method == "GET") return try_once(request);
  return response;
}

}  // namespace muster::client
