// The `muster` command line: finds the command, parses its options, runs it, prints errors.
// Nothing is written to standard output but what was asked for; the exit code is one of the contract's table.
#pragma once

#include <span>
#include <string_view>

#include "cli/command.h"

namespace muster::cli {

// What main knows and this room does not: the version, and the commands that start processes (up, down, server, …).
struct Program {
  std::string_view version;
  std::span<const Command> commands;
};

int run_command_line(int argc, char** argv, const Program& program);

}  // namespace muster::cli
