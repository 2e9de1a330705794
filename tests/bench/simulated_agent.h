// An agent without a machine, for benchmarks: takes grants out of decisions and ends every one of them well.
// Speaks the values of core/agent_messages.h in order, as the real one does; it never loses anything.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "core/inputs.h"

namespace muster::bench {

class SimulatedAgent {
 public:
  explicit SimulatedAgent(SessionId session) : session_(session) {}

  AgentConnected connect(std::uint32_t slots) const {
    AgentConnected connected;
    connected.session = session_;
    connected.hello.worker_name = "simulated-" + std::to_string(session_);
    connected.hello.spool_id = "spool-" + std::to_string(session_);
    connected.hello.facts.boot_id = "boot";
    connected.hello.facts.capacity = {slots, 0, slots, 1 << 20, 1 << 20};
    return connected;
  }

  AgentSaid full(Now now) {
    AgentSaid said = message(now);
    said.message.full = true;
    return said;
  }

  // Collects what a decision grants to this agent; the next message() ends it.
  void take(const Decision& decision) {
    for (const Effect& effect : decision.effects) {
      const auto* to_agent = std::get_if<ToAgent>(&effect);
      if (to_agent == nullptr || to_agent->message.session != session_) continue;
      seen_seq_ = to_agent->message.seq;
      for (const Grant& grant : to_agent->message.grants) {
        for (std::uint64_t k = 0; k < grant.count; ++k) {
          granted_.push_back(
              {grant.batch, grant.first_index + k * grant.step, grant.attempt, grant.incarnation});
        }
      }
    }
  }

  std::size_t granted() const { return granted_.size(); }

  AgentSaid message(Now now) {
    AgentSaid said;
    said.message.session = session_;
    said.message.seq = ++seq_;
    said.message.seen_seq = seen_seq_;
    said.message.sent_mono_us = now.mono_us;
    for (const AttemptRef& attempt : granted_) {
      Finished end;
      end.attempt = attempt;
      end.started_wall_us = now.wall_us;
      end.ended_wall_us = now.wall_us + 100;
      end.usage = {100, 50, 50, 1 << 20, 0, 0};
      said.message.finished.push_back(end);
    }
    granted_.clear();
    return said;
  }

 private:
  SessionId session_;
  std::uint64_t seq_ = 0;
  std::uint64_t seen_seq_ = 0;
  std::vector<AttemptRef> granted_;
};

}  // namespace muster::bench
