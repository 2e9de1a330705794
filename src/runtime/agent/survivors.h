// What is left of tasks whose keeper died: found by proofs that no recycled process id can give, and killed.
// A process is taken for ours only by its start time, by the mark in its environment, or by a session that was certainly ours.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "core/keeper_messages.h"
#include "keeper/process_facts.h"

namespace muster::runtime {

// In the environment of every task, the worker's spool id: with batch, index and attempt it names one attempt of one folder.
inline constexpr std::string_view kSpoolIdVariable = "MUSTER_SPOOL_ID";

// Now, in the unit of process start times.
std::uint64_t ticks_now();

// The session of an attempt has the number of its first process. `alive_until_ticks`: the keeper was certainly alive until then,
// so that these numbers were its tasks' and nobody else's. `carries_mark` is asked only where nothing else proves it.
std::vector<keeper::ProcessStat> survivors_of(
    std::span<const keeper::ProcessStat> all, std::span<const KeeperStarted> started,
    std::uint64_t alive_until_ticks, const std::function<bool(const keeper::ProcessStat&)>& carries_mark);

// Does the environment (NAME=VALUE) name this worker and one of these attempts?
bool names_attempt(std::span<const std::string> environment, std::string_view spool_id,
                   std::span<const KeeperStarted> started);

// Kills what is found of these attempts; true when nothing of them was running. Call again until it is true.
bool kill_survivors(std::span<const KeeperStarted> started, std::uint64_t alive_until_ticks,
                    std::string_view spool_id);

}  // namespace muster::runtime
