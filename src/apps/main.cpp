// One binary: command line, server, agent, keeper and simulator. What it contains stands in apps/all_commands.cpp.
// It is static; a server whose store is a PostgreSQL database goes on as muster-server. Called by the name of a door's program,
// it is that program.
#include "apps/all_commands.h"
#include "cli/command_line.h"
#include "core/version.h"
#include "doors/door.h"

int main(int argc, char** argv) {
  using namespace muster;
  const std::string_view called = argc > 0 ? argv[0] : "";
  const std::string_view name = called.substr(called.rfind('/') + 1);
  if (const doors::DoorProgram* program = doors::find_program(name); program != nullptr)
    return program->run({name, {argv + 1, argv + argc}}, client::process_environment);
  const std::vector<cli::Command> commands = apps::all_commands();
  return cli::run_command_line(argc, argv, {own_version(), commands});
}
