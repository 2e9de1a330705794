// Recounting: every sum the engine keeps, compared with what it is the sum of; and the whole state as text.
// For the simulator and for tests; linear in what is in memory.
#include <algorithm>
#include <sstream>

#include "engine/state.h"

namespace muster::engine {

namespace {

void audit_batch(const Batch& batch, std::vector<std::string>& broken) {
  const std::string name = "batch " + std::to_string(batch.row.id);
  TaskCounts counts{};
  if (batch.row.task_count > 0) {
    batch.tasks.for_each(0, batch.row.task_count - 1, [&](Position a, Position b, const TaskRun& run) {
      counts[static_cast<std::size_t>(run.state)] += b - a + 1;
      if (run.state == TaskState::ready && a < batch.ready_from)
        broken.push_back(name + ": a ready task below ready_from");
    });
  }
  if (counts != batch.row.counts) broken.push_back(name + ": counts are not what a recount says");
  if (batch.tasks.size() != batch.row.task_count) broken.push_back(name + ": runs do not cover its tasks");
  std::uint64_t executing = 0;
  std::uint64_t stopping = 0;
  for (const auto& [position, live] : batch.live) {
    const TaskState state = batch.tasks.at(position).state;
    if (is_final(state)) broken.push_back(name + ": a final task is remembered as live");
    if (state != TaskState::running) continue;
    executing += live.attempt.state == AttemptState::executing;
    stopping += live.attempt.state == AttemptState::stopping;
    if (live.attempt.number != batch.tasks.at(position).attempts)
      broken.push_back(name + ": attempt numbers differ");
  }
  if (executing != batch.executing || stopping != batch.stopping)
    broken.push_back(name + ": phases are not what a recount says");
  if (is_final(batch.row.state) != (batch.all_final() && batch.row.task_count > 0)) {
    broken.push_back(name + ": its state and its counts disagree");
  }
  if (batch.row.max_running != 0 && batch.count(TaskState::running) > batch.row.max_running) {
    // Legal only when the limit was lowered below what runs; the simulator never lowers it.
    broken.push_back(name + ": more tasks run than max-running allows");
  }
}

void audit_worker(const Engine::State& state, const Worker& worker, std::vector<std::string>& broken) {
  const std::string name = "worker " + std::to_string(worker.row.id);
  InUse in_use;
  for (const auto& [batch_id, position] : worker.assigned) {
    const auto batch = state.batches.find(batch_id);
    if (batch == state.batches.end() || !batch->second.live.contains(position)) {
      broken.push_back(name + ": holds a task that is not live");
      continue;
    }
    in_use.add(state.template_of(batch->second, position).resources);
    if (batch->second.live.at(position).attempt.worker != worker.row.id)
      broken.push_back(name + ": holds a task of another");
  }
  if (in_use != worker.in_use) broken.push_back(name + ": resources in use are not what a recount says");
  if (in_use.exclusive > 0 && in_use.tasks > 1) broken.push_back(name + ": an exclusive task has company");
  if (state.over_held.contains(worker.row.id) != (worker.in_use.cpu_slots > worker.capacity.cpu_slots))
    broken.push_back(name + ": whether it holds too much is not known");
}

// What counts against limits, counted anew.
void audit_usage(const Engine::State& state, std::vector<std::string>& broken) {
  std::map<std::pair<LimitScope, std::string>, std::pair<std::uint64_t, std::uint64_t>> counted;
  for (const auto& [id, worker] : state.workers) {
    for (const auto& [batch_id, position] : worker.assigned) {
      const Batch& batch = state.batches.at(batch_id);
      const std::uint64_t cores = cores_of(state.template_of(batch, position).resources);
      std::vector<std::pair<LimitScope, std::string>> keys = {{LimitScope::user, batch.row.owner},
                                                              {LimitScope::project, batch.row.project}};
      for (const auto& [name, value] : worker.row.labels)
        keys.emplace_back(LimitScope::label, name + "=" + value);
      for (const auto& key : keys) {
        ++counted[key].first;
        counted[key].second += cores;
      }
    }
  }
  for (const auto& [key, usage] : state.usage) {
    const auto found = counted.find(key);
    const auto is = found == counted.end() ? std::pair<std::uint64_t, std::uint64_t>{} : found->second;
    if (is.first == usage.running && is.second == usage.cpus) continue;
    broken.push_back("what runs of " + std::string(to_text(key.first)) + " " + key.second +
                     " is not what a recount says");
  }
}

// A template is in memory for as long as something names it, or may soon.
void audit_templates(const Engine::State& state, std::vector<std::string>& broken) {
  std::map<TemplateId, std::uint64_t> counted;
  for (const auto& [id, batch] : state.batches) {
    for (const SegmentRow& segment : batch.segments) ++counted[segment.template_id];
    for (const OverrideRow& override_row : batch.overrides) ++counted[override_row.template_id];
  }
  if (counted != state.template_uses) broken.emplace_back("uses of templates are not what a recount says");
  for (const auto& [id, body] : state.templates) {
    const auto& recent = state.recent_templates;
    if (!counted.contains(id) && std::find(recent.begin(), recent.end(), id) == recent.end())
      broken.push_back("template " + std::to_string(id) + " is in memory, and nothing names it");
  }
}

}  // namespace

std::vector<std::string> Engine::audit() const {
  std::vector<std::string> broken;
  std::uint64_t running = 0;
  std::uint64_t assigned = 0;
  for (const auto& [id, batch] : state_->batches) {
    audit_batch(batch, broken);
    running += batch.count(TaskState::running);
    const bool listed =
        std::any_of(state_->placeable.begin(), state_->placeable.end(), [&](const auto& entry) {
          return entry.second.batches.contains({-std::int64_t{batch.row.priority}, id});
        });
    if (may_place(batch) != listed) {
      broken.push_back("batch " + std::to_string(id) + ": the list of what can be placed is wrong");
    }
  }
  for (const auto& [id, worker] : state_->workers) {
    audit_worker(*state_, worker, broken);
    assigned += worker.assigned.size();
  }
  audit_usage(*state_, broken);
  audit_templates(*state_, broken);
  if (running != assigned) broken.push_back("running tasks and assigned tasks differ in number");
  return broken;
}

std::string Engine::dump() const {
  std::ostringstream out;
  const Sequences& next = state_->sequences;
  out << "next " << next.next_batch << ' ' << next.next_number << ' ' << next.next_template << ' '
      << next.next_worker << ' ' << next.next_event << '\n';
  for (const auto& [id, worker] : state_->workers) {
    out << "worker " << id << ' ' << worker.row.name << ' ' << worker.row.spool_id << ' '
        << to_text(worker.row.state) << ' ' << worker.capacity.cpu_slots << ' ' << worker.in_use.cpu_slots
        << ' ' << worker.assigned.size() << " serves " << worker.row.serves << " labels";
    for (const auto& [name, value] : worker.row.labels) out << ' ' << name << '=' << value;
    for (const auto& [name, amount] : worker.capacity.named) out << " offers " << name << '=' << amount;
    out << ' ' << worker.row.quarantines << ' ' << worker.row.reason << '\n';
  }
  for (const auto& [key, usage] : state_->usage) {
    if (usage.limit.says_nothing()) continue;
    out << "limit " << to_text(key.first) << ' ' << key.second << ' ' << usage.limit.max_running.value_or(0)
        << ' ' << usage.limit.max_cpus.value_or(0) << ' ' << usage.limit.weight << ' ' << usage.running
        << '\n';
  }
  for (const auto& [id, batch] : state_->batches) {
    if (is_final(batch.row.state)) continue;  // ended ones are in memory or not, as it happens
    out << "batch " << id << ' ' << batch.row.name << ' ' << to_text(batch.row.state) << ' ' << batch.row.held
        << batch.row.closed << ' ' << batch.row.priority << ' ' << batch.row.max_running << " counts";
    for (const std::uint64_t count : batch.row.counts) out << ' ' << count;
    out << '\n';
    if (batch.row.task_count == 0) continue;
    batch.tasks.for_each(0, batch.row.task_count - 1, [&](Position a, Position b, const TaskRun& run) {
      out << "  " << a << '-' << b << ' ' << to_text(run.state) << ' ' << run.by_dependency << ' '
          << run.attempts << '\n';
    });
    for (const auto& [position, live] : batch.live) {
      const TaskState state = batch.tasks.at(position).state;
      // What a given-back task was before is not kept by the store, and decides nothing.
      const bool waits = state == TaskState::waiting && live.not_before_mono_us != 0;
      if (state != TaskState::running && live.retries == RetryCounts{} && !waits) continue;
      out << "  live " << position << " #" << live.attempt.number << '/' << live.attempt.incarnation << " on "
          << live.attempt.worker << ' ' << (live.attempt.state == AttemptState::stopping) << " user "
          << live.retries.user << " lost " << live.retries.worker_lost << " launch " << live.retries.launch
          << " waits " << waits << '\n';
    }
  }
  return out.str();
}

}  // namespace muster::engine
