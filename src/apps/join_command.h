// The command `join`: another machine becomes a worker.
// What it needs to come back is in the worker's folder; the key is never kept.
#pragma once

#include <span>

#include "cli/command.h"

namespace muster::apps {

std::span<const cli::Command> join_commands();

}  // namespace muster::apps
