// A WebSocket client by callbacks: one session at a time, kept alive by its own pending operations.
// A session that is not the current one any more tells nobody anything.
#include "runtime/agent/server_link.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <cmath>
#include <deque>
#include <optional>
#include <random>
#include <utility>

#include "net/resolve.h"
#include "net/tls.h"
#include "runtime/agent/agent_log.h"
#include "runtime/agent/server_address.h"
#include "runtime/byte_stream.h"
#include "runtime/data_folder.h"

namespace muster::runtime {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using Failure = boost::system::error_code;

namespace {

// A connection attempt has to lead to a welcome within this time.
constexpr auto kWelcomePatience = std::chrono::seconds(10);
// Nothing heard for half of it: a ping; nothing for all of it: the peer is gone.
constexpr auto kSilenceMax = std::chrono::seconds(12);
constexpr Micros kNearPauseFirst_us = 50'000;
constexpr Micros kNearPauseMax_us = 1'000'000;
constexpr Micros kFarPauseFirst_us = 1'000'000;
constexpr Micros kFarPauseMax_us = 30'000'000;
// Frames are masked piece by piece in a buffer of this size, each piece one write.
constexpr std::size_t kWriteBufferBytes = 128 << 10;
// What is kept between messages; a larger message has its memory given back.
constexpr std::size_t kReadBufferKeptBytes = 1 << 20;

}  // namespace

Micros reconnect_pause_us(std::uint32_t failures, Micros longest_us, double dice_0_to_1, Micros first_us) {
  const double grown_us = static_cast<double>(first_us) * std::exp2(std::min(failures, 30U));
  return static_cast<Micros>(std::min(grown_us, static_cast<double>(longest_us)) * dice_0_to_1);
}

struct ServerLink::State : std::enable_shared_from_this<ServerLink::State> {
  State(asio::io_context& the_loop, ServerLinkOptions the_options, ServerLinkUser& the_user)
      : loop(the_loop), options(std::move(the_options)), user(the_user), timer(the_loop) {}

  struct Session;
  asio::io_context& loop;
  ServerLinkOptions options;
  ServerLinkUser& user;
  asio::steady_timer timer;
  std::shared_ptr<Session> session;
  std::mt19937_64 dice{std::random_device{}()};
  std::uint32_t failures = 0;
  std::size_t tries = 0;
  std::string last_complaint;
  bool stopped = false;
  bool is_far = false;  // the server is on another machine

  void pause(Micros least_us);
  void attempt();
  Result<ServerAddress> find_server(std::string& token) const;
  void complain(const std::string& why);
};

// One connection, from the socket to its end.
struct ServerLink::State::Session : std::enable_shared_from_this<ServerLink::State::Session> {
  Session(std::shared_ptr<State> the_owner, ServerAddress the_address)
      : owner(std::move(the_owner)),
        address(std::move(the_address)),
        stream(ByteStream(asio::ip::tcp::socket(owner->loop))),
        patience(owner->loop) {}

  std::shared_ptr<State> owner;
  ServerAddress address;
  websocket::stream<ByteStream> stream;
  std::optional<net::TlsContext> tls;
  asio::steady_timer patience;
  websocket::response_type answer;
  beast::flat_buffer read_buffer;
  std::deque<std::string> messages;      // leave before …
  std::optional<std::string> log_frame;  // … this
  std::string writing;
  bool write_is_on = false;
  bool welcome = false;
  bool over = false;

  bool current() const { return !over && owner->session.get() == this; }

  void open(const std::string& token) {
    patience.expires_after(kWelcomePatience);
    patience.async_wait([self = shared_from_this()](Failure failed) {
      if (!failed && !self->welcome) self->end("it did not answer in time");
    });
    const std::vector<std::string> found = net::resolve_host(address.host);
    if (found.empty()) return end("nobody knows the name " + address.host);
    const asio::ip::tcp::endpoint peer(asio::ip::make_address(found.front()), address.port);
    stream.next_layer().socket().async_connect(peer, [self = shared_from_this(), token](Failure failed) {
      if (!self->current()) return;
      if (failed) return self->end(failed.message());
      if (self->address.scheme == net::Scheme::https) return self->secure(token);
      self->shake_hands(token);
    });
  }

  void secure(const std::string& token) {
    auto context = net::TlsContext::client({address.pin, {}});
    if (!context) return end(context.error().what);
    tls.emplace(std::move(*context));
    ByteStream& bytes = stream.next_layer();
    bytes.socket().non_blocking(true);
    bytes.secure(tls->open(bytes.socket().native_handle(), address.host));
    bytes.async_handshake([self = shared_from_this(), token](Failure failed) {
      if (!self->current()) return;
      if (!failed) return self->shake_hands(token);
      const std::string& why = self->stream.next_layer().why();
      self->end("it is not the server that is meant: " + (why.empty() ? failed.message() : why));
    });
  }

  void shake_hands(const std::string& token) {
    Failure ignored;
    stream.next_layer().socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    stream.set_option(websocket::stream_base::timeout{kWelcomePatience, kSilenceMax, true});
    stream.set_option(websocket::stream_base::decorator([token](websocket::request_type& request) {
      request.set(beast::http::field::authorization, "Bearer " + token);
      request.set(beast::http::field::sec_websocket_protocol, wire::kAgentSubprotocol);
      request.set(beast::http::field::user_agent, "muster-agent");
    }));
    stream.read_message_max(wire::kServerFrameBytesMax);
    stream.write_buffer_bytes(kWriteBufferBytes);
    stream.auto_fragment(false);
    stream.binary(true);
    stream.secure_prng(false);  // masks are against caches that misread requests, not secrets
    stream.async_handshake(answer, address.authority(), wire::kAgentPath,
                           [self = shared_from_this()](Failure failed) {
                             if (!self->current()) return;
                             if (failed) return self->end(self->why_declined(failed));
                             self->messages.push_back(wire::encode_hello(self->owner->user.hello()));
                             self->write_next();
                             self->read_next();
                           });
  }

  std::string why_declined(Failure failed) const {
    if (failed != websocket::error::upgrade_declined) return failed.message();
    if (answer.result_int() == 401) return "it does not take this worker's token";
    return "it answered " + std::to_string(answer.result_int());
  }

  void read_next() {
    stream.async_read(read_buffer, [self = shared_from_this()](Failure failed, std::size_t) {
      if (!self->current()) return;
      if (failed)
        return self->end(failed == websocket::error::closed ? "it closed the connection" : failed.message());
      const auto bytes = self->read_buffer.cdata();
      self->take(std::string_view(static_cast<const char*>(bytes.data()), bytes.size()));
      if (!self->current()) return;
      self->read_buffer.consume(self->read_buffer.size());
      if (self->read_buffer.capacity() > kReadBufferKeptBytes) self->read_buffer.shrink_to_fit();
      self->read_next();
    });
  }

  template <class T>
  bool decoded(const Result<T>& value) {
    if (!value) end(value.error().what);
    return value.has_value();
  }

  void take(std::string_view frame) {
    const auto kind = wire::frame_kind(frame);
    if (kind == wire::FrameKind::refused) return take_refusal(frame);
    if (kind == wire::FrameKind::program) {
      const auto value = wire::decode_program(frame);
      if (decoded(value)) owner->user.newer_program(*value, address);
      return;
    }
    if (!welcome) {
      if (kind != wire::FrameKind::welcome) return;  // of a later version: not for us
      const auto value = wire::decode_welcome(frame);
      if (!decoded(value)) return;
      welcome = true;
      patience.cancel();
      owner->failures = 0;
      owner->last_complaint.clear();
      log_agent(AgentLogLevel::info, "connected to the server at " + address.authority());
      return owner->user.welcomed(*value);
    }
    if (kind == wire::FrameKind::server_message) {
      auto value = wire::decode_server_message(frame);
      if (decoded(value)) owner->user.server_said(std::move(*value));
    } else if (kind == wire::FrameKind::credential) {
      const auto value = wire::decode_credential(frame);
      if (decoded(value)) owner->user.new_credential(*value);
    } else if (kind == wire::FrameKind::logs_taken) {
      const auto value = wire::decode_logs_taken(frame);
      if (decoded(value)) owner->user.logs_taken(*value);
    }
  }

  void take_refusal(std::string_view frame) {
    const auto value = wire::decode_refused(frame);
    if (!decoded(value)) return;
    end(value->what + (value->next.empty() ? "" : "; " + value->next));
  }

  void write_next() {
    if (write_is_on || over) return;
    bool is_log = false;
    if (!messages.empty()) {
      writing = std::move(messages.front());
      messages.pop_front();
    } else if (log_frame) {
      writing = *std::exchange(log_frame, std::nullopt);
      is_log = true;
    } else {
      return;
    }
    write_is_on = true;
    stream.async_write(asio::buffer(writing),
                       [self = shared_from_this(), is_log](Failure failed, std::size_t) {
                         if (!self->current()) return;
                         self->write_is_on = false;
                         if (failed) return self->end(failed.message());
                         self->write_next();
                         if (is_log) self->owner->user.log_frame_left();
                       });
  }

  // Closes without ceremony: the server sees the end of the stream, and nothing that matters was only in it.
  void end(const std::string& why) {
    if (!current()) return;
    over = true;
    const std::shared_ptr<Session> self = std::move(owner->session);
    patience.cancel();
    stream.next_layer().close();
    owner->complain(why);
    owner->pause(0);
    if (welcome) owner->user.disconnected();
  }
};

void ServerLink::State::complain(const std::string& why) {
  if (why == last_complaint) return;  // said once, not at every try
  last_complaint = why;
  log_agent(AgentLogLevel::warning, "no connection to the server: " + why);
}

void ServerLink::State::pause(Micros least_us) {
  if (stopped) return;
  const double throw_of_dice = std::uniform_real_distribution<double>(0, 1)(dice);
  const Micros longest_us = options.pause_max_us != 0 ? options.pause_max_us
                            : is_far                  ? kFarPauseMax_us
                                                      : kNearPauseMax_us;
  const Micros first_us = is_far ? kFarPauseFirst_us : kNearPauseFirst_us;
  const Micros pause_us =
      std::max(least_us, reconnect_pause_us(failures, longest_us, throw_of_dice, first_us));
  ++failures;
  timer.expires_after(std::chrono::microseconds(pause_us));
  timer.async_wait([self = shared_from_this()](Failure failed) {
    if (!failed && !self->stopped) self->attempt();
  });
}

Result<ServerAddress> ServerLink::State::find_server(std::string& token) const {
  std::string url = options.server_url;
  if (url.empty()) {
    const auto line = read_line_file(options.server_file);
    if (!line)
      return refuse(ErrorKind::unreachable, kNoServer, "no server has written " + options.server_file);
    url = *line;
  }
  const auto line = read_line_file(options.token_file);
  if (!line)
    return refuse(ErrorKind::not_allowed, kTokenMissing, "there is no token in " + options.token_file);
  token = *line;
  // A standby refuses, and the next try goes to the next one.
  const std::vector<std::string> urls = split_server_urls(url);
  return parse_server_url(urls[tries % urls.size()]);
}

void ServerLink::State::attempt() {
  std::string token;
  const Result<ServerAddress> address = find_server(token);
  if (!address) {
    complain(address.error().what);
    return pause(0);
  }
  ++tries;
  is_far = !net::is_loopback(address->host);
  session = std::make_shared<Session>(shared_from_this(), *address);
  session->open(token);
}

ServerLink::ServerLink(asio::io_context& loop, ServerLinkOptions options, ServerLinkUser& user)
    : state_(std::make_shared<State>(loop, std::move(options), user)) {}

ServerLink::~ServerLink() { stop(); }

void ServerLink::start() { state_->attempt(); }

void ServerLink::stop() {
  state_->stopped = true;
  state_->timer.cancel();
  if (!state_->session) return;
  const auto session = std::exchange(state_->session, nullptr);
  session->over = true;
  session->patience.cancel();
  session->stream.next_layer().close();
}

void ServerLink::send(const AgentMessage& message) {
  if (!state_->session || !state_->session->welcome) return;
  state_->session->messages.push_back(wire::encode_agent_message(message));
  state_->session->write_next();
}

void ServerLink::send_credential_kept() {
  if (!state_->session || !state_->session->welcome) return;
  state_->session->messages.push_back(wire::encode_credential_kept());
  state_->session->write_next();
}

void ServerLink::send_log_frame(std::string frame) {
  if (!state_->session || !state_->session->welcome) return;
  state_->session->log_frame = std::move(frame);
  state_->session->write_next();
}

bool ServerLink::log_frame_waits() const { return state_->session && state_->session->log_frame.has_value(); }

}  // namespace muster::runtime
