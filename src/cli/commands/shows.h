// Showing one thing, whatever kind of thing a selector names.
// Used by `batch show`, `task show`, `attempt show` and `status SELECTOR`.
#pragma once

#include <string>

#include "cli/output_options.h"
#include "cli/session.h"
#include "core/error.h"

namespace muster::cli {

Result<int> show_batch(Session& session, const OutputOptions& output, const std::string& selector);
Result<int> show_task(Session& session, const OutputOptions& output, const std::string& selector);
Result<int> show_attempt(Session& session, const OutputOptions& output, const std::string& selector);

// A muster.failures/1 for people (failures.cpp).
void print_failures(Session& session, const client::Json& failures);

}  // namespace muster::cli
