// What an agent asks of a keeper, and what the keeper tells: values only; the bytes are in wire/keeper.
// The keeper is the parent of the tasks; it outlives agents, so everything here can be asked twice.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/agent_messages.h"
#include "core/ids.h"

namespace muster {

enum class StartWhen : std::uint8_t {
  at_once,  // the agent has reserved what it needs
  in_run_queue,  // first in, first out, while fewer than `width` of the queue run; needs one CPU slot and nothing counted
};

struct KeeperStart {
  AttemptRef attempt;
  StartWhen when = StartWhen::at_once;
  std::vector<std::string> arguments;  // at least one; argument 0 is looked up in PATH of `environment`
  std::vector<std::pair<std::string, std::string>> environment;  // complete: nothing is inherited
  std::string cwd;           // absolute; empty: the attempt's own folder `scratch`
  std::string scratch;       // folder to make, with input, output and tmp in it; empty: none
  Micros time_limit_us = 0;  // TERM after that long, KILL after the grace; 0: none
  Micros grace_us = 0;
  std::uint64_t mem_mb = 0;         // 0: not limited
  std::uint64_t log_max_bytes = 0;  // first eighth and last seven eighths are kept (8 + 56 of 64 MiB)
  bool records_first = false;       // the start is in the records before the process exists (--rerun never)
  std::string note;  // the agent's own words (what it reserved); told back in `started` and `queued`
  bool operator==(const KeeperStart&) const = default;
};

struct KeeperStop {
  AttemptRef attempt;
  Micros grace_us = 0;       // 0: KILL at once
  bool only_queued = false;  // what was started already goes on
  bool operator==(const KeeperStop&) const = default;
};

// Agent -> keeper. Any number of each; they apply in this order.
struct KeeperRequest {
  std::vector<KeeperStart> starts;    // one that is known already is ignored
  std::vector<KeeperStop> stops;      // a queued one ends as never_started; an unknown one is ignored
  std::vector<AttemptRef> forget;     // its end was taken in for good
  std::int64_t run_queue_width = -1;  // -1: unchanged
  Micros deadline_mono_us =
      -1;  // KILL everything then (the lease); CLOCK_BOOTTIME; -1: unchanged; never moves back
  std::uint64_t logs_taken_segment = 0;  // whole log segments below this one may be deleted
  bool list = false;                     // answer with a complete inventory
  bool leave_when_empty = false;         // exit as soon as there is nothing to keep
  bool operator==(const KeeperRequest&) const = default;
};

enum class EndKind : std::uint8_t { exited, signalled, launch_failed, never_started };
// What the keeper itself did to it.
enum class EndedBy : std::uint8_t { itself, stop, time_limit, lease, memory_limit };

struct KeeperEnd {
  AttemptRef attempt;
  EndKind kind = EndKind::exited;
  EndedBy by = EndedBy::itself;
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  std::int32_t launch_errno = 0;
  std::string message;  // for launch_failed: which step failed, on what
  Micros started_wall_us = 0;
  Micros ended_wall_us = 0;
  Usage usage;
  std::uint64_t stdout_bytes = 0;  // written by the task
  std::uint64_t stderr_bytes = 0;
  std::uint64_t log_segment = 0;  // its log is complete when the reader has passed this place
  std::uint64_t log_offset = 0;
  bool operator==(const KeeperEnd&) const = default;
};

struct KeeperStarted {
  AttemptRef attempt;
  std::int64_t process_id = 0;
  std::uint64_t process_start_ticks =
      0;  // field 22 of /proc/PID/stat: with the boot id it names a process for ever
  Micros started_wall_us = 0;
  std::string note;
  bool operator==(const KeeperStarted&) const = default;
};

struct KeeperQueued {
  AttemptRef attempt;
  std::string note;
  bool operator==(const KeeperQueued&) const = default;
};

// Keeper -> agent.
struct KeeperReport {
  std::vector<KeeperStarted> started;  // those that are still running when the report leaves
  std::vector<KeeperEnd> ended;
  std::vector<KeeperQueued> queued;  // only in an inventory
  bool inventory = false;            // `started`, `queued` and `ended` are everything not forgotten
  std::uint64_t log_segment = 0;     // how far the log has grown
  std::uint64_t log_offset = 0;
  bool operator==(const KeeperReport&) const = default;
};

}  // namespace muster
