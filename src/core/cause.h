// Why an attempt failed: the cause class, and the budgets that decide what follows.
// Only exit, signal, timeout and verification use up the user's retries.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/ids.h"

namespace muster {

enum class Cause : std::uint8_t {
  none,
  exit,
  signal,
  oom,
  timeout,
  input,
  output,
  launch,
  worker_lost,
  evicted,
  verification,
  poison,
};
inline constexpr std::size_t kCauses = 12;

// "worker-lost" …, as in product.md; stable, filterable.
std::string_view to_text(Cause cause);
std::optional<Cause> cause_from_text(std::string_view text);

// How often each budget was used since the task was submitted or last retried by a person.
struct RetryCounts {
  std::uint16_t user = 0;
  std::uint16_t oom = 0;
  std::uint16_t launch = 0;
  std::uint16_t staging = 0;  // input and output
  std::uint16_t worker_lost = 0;
  std::uint16_t evicted = 0;
  bool operator==(const RetryCounts&) const = default;
};

inline constexpr std::uint16_t kLaunchRetries = 3;
inline constexpr std::uint16_t kStagingRetries = 3;
inline constexpr std::uint16_t kWorkerLossesToPoison = 3;
inline constexpr std::uint16_t kEvictedRetries = 100;

struct RetryVerdict {
  enum class Next : std::uint8_t { again, failed } next = Next::failed;
  Micros delay_us = 0;        // before the next attempt may start
  Cause cause = Cause::none;  // what the task fails with: poison after too many lost workers
};

// Counts the failure in `counts` and says what follows. user_retries: --retry N.
// The delay doubles from 1 s to 5 min within a budget; a lost or evicted worker costs none.
RetryVerdict after_failure(Cause cause, std::uint32_t user_retries, RetryCounts& counts);

}  // namespace muster
