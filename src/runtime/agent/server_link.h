// The agent's end of its one connection: finds the server anew at each try, says hello, carries frames both ways.
// A silent peer is noticed within 15 s. Messages overtake log records, which are given only as fast as they leave.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/agent_messages.h"
#include "net/server_url.h"
#include "wire/agent/agent_codec.h"

namespace boost::asio {
class io_context;
}

namespace muster::runtime {

struct ServerLinkOptions {
  std::string server_url;   // either this, or several with commas between them, tried in turn …
  std::string server_file;  // … or a file whose first line it is; read at each try
  std::string token_file;   // its first line; read at each try
  // Between two tries; 0: a second for a server on this machine, which comes back soon, else 30 s.
  Micros pause_max_us = 0;
};

// Who is told. Everything is called on the loop's thread, never from inside a call of ServerLink but start().
class ServerLinkUser {
 public:
  virtual ~ServerLinkUser() = default;
  virtual AgentHello hello() = 0;
  virtual void welcomed(const wire::Welcome& welcome) = 0;
  virtual void server_said(ServerMessage message) = 0;
  virtual void logs_taken(const wire::LogsTaken& taken) = 0;
  // The server's build is newer; it is given away at that address.
  virtual void newer_program(const wire::Program& program, const net::ServerUrl& server) = 0;
  // Instead of the one in the token file.
  virtual void new_credential(const std::string& token) = 0;
  // A log frame has left: the next one may be given.
  virtual void log_frame_left() = 0;
  // After welcomed(), once.
  virtual void disconnected() = 0;
};

// A pause before try number `failures` + 1: even between 0 and the least of first * 2^failures and the longest, so that a
// thousand agents whose server comes back do not come at once.
Micros reconnect_pause_us(std::uint32_t failures, Micros longest_us, double dice_0_to_1,
                          Micros first_us = 50'000);

class ServerLink {
 public:
  ServerLink(boost::asio::io_context& loop, ServerLinkOptions options, ServerLinkUser& user);
  ~ServerLink();
  ServerLink(const ServerLink&) = delete;
  ServerLink& operator=(const ServerLink&) = delete;

  // Tries until stop(), and again after every end of a connection.
  void start();
  // No call of the user comes after this.
  void stop();

  // Both are dropped when nobody is welcomed: what is not said is said again after the next welcome.
  void send(const AgentMessage& message);
  void send_credential_kept();
  void send_log_frame(std::string frame);
  bool log_frame_waits() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace muster::runtime
