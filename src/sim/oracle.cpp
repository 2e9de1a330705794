// The small model of submit, cancel, hold, release and retry.
// Must hold: one task at a time, one rule a line.
#include "sim/oracle.h"

#include <algorithm>

#include "sim/trace.h"

namespace muster::sim {

namespace {

std::uint64_t count_of(const IndexSeries& series) { return (series.last - series.first) / series.step + 1; }

// Of a worker that never connected only what was said of it is known.
bool could_be(const WorkerRow& row, const Resources& wanted) {
  if (row.cpu_slots && *row.cpu_slots < wanted.cpu_slots) return false;
  if (row.gpu_slots && *row.gpu_slots < wanted.gpu_slots) return false;
  return std::all_of(wanted.named.begin(), wanted.named.end(),
                     [&](const auto& one) { return one.second <= amount_of(row.offers, one.first); });
}

bool no_worker_can(const engine::Engine& engine, const Resources& wanted) {
  bool any = false;
  for (const engine::WorkerView& worker : engine.workers()) {
    any = true;
    if (!carries(worker.row.labels, wanted.labels)) continue;
    if (worker.row.is_declared_only()) {
      if (could_be(worker.row, wanted)) return false;
      continue;
    }
    // Slots that an operator switched off can be switched on again.
    const Capacity& machine = worker.row.facts.capacity;
    Capacity whole = worker.capacity;
    whole.cpu_slots = std::max(whole.cpu_slots, machine.cpu_slots);
    whole.gpu_slots = std::max(whole.gpu_slots, machine.gpu_slots);
    if (fits(wanted, whole, InUse{}) != Fit::too_big) return false;
  }
  return any;
}

Expectation refused(std::string code) {
  Expectation expected;
  expected.kind = Expectation::Kind::refused;
  expected.code = std::move(code);
  return expected;
}

}  // namespace

void Oracle::restart() {
  going_down_ = false;
  space_ = SpaceState::plenty;
  keys_.clear();
  change_keys_.clear();
}

Expectation Oracle::expect(const Input& input, const engine::Engine& engine) {
  if (const auto* disk = std::get_if<DiskSpace>(&input)) space_ = disk->state;
  if (const auto* submit = std::get_if<Submit>(&input)) return expect_submit(*submit, engine);
  if (const auto* change = std::get_if<Change>(&input)) return expect_change(*change, engine);
  if (std::holds_alternative<ShutDown>(input)) going_down_ = true;
  Expectation expected;
  if (const auto* set = std::get_if<SetBatch>(&input)) {
    if (ledger_.find(set->batch) == nullptr) return refused(kNoSuchThing);
    expected.kind = Expectation::Kind::changed;
    expected.changed.count = 1;
  }
  return expected;
}

// ---- submit

bool Oracle::waits_for(BatchId batch, BatchId other) const {
  if (batch == other) return true;
  const FlatBatch* flat = ledger_.find(batch);
  if (flat == nullptr) return false;
  for (const SegmentRow& segment : flat->segments) {
    for (const Dependency& dependency : segment.dependencies) {
      if (dependency.batch != batch && waits_for(dependency.batch, other)) return true;
    }
  }
  return false;
}

std::string Oracle::refusal_of_dependencies(const Submit& submit, BatchId into) const {
  for (const Dependency& dependency : submit.dependencies) {
    if (ledger_.find(dependency.batch) == nullptr) return kNoSuchThing;
    const bool one_task = dependency.kind == DependencyKind::task;
    if (one_task && !ledger_.position_of({dependency.batch, dependency.index})) return kNoSuchThing;
    if (into == 0) continue;
    const bool barrier_on_itself = dependency.kind == DependencyKind::batch && dependency.batch == into;
    if (barrier_on_itself || (dependency.batch != into && waits_for(dependency.batch, into)))
      return kDependencyCycle;
  }
  return {};
}

std::string Oracle::refusal(const Submit& submit, BatchId into, const engine::Engine& engine) const {
  if (going_down_) return kServerStartingOrStopping;
  if (space_ == SpaceState::low && !submit.dry_run) return kDiskFull;
  const FlatBatch* batch = ledger_.find(into);
  if (into != 0 && batch == nullptr) return kNoSuchThing;
  if (batch != nullptr && batch->row.closed) return kBatchClosed;
  if (batch != nullptr && batch->row.state == BatchState::cancelling) return kWrongState;
  if (no_worker_can(engine, submit.body->resources)) return kInfeasible;
  return refusal_of_dependencies(submit, into);
}

Expectation Oracle::expect_submit(const Submit& submit, const engine::Engine& engine) {
  const auto known = keys_.find({submit.principal.project, submit.key});
  Expectation expected;
  expected.kind = Expectation::Kind::submitted;
  if (!submit.key.empty() && (known != keys_.end() || submit.known_key)) {
    const std::string& hash = known != keys_.end() ? known->second.first : submit.known_key->body_hash;
    if (hash != submit.body_hash) return refused(kKeyReused);
    if (known != keys_.end()) {
      expected.submitted = known->second.second;
    } else {
      const KeyRow& row = *submit.known_key;
      expected.submitted = {
          row.batch, row.batch_name, row.first_index, row.last_index, row.count, row.first_number, true};
    }
    expected.submitted.replayed = true;
    return expected;
  }
  BatchId into = submit.batch;
  TaskNumber next_number = 1;
  for (const auto& [id, batch] : ledger_.batches()) {
    if (submit.batch == 0 && !submit.batch_name.empty() && batch.row.name == submit.batch_name &&
        !batch.row.closed)
      into = id;
    for (const SegmentRow& row : batch.segments)
      next_number = std::max(next_number, row.first_number + row.count);
  }
  if (std::string code = refusal(submit, into, engine); !code.empty()) return refused(code);
  std::vector<IndexSeries> series = submit.series;
  if (series.empty()) {
    TaskIndex first = 1;
    const FlatBatch* batch = ledger_.find(into);
    for (Position p = 0; batch != nullptr && p < batch->tasks.size(); ++p)
      first = std::max(first, Ledger::index_of(*batch, p) + 1);
    series.push_back({first, first + (submit.items.empty() ? 1 : submit.item_count) - 1, 1});
  }
  for (const IndexSeries& one : series) {
    for (TaskIndex index = one.first; index <= one.last; index += one.step) {
      if (into != 0 && ledger_.position_of({into, index})) return refused(kIndexUsed);
    }
    expected.submitted.count += count_of(one);
  }
  for (const Dependency& dependency : submit.dependencies) {
    if (dependency.kind != DependencyKind::index) continue;
    for (const IndexSeries& one : series) {
      for (TaskIndex index = one.first; index <= one.last; index += one.step) {
        if (!ledger_.position_of({dependency.batch, index})) return refused(kMalformedValue);
      }
    }
  }
  expected.submitted.first_index = series.front().first;
  expected.submitted.last_index = series.back().last;
  expected.submitted.batch = into;
  if (submit.dry_run) return expected;
  expected.submitted.first_number = next_number;
  if (into == 0)
    expected.submitted.batch = ledger_.batches().empty() ? 1 : ledger_.batches().rbegin()->first + 1;
  if (!submit.key.empty())
    keys_[{submit.principal.project, submit.key}] = {submit.body_hash, expected.submitted};
  return expected;
}

// ---- changes

void Oracle::expect_target(const Change& change, const Target& target, Expectation& expected) const {
  const FlatBatch& batch = *ledger_.find(target.batch);
  const bool whole = target.whole_batch();
  std::uint64_t movable = 0;
  for (Position position = 0; position < batch.tasks.size(); ++position) {
    if (!means(target, Ledger::index_of(batch, position), position)) continue;
    const TaskState state = ledger_.state_of(batch, position);
    const bool moves = state == TaskState::waiting || state == TaskState::ready;
    bool wanted = false;
    if (change.verb == ChangeVerb::cancel) wanted = !is_final(state);
    if (change.verb == ChangeVerb::hold)
      wanted = whole ? !is_final(batch.row.state) && !batch.row.held && moves : moves;
    if (change.verb == ChangeVerb::release)
      wanted = state == TaskState::held || (whole && batch.row.held && moves);
    if (change.verb == ChangeVerb::retry)
      wanted = state == TaskState::failed || state == TaskState::cancelled;
    if (change.verb == ChangeVerb::set) wanted = moves || state == TaskState::held;
    ++(wanted ? expected.changed.count : expected.changed.skipped);
    movable += moves;
    if (wanted) expected.selected.push_back({target.batch, position, state});
  }
  // The flag of a batch counts as a change even when none of its tasks could move.
  const bool flag_only = whole && movable == 0;
  const bool holds_batch = change.verb == ChangeVerb::hold && !batch.row.held && !is_final(batch.row.state);
  const bool opens_batch = change.verb == ChangeVerb::release && batch.row.held;
  if (flag_only && (holds_batch || opens_batch)) ++expected.changed.count;
}

std::optional<Expectation> Oracle::expect_again(const Change& change) const {
  if (change.key.empty()) return std::nullopt;
  const auto known = change_keys_.find({change.principal.project, change.key});
  if (known == change_keys_.end() && !change.known_key) return std::nullopt;
  const std::string& hash = known != change_keys_.end() ? known->second.first : change.known_key->body_hash;
  if (hash != change.body_hash) return refused(kKeyReused);
  Expectation expected;
  expected.kind = Expectation::Kind::changed;
  if (known != change_keys_.end()) {
    expected.changed = known->second.second;
  } else {
    expected.changed.count = change.known_key->count;
    expected.changed.skipped = change.known_key->last_index;
  }
  expected.changed.replayed = true;
  return expected;
}

Expectation Oracle::expect_change(const Change& change, const engine::Engine& engine) {
  if (const auto again = expect_again(change)) return *again;
  Expectation expected;
  expected.kind = Expectation::Kind::changed;
  for (const Target& target : change.targets) {
    const FlatBatch* batch = ledger_.find(target.batch);
    if (batch == nullptr) return refused(kNoSuchThing);
    bool any = target.whole_batch();
    for (Position p = 0; p < batch->tasks.size(); ++p)
      any = any || means(target, Ledger::index_of(*batch, p), p);
    if (!any) return refused(kNoSuchThing);
    if (change.verb == ChangeVerb::retry && batch->row.state == BatchState::cancelling)
      return refused(kWrongState);
  }
  for (const Target& target : change.targets) expect_target(change, target, expected);
  if (retries_the_impossible(change, expected, engine)) return refused(kInfeasible);
  if (!change.key.empty() && !change.dry_run)
    change_keys_[{change.principal.project, change.key}] = {change.body_hash, expected.changed};
  return expected;
}

bool Oracle::retries_the_impossible(const Change& change, const Expectation& expected,
                                    const engine::Engine& engine) const {
  const bool has_options = change.verb == ChangeVerb::retry || change.verb == ChangeVerb::set;
  if (!has_options || change.options.empty()) return false;
  return std::any_of(expected.selected.begin(), expected.selected.end(), [&](const Expectation::Was& was) {
    Resources wanted = ledger_.template_of(*ledger_.find(was.batch), was.position).resources;
    const RetryOptions& options = change.options;
    if (options.mem_mb) wanted.mem_mb = *options.mem_mb;
    if (options.disk_mb) wanted.disk_mb = *options.disk_mb;
    if (options.cpus) wanted.cpus = *options.cpus;
    if (options.cpu_slots) wanted.cpu_slots = *options.cpu_slots;
    if (options.gpu_slots) {
      wanted.gpu_slots = *options.gpu_slots;
      wanted.cpu_slots = wanted.gpu_slots > 0 ? 0 : std::max(1U, wanted.cpu_slots);
    }
    return no_worker_can(engine, wanted);
  });
}

namespace {

bool is_lawful(const Change& change, const Expectation::Was& was, TaskState is, const FlatBatch& batch) {
  const FlatTask& task = batch.tasks[was.position];
  if (change.dry_run) return is == was.state || (was.state == TaskState::ready && is == TaskState::running);
  switch (change.verb) {
    case ChangeVerb::cancel:
      return is == TaskState::cancelled || (was.state == TaskState::running && is == TaskState::running &&
                                            task.attempt_state == AttemptState::stopping);
    case ChangeVerb::hold:
      return batch.row.held || is == TaskState::held;
    case ChangeVerb::release:
      return is != TaskState::held;
    case ChangeVerb::retry:
      return !is_final(is) || task.by_dependency;
    case ChangeVerb::set:
      return !is_final(was.state);
  }
  return false;
}

}  // namespace

void Oracle::check_changed_tasks(const Change& change, const Expectation& expected) const {
  for (const Expectation::Was& was : expected.selected) {
    const FlatBatch& batch = *ledger_.find(was.batch);
    if (is_lawful(change, was, ledger_.state_of(batch, was.position), batch)) continue;
    throw Broken{"a command did not do its work on task " +
                 describe(TaskRef{was.batch, Ledger::index_of(batch, was.position)})};
  }
}

// ---- comparison

namespace {

bool same(const Submitted& a, const Submitted& b) {
  return a.batch == b.batch && a.first_index == b.first_index && a.last_index == b.last_index &&
         a.count == b.count && a.first_number == b.first_number && a.replayed == b.replayed;
}

}  // namespace

void Oracle::check(const Input& input, const Expectation& expected, const Decision& decision) const {
  if (expected.kind == Expectation::Kind::nothing) return;
  const Reply* reply = nullptr;
  for (const Effect& effect : decision.effects) {
    if (const auto* one = std::get_if<Reply>(&effect)) reply = one;
  }
  if (reply == nullptr) throw Broken{"a command was not answered"};
  const auto* error = std::get_if<Error>(&reply->body);
  const bool adds_nothing = decision.changes.segments.empty() && decision.changes.keys.empty();
  ReplyBody wanted = expected.changed;
  bool as_expected = false;
  if (expected.kind == Expectation::Kind::refused) {
    wanted = Error{ErrorKind::usage, expected.code, "", ""};
    as_expected = error != nullptr && error->code == expected.code && adds_nothing;
  } else if (expected.kind == Expectation::Kind::submitted) {
    wanted = expected.submitted;
    const auto* submitted = std::get_if<Submitted>(&reply->body);
    as_expected = submitted != nullptr && same(*submitted, expected.submitted);
  } else {
    const auto* changed = std::get_if<Changed>(&reply->body);
    as_expected = changed != nullptr && changed->count == expected.changed.count &&
                  changed->skipped == expected.changed.skipped &&
                  changed->replayed == expected.changed.replayed;
  }
  if (!as_expected)
    throw Broken{"a command was answered with \"" + describe(reply->body) + "\" instead of \"" +
                 describe(wanted) + "\""};
  if (const auto* submit = std::get_if<Submit>(&input);
      submit != nullptr && submit->dry_run && !adds_nothing) {
    throw Broken{"a dry run added tasks"};
  }
  if (const auto* change = std::get_if<Change>(&input)) check_changed_tasks(*change, expected);
}

}  // namespace muster::sim
