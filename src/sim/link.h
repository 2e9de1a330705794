// One connection between an agent and the server, with what may happen to messages on their way.
// Must hold: an ordered link behaves as TCP does; a rough one loses, doubles and reorders, and the protocol has to heal it.
#pragma once

#include <cstdint>

#include "core/inputs.h"

namespace muster::sim {

struct World;
class Machine;

enum class Way : std::uint8_t { to_server, to_agent };

class Link {
 public:
  Link(World& world, Machine& machine, SessionId session, std::uint64_t agent_life, std::uint64_t server_life)
      : world_(world),
        machine_(machine),
        session_(session),
        agent_life_(agent_life),
        server_life_(server_life) {}

  SessionId session() const { return session_; }
  std::uint64_t agent_life() const { return agent_life_; }
  Machine& machine() { return machine_; }
  bool cut() const { return cut_; }

  void say_hello(const AgentHello& hello);
  void welcome();
  void to_server(const AgentMessage& message);
  void to_agent(const ServerMessage& message);
  void logs_taken(std::uint64_t keeper, std::uint64_t segment, std::uint64_t offset);

  // The connection breaks: what is under way is lost; both sides notice, sooner or later.
  void break_off();
  // One side is gone: the other notices.
  void agent_left();
  void server_left();

 private:
  template <class Deliver>
  void send(Way way, const Deliver& deliver);
  bool reaches_server() const;
  bool reaches_agent() const;

  World& world_;
  Machine& machine_;
  SessionId session_;
  std::uint64_t agent_life_;
  std::uint64_t server_life_;
  Micros& last_us(Way way) { return last_us_[static_cast<std::size_t>(way)]; }

  Micros last_us_[2] = {0, 0};  // an ordered link does not overtake
  bool cut_ = false;
};

}  // namespace muster::sim
