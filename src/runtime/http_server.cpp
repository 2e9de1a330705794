// Connections as state machines over one buffer: read, parse, ask the front, write, again.
// A write is tried at once; only what the socket does not take waits for the loop.
#include "runtime/http_server.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ctime>
#include <unordered_map>
#include <unordered_set>

#include "runtime/byte_stream.h"
#include "runtime/clock.h"
#include "runtime/http_parser.h"
#include "wire/native/answers.h"

namespace muster::runtime {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kBufferBytes = 32 * 1024;
constexpr std::size_t kCopiedBodyBytes = 64 * 1024;
constexpr std::uint64_t kLingerBytesMax = 64ULL << 20;
constexpr Micros kLinger_us = 2'000'000;
constexpr Micros kNever = std::numeric_limits<Micros>::max();

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

// The Date field's value, made once a second.
const std::string& http_date() {
  static std::string text;
  static std::time_t made = 0;
  const std::time_t now = wall_now_us() / 1'000'000;
  if (now != made) {
    made = now;
    std::tm parts{};
    gmtime_r(&now, &parts);
    char buffer[64];
    text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  }
  return text;
}

// For browsers, whatever the answer: it is what it says it is, it stands in no frame, and where people came from is told to nobody.
constexpr std::string_view kGuards =
    "\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\nCross-Origin-Opener-Policy: same-origin\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action "
    "'none'";

// Data is not kept and runs nothing. The page runs what comes from this server as a file, and speaks to this server alone.
std::string_view guards_of(front::Audience audience) {
  switch (audience) {
    case front::Audience::program:
      return "\r\nCache-Control: no-store\r\n";
    case front::Audience::page:
      return "; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src "
             "'self'; manifest-src 'self'\r\nCache-Control: no-cache\r\nVary: Accept-Encoding\r\n";
    case front::Audience::page_part:
      // A worker's rules are those that its own file came with.
      return "; script-src 'self'; connect-src 'self'\r\nCache-Control: public, max-age=31536000, "
             "immutable\r\nVary: Accept-Encoding\r\n";
  }
  return "\r\n";
}

enum class KeepAlive : std::uint8_t { yes, no };

void write_head(const front::Response& response, KeepAlive keep_alive, std::string& out) {
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += reason_of(response.status);
  out += "\r\nServer: muster\r\nDate: ";
  out += http_date();
  out += kGuards;
  out += guards_of(response.audience);
  if (!response.content_type.empty()) {
    out += "Content-Type: ";
    out += response.content_type;
    out += "\r\n";
  }
  for (const auto& [name, value] : response.fields) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  if (!response.stream) {
    out += "Content-Length: ";
    out += std::to_string(response.shared_body ? response.shared_body->size() : response.body.size());
    out += "\r\n";
  }
  out += keep_alive == KeepAlive::yes ? "\r\n" : "Connection: close\r\n\r\n";
}

front::Response plain_problem(ErrorKind kind, const char* code, int status, std::string what,
                              std::string next) {
  const Error error{kind, code, std::move(what), std::move(next)};
  return {status, "application/problem+json", {}, wire::problem_json(error, status)};
}

}  // namespace

struct HttpServer::State {
  State(asio::io_context& io_, front::Front& front_, Upgrade upgrade_, HttpLimits limits_,
        const net::TlsContext* tls_)
      : io(io_),
        front(front_),
        upgrade(std::move(upgrade_)),
        limits(limits_),
        tls(tls_),
        acceptor(io_),
        pause(io_) {}
  asio::io_context& io;
  front::Front& front;
  Upgrade upgrade;
  HttpLimits limits;
  const net::TlsContext* tls;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  std::unordered_map<std::uint64_t, std::uint32_t> connections_of_token;
  std::uint64_t requests = 0;
  std::uint32_t answering = 0;  // connections between the end of a request and the end of its answer
};

class HttpServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<State> state, tcp::socket socket)
      : state_(std::move(state)), stream_(std::move(socket)), buffer_(new char[kBufferBytes]) {
    error_code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
    stream_.socket().non_blocking(true, ignored);
    if (state_->tls != nullptr) stream_.secure(state_->tls->open(stream_.socket().native_handle()));
    // Who shakes hands slowly is as slow as one with a slow header.
    const HttpLimits& limits = state_->limits;
    deadline_us_ = mono_now_us() + (stream_.is_secure() ? limits.header_timeout_us : limits.idle_timeout_us);
    const tcp::endpoint peer = stream_.socket().remote_endpoint(ignored);
    if (!ignored) address_ = peer.address().to_string();
  }

  void start() { read(); }
  Micros deadline_us() const { return deadline_us_; }
  void close();

  // ---- an answer without an end
  bool is_streaming() const { return phase_ == Phase::streaming; }
  std::size_t unwritten() const { return out_.size() - out_written_; }
  void stream(std::string_view bytes);
  void end_stream();

 private:
  enum class Phase : std::uint8_t { idle, head, body, answering, writing, streaming, lingering, closed };

  void set_phase(Phase phase);
  void read();
  void on_read(const error_code& error, std::size_t bytes);
  void lose();
  void process();
  bool on_head();
  void on_request();
  void on_refused();
  bool take_body(std::string_view piece);
  bool claim_token(std::uint64_t id);
  front::Respond responder();
  void answer(front::Response response, KeepAlive keep_alive);
  void respond(std::uint64_t request, front::Response response);
  void write();
  void on_written();
  void begin_stream();
  void write_stream();
  void linger();
  void upgrade();

  std::shared_ptr<State> state_;
  ByteStream stream_;
  std::string address_;  // of the other side
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;  // bytes of the buffer that are not parsed yet
  std::size_t end_ = 0;
  HttpParser parser_;
  front::Admission admission_;
  std::string body_;
  std::uint64_t body_bytes_ = 0;
  bool body_too_large_ = false;
  std::uint64_t request_ = 0;  // counts requests of this connection: an answer belongs to one
  std::string out_;
  std::string out_body_;  // large ones are not copied behind their head
  std::shared_ptr<const std::string> shared_body_;
  std::function<void(std::shared_ptr<front::ByteSink>)> start_stream_;  // set: called when the head is out
  std::size_t out_written_ = 0;
  bool close_after_ = false;
  bool processing_ = false;
  std::uint64_t lingered_ = 0;
  std::uint64_t token_ = 0;
  Phase phase_ = Phase::idle;
  Micros deadline_us_ = 0;
  Micros body_began_us_ = 0;
  Micros answering_since_us_ = 0;  // 0: what is answered was refused before it was read
};

void HttpServer::Connection::set_phase(Phase phase) {
  const auto is_answering = [](Phase p) { return p == Phase::answering || p == Phase::writing; };
  state_->answering += is_answering(phase) ? 1 : 0;
  state_->answering -= is_answering(phase_) ? 1 : 0;
  phase_ = phase;
  const HttpLimits& limits = state_->limits;
  switch (phase) {
    case Phase::idle:
      deadline_us_ = mono_now_us() + limits.idle_timeout_us;
      break;
    case Phase::head:
      deadline_us_ = mono_now_us() + limits.header_timeout_us;
      break;
    case Phase::body:
      body_began_us_ = mono_now_us();
      deadline_us_ = body_began_us_ + limits.stall_timeout_us;
      break;
    case Phase::answering:
      answering_since_us_ = mono_now_us();
      deadline_us_ = kNever;
      break;
    case Phase::writing:
      deadline_us_ = mono_now_us() + limits.stall_timeout_us;
      break;
    case Phase::streaming:
      deadline_us_ = kNever;
      break;
    case Phase::lingering:
      deadline_us_ = mono_now_us() + kLinger_us;
      break;
    case Phase::closed:
      break;
  }
}

void HttpServer::Connection::close() {
  if (phase_ == Phase::closed) return;
  set_phase(Phase::closed);
  ++request_;  // an answer on its way finds nobody
  stream_.close();
  admission_ = {};
  if (token_ != 0 && --state_->connections_of_token[token_] == 0) state_->connections_of_token.erase(token_);
  token_ = 0;
  state_->connections.erase(shared_from_this());
}

void HttpServer::Connection::read() {
  if (begin_ != 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  stream_.async_read_some(asio::buffer(buffer_.get() + end_, kBufferBytes - end_),
                          [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                            self->on_read(error, bytes);
                          });
}

void HttpServer::Connection::on_read(const error_code& error, std::size_t bytes) {
  if (phase_ == Phase::closed) return;
  if (error) return lose();
  if (phase_ == Phase::streaming) {  // whatever it says, it hears no other answer
    begin_ = end_ = 0;
    return read();
  }
  if (phase_ == Phase::lingering) {
    lingered_ += bytes;
    if (lingered_ > kLingerBytesMax) return close();
    begin_ = end_ = 0;
    return read();
  }
  end_ += bytes;
  if (phase_ == Phase::body) {
    const HttpLimits& limits = state_->limits;
    const auto earned_us = static_cast<Micros>(body_bytes_ / limits.body_bytes_per_second) * 1'000'000;
    deadline_us_ =
        std::min(mono_now_us() + limits.stall_timeout_us, body_began_us_ + limits.body_grace_us + earned_us);
  }
  process();
}

// Who speaks plain HTTP to a port with TLS is told so in his own tongue.
void HttpServer::Connection::lose() {
  if (stream_.is_plain_http()) {
    const front::Response refusal = plain_problem(ErrorKind::usage, kMalformedValue, 400,
                                                  "this port speaks TLS", "begin the address with https://");
    std::string text;
    write_head(refusal, KeepAlive::no, text);
    text += refusal.body;
    error_code ignored;
    stream_.socket().write_some(asio::buffer(text), ignored);
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }
  close();
}

// Goes on until bytes are missing, or an answer is.
void HttpServer::Connection::process() {
  if (processing_) return;
  processing_ = true;
  const auto self = shared_from_this();
  while (phase_ == Phase::idle || phase_ == Phase::head || phase_ == Phase::body) {
    if (phase_ == Phase::idle && begin_ != end_) set_phase(Phase::head);
    std::size_t used = 0;
    const HttpProgress progress = parser_.put({buffer_.get() + begin_, end_ - begin_}, used,
                                              [this](std::string_view piece) { return take_body(piece); });
    begin_ += used;
    if (progress == HttpProgress::need_more) {
      if (begin_ == 0 && end_ == kBufferBytes) {
        on_refused();
        break;
      }
      read();
      break;
    }
    if (progress == HttpProgress::refused) on_refused();
    if (progress == HttpProgress::head_done && on_head()) set_phase(Phase::body);
    if (progress == HttpProgress::done) on_request();
  }
  processing_ = false;
}

// True: go on with the body.
bool HttpServer::Connection::on_head() {
  ++state_->requests;
  ++request_;
  body_.clear();
  body_bytes_ = 0;
  body_too_large_ = false;
  const front::RequestHead& head = parser_.head();
  admission_ = state_->front.admit(head, address_);
  const KeepAlive keep = parser_.has_body() || !parser_.keep_alive() ? KeepAlive::no : KeepAlive::yes;
  if (admission_.refusal) {
    answer(std::move(*admission_.refusal), keep);
    return false;
  }
  if (admission_.agent_upgrade) {
    upgrade();
    return false;
  }
  if (admission_.identity && !claim_token(admission_.identity->token_id)) {
    front::Response busy =
        plain_problem(ErrorKind::temporary, kBusy, 503, "this token has too many connections open",
                      "close some, or keep one and send requests one after the other");
    busy.fields.emplace_back("Retry-After", "1");
    answer(std::move(busy), KeepAlive::no);
    return false;
  }
  if (parser_.content_length() > admission_.body_bytes_max) {
    body_too_large_ = true;
    on_request();
    return false;
  }
  if (parser_.has_body() && parser_.expects_continue()) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    error_code ignored;
    stream_.write_some(asio::buffer(kContinue), ignored);
  }
  return true;
}

bool HttpServer::Connection::take_body(std::string_view piece) {
  body_bytes_ += piece.size();
  if (body_bytes_ > admission_.body_bytes_max) {
    body_too_large_ = true;
    return false;
  }
  if (admission_.sink != nullptr) return admission_.sink->feed(piece);
  body_.append(piece);
  return true;
}

void HttpServer::Connection::on_request() {
  if (body_too_large_) {
    answer(plain_problem(ErrorKind::too_large, kBodyTooLarge, 413,
                         "the body is larger than " + std::to_string(admission_.body_bytes_max) + " bytes",
                         "stream many items with ?items=, or submit in parts into one batch"),
           KeepAlive::no);
    return;
  }
  close_after_ = parser_.body_cut() || !parser_.keep_alive();
  set_phase(Phase::answering);
  if (admission_.sink != nullptr) {
    const std::unique_ptr<front::BodySink> sink = std::move(admission_.sink);
    sink->finish(responder());
  } else {
    state_->front.handle(parser_.head(), admission_, std::move(body_), responder());
  }
}

void HttpServer::Connection::on_refused() {
  const int status = parser_.status() == 0 ? 431 : parser_.status();
  const bool large = status == 431;
  answer(plain_problem(large ? ErrorKind::too_large : ErrorKind::usage,
                       large ? kBodyTooLarge : kMalformedBody, status, std::string(parser_.why()), ""),
         KeepAlive::no);
}

bool HttpServer::Connection::claim_token(std::uint64_t id) {
  if (token_ == id) return true;
  std::uint32_t& count = state_->connections_of_token[id];
  if (count >= state_->limits.connections_per_token) return false;
  ++count;
  if (token_ != 0 && --state_->connections_of_token[token_] == 0) state_->connections_of_token.erase(token_);
  token_ = id;
  return true;
}

front::Respond HttpServer::Connection::responder() {
  return [weak = weak_from_this(), request = request_](front::Response response) {
    if (const auto self = weak.lock()) self->respond(request, std::move(response));
  };
}

void HttpServer::Connection::respond(std::uint64_t request, front::Response response) {
  if (request != request_ || phase_ != Phase::answering) return;
  answer(std::move(response), close_after_ ? KeepAlive::no : KeepAlive::yes);
}

void HttpServer::Connection::answer(front::Response response, KeepAlive keep_alive) {
  const Micros took_us = answering_since_us_ == 0 ? 0 : mono_now_us() - answering_since_us_;
  answering_since_us_ = 0;
  state_->front.answered(admission_.route, response.status, took_us);
  out_.clear();
  out_body_.clear();
  shared_body_ = nullptr;
  out_written_ = 0;
  if (response.stream) keep_alive = KeepAlive::no;
  close_after_ = keep_alive == KeepAlive::no;
  write_head(response, keep_alive, out_);
  if (parser_.head().method != front::Method::head) start_stream_ = std::move(response.stream);
  if (parser_.head().method != front::Method::head) {
    if (response.shared_body) {
      shared_body_ = std::move(response.shared_body);
    } else if (response.body.size() <= kCopiedBodyBytes) {
      out_ += response.body;
    } else {
      out_body_ = std::move(response.body);
    }
  }
  set_phase(Phase::writing);
  write();
}

void HttpServer::Connection::write() {
  const std::string& large = shared_body_ ? *shared_body_ : out_body_;
  for (;;) {
    const std::size_t head_left = out_.size() - std::min(out_.size(), out_written_);
    const std::size_t body_from = out_written_ - std::min(out_.size(), out_written_);
    const std::array<asio::const_buffer, 2> buffers{
        asio::buffer(out_.data() + (out_.size() - head_left), head_left),
        asio::buffer(large.data() + body_from, large.size() - body_from)};
    error_code error;
    const std::size_t written = stream_.is_secure()
                                    ? stream_.write_some(buffers[head_left != 0 ? 0 : 1], error)
                                    : stream_.socket().write_some(buffers, error);
    out_written_ += written;
    if (error == asio::error::would_block || error == asio::error::try_again) break;
    if (error) return close();
    if (out_written_ == out_.size() + large.size()) return on_written();
    deadline_us_ = mono_now_us() + state_->limits.stall_timeout_us;
  }
  stream_.socket().async_wait(tcp::socket::wait_write, [self = shared_from_this()](const error_code& error) {
    if (self->phase_ != Phase::writing) return;
    if (error) return self->close();
    self->deadline_us_ = mono_now_us() + self->state_->limits.stall_timeout_us;
    self->write();
  });
}

void HttpServer::Connection::on_written() {
  admission_ = {};
  out_body_ = {};
  shared_body_ = nullptr;
  if (start_stream_) return begin_stream();
  if (close_after_) return linger();
  parser_.reset();
  set_phase(Phase::idle);
  process();
}

// ---- an answer without an end

class HttpServer::Stream final : public front::ByteSink {
 public:
  explicit Stream(std::weak_ptr<Connection> connection) : connection_(std::move(connection)) {}
  ~Stream() override { end(); }
  bool is_open() const override {
    const auto connection = connection_.lock();
    return connection && connection->is_streaming();
  }
  std::size_t waiting_bytes() const override {
    const auto connection = connection_.lock();
    return connection ? connection->unwritten() : 0;
  }
  void write(std::string_view bytes) override {
    if (const auto connection = connection_.lock()) connection->stream(bytes);
  }
  void end() override {
    if (const auto connection = connection_.lock()) connection->end_stream();
  }

 private:
  std::weak_ptr<Connection> connection_;
};

// It goes on reading, so that it hears when the other side goes away.
void HttpServer::Connection::begin_stream() {
  set_phase(Phase::streaming);
  out_.clear();
  out_written_ = 0;
  begin_ = end_ = 0;
  read();
  std::exchange(start_stream_, nullptr)(std::make_shared<Stream>(weak_from_this()));
}

void HttpServer::Connection::stream(std::string_view bytes) {
  if (phase_ != Phase::streaming) return;
  const bool waits = unwritten() != 0;
  out_.append(bytes);
  if (!waits) write_stream();
}

void HttpServer::Connection::write_stream() {
  while (unwritten() != 0) {
    error_code error;
    const asio::const_buffer left = asio::buffer(out_.data() + out_written_, unwritten());
    out_written_ +=
        stream_.is_secure() ? stream_.write_some(left, error) : stream_.socket().write_some(left, error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      // Who takes nothing for as long as this is not there any more.
      if (deadline_us_ == kNever) deadline_us_ = mono_now_us() + state_->limits.stall_timeout_us;
      stream_.socket().async_wait(tcp::socket::wait_write,
                                  [self = shared_from_this()](const error_code& failure) {
                                    if (self->phase_ != Phase::streaming) return;
                                    if (failure) return self->close();
                                    self->deadline_us_ = kNever;
                                    self->write_stream();
                                  });
      return;
    }
    if (error) return close();
  }
  out_.clear();
  out_written_ = 0;
}

void HttpServer::Connection::end_stream() {
  if (phase_ != Phase::streaming) return;
  error_code ignored;
  stream_.end_writing(ignored);
  close();
}

// A client that still sends would lose the answer if the socket were closed under it: what it sends is read and thrown away.
void HttpServer::Connection::linger() {
  error_code error;
  stream_.end_writing(error);
  if (error) return close();
  set_phase(Phase::lingering);
  begin_ = end_ = 0;
  read();
}

void HttpServer::Connection::upgrade() {
  const auto self = shared_from_this();
  auto [socket, tls] = stream_.take();
  state_->upgrade(ByteStream(std::move(socket), std::move(tls)), parser_.head(), *admission_.identity);
  close();
}

HttpServer::HttpServer(asio::io_context& io, front::Front& front, Upgrade upgrade, HttpLimits limits,
                       const net::TlsContext* tls)
    : state_(std::make_shared<State>(io, front, std::move(upgrade), limits, tls)) {}

HttpServer::~HttpServer() {
  stop_accepting();
  const auto connections = state_->connections;
  for (const auto& connection : connections) connection->close();
}

namespace {

template <class State, class Accepted>
void accept_next(const std::shared_ptr<State>& state, const Accepted& accepted) {
  state->acceptor.async_accept([state, accepted](const error_code& error, tcp::socket socket) {
    if (!state->acceptor.is_open()) return;
    if (!error) {
      accepted(state, std::move(socket));
      return accept_next(state, accepted);
    }
    // Out of descriptors, most likely: others have to end first.
    state->pause.expires_after(std::chrono::milliseconds(100));
    state->pause.async_wait([state, accepted](const error_code& stopped) {
      if (!stopped && state->acceptor.is_open()) accept_next(state, accepted);
    });
  });
}

}  // namespace

Result<std::uint16_t> HttpServer::listen(const ListenAddress& address) {
  error_code error;
  const tcp::endpoint endpoint(asio::ip::make_address(address.host, error), address.port);
  tcp::acceptor& acceptor = state_->acceptor;
  if (!error) acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(1024, error);
  if (error) {
    return refuse(ErrorKind::wrong_state, kPortInUse,
                  "cannot listen on " + address.url_host() + ":" + std::to_string(address.port) + ": " +
                      error.message(),
                  "choose another port, or 0 for any free one: --listen 127.0.0.1:0");
  }
  accept_next(state_, [](const std::shared_ptr<State>& state, tcp::socket socket) {
    const auto connection = std::make_shared<Connection>(state, std::move(socket));
    state->connections.insert(connection);
    connection->start();
  });
  return acceptor.local_endpoint(error).port();
}

void HttpServer::stop_accepting() {
  error_code ignored;
  state_->acceptor.close(ignored);
  state_->pause.cancel();
}

void HttpServer::sweep(Micros mono_us) {
  std::vector<std::shared_ptr<Connection>> overdue;
  for (const auto& connection : state_->connections) {
    if (connection->deadline_us() <= mono_us) overdue.push_back(connection);
  }
  for (const auto& connection : overdue) connection->close();
}

bool HttpServer::quiet() const { return state_->answering == 0; }
std::size_t HttpServer::connections() const { return state_->connections.size(); }
std::uint64_t HttpServer::requests() const { return state_->requests; }

}  // namespace muster::runtime
