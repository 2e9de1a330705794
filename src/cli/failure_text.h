// What a person calls the cause of a group of failures: the same on a terminal and in a report.
// The group is one of a muster.failures/1.
#pragma once

#include <string>

#include "client/json.h"

namespace muster::cli {

// "exit 137, as after SIGKILL: most often out of memory", "out of memory (4G asked)", "signal 11"
std::string failure_cause_text(const client::Json& group);

}  // namespace muster::cli
