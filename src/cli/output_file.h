// Text into a file that a person named: what is there is replaced.
// A file that could not be written whole is an error that names it (kOutputFailed).
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace muster::cli {

// `next`: what to do about a failure; may be empty.
Result<void> write_output_file(const std::string& path, std::string_view text, std::string next = {});

}  // namespace muster::cli
