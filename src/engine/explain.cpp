// Explanations: the same questions that placement asks, answered for people.
// A worker counts with what it would have if everything of it were switched on; what is switched off is said.
#include "engine/explain.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/state.h"

namespace muster::engine {
namespace {

constexpr std::size_t kNearestShown = 8;
constexpr std::size_t kBatchesLookedAt = 1000;

std::uint64_t left_of(std::uint64_t total, std::uint64_t used) { return total > used ? total - used : 0; }

// What is too little there for such a task, against `in_use`.
std::vector<Shortage> shortages(const Worker& worker, const Capacity& capacity, const InUse& in_use,
                                const Resources& wanted) {
  std::vector<Shortage> found;
  const auto look = [&](std::string what, std::uint64_t asked, std::uint64_t used, std::uint64_t total) {
    if (asked != 0 && used + asked > total)
      found.push_back({std::move(what), asked, left_of(total, used), total, {}});
  };
  look("slots", wanted.cpu_slots, in_use.cpu_slots, capacity.cpu_slots);
  look("gpus", wanted.gpu_slots, in_use.gpu_slots, capacity.gpu_slots);
  look("cpus", wanted.cpus, in_use.cpus, capacity.cpus);
  look("mem", wanted.mem_mb, in_use.mem_mb, capacity.mem_mb);
  look("disk", wanted.disk_mb, in_use.disk_mb, capacity.disk_mb);
  for (const auto& [name, amount] : wanted.named)
    look(name, amount, amount_of(in_use.named, name), amount_of(capacity.named, name));
  const bool alone = wanted.sharing == Sharing::exclusive;
  if (in_use.exclusive > 0 || (alone && in_use.tasks > 0)) found.push_back({"exclusive", 1, 0, 1, {}});
  for (const auto& one : wanted.labels) {
    const Labels& labels = worker.row.labels;
    if (std::find(labels.begin(), labels.end(), one) == labels.end())
      found.push_back({"label " + one.first, 0, 0, 0, one.second});
  }
  return found;
}

// How much of the wish would have to go; a label cannot be halved.
double distance(const Shortage& shortage) {
  if (shortage.what.starts_with("label ") || shortage.what == "user") return 0.5;
  return 1.0 - static_cast<double>(shortage.total) / static_cast<double>(shortage.asked);
}

class TaskQuestion {
 public:
  TaskQuestion(const Engine::State& state, const Batch& batch, const Resources& wanted, TaskExplanation& out)
      : state_(state), batch_(batch), wanted_(wanted), out_(out) {}

  void ask_workers() {
    for (const auto& [id, worker] : state_.workers) {
      if (worker.row.state == WorkerState::removed) continue;
      ask(worker);
    }
    std::stable_sort(all_.begin(), all_.end(), [](const auto& left, const auto& right) {
      return std::tuple(!left.first.ever, left.second) < std::tuple(!right.first.ever, right.second);
    });
    for (auto& [obstacle, rank] : all_) {
      if (out_.nearest.size() == kNearestShown) break;
      out_.nearest.push_back(std::move(obstacle));
    }
    if (out_.ever == 0 && best_) out_.change = best_;
  }

 private:
  void ask(const Worker& worker) {
    const std::string_view code = obstacle_of(state_, worker, batch_.row, wanted_);
    const Capacity whole = whole_capacity(worker);
    WorkerObstacle obstacle;
    obstacle.worker = worker.row.id;
    obstacle.name = worker.row.name;
    obstacle.code = code;
    obstacle.state = worker.row.state;
    const bool served = serves_group(worker.row.serves, batch_.row.name);
    std::vector<Shortage> never = shortages(worker, whole, InUse{}, wanted_);
    if (!may_serve(worker.row, batch_.row.owner)) never.push_back({"user", 0, 0, 0, worker.row.let_in_by});
    // What is only declared has no sizes yet: they may turn out to be enough.
    const bool declared = worker.row.is_declared_only();
    obstacle.ever = served && (declared ? carries(worker.row.labels, wanted_.labels) : never.empty());
    ++out_.workers;
    if (code.empty()) ++out_.now;
    if (obstacle.ever) {
      ++out_.ever;
      const bool small = code == "no-slot";
      if (!declared)
        obstacle.shortages = shortages(worker, worker.capacity, small ? InUse{} : worker.in_use, wanted_);
    } else {
      obstacle.shortages = never;
      if (served && !declared && never.size() == 1) consider(worker, never.front());
    }
    double rank = 0;
    for (const Shortage& one : obstacle.shortages) rank += distance(one) + 1;
    if (!served) rank += 10;
    all_.emplace_back(std::move(obstacle), rank);
  }

  void consider(const Worker& worker, const Shortage& shortage) {
    if (shortage.what == "user") return;                                      // no change of the task helps
    if (!shortage.what.starts_with("label ") && shortage.total == 0) return;  // less than one is none
    const NearestChange change{shortage.what,  shortage.asked, shortage.total,
                               shortage.label, worker.row.id,  1};
    const double far = distance(shortage);
    const bool same = best_ && best_->what == change.what && best_->enough == change.enough;
    if (same) {
      ++best_->workers;
    } else if (!best_ || far < best_distance_) {
      best_ = change;
      best_distance_ = far;
    }
  }

  const Engine::State& state_;
  const Batch& batch_;
  const Resources& wanted_;
  TaskExplanation& out_;
  std::vector<std::pair<WorkerObstacle, double>> all_;
  std::optional<NearestChange> best_;
  double best_distance_ = 0;
};

void explain_waiting(const Engine::State& state, const Batch& batch, Position position,
                     TaskExplanation& out) {
  const auto live = batch.live.find(position);
  if (live != batch.live.end()) out.not_before_wall_us = live->second.not_before_wall_us;
  const SegmentRow& segment = batch.segments[state.segment_of(batch, position)];
  for (const Dependency& dependency : segment.dependencies) {
    Dependency one = dependency;
    if (one.kind == DependencyKind::index) {
      one.kind = DependencyKind::task;
      one.index = state.index_of(batch, position);
    }
    const Gate gate = state.gate_of(one);
    if (gate == Gate::pending) out.pending.push_back(one);
    if (gate == Gate::impossible) out.impossible.push_back(one);
  }
}

// Counts by reason, in the order in which they were met.
class ReasonCounts {
 public:
  void add(const std::string& reason, std::uint64_t tasks, TaskIndex sample) {
    if (tasks == 0) return;
    for (ReasonCount& count : counts_) {
      if (count.reason != reason) continue;
      count.tasks += tasks;
      return;
    }
    counts_.push_back({reason, tasks, sample});
  }
  std::vector<ReasonCount> take() {
    std::stable_sort(counts_.begin(), counts_.end(),
                     [](const ReasonCount& a, const ReasonCount& b) { return a.tasks > b.tasks; });
    return std::move(counts_);
  }

 private:
  std::vector<ReasonCount> counts_;
};

std::uint64_t in_back_off(const Batch& batch, Position first, Position last) {
  std::uint64_t count = 0;
  for (auto it = batch.live.lower_bound(first); it != batch.live.end() && it->first <= last; ++it)
    count += it->second.not_before_mono_us != 0;
  return count;
}

}  // namespace

std::optional<TaskExplanation> Engine::explain(TaskRef ref) const {
  const Batch* batch = state_->find_batch(ref.batch);
  const auto position = batch == nullptr ? std::nullopt : state_->position_of(*batch, ref.index);
  if (!position) return std::nullopt;
  TaskExplanation out;
  const TaskRun& run = batch->tasks.at(*position);
  out.state = run.state;
  out.wanted = state_->template_of(*batch, *position).resources;
  out.group = batch->row.name;
  out.batch_held = batch->row.held;
  const auto why = this->why(ref);
  if (why) {
    out.reason = why->reason;
    out.limit = why->limit;
    out.obstacles = why->workers;
  }
  if (run.state == TaskState::waiting || run.state == TaskState::cancelled)
    explain_waiting(*state_, *batch, *position, out);
  if (!is_final(run.state) && run.state != TaskState::running)
    TaskQuestion(*state_, *batch, out.wanted, out).ask_workers();
  return out;
}

std::vector<ReasonCount> Engine::explain_batch(BatchId id) const {
  const Batch* batch = state_->find_batch(id);
  if (batch == nullptr || batch->row.task_count == 0) return {};
  ReasonCounts counts;
  std::map<TemplateId, std::string> of_template;  // a million ready tasks of one template are one question
  batch->tasks.for_each(0, batch->row.task_count - 1, [&](Position a, Position b, const TaskRun& run) {
    const TaskIndex sample = state_->index_of(*batch, a);
    const std::uint64_t tasks = b - a + 1;
    const bool moves = run.state == TaskState::ready || run.state == TaskState::waiting;
    if (run.state == TaskState::held || (moves && batch->row.held)) return counts.add("held", tasks, sample);
    if (run.state == TaskState::waiting) {
      const std::uint64_t back_off = in_back_off(*batch, a, b);
      counts.add("backoff", back_off, sample);
      return counts.add("dependency", tasks - back_off, sample);
    }
    if (run.state == TaskState::cancelled && run.by_dependency)
      return counts.add("dependency", tasks, sample);
    if (run.state != TaskState::ready) return;
    for (Position at = a; at <= b;) {
      const Position until = state_->same_template_until(*batch, at, b);
      const auto [found, fresh] = of_template.try_emplace(state_->template_id_of(*batch, at));
      if (fresh) found->second = reason_of(*state_, *batch, at);
      counts.add(found->second, until - at + 1, state_->index_of(*batch, at));
      at = until + 1;
    }
  });
  return counts.take();
}

std::optional<WorkerExplanation> Engine::explain_worker(WorkerId id) const {
  const auto found = state_->workers.find(id);
  if (found == state_->workers.end()) return std::nullopt;
  const Worker& worker = found->second;
  WorkerExplanation out;
  out.row = worker.row;
  out.connected = worker.session != 0;
  out.assigned = worker.assigned.size();
  out.slots = worker.capacity.cpu_slots + worker.capacity.gpu_slots;
  for (const auto& [batch_id, position] : worker.assigned) {
    const AttemptState phase = state_->batches.at(batch_id).live.at(position).attempt.state;
    out.executing += phase == AttemptState::executing || phase == AttemptState::stopping;
  }
  std::size_t looked_at = 0;
  for (const auto& [batch_id, batch] : state_->batches) {
    if (!may_place(batch)) continue;
    if (++looked_at > kBatchesLookedAt) break;
    ++out.ready_batches;
    const auto run =
        batch.tasks.find(batch.ready_from, [](const TaskRun& one) { return one.state == TaskState::ready; });
    if (!run) continue;
    const Resources& wanted = state_->template_of(batch, run->first).resources;
    std::string code(obstacle_of(*state_, worker, batch.row, wanted));
    if (code.empty()) code = state_->full_limit(batch, wanted) != nullptr ? "quota" : "next";
    const auto counted = std::find_if(out.obstacles.begin(), out.obstacles.end(),
                                      [&](const auto& entry) { return entry.first == code; });
    if (counted != out.obstacles.end()) {
      ++counted->second;
    } else {
      out.obstacles.emplace_back(code, 1);
      out.samples.emplace_back(code, batch_id);
    }
  }
  return out;
}

}  // namespace muster::engine
