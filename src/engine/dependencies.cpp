// What waits for what: gates of segments and tasks, computed from the states of prerequisites, never stored.
// A gate is a level: whenever a prerequisite changes, the gates that look at it are computed anew and applied.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

namespace {

Gate gate_from(TaskState state, bool any_end) {
  if (state == TaskState::succeeded) return Gate::met;
  if (!is_final(state)) return Gate::pending;
  return any_end ? Gate::met : Gate::impossible;
}

Gate worse(Gate a, Gate b) {
  if (a == Gate::impossible || b == Gate::impossible) return Gate::impossible;
  return a == Gate::pending || b == Gate::pending ? Gate::pending : Gate::met;
}

}  // namespace

bool Engine::State::prerequisites_present(const SegmentRow& segment) const {
  return std::all_of(segment.dependencies.begin(), segment.dependencies.end(),
                     [&](const Dependency& dependency) { return batches.contains(dependency.batch); });
}

Gate Engine::State::gate_of(const Dependency& dependency) const {
  const auto found = batches.find(dependency.batch);
  MUSTER_CHECK(found != batches.end(), "prerequisites stay in memory while something waits for them");
  const Batch& prerequisite = found->second;
  if (dependency.kind == DependencyKind::batch) {
    if (!is_final(prerequisite.row.state) || !prerequisite.all_final()) return Gate::pending;
    if (dependency.any_end || prerequisite.row.state == BatchState::succeeded) return Gate::met;
    return Gate::impossible;
  }
  const auto position = position_of(prerequisite, dependency.index);
  MUSTER_CHECK(position.has_value(), "a dependency names a task that exists");
  return gate_from(prerequisite.tasks.at(*position).state, dependency.any_end);
}

Gate Engine::State::segment_gate(const SegmentRow& segment) const {
  Gate gate = Gate::met;
  for (const Dependency& dependency : segment.dependencies) {
    if (dependency.kind != DependencyKind::index) gate = worse(gate, gate_of(dependency));
  }
  return gate;
}

Gate Engine::State::task_gate(const Batch& batch, Position position) const {
  const std::uint32_t ordinal = segment_of(batch, position);
  const SegmentRow& segment = batch.segments[ordinal];
  Gate gate = batch.gates[ordinal];
  for (const Dependency& dependency : segment.dependencies) {
    if (dependency.kind != DependencyKind::index) continue;
    Dependency one = dependency;
    one.index = index_of(batch, position);
    one.kind = DependencyKind::task;
    gate = worse(gate, gate_of(one));
  }
  return gate;
}

void Engine::State::apply_gate(Batch& batch, Position first, Position last, Gate gate) {
  std::vector<RunMap<TaskRun>::Run> runs;
  batch.tasks.for_each(first, last,
                       [&](Position a, Position b, const TaskRun& run) { runs.push_back({a, b, run}); });
  for (const auto& run : runs) {
    const TaskState state = run.value.state;
    const bool revivable = state == TaskState::cancelled && run.value.by_dependency;
    const auto step = [&](TaskEvent event) {
      move(batch, run.first, run.last, event, gate == Gate::impossible);
      record(batch, run.first, run.last);
    };
    if (gate == Gate::impossible) {
      if (state == TaskState::waiting || state == TaskState::ready || state == TaskState::held)
        step(TaskEvent::cancel);
      continue;
    }
    if (revivable) step(TaskEvent::reopen);
    if (gate == Gate::pending) {
      if (state == TaskState::ready) step(TaskEvent::block);
      continue;
    }
    if (!revivable && state != TaskState::waiting) continue;
    if (run.value.attempts == 0) {
      step(TaskEvent::unblock);
      continue;
    }
    for (Position p = run.first; p <= run.last; ++p) {  // those in back-off go on waiting for its end
      const auto live = batch.live.find(p);
      if (live != batch.live.end() && live->second.not_before_mono_us != 0) continue;
      move(batch, p, p, TaskEvent::unblock);
      record(batch, p, p);
    }
  }
}

void Engine::State::evaluate_segment(Batch& batch, std::uint32_t ordinal, Position first, Position last) {
  const SegmentRow segment = batch.segments[ordinal];
  if (!prerequisites_present(segment)) return;
  batch.gates[ordinal] = segment_gate(segment);
  const bool by_index =
      std::any_of(segment.dependencies.begin(), segment.dependencies.end(),
                  [](const Dependency& dependency) { return dependency.kind == DependencyKind::index; });
  if (!by_index || batch.gates[ordinal] == Gate::impossible) {
    apply_gate(batch, first, last, batch.gates[ordinal]);
    return;
  }
  Position position = first;
  while (position <= last) {
    const Position together = same_gate_until(batch, segment, position, last);
    apply_gate(batch, position, together, task_gate(batch, position));
    position = together + 1;
  }
}

// The last position, from `position` on, for which all prerequisites of the same index are in one run and one segment each.
Position Engine::State::same_gate_until(const Batch& batch, const SegmentRow& segment, Position position,
                                        Position last) const {
  for (const Dependency& dependency : segment.dependencies) {
    if (dependency.kind != DependencyKind::index) continue;
    const Batch& prerequisite = batches.at(dependency.batch);
    const auto theirs = position_of(prerequisite, index_of(batch, position));
    MUSTER_CHECK(theirs.has_value(), "index by index was checked at submit");
    const SegmentRow& their_segment = prerequisite.segments[segment_of(prerequisite, *theirs)];
    if (segment.step != their_segment.step) return position;
    const Position their_last = std::min(prerequisite.tasks.run_at(*theirs).last,
                                         their_segment.first_position + their_segment.count - 1);
    last = std::min(last, position + (their_last - *theirs));
  }
  return last;
}

void Engine::State::evaluate_dependents(BatchId prerequisite) {
  const auto found = dependents_of.find(prerequisite);
  if (found == dependents_of.end()) return;
  for (const BatchId id : found->second) {
    Batch* batch = find_batch(id);
    if (batch == nullptr) continue;
    for (const SegmentRow& segment : std::vector<SegmentRow>(batch->segments)) {
      const bool waits = std::any_of(
          segment.dependencies.begin(), segment.dependencies.end(),
          [&](const Dependency& d) { return d.batch == prerequisite && d.kind == DependencyKind::batch; });
      if (waits) {
        evaluate_segment(*batch, segment.ordinal, segment.first_position,
                         segment.first_position + segment.count - 1);
      }
    }
  }
}

void Engine::State::spread(const News& news) {
  const auto found = dependents_of.find(news.prerequisite);
  Batch* prerequisite = find_batch(news.prerequisite);
  if (found == dependents_of.end() || prerequisite == nullptr) return;
  const std::set<BatchId> dependents = found->second;
  for (const BatchId id : dependents) {
    Batch* batch = find_batch(id);
    if (batch == nullptr) continue;
    for (const SegmentRow& segment : std::vector<SegmentRow>(batch->segments)) {
      const Position end = segment.first_position + segment.count - 1;
      for (const Dependency& dependency : segment.dependencies) {
        if (dependency.batch != news.prerequisite) continue;
        if (dependency.kind == DependencyKind::task) {
          const auto position = position_of(*prerequisite, dependency.index);
          if (position && *position >= news.first && *position <= news.last) {
            evaluate_segment(*batch, segment.ordinal, segment.first_position, end);
          }
        } else if (dependency.kind == DependencyKind::index) {
          // The interval of the dependent that these tasks open; single tasks are the ordinary case.
          const TaskIndex from = index_of(*prerequisite, news.first);
          const TaskIndex to = index_of(*prerequisite, news.last);
          const auto a = position_of(*batch, from);
          const auto b = position_of(*batch, to);
          const bool inside = a && b && *a <= *b && *a >= segment.first_position && *b <= end;
          evaluate_segment(*batch, segment.ordinal, inside ? *a : segment.first_position, inside ? *b : end);
        }
      }
    }
  }
}

std::optional<Error> Engine::State::check_dependencies(const Submit& submit) const {
  for (const Dependency& dependency : submit.dependencies) {
    const auto found = batches.find(dependency.batch);
    if (found == batches.end()) {
      return Error{ErrorKind::not_found, kNoSuchThing,
                   "there is no batch " + std::to_string(dependency.batch) + " to wait for",
                   "list them: muster batch list"};
    }
    if (dependency.kind == DependencyKind::task && !position_of(found->second, dependency.index)) {
      return Error{ErrorKind::not_found, kNoSuchThing,
                   "there is no task " + std::to_string(dependency.batch) + "." +
                       std::to_string(dependency.index) + " to wait for",
                   "list them: muster task list " + std::to_string(dependency.batch)};
    }
    // A barrier on the batch itself, or on one that waits for it, could never open.
    std::set<BatchId> seen;
    std::vector<BatchId> queue{dependency.batch};
    const bool whole = dependency.kind == DependencyKind::batch;
    while (submit.batch != 0 && !queue.empty()) {
      const BatchId id = queue.back();
      queue.pop_back();
      if (id == submit.batch && (whole || id != dependency.batch)) {
        return Error{ErrorKind::usage, kDependencyCycle,
                     "batch " + std::to_string(submit.batch) + " would wait for itself through batch " +
                         std::to_string(dependency.batch),
                     "submit into another batch, or wait for single tasks"};
      }
      if (!seen.insert(id).second) continue;
      const auto at = batches.find(id);
      if (at == batches.end()) continue;
      for (const SegmentRow& segment : at->second.segments) {
        for (const Dependency& next : segment.dependencies) queue.push_back(next.batch);
      }
    }
  }
  return std::nullopt;
}

}  // namespace muster::engine
