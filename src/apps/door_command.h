// `muster door …`: the foreign command names that this binary answers to, and links that make them callable.
// A link is made only where nothing is, or where an older link of ours is.
#pragma once

#include <span>

#include "cli/command.h"

namespace muster::apps {

std::span<const cli::Command> door_commands();

}  // namespace muster::apps
