// One binary: command line, server, agent, keeper and simulator. Here they are put together, and nothing else happens.
// Reading this file shows what the program contains.
#include <vector>

#include "apps/agent_command.h"
#include "apps/doctor_command.h"
#include "apps/selftest_command.h"
#include "apps/server_command.h"
#include "cli/command_line.h"
#include "core/version.h"

int main(int argc, char** argv) {
  using namespace muster;
  std::vector<cli::Command> commands;
  for (const auto& group : {apps::server_commands(), apps::agent_commands(), apps::doctor_commands(),
                            apps::selftest_commands()}) {
    commands.insert(commands.end(), group.begin(), group.end());
  }
  return cli::run_command_line(argc, argv, {kVersion, commands});
}
