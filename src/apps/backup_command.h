// The commands that copy a server's database: `backup`, `restore`, `migrate`.
// They are handed to the command tree as a table.
#pragma once

#include <span>

#include "cli/command.h"

namespace muster::apps {

std::span<const cli::Command> backup_commands();

}  // namespace muster::apps
