// The promises about processes: never twice at once, never beyond the worker, an attempt once.
// Must hold: a worker that stood still is the one exception, because nothing can end its processes in time.
#include "sim/truth.h"

#include <algorithm>

#include "sim/trace.h"

namespace muster::sim {

void Truth::started(const ProcessStart& start) {
  check_overlap(start);
  check_resources(start);
  if (++starts_of_attempt_[start.attempt] > 1)
    throw Broken{"attempt " + describe(start.attempt) + " was started twice"};
  if (++starts_of_task_[start.attempt.task()] > start.starts_allowed) {
    throw Broken{"a task that may never run again was started again as " + describe(start.attempt)};
  }
  running_.push_back({start, false});
}

void Truth::check_overlap(const ProcessStart& start) const {
  for (const Process& other : running_) {
    if (other.start.attempt.task() != start.attempt.task() || other.frozen) continue;
    throw Broken{"task runs in two places: " + describe(start.attempt) + " on worker " +
                 std::to_string(start.worker) + " and " + describe(other.start.attempt) + " on worker " +
                 std::to_string(other.start.worker)};
  }
}

void Truth::check_resources(const ProcessStart& start) const {
  InUse in_use;
  for (const Process& other : running_) {
    if (other.start.worker != start.worker) continue;
    in_use.add(other.start.resources);
    for (const std::uint32_t gpu : start.gpus) {
      const auto& theirs = other.start.gpus;
      if (std::find(theirs.begin(), theirs.end(), gpu) == theirs.end()) continue;
      throw Broken{"two tasks on worker " + std::to_string(start.worker) + " hold GPU " +
                   std::to_string(gpu)};
    }
  }
  if (start.gpus.size() != start.resources.gpu_slots) {
    throw Broken{describe(start.attempt) + " was given another number of GPUs than it needs"};
  }
  if (fits(start.resources, start.allowed, in_use) != Fit::fits) {
    throw Broken{"worker " + std::to_string(start.worker) + " runs more than it has: " +
                 describe(start.attempt) + " beside " + std::to_string(in_use.cpu_slots) + " CPU slots of " +
                 std::to_string(start.allowed.cpu_slots) + ", " + std::to_string(in_use.gpu_slots) +
                 " GPU slots of " + std::to_string(start.allowed.gpu_slots)};
  }
}

void Truth::ended(const AttemptRef& attempt, std::size_t worker, const KeeperEnd& end) {
  remove(attempt, worker);
  ends_[attempt] = end;
}

void Truth::vanished(const AttemptRef& attempt, std::size_t worker) { remove(attempt, worker); }

void Truth::remove(const AttemptRef& attempt, std::size_t worker) {
  const auto found = std::find_if(running_.begin(), running_.end(), [&](const Process& process) {
    return process.start.attempt == attempt && process.start.worker == worker;
  });
  if (found == running_.end())
    throw Broken{"the simulator ended " + describe(attempt) + ", which does not run"};
  running_.erase(found);
}

void Truth::frozen(std::size_t worker) {
  for (Process& process : running_) process.frozen = process.frozen || process.start.worker == worker;
}

const KeeperEnd* Truth::end_of(const AttemptRef& attempt) const {
  const auto found = ends_.find(attempt);
  return found == ends_.end() ? nullptr : &found->second;
}

std::size_t Truth::running_on(std::size_t worker) const {
  return static_cast<std::size_t>(
      std::count_if(running_.begin(), running_.end(),
                    [&](const Process& process) { return process.start.worker == worker; }));
}

bool Truth::runs(const AttemptRef& attempt) const {
  return std::any_of(running_.begin(), running_.end(),
                     [&](const Process& process) { return process.start.attempt == attempt; });
}

}  // namespace muster::sim
