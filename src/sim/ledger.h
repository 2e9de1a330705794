// The state of every task by the rows alone, one by one and without intervals: an independent reading of what the engine writes.
// Must hold: it derives waiting and ready from the dependencies itself, and knows which changes of a task are lawful.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/inputs.h"
#include "engine/engine.h"
#include "sim/truth.h"
#include "store/memory/memory_store.h"

namespace muster::sim {

struct FlatTask {
  bool has_row = false;
  bool in_run = false;                   // held or cancelled, by a state run
  TaskState state = TaskState::waiting;  // valid with one of the two
  bool by_dependency = false;
  bool backs_off = false;
  std::uint32_t attempt = 0;
  Incarnation incarnation = 0;
  AttemptState attempt_state = AttemptState::assigned;
  WorkerId worker = 0;  // of the newest attempt
  TemplateId template_id = 0;
  bool stored_final() const { return (has_row || in_run) && is_final(state); }
};

struct FlatBatch {
  BatchRow row;
  std::vector<SegmentRow> segments;
  std::vector<FlatTask> tasks;
  std::uint64_t finals = 0;
  std::uint64_t successes = 0;
};

enum class FlatGate : std::uint8_t { pending, met, impossible };

class Ledger {
 public:
  explicit Ledger(const Truth& truth) : truth_(truth) {}

  void load(store::MemoryStore& store);
  // Throws Broken for a change that is not lawful. `input` is what led to it.
  void apply(const Changes& changes, const Input& input, Incarnation incarnation);
  // The counts of each batch row among the changes, counted anew.
  void check_counts(const Changes& changes) const;
  // The engine's states of all live batches, task by task.
  void check_states(const engine::Engine& engine) const;

  const FlatBatch* find(BatchId id) const;
  const std::map<BatchId, FlatBatch>& batches() const { return batches_; }
  std::optional<Position> position_of(TaskRef task) const;
  static TaskIndex index_of(const FlatBatch& batch, Position position);
  static const SegmentRow& segment_of(const FlatBatch& batch, Position position);
  TaskState state_of(const FlatBatch& batch, Position position) const;
  FlatGate gate_of(const FlatBatch& batch, Position position) const;
  const TaskTemplate& template_of(const FlatBatch& batch, Position position) const;
  std::uint64_t retries_by_people(TaskRef task) const;

 private:
  void put_segment(const SegmentRow& row);
  void put_override(const OverrideRow& row);
  void put_runs(const Changes& changes, const Input& input);
  void put_row(FlatBatch& batch, const TaskRow& row);
  void check_row(const FlatBatch& batch, const TaskRow& row, const Input& input,
                 Incarnation incarnation) const;
  void check_end(const FlatBatch& batch, Position position, const AttemptRecord& attempt) const;
  void check_grants(const std::vector<std::pair<BatchId, Position>>& granted) const;
  void put_fleet(const Changes& changes, const Input& input);
  void check_place(const FlatBatch& batch, Position position) const;
  void check_limits(const FlatBatch& batch, Position position) const;
  void check_one_state(const FlatBatch& batch, Position position, TaskState seen) const;
  void count_retries(const Input& input);
  static void change(FlatBatch& batch, FlatTask& task, const FlatTask& to);

  const Truth& truth_;
  std::map<BatchId, FlatBatch> batches_;
  std::map<TemplateId, std::shared_ptr<const TaskTemplate>> templates_;
  std::map<TaskRef, std::uint64_t> retries_by_people_;
  std::map<WorkerId, WorkerRow> workers_;
  std::map<std::pair<LimitScope, std::string>, LimitRow> limits_;
};

// ---- what the store says of one task

struct TaskFacts {
  Resources resources;
  Rerun rerun = Rerun::allowed;
  TaskNumber number = 0;
  std::vector<std::string> item;
  std::uint64_t retries_by_people = 0;
};

// Does the target mean the task of this index at this position?
bool means(const Target& target, TaskIndex index, Position position);
// Is `task` named by this person's `verb`?
bool names(const Input& input, ChangeVerb verb, TaskRef task, Position position);

}  // namespace muster::sim
