// How progress is shown: --progress of every command that has something to wait for.
// Default: a live line on a terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/options.h"
#include "cli/session.h"

namespace muster::cli {

enum class ProgressShow : std::uint8_t { none, plain, live };

void declare_progress(Options& options, std::string& target);
ProgressShow choose_progress(const Session& session, std::string_view wanted);

}  // namespace muster::cli
