// What is left of tasks whose keeper died: found by proofs that no recycled process id can give, killed, and waited for.
// A process is taken for ours only by its start time, by the mark in its environment, or by a session that was certainly ours.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"

namespace muster::runtime {

// In the environment of every task, the worker's spool id: with batch, index and attempt it names one attempt of one folder.
inline constexpr const char* kSpoolIdVariable = "MUSTER_SPOOL_ID";

struct ProcessLine {
  std::int64_t process_id = 0;
  std::uint64_t start_ticks = 0;  // since boot: field 22 of /proc/PID/stat
  std::int64_t group = 0;
  std::int64_t session = 0;
  bool ended = false;             // a zombie: it runs nothing any more
};

// Nothing for a process that is not there.
std::optional<ProcessLine> read_process(std::int64_t process_id);
std::optional<ProcessLine> parse_process_stat(std::string_view stat);
std::vector<ProcessLine> list_processes();
// True while exactly this process runs.
bool is_running(std::int64_t process_id, std::uint64_t start_ticks);
// Now, in the unit of start_ticks.
std::uint64_t ticks_now();

// The first process of an attempt; its id is also its group and its session.
struct AttemptLeader {
  AttemptRef attempt;
  std::int64_t process_id = 0;
  std::uint64_t start_ticks = 0;
};

// Those of `all` that belong to the leaders' attempts. `alive_until_ticks`: their keeper was certainly alive until then, and so
// held the leaders' ids. `carries_mark` is asked only where nothing else proves it.
template <class CarriesMark>
std::vector<ProcessLine> survivors_of(std::span<const ProcessLine> all, std::span<const AttemptLeader> leaders,
                                      std::uint64_t alive_until_ticks, CarriesMark carries_mark) {
  std::vector<ProcessLine> found;
  for (const ProcessLine& process : all) {
    if (process.ended) continue;
    bool ours = false;
    for (const AttemptLeader& leader : leaders) {
      const bool is_leader = process.process_id == leader.process_id && process.start_ticks == leader.start_ticks;
      const bool in_session = process.session == leader.process_id || process.group == leader.process_id;
      const bool in_time = process.start_ticks >= leader.start_ticks && process.start_ticks <= alive_until_ticks;
      ours = ours || is_leader || (in_session && in_time);
    }
    if (ours || carries_mark(process)) found.push_back(process);
  }
  return found;
}

// Does the environment (NAME=VALUE, each ended by a zero byte) name this folder and one of the attempts?
bool names_attempt(std::string_view environment, std::string_view spool_id, std::span<const AttemptLeader> leaders);

// Kills what is found of these attempts; true when nothing of them was running any more. Call again until it is true.
bool kill_survivors(std::span<const AttemptLeader> leaders, std::uint64_t alive_until_ticks, std::string_view spool_id);

}  // namespace muster::runtime
