// Which protocol number an agent and a server speak: the server its own and the one before, the agent the range it says.
// One function decides, so that both sides and their tests agree.
#pragma once

#include "core/agent_messages.h"

namespace muster {

// A server speaks its own number and the one before; the first number has none before it.
inline constexpr std::uint32_t kAgentProtocolOldest = kAgentProtocol > 1 ? kAgentProtocol - 1 : 1;

// The highest that both sides speak; 0: none.
constexpr std::uint32_t agreed_protocol(std::uint32_t agent_min, std::uint32_t agent_max) {
  const std::uint32_t highest = agent_max < kAgentProtocol ? agent_max : kAgentProtocol;
  const std::uint32_t lowest = agent_min > kAgentProtocolOldest ? agent_min : kAgentProtocolOldest;
  return highest >= lowest ? highest : 0;
}

}  // namespace muster
