// The whole command tree as one document for programs: `muster help --json`.
// Made from what is parsed; it only ever grows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace muster::cli {

std::string tree_json(const std::vector<const Command*>& commands, std::string_view version);
// One command of it, with a schema of its own.
std::string command_json(const Command& command);

}  // namespace muster::cli
