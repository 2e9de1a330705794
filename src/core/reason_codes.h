// Why a task does not move: the codes there are, in the order of `muster help reasons`.
// Stable: scripts compare them and filters take them; the engine uses no other.
#pragma once

#include <array>
#include <string_view>

namespace muster {

inline constexpr std::array<std::string_view, 11> kReasonCodes = {
    "dependency", "held",    "backoff",   "busy",     "max-running", "quota",
    "draining",   "no-slot", "no-worker", "no-label", "too-big"};

}  // namespace muster
