// How long the rest of a batch will take on the places it has now: a range, from how long its tasks took and have been running.
// A survival curve in which running tasks count as "longer than that", and simulated places; deterministic in what it is given.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/ids.h"
#include "core/log_histogram.h"

namespace muster {

struct TimeLeftQuestion {
  const LogHistogram& finished;   // durations of those that ended, in microseconds
  std::vector<Micros> running;    // how long each of those that execute has been at it
  std::uint64_t not_started = 0;  // that will be
  std::uint64_t tasks = 0;        // all of the batch
};

struct TimeLeft {
  Micros low_us = 0;  // one in ten draws is below
  Micros middle_us = 0;
  Micros high_us = 0;            // one in ten is above
  std::uint64_t stragglers = 0;  // run more than twice as long as 99 of 100 that ended
  std::uint64_t places = 0;      // what it was computed for
};

// Nothing until a full wave and a twentieth of all tasks have ended, and when nothing runs: there is nothing to tell it from.
std::optional<TimeLeft> estimate_time_left(const TimeLeftQuestion& question);

}  // namespace muster
