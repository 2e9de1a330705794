// Retry budgets by cause class.
// Budgets never mix: an eviction or a lost worker does not cost the user a retry.
#include "core/cause.h"

#include <algorithm>

#include "core/check.h"

namespace muster {

namespace {

constexpr std::array<std::string_view, kCauses> kCauseNames = {
    "none",   "exit",   "signal",      "oom",     "timeout",      "input",
    "output", "launch", "worker-lost", "evicted", "verification", "poison"};

constexpr Micros kFirstDelay_us = 1'000'000;
constexpr Micros kLongestDelay_us = 300'000'000;

Micros backoff_us(std::uint16_t used) {
  if (used == 0) return 0;
  const int doublings = std::min<int>(used - 1, 20);
  return std::min(kFirstDelay_us << doublings, kLongestDelay_us);
}

RetryVerdict within(std::uint16_t& used, std::uint32_t allowed, Cause cause) {
  using Next = RetryVerdict::Next;
  if (used >= allowed) return {Next::failed, 0, cause};
  ++used;
  return {Next::again, backoff_us(used), cause};
}

}  // namespace

std::string_view to_text(Cause cause) { return kCauseNames[static_cast<std::size_t>(cause)]; }

std::optional<Cause> cause_from_text(std::string_view text) {
  for (std::size_t i = 0; i < kCauses; ++i) {
    if (kCauseNames[i] == text) return static_cast<Cause>(i);
  }
  return std::nullopt;
}

RetryVerdict after_failure(Cause cause, std::uint32_t user_retries, RetryCounts& counts) {
  using Next = RetryVerdict::Next;
  switch (cause) {
    case Cause::exit:
    case Cause::signal:
    case Cause::timeout:
    case Cause::verification:
      return within(counts.user, std::min<std::uint32_t>(user_retries, 60000), cause);
    case Cause::oom:
      return within(counts.oom, 0, cause);
    case Cause::launch:
      return within(counts.launch, kLaunchRetries, cause);
    case Cause::input:
    case Cause::output:
      return within(counts.staging, kStagingRetries, cause);
    case Cause::worker_lost:
      if (++counts.worker_lost >= kWorkerLossesToPoison) return {Next::failed, 0, Cause::poison};
      return {Next::again, 0, cause};
    case Cause::evicted: {
      RetryVerdict verdict = within(counts.evicted, kEvictedRetries, cause);
      verdict.delay_us = 0;
      return verdict;
    }
    case Cause::poison:
      return {Next::failed, 0, cause};
    case Cause::none:
      break;
  }
  MUSTER_UNREACHABLE("a failure has a cause");
}

}  // namespace muster
