// The state of whole batches: it follows from the counts of their tasks, and others wait for it.
// Runs at the end of every turn until nothing changes any more; dependencies have no cycles, so it ends.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

namespace {

constexpr std::size_t kLookedAtPerTurn = 16;  // more than a turn can end on average, so the line never grows

}  // namespace

void Engine::State::settle() {
  while (!dependency_news.empty() || !unsettled_batches.empty()) {
    if (!unsettled_batches.empty()) {
      const BatchId id = *unsettled_batches.begin();
      unsettled_batches.erase(unsettled_batches.begin());
      if (Batch* batch = find_batch(id)) settle_batch(*batch);
      continue;
    }
    const News news = dependency_news.front();
    dependency_news.pop_front();
    spread(news);
  }
}

void Engine::State::settle_batch(Batch& batch) {
  BatchRow& row = batch.row;
  const BatchState before = row.state;
  const auto step = [&](BatchEvent event) { row.state = kBatchCycle.next(row.state, event); };
  // Tasks that were added may be final at once, by their dependencies: then what it was is wrong, too.
  const bool all_succeeded = batch.count(TaskState::succeeded) == row.task_count;
  const bool still_true = batch.all_final() && (row.state == BatchState::succeeded) == all_succeeded;
  if (is_final(row.state) && !still_true) step(BatchEvent::reopen);
  if (row.state == BatchState::waiting &&
      (batch.count(TaskState::ready) + batch.count(TaskState::running) + batch.count(TaskState::succeeded) +
       batch.count(TaskState::failed)) > 0) {
    step(BatchEvent::start);
  }
  if (!is_final(row.state) && batch.all_final() && row.task_count > 0) {
    if (all_succeeded) {
      step(BatchEvent::all_succeeded);
    } else {
      step(row.state == BatchState::cancelling ? BatchEvent::all_stopped : BatchEvent::all_final);
    }
  }
  refresh_placeable(batch);
  const bool final_now = is_final(row.state);
  const bool revivable =
      final_now && batch.count(TaskState::cancelled) > 0 &&
      batch.tasks.find(0, [](const TaskRun& run) { return run.by_dependency; }).has_value();
  if (row.revivable != revivable) changed_batches.insert(row.id);
  row.revivable = revivable;
  if (row.state == before) return;
  changed_batches.insert(row.id);
  row.ended_wall_us = final_now ? now.wall_us : 0;
  if (final_now) {
    journal(EventKind::batch_ended, row.id, std::string(to_text(row.state)));
    final_order.push_back(row.id);
  }
  if (final_now || is_final(before)) evaluate_dependents(row.id);
}

// What ended leaves memory, so that a server's life does not grow with its history. What something still waits for stays.
void Engine::State::forget_final_batches() {
  std::size_t looked_at = 0;
  const std::size_t most = std::min<std::size_t>(final_order.size(), kLookedAtPerTurn);
  while (final_order.size() > options.final_batches_kept && looked_at++ < most) {
    const BatchId id = final_order.front();
    final_order.pop_front();
    const auto found = batches.find(id);
    if (found == batches.end() || !is_final(found->second.row.state)) continue;
    const auto dependents = dependents_of.find(id);
    if (found->second.row.revivable || (dependents != dependents_of.end() && !dependents->second.empty())) {
      final_order.push_back(id);
      continue;
    }
    for (const SegmentRow& segment : found->second.segments) {
      for (const Dependency& dependency : segment.dependencies) {
        const auto of = dependents_of.find(dependency.batch);
        if (of == dependents_of.end()) continue;
        of->second.erase(id);
        if (of->second.empty()) dependents_of.erase(of);
      }
    }
    withdraw(found->second);
    drop_templates(found->second);
    batches.erase(found);
  }
}

}  // namespace muster::engine
