// The agents' WebSockets, on Beast.
// One write is under way at a time; what is to be said meanwhile waits in order.
#include "runtime/agent_hub.h"

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <limits>
#include <optional>

#include "runtime/byte_stream.h"
#include "runtime/clock.h"

namespace muster::runtime {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

namespace {

// Nothing heard for half of it: a ping; nothing for all of it: the agent is gone, as far as this connection goes.
constexpr auto kSilenceMax = std::chrono::seconds(12);

}  // namespace

struct AgentHub::State {
  State(asio::io_context& io_, AgentEvents& events_, AgentHubLimits limits_)
      : io(io_), events(&events_), limits(limits_) {}
  asio::io_context& io;
  AgentEvents* events;  // null once the hub is gone
  AgentHubLimits limits;
  SessionId last_session = 0;
  std::map<SessionId, std::shared_ptr<Connection>> connections;
  std::uint64_t turn = 1;
  std::uint64_t work = 0;         // taken in since the last turn
  std::deque<SessionId> waiting;  // have been heard enough for now, the longest waiting first
};

class AgentHub::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<State> state, SessionId session, ByteStream stream, front::Identity who)
      : state_(std::move(state)), session_(session), who_(std::move(who)), stream_(std::move(stream)) {
    deadline_us_ = mono_now_us() + state_->limits.hello_timeout_us;
  }

  void accept(const front::RequestHead& head);
  void send(std::string frame);
  // Sends what waits, then closes.
  void finish(std::string frame);
  // The socket goes at once.
  void abort();
  // Of a session that has not said hello yet.
  Micros deadline_us() const { return deadline_us_; }
  void read();

 private:
  void on_frame();
  void add_work(std::uint64_t units);
  bool take_frame(std::string_view frame);
  bool take_logs(std::string_view frame);
  void write();
  void lose();

  std::shared_ptr<State> state_;
  SessionId session_;
  front::Identity who_;  // of the token it came with
  http::request<http::empty_body> request_;
  websocket::stream<ByteStream> stream_;
  beast::flat_buffer buffer_;
  std::deque<std::string> unsent_;
  std::uint64_t unsent_bytes_ = 0;
  bool open_ = false;
  bool greeted_ = false;    // hello was read
  bool finishing_ = false;  // nothing is read any more; closed when everything is sent
  bool gone_ = false;
  Micros deadline_us_ = 0;
  std::uint64_t turn_ = 0;  // in which `work_` was taken in
  std::uint64_t work_ = 0;
};

void AgentHub::Connection::accept(const front::RequestHead& head) {
  request_.method(http::verb::get);
  request_.target(head.target);
  for (const auto& [name, value] : head.fields) request_.insert(name, value);
  websocket::stream_base::timeout timeout{};
  timeout.handshake_timeout = std::chrono::seconds(10);
  timeout.idle_timeout = kSilenceMax;
  timeout.keep_alive_pings = true;
  stream_.set_option(timeout);
  stream_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
    response.set(http::field::sec_websocket_protocol, wire::kAgentSubprotocol);
    response.set(http::field::server, "muster");
  }));
  stream_.read_message_max(wire::kAgentFrameBytesMax);
  stream_.auto_fragment(false);
  stream_.binary(true);
  stream_.async_accept(request_, [self = shared_from_this()](const error_code& error) {
    if (error) return self->lose();
    self->open_ = true;
    self->request_ = {};
    if (!self->unsent_.empty()) self->write();
    self->read();
  });
}

void AgentHub::Connection::read() {
  stream_.async_read(buffer_, [self = shared_from_this()](const error_code& error, std::size_t) {
    if (self->gone_) return;
    if (error) return self->lose();
    self->on_frame();
  });
}

void AgentHub::Connection::on_frame() {
  const std::string_view frame(static_cast<const char*>(buffer_.data().data()), buffer_.size());
  add_work(1 + frame.size() / 64);
  const bool sound = finishing_ || take_frame(frame);
  buffer_.consume(buffer_.size());
  // A large frame does not keep its memory for ever.
  if (buffer_.capacity() > (4U << 20)) buffer_.shrink_to_fit();
  if (gone_) return;
  if (!sound) return lose();
  const AgentHubLimits& limits = state_->limits;
  if (work_ < limits.work_of_one_max && state_->work < limits.work_max) return read();
  state_->waiting.push_back(session_);
}

void AgentHub::Connection::add_work(std::uint64_t units) {
  if (turn_ != state_->turn) work_ = 0;
  turn_ = state_->turn;
  work_ += units;
  state_->work += units;
}

// False: the session ends.
bool AgentHub::Connection::take_frame(std::string_view frame) {
  const std::optional<wire::FrameKind> kind = wire::frame_kind(frame);
  if (!kind) return true;
  if (!greeted_) {
    if (*kind != wire::FrameKind::hello) return false;
    Result<AgentHello> hello = wire::decode_hello(frame);
    if (!hello) return false;
    greeted_ = true;
    deadline_us_ = std::numeric_limits<Micros>::max();
    state_->events->agent_hello(session_, who_, std::move(*hello));
    return true;
  }
  if (*kind == wire::FrameKind::log_records) return take_logs(frame);
  if (*kind == wire::FrameKind::credential_kept) state_->events->agent_kept_credential(session_);
  if (*kind != wire::FrameKind::agent_message) return *kind != wire::FrameKind::hello;
  Result<AgentMessage> message = wire::decode_agent_message(frame);
  if (!message || message->session != session_) return false;
  add_work(message->have.size() + message->finished.size());
  state_->events->agent_said(std::move(*message));
  return true;
}

bool AgentHub::Connection::take_logs(std::string_view frame) {
  const Result<wire::LogRecords> records = wire::decode_log_records(frame);
  if (!records) return false;
  if (!state_->events->agent_logs(session_, *records)) return true;
  send(wire::encode_logs_taken({records->keeper, records->segment, records->offset}));
  return true;
}

void AgentHub::Connection::send(std::string frame) {
  if (gone_ || finishing_) return;
  unsent_bytes_ += frame.size();
  unsent_.push_back(std::move(frame));
  if (unsent_bytes_ > state_->limits.unsent_bytes_max) return lose();
  if (open_ && unsent_.size() == 1) write();
}

void AgentHub::Connection::write() {
  stream_.async_write(asio::buffer(unsent_.front()),
                      [self = shared_from_this()](const error_code& error, std::size_t) {
                        if (self->gone_) return;
                        if (error) return self->lose();
                        self->unsent_bytes_ -= self->unsent_.front().size();
                        self->unsent_.pop_front();
                        if (!self->unsent_.empty()) return self->write();
                        if (self->finishing_) self->abort();
                      });
}

void AgentHub::Connection::finish(std::string frame) {
  send(std::move(frame));
  if (gone_) return;
  finishing_ = true;
  deadline_us_ = mono_now_us() + state_->limits.hello_timeout_us;
}

void AgentHub::Connection::abort() {
  if (gone_) return;
  gone_ = true;
  stream_.next_layer().close();
  state_->connections.erase(session_);
}

void AgentHub::Connection::lose() {
  if (gone_) return;
  const bool tell = greeted_ && !finishing_ && state_->events != nullptr;
  abort();
  if (tell) state_->events->agent_gone(session_);
}

AgentHub::AgentHub(asio::io_context& io, AgentEvents& events, AgentHubLimits limits)
    : state_(std::make_shared<State>(io, events, limits)) {}

AgentHub::~AgentHub() {
  state_->events = nullptr;
  const auto connections = state_->connections;
  for (const auto& [session, connection] : connections) connection->abort();
}

void AgentHub::adopt(ByteStream stream, const front::RequestHead& head, const front::Identity& who) {
  const SessionId session = ++state_->last_session;
  const auto connection = std::make_shared<Connection>(state_, session, std::move(stream), who);
  state_->connections.emplace(session, connection);
  connection->accept(head);
}

void AgentHub::welcome(const wire::Welcome& welcome) {
  const auto found = state_->connections.find(welcome.session);
  if (found != state_->connections.end()) found->second->send(wire::encode_welcome(welcome));
}

void AgentHub::send(SessionId session, const ServerMessage& message) {
  const auto found = state_->connections.find(session);
  if (found != state_->connections.end()) found->second->send(wire::encode_server_message(message));
}

void AgentHub::offer_program(SessionId session, const wire::Program& program) {
  const auto found = state_->connections.find(session);
  if (found != state_->connections.end()) found->second->send(wire::encode_program(program));
}

void AgentHub::offer_credential(SessionId session, const std::string& token) {
  const auto found = state_->connections.find(session);
  if (found != state_->connections.end()) found->second->send(wire::encode_credential(token));
}

void AgentHub::close(SessionId session, const wire::Refused& why) {
  const auto found = state_->connections.find(session);
  if (found == state_->connections.end()) return;
  const std::shared_ptr<Connection> connection = found->second;
  connection->finish(wire::encode_refused(why));
}

void AgentHub::close_all(const wire::Refused& why) {
  const auto connections = state_->connections;
  for (const auto& [session, connection] : connections) connection->finish(wire::encode_refused(why));
}

void AgentHub::sweep(Micros mono_us) {
  const auto connections = state_->connections;
  for (const auto& [session, connection] : connections) {
    if (connection->deadline_us() <= mono_us) connection->abort();
  }
}

void AgentHub::go_on() {
  ++state_->turn;
  state_->work = 0;
  for (std::size_t left = state_->limits.resumed_at_once; left > 0 && !state_->waiting.empty(); --left) {
    const auto found = state_->connections.find(state_->waiting.front());
    state_->waiting.pop_front();
    if (found != state_->connections.end()) found->second->read();
  }
}

bool AgentHub::holds_back() const { return !state_->waiting.empty(); }

std::size_t AgentHub::sessions() const { return state_->connections.size(); }

}  // namespace muster::runtime
