// The folder that a command was called in, as people know it.
// What the shell calls it, links included, as long as that is true.
#pragma once

#include <string>

#include "client/endpoint.h"
#include "core/error.h"

namespace muster::client {

// kMalformedValue when it was removed meanwhile.
Result<std::string> current_folder(const Environment& environment);

}  // namespace muster::client
