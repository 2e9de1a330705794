// Why a task does not move, as data: one code, and what rules out each worker.
// The codes are those of `muster help reasons`; who reads them may rely on them.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

namespace {

std::string reason_to_wait(const Engine::State& state, const Batch& batch, Position position) {
  const auto live = batch.live.find(position);
  if (live != batch.live.end() && live->second.not_before_mono_us != 0) return "backoff";
  return state.task_gate(batch, position) == Gate::met ? "" : "dependency";
}

}  // namespace

std::string_view obstacle_of(const Engine::State& state, const Worker& worker, const BatchRow& batch,
                             const Resources& wanted) {
  if (!carries(worker.row.labels, wanted.labels) || !serves_group(worker.row.serves, batch.name))
    return "no-label";
  if (!may_serve(worker.row, batch.owner)) return "no-worker";
  if (worker.row.is_declared_only()) return "no-worker";
  if (fits(wanted, worker.capacity, InUse{}) == Fit::too_big)
    return fits(wanted, whole_capacity(worker), InUse{}) == Fit::too_big ? "too-big" : "no-slot";
  if (worker.row.state == WorkerState::draining || worker.row.state == WorkerState::paused ||
      worker.row.state == WorkerState::quarantined) {
    return "draining";
  }
  if (worker.session == 0 || worker.row.state != WorkerState::online) return "no-worker";
  if (state.label_left(worker, wanted) == 0) return "quota";
  return fits(wanted, worker.capacity, worker.in_use) == Fit::fits ? "" : "busy";
}

namespace {

using Counts = std::vector<std::pair<std::string, std::uint64_t>>;

void count(Counts& counts, std::string_view what) {
  const auto found =
      std::find_if(counts.begin(), counts.end(), [&](const auto& entry) { return entry.first == what; });
  if (found != counts.end()) {
    ++found->second;
  } else {
    counts.emplace_back(what, 1);
  }
}

// What the most hopeful worker waits for: the nearest to running first.
std::string nearest(const Counts& counts) {
  for (const std::string_view code :
       {"busy", "quota", "draining", "no-slot", "no-worker", "no-label", "too-big"}) {
    for (const auto& [what, workers] : counts) {
      if (what == code) return std::string(code);
    }
  }
  return "no-worker";
}

std::string text_of(const LimitRow& limit) {
  std::string text = std::string(to_text(limit.scope)) + ":" + limit.name;
  if (limit.max_running) text += ", max-running " + std::to_string(*limit.max_running);
  if (limit.max_cpus) text += ", max-cpus " + std::to_string(*limit.max_cpus);
  return text;
}

WhyView why_ready(const Engine::State& state, const Batch& batch, Position position) {
  WhyView why;
  const Resources& wanted = state.template_of(batch, position).resources;
  for (const auto& [id, worker] : state.workers) {
    if (worker.row.state == WorkerState::removed) continue;
    const std::string_view what = obstacle_of(state, worker, batch.row, wanted);
    count(why.workers, what.empty() ? "busy" : what);
  }
  if (batch.row.max_running != 0 && batch.count(TaskState::running) >= batch.row.max_running) {
    why.reason = "max-running";
    why.limit =
        "batch " + std::to_string(batch.row.id) + ", max-running " + std::to_string(batch.row.max_running);
  } else if (const LimitRow* limit = state.full_limit(batch, wanted)) {
    why.reason = "quota";
    why.limit = text_of(*limit);
  } else {
    why.reason = nearest(why.workers);
  }
  if (why.reason != "quota" || !why.limit.empty()) return why;
  for (const auto& [id, worker] : state.workers) {
    for (const Usage* label : worker.of_labels) {
      if (!label->limit.says_nothing()) why.limit = text_of(label->limit);
    }
  }
  return why;
}

}  // namespace

std::string reason_of(const Engine::State& state, const Batch& batch, Position position) {
  switch (batch.tasks.at(position).state) {
    case TaskState::held:
      return "held";
    case TaskState::waiting:
      return batch.row.held ? "held" : reason_to_wait(state, batch, position);
    case TaskState::ready:
      if (batch.row.held) return "held";
      return state.reasons.of(state, batch, position);
    case TaskState::cancelled:
      return batch.tasks.at(position).by_dependency ? "dependency" : "";
    default:
      return "";
  }
}

// A page of a thousand tasks asks a thousand times between two turns, and the answer is the same for all of a template.
const std::string& ReasonCache::of(const Engine::State& state, const Batch& batch, Position position) {
  const TemplateId id = state.template_id_of(batch, position);
  if (turn_ != state.turns || batch_ != batch.row.id || template_ != id) {
    turn_ = state.turns;
    batch_ = batch.row.id;
    template_ = id;
    reason_ = why_ready(state, batch, position).reason;
  }
  return reason_;
}

std::optional<WhyView> Engine::why(TaskRef ref) const {
  const Batch* batch = state_->find_batch(ref.batch);
  if (batch == nullptr) return std::nullopt;
  const auto position = state_->position_of(*batch, ref.index);
  if (!position) return std::nullopt;
  const bool ready = batch->tasks.at(*position).state == TaskState::ready && !batch->row.held;
  if (ready) return why_ready(*state_, *batch, *position);
  WhyView why;
  why.reason = reason_of(*state_, *batch, *position);
  return why;
}

}  // namespace muster::engine
