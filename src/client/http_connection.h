// One HTTP/1.1 connection, plain or under TLS: blocking for the caller, never for longer than its deadline.
// Every wait also watches the answer (an early refusal ends an upload) and the interrupt, so Ctrl-C is never late.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/endpoint.h"
#include "core/error.h"
#include "net/tls.h"

namespace muster::client {

// The next bytes of a body; empty at its end. An Error ends the request unanswered.
using BodySource = std::function<Result<std::string>()>;

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // path and query, encoded
  std::vector<std::pair<std::string, std::string>> fields;
  std::string content_type;
  std::string body;
  BodySource source;  // set: `body` is not used, the request is sent in chunks while they come
  std::int64_t timeout_us = 60'000'000;  // without a byte in either direction
  std::int64_t pulse_us = 1'000'000;     // of stream() alone
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  // The value of the first field of that name, any case; empty if there is none.
  std::string_view find(std::string_view name) const;
};

// Bytes of a body as they come; empty ones when nothing came for HttpRequest::pulse_us. False ends the exchange.
using BodySink = std::function<bool(std::string_view bytes)>;

enum class TransportFailure : std::uint8_t {
  refused,      // nothing listens there: the request was not sent
  untrusted,    // who answers is not who was meant, or does not speak TLS: the request was not sent
  lost,         // the connection ended before the answer was complete: the request may have been carried out
  silent,       // connected, but nothing came within the timeout: may have been carried out
  interrupted,  // the interrupt's descriptor became readable
  malformed,    // what answered does not speak HTTP
  source,       // the body's source failed; `error` has its Error
};

struct TransportError {
  TransportFailure failure = TransportFailure::refused;
  std::string why;  // the system's words
  Error error;      // of the source
};

class HttpConnection {
 public:
  // `interrupt_descriptor` becomes readable when every wait is to end; -1: never.
  // `ca_file`: as in net::TlsTrust, for an https address without a pin.
  explicit HttpConnection(Address address, int interrupt_descriptor = -1, std::string ca_file = {});
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Sends on the open connection, or on a new one. A kept connection that the server has closed meanwhile is replaced once,
  // which is safe because no byte of an answer was seen and only requests that change nothing are repeated.
  std::expected<HttpResponse, TransportError> exchange(const HttpRequest& request);

  // The body of a 2xx answer goes to `sink` as it comes, and the response has none; any other answer is read whole. The
  // connection is closed afterwards.
  std::expected<HttpResponse, TransportError> stream(const HttpRequest& request, const BodySink& sink);

 private:
  class Parser;
  enum class Ready : std::uint8_t { readable, writable };
  std::expected<void, TransportError> ensure_open();
  std::expected<void, TransportError> open_socket(const std::string& host);
  std::expected<void, TransportError> shake_hands();
  net::TlsMoved receive(char* bytes, std::size_t size);
  net::TlsMoved transmit(std::string_view bytes);
  std::expected<HttpResponse, TransportError> try_once(const HttpRequest& request);
  std::expected<void, TransportError> send_all(const HttpRequest& request, Parser& parser);
  std::expected<void, TransportError> send_bytes(std::string_view bytes, const HttpRequest& request,
                                                 Parser& parser);
  std::expected<void, TransportError> receive_some(Parser& parser);
  std::expected<Ready, TransportError> wait(short events, std::int64_t timeout_us);
  void disconnect();

  Address address_;
  int interrupt_;
  std::string ca_file_;
  int socket_ = -1;
  std::optional<net::TlsContext> context_;  // made by the first https connection: it costs a millisecond
  std::unique_ptr<net::TlsSession> tls_;
};

}  // namespace muster::client
