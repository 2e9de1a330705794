// `muster openapi`: the description of the API as /openapi.json gives it, without a server.
// For the manual's page and the tests, which hold calls to it.
#pragma once

#include <span>

#include "cli/command.h"

namespace muster::apps {

std::span<const cli::Command> openapi_commands();

}  // namespace muster::apps
