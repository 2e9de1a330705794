// muster-server: everything that `muster` is, and the store that needs libpq, which has no static form.
// `muster` starts it when --store names a PostgreSQL database; nothing else needs it.
#include "apps/all_commands.h"
#include "apps/open_store.h"
#include "apps/postgres/shared_store.h"
#include "cli/command_line.h"
#include "core/version.h"

int main(int argc, char** argv) {
  using namespace muster;
  apps::set_postgres(apps::postgres_part());
  const std::vector<cli::Command> commands = apps::all_commands();
  return cli::run_command_line(argc, argv, {own_version(), commands});
}
