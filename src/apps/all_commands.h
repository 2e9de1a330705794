// The command tree of the programs, which is the same in `muster` and `muster-server`.
// A program without a simulator or an agent would be another program; these two differ in the store alone.
#pragma once

#include <vector>

#include "cli/command.h"

namespace muster::apps {

std::vector<cli::Command> all_commands();

}  // namespace muster::apps
