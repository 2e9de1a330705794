// cancel, hold, release and retry: verbs of people on whole batches or on some of their tasks.
// What is in a state where the verb means nothing is skipped and counted, never an error.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

TemplateId add_template(Engine::State& state, const std::shared_ptr<const TaskTemplate>& body);

namespace {

struct Interval {
  Position first = 0;
  Position last = 0;
};

// The positions a target names, in order. Indexes that do not exist are passed over.
std::vector<Interval> intervals_of(const Batch& batch, const Target& target) {
  std::vector<Interval> intervals;
  if (batch.row.task_count == 0) return intervals;
  if (target.chosen) {
    for (const PositionSpan& span : *target.chosen) {
      if (span.first < batch.row.task_count)
        intervals.push_back({span.first, std::min(span.last, batch.row.task_count - 1)});
    }
    return intervals;
  }
  if (target.ranges.empty()) return {{0, batch.row.task_count - 1}};
  for (const SegmentRow& segment : batch.segments) {
    const TaskIndex segment_last = segment.first_index + (segment.count - 1) * segment.step;
    for (const IndexSpan& span : target.ranges) {
      if (span.last < segment.first_index || span.first > segment_last) continue;
      const TaskIndex from = std::max(span.first, segment.first_index) - segment.first_index;
      const TaskIndex to = std::min(span.last, segment_last) - segment.first_index;
      const Position first = segment.first_position + (from + segment.step - 1) / segment.step;
      const Position last = segment.first_position + to / segment.step;
      if (first <= last) intervals.push_back({first, last});
    }
  }
  return intervals;
}

struct Selected {
  Position first = 0;
  Position last = 0;
  TaskRun run;
};

std::vector<Selected> select(const Batch& batch, const Target& target) {
  std::vector<Selected> selected;
  for (const Interval& interval : intervals_of(batch, target)) {
    batch.tasks.for_each(interval.first, interval.last, [&](Position a, Position b, const TaskRun& run) {
      selected.push_back({a, b, run});
    });
  }
  return selected;
}

std::shared_ptr<const TaskTemplate> changed_template(const TaskTemplate& body, const RetryOptions& options) {
  auto changed = std::make_shared<TaskTemplate>(body);
  if (options.mem_mb) changed->resources.mem_mb = *options.mem_mb;
  if (options.disk_mb) changed->resources.disk_mb = *options.disk_mb;
  if (options.cpus) changed->resources.cpus = *options.cpus;
  if (options.cpu_slots) changed->resources.cpu_slots = *options.cpu_slots;
  if (options.gpu_slots) {
    changed->resources.gpu_slots = *options.gpu_slots;
    changed->resources.cpu_slots = *options.gpu_slots > 0 ? 0 : std::max(1U, changed->resources.cpu_slots);
  }
  if (options.time_limit_us) changed->time_limit_us = *options.time_limit_us;
  if (options.retries) changed->retries = *options.retries;
  for (const auto& [name, value] : options.environment) {
    auto& environment = changed->environment;
    const auto found =
        std::find_if(environment.begin(), environment.end(), [&](const auto& e) { return e.first == name; });
    if (found != environment.end()) {
      found->second = value;
    } else {
      environment.emplace_back(name, value);
    }
  }
  return changed;
}

// One verb on one target: counts what it changes; changes it unless `dry`.
class ChangeTurn {
 public:
  ChangeTurn(Engine::State& state, const Change& input) : state_(state), input_(input) {}

  std::optional<Error> apply(const Target& target) {
    Batch* batch = state_.find_batch(target.batch);
    if (batch == nullptr) {
      return Error{ErrorKind::not_found, kNoSuchThing, "there is no batch " + std::to_string(target.batch),
                   "list them: muster batch list"};
    }
    if (!target.whole_batch() && intervals_of(*batch, target).empty()) {
      return Error{ErrorKind::not_found, kNoSuchThing,
                   "batch " + std::to_string(target.batch) + " has no such task",
                   "list them: muster task list " + std::to_string(target.batch)};
    }
    const std::uint64_t before = changed_;
    switch (input_.verb) {
      case ChangeVerb::cancel:
        cancel(*batch, target);
        break;
      case ChangeVerb::hold:
        hold(*batch, target);
        break;
      case ChangeVerb::release:
        release(*batch, target);
        break;
      case ChangeVerb::retry:
        if (auto error = retry(*batch, target)) return error;
        break;
      case ChangeVerb::set:
        if (auto error = set(*batch, target)) return error;
        break;
    }
    if (changed_ == before || input_.dry_run) return std::nullopt;
    answer_.batches.push_back(batch->row.id);
    state_.changed_batches.insert(batch->row.id);
    state_.unsettled_batches.insert(batch->row.id);
    note(*batch, changed_ - before);
    return std::nullopt;
  }

  Changed answer() {
    answer_.count = changed_;
    answer_.skipped = skipped_;
    return answer_;
  }

 private:
  void note(Batch& batch, std::uint64_t count) {
    static constexpr EventKind kKinds[] = {EventKind::cancelled, EventKind::held, EventKind::released,
                                           EventKind::retried, EventKind::batch_changed};
    std::string text = std::to_string(count) + (count == 1 ? " task" : " tasks");
    if (input_.verb == ChangeVerb::set) text += " with changed needs";
    if (!input_.reason.empty()) text += ": " + input_.reason;
    state_.journal(kKinds[static_cast<std::size_t>(input_.verb)], batch.row.id, std::move(text),
                   input_.principal.user);
  }

  // True when the caller should do the change.
  bool takes(const Selected& selected, bool wanted) {
    (wanted ? changed_ : skipped_) += selected.last - selected.first + 1;
    return wanted && !input_.dry_run;
  }

  void cancel(Batch& batch, const Target& target) {
    const bool whole =
        target.whole_batch() && !is_final(batch.row.state) && batch.row.state != BatchState::cancelling;
    for (const Selected& selected : select(batch, target)) {
      const TaskState state = selected.run.state;
      if (!takes(selected, !is_final(state))) {
        // Cancelled by a dependency and now by a person: it does not come back with its prerequisite.
        if (selected.run.by_dependency && !input_.dry_run)
          state_.make_cancel_final(batch, selected.first, selected.last);
        continue;
      }
      if (state == TaskState::running) {
        for (Position p = selected.first; p <= selected.last; ++p)
          state_.request_stop(batch, p, StopReason::cancel);
        continue;
      }
      state_.move(batch, selected.first, selected.last, TaskEvent::cancel);
      state_.record(batch, selected.first, selected.last);
    }
    if (whole && !input_.dry_run) {
      batch.row.state = kBatchCycle.next(batch.row.state, BatchEvent::cancel);
      batch.row.reason = input_.reason;
    }
  }

  void hold(Batch& batch, const Target& target) {
    if (target.whole_batch()) {
      if (is_final(batch.row.state) || batch.row.held) {
        skipped_ += batch.row.task_count;
        return;
      }
      const std::uint64_t movable = batch.count(TaskState::waiting) + batch.count(TaskState::ready);
      changed_ += std::max<std::uint64_t>(1, movable);
      skipped_ += batch.row.task_count - movable;
      if (input_.dry_run) return;
      batch.row.held = true;
      batch.row.reason = input_.reason;
      return;
    }
    for (const Selected& selected : select(batch, target)) {
      const bool wanted = selected.run.state == TaskState::waiting || selected.run.state == TaskState::ready;
      if (!takes(selected, wanted)) continue;
      state_.move(batch, selected.first, selected.last, TaskEvent::hold);
      state_.record(batch, selected.first, selected.last);
    }
  }

  void release(Batch& batch, const Target& target) {
    const bool opens_batch = target.whole_batch() && batch.row.held;
    if (opens_batch) {
      changed_ += std::max<std::uint64_t>(1, batch.count(TaskState::waiting) + batch.count(TaskState::ready));
      if (!input_.dry_run) {
        batch.row.held = false;
        batch.row.reason.clear();
      }
    }
    for (const Selected& selected : select(batch, target)) {
      const TaskState state = selected.run.state;
      if (opens_batch && (state == TaskState::waiting || state == TaskState::ready))
        continue;  // counted above
      if (!takes(selected, state == TaskState::held)) continue;
      state_.move(batch, selected.first, selected.last, TaskEvent::release);
      open(batch, selected);
    }
  }

  std::optional<Error> retry(Batch& batch, const Target& target) {
    if (batch.row.state == BatchState::cancelling) {
      return Error{ErrorKind::wrong_state, kWrongState,
                   "batch " + std::to_string(batch.row.id) + " is still being cancelled",
                   "wait for its end: muster wait " + std::to_string(batch.row.id)};
    }
    if (auto error = refusal_of_retry(batch, target)) return error;
    for (const Selected& selected : select(batch, target)) {
      if (!takes(selected, is_retried(selected))) continue;
      if (!input_.options.empty()) override_templates(batch, selected);
      state_.move(batch, selected.first, selected.last, TaskEvent::reopen);
      open(batch, selected);
    }
    return std::nullopt;
  }

  std::optional<Error> refusal_of_retry(const Batch& batch, const Target& target) const {
    for (const SegmentRow& segment : batch.segments) {
      if (state_.prerequisites_present(segment)) continue;
      return Error{ErrorKind::temporary, kBusy,
                   "what batch " + std::to_string(batch.row.id) + " waits for is not loaded yet",
                   "try again"};
    }
    if (input_.options.empty()) return std::nullopt;
    return refusal_of_options(batch, target);
  }

  // What can never run with these options is refused as a whole.
  std::optional<Error> refusal_of_options(const Batch& batch, const Target& target) const {
    for (const Selected& selected : select(batch, target)) {
      if (!takes_options(selected)) continue;
      for (Position position = selected.first; position <= selected.last;) {
        const auto changed = changed_template(state_.template_of(batch, position), input_.options);
        if (auto error = infeasible(state_, changed->resources, batch.row.owner)) return error;
        position = state_.same_template_until(batch, position, selected.last) + 1;
      }
    }
    return std::nullopt;
  }

  bool takes_options(const Selected& selected) const {
    return input_.verb == ChangeVerb::set ? is_unstarted(selected) : is_retried(selected);
  }
  static bool is_unstarted(const Selected& selected) {
    const TaskState state = selected.run.state;
    return state == TaskState::waiting || state == TaskState::held || state == TaskState::ready;
  }
  // Other needs for what was not started; what runs goes on with what it has.
  std::optional<Error> set(Batch& batch, const Target& target) {
    if (auto error = refusal_of_options(batch, target)) return error;
    for (const Selected& selected : select(batch, target)) {
      if (!takes(selected, is_unstarted(selected))) continue;
      override_templates(batch, selected);
    }
    return std::nullopt;
  }

  static bool is_retried(const Selected& selected) {
    return selected.run.state == TaskState::failed || selected.run.state == TaskState::cancelled;
  }

  // Tasks that were just moved to waiting become what their dependencies say.
  void open(Batch& batch, const Selected& selected) {
    state_.record(batch, selected.first, selected.last);
    const std::uint32_t from = state_.segment_of(batch, selected.first);
    const std::uint32_t to = state_.segment_of(batch, selected.last);
    for (std::uint32_t ordinal = from; ordinal <= to; ++ordinal) {
      const SegmentRow& row = batch.segments[ordinal];
      state_.evaluate_segment(batch, ordinal, std::max(selected.first, row.first_position),
                              std::min(selected.last, row.first_position + row.count - 1));
    }
  }

  void override_templates(Batch& batch, const Selected& selected) {
    Position position = selected.first;
    while (position <= selected.last) {
      const Position last = state_.same_template_until(batch, position, selected.last);
      const TemplateId id =
          add_template(state_, changed_template(state_.template_of(batch, position), input_.options));
      OverrideRow override_row{batch.row.id, static_cast<std::uint32_t>(batch.overrides.size()), position,
                               last, id};
      batch.overrides.push_back(override_row);
      state_.note_template(batch, id);
      batch.override_of.assign(position, last, id);
      state_.decision.changes.overrides.push_back(override_row);
      position = last + 1;
    }
  }

  Engine::State& state_;
  const Change& input_;
  Changed answer_;
  std::uint64_t changed_ = 0;
  std::uint64_t skipped_ = 0;
};

// The answer to a key that was used before, if it was.
std::optional<ReplyBody> answer_of_key(const Engine::State& state, const Change& input) {
  if (input.key.empty()) return std::nullopt;
  const auto recent = state.recent_keys.find({input.principal.project, input.key});
  const KeyRow* row = recent != state.recent_keys.end() ? &recent->second : nullptr;
  if (row == nullptr && input.known_key) row = &*input.known_key;
  if (row == nullptr) return std::nullopt;
  if (row->body_hash != input.body_hash) {
    return Error{ErrorKind::wrong_state, kKeyReused, "the key was used for another request",
                 "use a new key for a new request"};
  }
  Changed again;
  again.count = row->count;
  again.skipped = row->last_index;
  again.replayed = true;
  if (row->batch != 0) again.batches.push_back(row->batch);
  return again;
}

// A change has no indexes of its own: what it skipped stands where a submission's last index does.
void remember_key(Engine::State& state, const Change& input, const Changed& answer) {
  if (input.key.empty() || input.dry_run) return;
  KeyRow row;
  row.project = input.principal.project;
  row.key = input.key;
  row.body_hash = input.body_hash;
  row.batch = answer.batches.size() == 1 ? answer.batches.front() : 0;
  row.count = answer.count;
  row.last_index = answer.skipped;
  row.created_wall_us = state.now.wall_us;
  state.remember(std::move(row));
}

}  // namespace

void Engine::State::on(const Change& input) {
  if (auto known = answer_of_key(*this, input)) return reply(input.request, std::move(*known));
  for (const Target& target :
       input.targets) {  // all or nothing: a target that does not exist refuses the whole change
    Change probe = input;
    probe.dry_run = true;
    ChangeTurn turn(*this, probe);
    if (auto error = turn.apply(target)) return reply(input.request, std::move(*error));
  }
  ChangeTurn turn(*this, input);
  for (const Target& target : input.targets) {
    const auto error = turn.apply(target);
    MUSTER_CHECK(!error, "what passed the probe passes");
  }
  remember_key(*this, input, turn.answer());
  reply(input.request, turn.answer());
}

}  // namespace muster::engine
