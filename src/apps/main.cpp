// One binary: command line, server, agent, keeper and simulator. What it contains stands in apps/all_commands.cpp.
// It is static; a server whose store is a PostgreSQL database goes on as muster-server.
#include "apps/all_commands.h"
#include "cli/command_line.h"
#include "core/version.h"

int main(int argc, char** argv) {
  using namespace muster;
  const std::vector<cli::Command> commands = apps::all_commands();
  return cli::run_command_line(argc, argv, {kVersion, commands});
}
