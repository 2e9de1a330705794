// Why something does not move, in numbers: what rules out each worker, by how much, and which one change would help most.
// Read from the working set, never to decide; linear in workers, and for a batch in its runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/rows.h"

namespace muster::engine {

// One thing of which a worker has too little.
struct Shortage {
  std::string what;  // slots gpus cpus mem disk exclusive, the name of an offer, label NAME, or user
  std::uint64_t asked = 0;
  std::uint64_t free = 0;
  std::uint64_t total = 0;
  std::string
      label;  // of a label: the value that is asked for; of a user: the one whom the worker serves alone
};

struct WorkerObstacle {
  WorkerId worker = 0;
  std::string name;
  std::string code;  // as in `muster help reasons`; empty: nothing is in the way
  WorkerState state = WorkerState::offline;
  std::vector<Shortage> shortages;
  bool ever = false;  // it could run this if it were empty, and switched on
};

// The smallest single change after which some worker could ever run it.
struct NearestChange {
  std::string what;          // as in Shortage
  std::uint64_t asked = 0;   // now
  std::uint64_t enough = 0;  // what could be asked for, or would have to be switched on
  std::string label;
  WorkerId worker = 0;        // the first that could then
  std::uint64_t workers = 0;  // how many could
};

struct TaskExplanation {
  TaskState state = TaskState::waiting;
  std::string reason;  // empty: it moves, or is final
  std::string limit;   // what limit the reason is about
  Resources wanted;
  std::string group;                                             // the batch's name
  std::vector<std::pair<std::string, std::uint64_t>> obstacles;  // workers by code
  std::uint64_t workers = 0;                                     // that are there
  std::uint64_t now = 0;                                         // of them, could take it now
  std::uint64_t ever = 0;                                        // … if they were empty
  std::vector<WorkerObstacle> nearest;                           // a few, the most hopeful first
  std::optional<NearestChange> change;                           // when none could ever
  std::vector<Dependency> pending;                               // what it waits for
  std::vector<Dependency> impossible;                            // what can no longer be met
  Micros not_before_wall_us = 0;                                 // back-off
  bool batch_held = false;
};

struct ReasonCount {
  std::string reason;  // empty: ready, and taken in the next moment
  std::uint64_t tasks = 0;
  TaskIndex sample = 0;
};

struct WorkerExplanation {
  WorkerRow row;
  bool connected = false;
  std::uint64_t executing = 0;
  std::uint64_t assigned = 0;
  std::uint64_t slots = 0;
  std::uint64_t ready_batches = 0;                               // with something that could start
  std::vector<std::pair<std::string, std::uint64_t>> obstacles;  // what keeps this worker from them, by code
  std::vector<std::pair<std::string, BatchId>> samples;          // one batch for each code
};

}  // namespace muster::engine
