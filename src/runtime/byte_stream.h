// A connected socket, plain or under TLS, with the operations that Beast asks of a stream: one type, so one WebSocket is compiled.
// Plain calls go straight to the socket. After close() nothing touches the descriptor, whose number may be another's.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "net/tls.h"

namespace muster::runtime {

class ByteStream {
 public:
  using executor_type = boost::asio::ip::tcp::socket::executor_type;
  using Failure = boost::system::error_code;
  using Done = std::move_only_function<void(Failure, std::size_t)>;
  using HandshakeDone = std::move_only_function<void(Failure)>;

  // `tls` belongs to the socket's descriptor; null: plain.
  explicit ByteStream(boost::asio::ip::tcp::socket socket, std::unique_ptr<net::TlsSession> tls = nullptr)
      : socket_(std::move(socket)), tls_(std::move(tls)) {}

  executor_type get_executor() { return socket_.get_executor(); }
  boost::asio::ip::tcp::socket& socket() { return socket_; }
  // From here on everything goes through it.
  void secure(std::unique_ptr<net::TlsSession> tls) { tls_ = std::move(tls); }
  bool is_secure() const { return tls_ != nullptr; }
  // Of the session; empty without one.
  const std::string& why() const;
  bool is_plain_http() const { return tls_ && tls_->is_plain_http(); }

  // A client's, before anything else.
  void async_handshake(HandshakeDone done);
  // What the socket takes at once; would_block when nothing.
  std::size_t write_some(boost::asio::const_buffer bytes, Failure& error);
  // Nothing more will be written.
  void end_writing(Failure& error);
  void close();
  // Gives the parts away, for another owner.
  std::pair<boost::asio::ip::tcp::socket, std::unique_ptr<net::TlsSession>> take() {
    return {std::move(socket_), std::move(tls_)};
  }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (!tls_) {
      socket_.async_read_some(buffers, std::forward<Handler>(handler));
    } else {
      read_secure(first_of(buffers), std::forward<Handler>(handler), Call::inside);
    }
  }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (!tls_) {
      socket_.async_write_some(buffers, std::forward<Handler>(handler));
    } else {
      // One record of what may come in pieces; the bytes stay here until they are written.
      unwritten_.resize(std::min(boost::asio::buffer_size(buffers), kRecordBytes));
      boost::asio::buffer_copy(boost::asio::buffer(unwritten_), buffers);
      write_secure(std::forward<Handler>(handler), Call::inside);
    }
  }

 private:
  // Whether the caller of the operation is still on the stack: then its end is posted.
  enum class Call : std::uint8_t { inside, later };
  static constexpr std::size_t kRecordBytes = 16 * 1024;

  template <class Buffers>
  static boost::asio::mutable_buffer first_of(const Buffers& buffers) {
    for (auto at = boost::asio::buffer_sequence_begin(buffers);
         at != boost::asio::buffer_sequence_end(buffers); ++at) {
      const boost::asio::mutable_buffer one(*at);
      if (one.size() != 0) return one;
    }
    return {};
  }
  void read_secure(boost::asio::mutable_buffer into, Done done, Call call);
  void write_secure(Done done, Call call);
  void finish(Done done, Call call, Failure error, std::size_t bytes);

  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<net::TlsSession> tls_;
  std::string unwritten_;
};

// How Beast ends a WebSocket's stream.
void beast_close_socket(ByteStream& stream);
void teardown(boost::beast::role_type role, ByteStream& stream, boost::system::error_code& error);

template <class Handler>
void async_teardown(boost::beast::role_type role, ByteStream& stream, Handler&& handler) {
  boost::system::error_code error;
  teardown(role, stream, error);
  boost::asio::post(stream.get_executor(),
                    [handler = std::forward<Handler>(handler), error]() mutable { handler(error); });
}

}  // namespace muster::runtime
