// Inputs, messages and commands as one line for the reader of a trace.
// Must hold: for people only; nothing is decided by these words.
#pragma once

#include <string>

#include "core/inputs.h"
#include "core/keeper_messages.h"

namespace muster::sim {

std::string describe(TaskRef task);
std::string describe(const AttemptRef& attempt);
std::string describe(const Input& input);
std::string describe(const ReplyBody& body);
std::string describe(const AgentMessage& message);
std::string describe(const ServerMessage& message);
std::string describe(const KeeperRequest& request);
std::string describe(const KeeperReport& report);

}  // namespace muster::sim
