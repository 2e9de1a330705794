// What the server counts about itself while it runs: requests, commits, attempts, its own process. Read by /metrics.
// Counters start at zero with the process and only grow; what is in the database is read from there, not counted again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/ids.h"

namespace muster::front {

// Durations by upper bound, as Prometheus wants them; the last bucket has none.
class Histogram {
 public:
  static constexpr std::array<double, 14> kBounds_s = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                       0.1,    0.25,  0.5,    1,     2.5,  5,     10};
  void observe(Micros duration_us) {
    const double seconds = static_cast<double>(duration_us) / 1e6;
    std::size_t bucket = 0;
    while (bucket < kBounds_s.size() && seconds > kBounds_s[bucket]) ++bucket;
    ++counts_[bucket];
    sum_s_ += seconds;
  }
  std::span<const std::uint64_t> counts() const { return counts_; }
  double sum_s() const { return sum_s_; }

 private:
  std::array<std::uint64_t, kBounds_s.size() + 1> counts_{};
  double sum_s_ = 0;
};

// Of the process, as the system tells it.
struct ProcessMeters {
  double cpu_s = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t open_files_max = 0;
};

struct ServerMeters {
  Histogram commit;
  std::uint64_t commits_failed = 0;
  std::uint64_t inputs = 0;
  std::uint64_t log_bytes = 0;  // of tasks' output taken in
  std::uint64_t agents = 0;     // connections that stand
  std::uint64_t clients = 0;
  std::uint64_t disk_free_bytes = 0;  // where the data folder is
  ProcessMeters process;
};

// Of the front itself, by route and class of status.
struct RequestMeters {
  static constexpr std::size_t kClasses = 5;  // 1xx 2xx 3xx 4xx 5xx
  using ByClass = std::array<std::uint64_t, kClasses>;
  void count(ByClass& answers, int status) {
    ++answers[static_cast<std::size_t>(status / 100 - 1) % kClasses];
  }
  Histogram duration;  // of those that are answered at once: none that waits for something to happen
  ByClass refused{};   // before any route was reached
};

}  // namespace muster::front
