// The hidden commands `agent` and `keeper`: the two processes of a worker.
// A server starts the agent, the agent starts the keeper; a person may start either by hand.
#pragma once

#include <span>

#include "cli/command.h"

namespace muster::apps {

std::span<const cli::Command> agent_commands();

}  // namespace muster::apps
