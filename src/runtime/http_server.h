// HTTP/1.1 on sockets: accepts, reads requests with limits and time-outs, hands them to the front, writes what it answers.
// One thread. A connection serves one request at a time; further ones that are sent ahead wait in its buffer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/error.h"
#include "core/ids.h"
#include "front/front.h"
#include "front/request.h"
#include "net/tls.h"
#include "runtime/listen_address.h"

namespace boost::asio {
class io_context;
}

namespace muster::runtime {

class ByteStream;

struct HttpLimits {
  Micros header_timeout_us = 10'000'000;  // from the first byte of a header to its end
  Micros idle_timeout_us = 75'000'000;    // between two requests
  Micros stall_timeout_us = 20'000'000;   // without a byte of a body, or of an answer taken
  // A body has this long, and a second more for every so many bytes.
  Micros body_grace_us = 60'000'000;
  std::uint64_t body_bytes_per_second = 8192;
  std::uint32_t connections_per_token = 256;
};

class HttpServer {
 public:
  // Takes over the stream of an admitted agent and its request; what it does with a request that is no upgrade is its matter.
  using Upgrade =
      std::function<void(ByteStream stream, const front::RequestHead& head, const front::Identity& who)>;

  // `io`, `front` and `tls` outlive this; without `tls` the port speaks plain HTTP.
  HttpServer(boost::asio::io_context& io, front::Front& front, Upgrade upgrade, HttpLimits limits = {},
             const net::TlsContext* tls = nullptr);
  ~HttpServer();

  // Binds and accepts; the port that was taken. kPortInUse.
  Result<std::uint16_t> listen(const ListenAddress& address);
  void stop_accepting();
  // Closes what is overdue; about once a second.
  void sweep(Micros mono_us);
  // Nothing is being answered and nothing waits to be sent.
  bool quiet() const;
  std::size_t connections() const;
  std::uint64_t requests() const;

 private:
  struct State;
  class Connection;
  class Stream;
  std::shared_ptr<State> state_;
};

}  // namespace muster::runtime
