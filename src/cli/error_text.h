// How an Error is shown: what, why, what to do next and the code for people; one JSON object for programs.
// Whatever a server sent is escaped before it reaches a terminal.
#pragma once

#include <string>

#include "cli/terminal.h"
#include "core/error.h"

namespace muster::cli {

// Lines, each ended by a newline. The first line of `what` carries the code; its other lines and `next` stand below, indented.
std::string error_text(const Error& error, const Terminal& terminal);

// {"schema":"muster.error/1","code":…,"title":…,"detail":…,"next":…,"exit_code":…} and a newline.
std::string error_json(const Error& error);

}  // namespace muster::cli
