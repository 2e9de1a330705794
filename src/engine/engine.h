// The server's decider: one input and the time give what to write and what to do; it reads no clock and does no I/O.
// Memory is never ahead of what its decisions asked to write: after a failed commit the engine is dropped and restored.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/inputs.h"
#include "core/lease.h"
#include "engine/explain.h"

namespace muster::engine {

struct EngineOptions {
  Micros lease_us = kLeaseLocal_us;                // the longest there is
  Micros lease_elsewhere_us = kLeaseElsewhere_us;  // of workers that joined
  Micros sync_interval_us = 5'000'000;             // how often agents send a full message
  Micros silence_us = 25'000'000;                  // without a word: the worker is shown as offline
  std::uint64_t prefetch_max = 512;                // assigned beyond the free slots of one worker, at most
  Micros prefetch_window_us = 100'000;             // … and at most what it finishes in this time
  std::uint64_t grants_per_turn = 1024;            // placement stops there and goes on in the next turn
  std::size_t final_batches_kept = 256;  // ended batches held in memory across commits, for quick retries
  Micros reserve_after_us = 30'000'000;  // what found no room for so long gets a worker kept free for it
  Micros quarantine_us = 60'000'000;     // the first; the second is 5 times as long, those after it 30 times
};

// What a person sees of a batch that is in memory; equal to its row after the commit.
struct BatchView {
  BatchRow row;
  std::uint64_t executing = 0;  // of the running ones
  std::uint64_t stopping = 0;
  std::string
      reason;  // why ready or waiting tasks do not move: dependency backoff busy too-big no-worker held …
};

struct WorkerView {
  WorkerRow row;
  bool connected = false;
  bool half_open = false;  // quarantined, and one task may try
  Capacity capacity;       // as used for placement: facts with the operator's slots
  InUse in_use;
  std::uint64_t assigned = 0;  // granted and not ended, executing or not
  std::uint64_t executing = 0;
};

// Since this engine was made; for people who watch, never to decide.
struct Totals {
  std::uint64_t granted = 0;
  std::map<std::pair<AttemptState, Cause>, std::uint64_t> ended;
  std::uint64_t late_results = 0;
};

// A limit with what is counted against it.
struct LimitView {
  LimitRow row;
  std::uint64_t running = 0;
  std::uint64_t cpus = 0;
};

// Why a task does not move, as data: the reason code, and how many workers are ruled out by what.
struct WhyView {
  std::string reason;
  std::string limit;                                           // with quota: "user ann, max-running 10"
  std::vector<std::pair<std::string, std::uint64_t>> workers;  // "busy" 3, "no-label" 2 …; only what is not 0
};

struct LiveAttempt {
  AttemptRef attempt;
  AttemptState phase = AttemptState::assigned;
  WorkerId worker = 0;
  Micros granted_wall_us = 0;
  Micros started_wall_us = 0;  // when its start was heard of; 0: not yet, or not in this life of the server
};

class Engine {
 public:
  explicit Engine(EngineOptions options = {});
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  // From nothing to the state of the store. No effects: agents connect again by themselves, leases run anew from `now`.
  void restore(StoreSnapshot snapshot, Now now);

  // Placement happens at the end of each turn: what became possible by this input is granted by this decision.
  Decision handle(const Input& input, Now now);

  // Everything decided so far is on disk: what ended leaves memory. To be called after each commit, never before one:
  // a batch that was forgotten is read back from the store, so the store has to know all of it.
  void committed();

  // The next instant (mono) at which a Tick has something to do; INT64_MAX: none.
  Micros next_due_us() const;

  bool has_batch(BatchId id) const;
  // What has to be given as LoadedBatch, read from the store in the same turn, before an input may name this batch: what it
  // waits for, then itself. Ask again afterwards when the batch itself was among them.
  std::vector<BatchId> missing_for(BatchId id) const;
  // The newest open batch of this name, if it is in memory; every batch that is not final is.
  std::optional<BatchId> open_batch_named(const std::string& project, const std::string& name) const;

  // ---- reading, for people. Consistent with the store between commits.
  std::optional<BatchView> batch(BatchId id) const;
  std::vector<BatchId> live_batches() const;  // by id
  std::vector<WorkerView> workers() const;    // by id
  const Totals& totals() const;
  std::vector<LiveAttempt> live_attempts(BatchId batch) const;  // by position; empty if unknown
  // State of one task and, when it does not move, its reason; nothing if there is no such task here.
  struct TaskView {
    Position position = 0;
    TaskState state = TaskState::waiting;
    std::string reason;
    AttemptState phase = AttemptState::assigned;  // valid when running
    std::uint32_t attempts = 0;
    TemplateId template_id = 0;
  };
  std::optional<TaskView> task(TaskRef ref) const;
  // Whose output this is: of the attempt that the session's worker runs, of another worker's (or of none that was ever granted),
  // or of one that is not the current one of a task in memory.
  enum class LogOwner : std::uint8_t { itself, another, not_known };
  LogOwner log_owner(SessionId session, const AttemptRef& attempt) const;
  std::optional<WhyView> why(TaskRef ref) const;  // for ready tasks with counts of workers; linear in workers
  std::vector<LimitView> limits() const;          // by scope, name
  const std::map<FlavorKey, Flavor>& flavors() const;  // the catalogue
  // Explanations (explain.h); nothing, or empty, for what is not in memory.
  std::optional<TaskExplanation> explain(TaskRef ref) const;
  std::vector<ReasonCount> explain_batch(BatchId batch) const;  // of what does not move, the most first
  std::optional<WorkerExplanation> explain_worker(WorkerId worker) const;
  // Positions with their states as runs, for lists: [first, last, state, reason].
  struct StateRun {
    Position first = 0;
    Position last = 0;
    TaskState state = TaskState::waiting;
  };
  std::vector<StateRun> state_runs(BatchId batch) const;

  // Recounts everything and compares with what is kept (simulator and tests; linear in what is in memory). Empty: all is well.
  std::vector<std::string> audit() const;
  // All that has to survive a restart, as canonical text: equal for this engine and for one restored from its store.
  std::string dump() const;

  struct State;  // engine/state.h: for the engine's own files only

 private:
  std::unique_ptr<State> state_;
};

}  // namespace muster::engine
