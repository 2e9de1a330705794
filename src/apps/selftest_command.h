// `muster selftest`: the simulator, in the hands of users.
// It touches no server, no folder and no clock.
#pragma once

#include <span>

#include "cli/command.h"

namespace muster::apps {

std::span<const cli::Command> selftest_commands();

}  // namespace muster::apps
