// `muster doctor`: what is wrong here, and how to mend it.
// It works without a server; then it says so and looks at the machine alone.
#pragma once

#include <span>

#include "cli/command.h"

namespace muster::apps {

std::span<const cli::Command> doctor_commands();

}  // namespace muster::apps
