// TLS over a socket that is waited for: try, wait for what the session wants, try again.
// An operation that is done at once is posted, because its caller does not expect the end before the beginning has returned.
#include "runtime/byte_stream.h"

#include <boost/asio/error.hpp>

namespace muster::runtime {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using net::TlsStep;

namespace {

boost::system::error_code error_of(TlsStep step) {
  return step == TlsStep::ended ? asio::error::make_error_code(asio::error::eof)
                                : asio::error::make_error_code(asio::error::connection_aborted);
}

tcp::socket::wait_type wait_of(TlsStep step) {
  return step == TlsStep::wants_write ? tcp::socket::wait_write : tcp::socket::wait_read;
}

bool wants(TlsStep step) { return step == TlsStep::wants_read || step == TlsStep::wants_write; }

}  // namespace

const std::string& ByteStream::why() const {
  static const std::string nothing;
  return tls_ ? tls_->why() : nothing;
}

void ByteStream::finish(Done done, Call call, Failure error, std::size_t bytes) {
  if (call == Call::later) return done(error, bytes);
  asio::post(socket_.get_executor(),
             [done = std::move(done), error, bytes]() mutable { done(error, bytes); });
}

void ByteStream::read_secure(asio::mutable_buffer into, Done done, Call call) {
  if (!tls_) return finish(std::move(done), call, asio::error::operation_aborted, 0);
  const net::TlsMoved moved = tls_->read(into.data(), into.size());
  if (moved.step == TlsStep::done) return finish(std::move(done), call, {}, moved.bytes);
  if (!wants(moved.step)) return finish(std::move(done), call, error_of(moved.step), 0);
  socket_.async_wait(wait_of(moved.step), [this, into, done = std::move(done)](Failure error) mutable {
    if (error) return done(error, 0);
    read_secure(into, std::move(done), Call::later);
  });
}

void ByteStream::write_secure(Done done, Call call) {
  if (!tls_) return finish(std::move(done), call, asio::error::operation_aborted, 0);
  const net::TlsMoved moved = tls_->write(unwritten_.data(), unwritten_.size());
  if (moved.step == TlsStep::done) return finish(std::move(done), call, {}, moved.bytes);
  if (!wants(moved.step)) return finish(std::move(done), call, error_of(moved.step), 0);
  socket_.async_wait(wait_of(moved.step), [this, done = std::move(done)](Failure error) mutable {
    if (error) return done(error, 0);
    write_secure(std::move(done), Call::later);
  });
}

void ByteStream::async_handshake(HandshakeDone done) {
  if (!tls_) return done(asio::error::operation_aborted);
  const TlsStep step = tls_->handshake();
  if (step == TlsStep::done) return done({});
  if (!wants(step)) return done(error_of(step));
  socket_.async_wait(wait_of(step), [this, done = std::move(done)](Failure error) mutable {
    if (error) return done(error);
    async_handshake(std::move(done));
  });
}

std::size_t ByteStream::write_some(asio::const_buffer bytes, Failure& error) {
  if (!tls_) return socket_.write_some(asio::buffer(bytes), error);
  error = {};
  const net::TlsMoved moved = tls_->write(bytes.data(), bytes.size());
  if (wants(moved.step)) error = asio::error::would_block;
  if (!wants(moved.step) && moved.step != TlsStep::done) error = error_of(moved.step);
  return moved.bytes;
}

void ByteStream::end_writing(Failure& error) {
  if (tls_) tls_->say_end();
  socket_.shutdown(tcp::socket::shutdown_send, error);
}

void ByteStream::close() {
  tls_.reset();
  Failure ignored;
  socket_.close(ignored);
}

void beast_close_socket(ByteStream& stream) { stream.close(); }

void teardown(boost::beast::role_type, ByteStream& stream, boost::system::error_code& error) {
  stream.close();
  error = {};
}

}  // namespace muster::runtime
