// Commands that agents start by themselves when their server has a newer version: fetch and guard.
// Both are hidden: people have no use for them, and no harm comes of one who tries.
#pragma once

#include <span>

#include "cli/command.h"

namespace muster::apps {

std::span<const cli::Command> upgrade_commands();

}  // namespace muster::apps
