// The limits of server, agent and loop with the range the simulator may draw each from: a bound of 1 finds what 512 hides.
// Must hold: every limit of EngineOptions and AgentOptions has a row here, and its default is the one users get.
#pragma once

#include <cstdint>
#include <string_view>

#include "agent/agent.h"
#include "engine/engine.h"
#include "sim/random.h"

namespace muster::sim {

struct Limits {
  std::int64_t lease_us = 0;
  std::int64_t lease_elsewhere_us = 0;
  std::int64_t sync_interval_us = 0;
  std::int64_t silence_us = 0;
  std::int64_t prefetch_max = 0;
  std::int64_t prefetch_window_us = 0;
  std::int64_t grants_per_turn = 0;
  std::int64_t final_batches_kept = 0;
  std::int64_t reserve_after_us = 0;
  std::int64_t quarantine_us = 0;
  std::int64_t log_patience_us = 0;
  std::int64_t run_queue_depth = 0;
  std::int64_t group_inputs_max = 0;  // inputs that one commit of the loop may carry
};

struct LimitRange {
  std::string_view name;
  std::int64_t Limits::* value;
  std::int64_t usual;  // what users get
  std::int64_t low;
  std::int64_t high;
};
inline constexpr int kLimitRanges = 13;
extern const LimitRange kLimitRange[kLimitRanges];

// Each limit is the usual one, or drawn from its range. The lease is always several sync intervals long.
Limits draw_limits(Random& random);
engine::EngineOptions engine_options(const Limits& limits);

}  // namespace muster::sim
