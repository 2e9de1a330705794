// What the agent tells the person who looks after it: one line per event on standard error, the time first.
// Nothing here is written per task; text from outside is made safe to print.
#pragma once

#include <cstdint>
#include <string_view>

namespace muster::runtime {

enum class AgentLogLevel : std::uint8_t { info, warning, error };

void log_agent(AgentLogLevel level, std::string_view text);

}  // namespace muster::runtime
