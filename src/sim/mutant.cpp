// The planted mistakes, one function for each place where one can be planted.
// Must hold: a mutant changes only what its comment in mutant.h says.
#include "sim/mutant.h"

#include <algorithm>

#include "sim/world.h"

namespace muster::sim {

namespace {

constexpr std::string_view kNames[kMutants] = {"none",
                                               "no_epoch",
                                               "epoch_in_memory",
                                               "lease_from_receipt",
                                               "speaks_first",
                                               "silence_is_loss",
                                               "wrong_recount",
                                               "double_start",
                                               "forgotten_cancel",
                                               "same_boot",
                                               "no_fence",
                                               "drain_forgotten",
                                               "limits_forgotten"};

// The attempt that the store holds as running for this task, on whatever worker.
std::optional<AttemptRef> current_attempt(World& world, const AttemptRef& attempt) {
  const FlatBatch* batch = world.server.ledger().find(attempt.batch);
  const auto position = world.server.ledger().position_of(attempt.task());
  if (batch == nullptr || !position) return std::nullopt;
  const FlatTask& task = batch->tasks[*position];
  if (!task.has_row || task.state != TaskState::running) return std::nullopt;
  return AttemptRef{attempt.batch, attempt.index, task.attempt, task.incarnation};
}

}  // namespace

std::string_view to_text(Mutant mutant) { return kNames[static_cast<std::size_t>(mutant)]; }

std::optional<Mutant> mutant_from_text(std::string_view text) {
  for (std::size_t i = 0; i < kMutants; ++i) {
    if (kNames[i] == text) return static_cast<Mutant>(i);
  }
  return std::nullopt;
}

void mutate_snapshot(Mutant mutant, StoreSnapshot& snapshot) {
  if (mutant == Mutant::limits_forgotten) snapshot.limits.clear();
  for (WorkerRow& row : snapshot.workers) {
    const bool set_aside = row.state == WorkerState::paused || row.state == WorkerState::draining;
    if (mutant == Mutant::drain_forgotten && set_aside) row.state = WorkerState::offline;
  }
  if (mutant != Mutant::epoch_in_memory && mutant != Mutant::forgotten_cancel) return;
  if (mutant == Mutant::epoch_in_memory) snapshot.incarnation = 1;
  for (BatchSnapshot& batch : snapshot.batches) {
    for (BatchSnapshot::Task& task : batch.tasks) {
      if (mutant == Mutant::forgotten_cancel && task.attempt_state == AttemptState::stopping) {
        task.attempt_state = AttemptState::assigned;
      }
      const bool waits = task.state == TaskState::ready || task.state == TaskState::waiting;
      if (mutant == Mutant::epoch_in_memory && waits) task.attempt_number = 0;
    }
    if (mutant == Mutant::forgotten_cancel && batch.batch.state == BatchState::cancelling)
      batch.batch.state = BatchState::running;
  }
}

void mutate_decision(World& world, std::uint64_t server_life, Decision& decision) {
  if (world.mutant != Mutant::wrong_recount || server_life < 2) return;
  for (BatchRow& row : decision.changes.batches) {
    auto& ready = row.counts[static_cast<std::size_t>(TaskState::ready)];
    if (ready > 0) --ready;
  }
}

void mutate_hello(Mutant mutant, AgentHello& hello) {
  if (mutant == Mutant::same_boot) hello.facts.boot_id = "boot";
}

void mutate_request(Mutant mutant, KeeperRequest& request) {
  if (mutant == Mutant::no_fence) request.deadline_mono_us = -1;
}

ServerMessage mutated_message(World& world, Machine& machine, const ServerMessage& message) {
  ServerMessage changed = message;
  if (world.mutant == Mutant::lease_from_receipt && changed.echo_sent_mono_us != 0) {
    changed.echo_sent_mono_us = machine.now().mono_us;
  }
  if (world.mutant == Mutant::double_start) machine.start_again(message);
  return changed;
}

AgentMessage mutated_message(World& world, const AgentMessage& message) {
  AgentMessage changed = message;
  if (world.mutant != Mutant::no_epoch) return changed;
  for (Finished& end : changed.finished) {
    const auto current = current_attempt(world, end.attempt);
    if (current) end.attempt = *current;
  }
  return changed;
}

}  // namespace muster::sim
