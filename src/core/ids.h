// Names of things inside the program: batches, tasks, attempts, workers, and the two clocks.
// Numbers only grow and are never used twice; what people type and see of them is in core/selector.h.
#pragma once

#include <compare>
#include <cstdint>

namespace muster {

using Micros = std::int64_t;

// The instant of one engine turn; it does not move during the turn. Durations are computed from mono_us only:
// wall_us is for display and for rows, and may jump.
struct Now {
  Micros mono_us = 0;  // CLOCK_BOOTTIME of this machine
  Micros wall_us = 0;  // since 1970 UTC
};

using BatchId = std::uint64_t;     // 1, 2, 3 … as people see it
using TaskIndex = std::uint64_t;   // the array value, or the line 1..N, as people see it
using TaskNumber = std::uint64_t;  // global: T100017
using Position = std::uint64_t;    // dense ordinal of a task inside its batch, 0..count-1; internal
using TemplateId = std::uint64_t;
using WorkerId = std::uint64_t;
using RequestId = std::uint64_t;    // who waits for a reply; 0: nobody
using SessionId = std::uint64_t;    // one connection of one agent; never reused in one server life
using Incarnation = std::uint32_t;  // +1 at every start of the server, durable

struct TaskRef {
  BatchId batch = 0;
  TaskIndex index = 0;
  auto operator<=>(const TaskRef&) const = default;
};

// One try. `number` counts 1, 2, 3 in its task and is written before the attempt is announced; with the incarnation that
// granted it, it is the epoch: the fence that makes late results of older tries harmless. `incarnation` is never shown.
struct AttemptRef {
  BatchId batch = 0;
  TaskIndex index = 0;
  std::uint32_t number = 0;
  Incarnation incarnation = 0;
  auto operator<=>(const AttemptRef&) const = default;
  TaskRef task() const { return {batch, index}; }
};

}  // namespace muster
