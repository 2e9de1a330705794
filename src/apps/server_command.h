// The commands that start and stop a server: `up`, `down`, and the hidden `server` that `up -d` starts.
// They are handed to the command tree as a table; everything they do is in runtime/.
#pragma once

#include <span>

#include "cli/command.h"

namespace muster::apps {

std::span<const cli::Command> server_commands();

}  // namespace muster::apps
