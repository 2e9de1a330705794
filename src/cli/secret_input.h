// The value of a secret: from a file, a pipe, or typed unseen. Never from an argument, which others on the machine can read.
// One newline at its end belongs to the file, not to the value.
#pragma once

#include <optional>
#include <string>

#include "cli/session.h"
#include "core/error.h"

namespace muster::cli {

// `file`: absent or "-" for standard input. Errors: kNoSuchThing, kMalformedValue.
Result<std::string> read_secret_value(Session& session, const std::optional<std::string>& file);

}  // namespace muster::cli
