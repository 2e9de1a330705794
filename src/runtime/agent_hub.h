// Connections of agents: a WebSocket each, frames in, frames out, sessions by number.
// What a frame means is not known here; a frame that cannot be read ends its session, and more frames than a turn takes wait.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/agent_messages.h"
#include "front/request.h"
#include "front/tokens.h"
#include "wire/agent/agent_codec.h"

namespace boost::asio {
class io_context;
}

namespace muster::runtime {

class ByteStream;

// Called on the loop's thread.
class AgentEvents {
 public:
  virtual ~AgentEvents() = default;
  // The first frame of a session, and whose token opened it.
  virtual void agent_hello(SessionId session, const front::Identity& who, AgentHello hello) = 0;
  virtual void agent_said(AgentMessage message) = 0;
  // True when all records are kept, and the agent may be told so.
  virtual bool agent_logs(SessionId session, const wire::LogRecords& records) = 0;
  // It has the credential it was offered.
  virtual void agent_kept_credential(SessionId session) = 0;
  // The connection ended, whoever ended it, unless by close().
  virtual void agent_gone(SessionId session) = 0;
};

struct AgentHubLimits {
  Micros hello_timeout_us = 10'000'000;
  std::uint64_t unsent_bytes_max = 512ULL << 20;  // an agent that does not read loses its connection
  // What is taken in between two turns, of one connection and of all of them; one unit is an attempt, or 64 bytes. What is more
  // stays in the sockets: a flood is delayed, and nobody else is.
  std::uint64_t work_of_one_max = 2048;
  std::uint64_t work_max = 16384;
  std::size_t resumed_at_once = 64;  // connections that had to wait, the longest first
};

class AgentHub {
 public:
  // `io` and `events` outlive this.
  AgentHub(boost::asio::io_context& io, AgentEvents& events, AgentHubLimits limits = {});
  ~AgentHub();

  // Takes over an admitted connection; answers the upgrade, or refuses what is none.
  void adopt(ByteStream stream, const front::RequestHead& head, const front::Identity& who);

  void welcome(const wire::Welcome& welcome);
  void send(SessionId session, const ServerMessage& message);
  void offer_program(SessionId session, const wire::Program& program);
  void offer_credential(SessionId session, const std::string& token);
  // Says why and closes; agent_gone is not called.
  void close(SessionId session, const wire::Refused& why);
  void close_all(const wire::Refused& why);
  void sweep(Micros mono_us);
  // A turn has dealt with what was said: who had to wait is read again.
  void go_on();
  bool holds_back() const;  // somebody waits for go_on()
  std::size_t sessions() const;

 private:
  struct State;
  class Connection;
  std::shared_ptr<State> state_;
};

}  // namespace muster::runtime
