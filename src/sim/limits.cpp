// Ranges of the limits, and how they are drawn.
// Must hold: what is drawn is a configuration that a person could set and that lets work go on.
#include "sim/limits.h"

#include <algorithm>

namespace muster::sim {

namespace {

const engine::EngineOptions kEngine;
const agent::AgentOptions kAgent;
constexpr std::int64_t kSecond = 1'000'000;

}  // namespace

const LimitRange kLimitRange[kLimitRanges] = {
    {"lease_us", &Limits::lease_us, kEngine.lease_us, 4 * kSecond, 24 * 3600 * kSecond},
    {"lease_elsewhere_us", &Limits::lease_elsewhere_us, kEngine.lease_elsewhere_us, 4 * kSecond,
     24 * 3600 * kSecond},
    {"sync_interval_us", &Limits::sync_interval_us, kEngine.sync_interval_us, kSecond / 5, 20 * kSecond},
    {"silence_us", &Limits::silence_us, kEngine.silence_us, kSecond / 5, 60 * kSecond},
    {"prefetch_max", &Limits::prefetch_max, static_cast<std::int64_t>(kEngine.prefetch_max), 0, 1024},
    {"prefetch_window_us", &Limits::prefetch_window_us, kEngine.prefetch_window_us, 1000, 10 * kSecond},
    {"grants_per_turn", &Limits::grants_per_turn, static_cast<std::int64_t>(kEngine.grants_per_turn), 1,
     4096},
    {"final_batches_kept", &Limits::final_batches_kept, static_cast<std::int64_t>(kEngine.final_batches_kept),
     0, 300},
    {"reserve_after_us", &Limits::reserve_after_us, kEngine.reserve_after_us, 1000, 60 * kSecond},
    {"quarantine_us", &Limits::quarantine_us, kEngine.quarantine_us, 1000, 60 * kSecond},
    {"log_patience_us", &Limits::log_patience_us, kAgent.log_patience_us, 0, 20 * kSecond},
    {"run_queue_depth", &Limits::run_queue_depth, static_cast<std::int64_t>(kAgent.run_queue_depth), 0, 1000},
    {"group_inputs_max", &Limits::group_inputs_max, 256, 1, 256},
};

Limits draw_limits(Random& random) {
  Limits limits;
  for (const LimitRange& range : kLimitRange) {
    limits.*range.value = random.chance(400) ? range.usual : random.spread(range.low, range.high);
  }
  // Leases that end within a run are where the mistakes are; long ones are what people have.
  if (random.chance(600)) limits.lease_us = random.between(4 * kSecond, 30 * kSecond);
  limits.lease_elsewhere_us = std::min(limits.lease_elsewhere_us, limits.lease_us);
  limits.sync_interval_us = std::min(limits.sync_interval_us, limits.lease_elsewhere_us / 8);
  limits.silence_us = std::max(limits.silence_us, 3 * limits.sync_interval_us);
  return limits;
}

engine::EngineOptions engine_options(const Limits& limits) {
  engine::EngineOptions options;
  options.lease_us = limits.lease_us;
  options.lease_elsewhere_us = limits.lease_elsewhere_us;
  options.sync_interval_us = limits.sync_interval_us;
  options.silence_us = limits.silence_us;
  options.prefetch_max = static_cast<std::uint64_t>(limits.prefetch_max);
  options.prefetch_window_us = limits.prefetch_window_us;
  options.grants_per_turn = static_cast<std::uint64_t>(limits.grants_per_turn);
  options.final_batches_kept = static_cast<std::size_t>(limits.final_batches_kept);
  options.reserve_after_us = limits.reserve_after_us;
  options.quarantine_us = limits.quarantine_us;
  return options;
}

}  // namespace muster::sim
