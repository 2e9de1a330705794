// Every group of commands that starts processes, in the order of the help text.
// Reading this file shows what the programs contain.
#include "apps/all_commands.h"

#include "apps/agent_command.h"
#include "apps/backup_command.h"
#include "apps/doctor_command.h"
#include "apps/door_command.h"
#include "apps/join_command.h"
#include "apps/openapi_command.h"
#include "apps/selftest_command.h"
#include "apps/server_command.h"
#include "apps/upgrade_command.h"

namespace muster::apps {

std::vector<cli::Command> all_commands() {
  std::vector<cli::Command> commands;
  for (const auto& group :
       {server_commands(), join_commands(), agent_commands(), upgrade_commands(), doctor_commands(),
        backup_commands(), door_commands(), selftest_commands(), openapi_commands()}) {
    commands.insert(commands.end(), group.begin(), group.end());
  }
  return commands;
}

}  // namespace muster::apps
