// The options that all commands share: help, colour, and where the server is.
// They may stand before the command as well as behind it.
#pragma once

#include "cli/command.h"
#include "cli/options.h"
#include "client/endpoint.h"

namespace muster::cli {

struct CommonTargets {
  bool help = false;
  bool no_color = false;
  client::EndpointOptions endpoint;
};

void declare_common(Options& options, CommonOptions which, CommonTargets& target);

}  // namespace muster::cli
