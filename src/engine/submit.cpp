// New tasks: into a new batch, or added to one that is open.
// Everything is refused before anything is changed; the same key gives the same answer.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

namespace {

constexpr std::size_t kRecentTemplates = 16;
constexpr std::size_t kRecentKeys = 65536;

std::uint64_t series_count(const IndexSeries& series) {
  return (series.last - series.first) / series.step + 1;
}

std::string describe(const Resources& wanted) {
  std::string text;
  const auto add = [&](std::uint64_t amount, const char* unit) {
    if (amount > 0) text += (text.empty() ? "" : ", ") + std::to_string(amount) + " " + unit;
  };
  add(wanted.cpu_slots, wanted.cpu_slots == 1 ? "CPU slot" : "CPU slots");
  add(wanted.gpu_slots, wanted.gpu_slots == 1 ? "GPU slot" : "GPU slots");
  add(wanted.cpus, wanted.cpus == 1 ? "core" : "cores");
  add(wanted.mem_mb, "MiB of memory");
  add(wanted.disk_mb, "MiB of disk");
  for (const auto& [name, amount] : wanted.named) add(amount, name.c_str());
  for (const auto& [name, value] : wanted.labels) text += ", a worker with " + name + "=" + value;
  if (wanted.sharing == Sharing::exclusive) text += ", the whole worker";
  return text;
}

}  // namespace

std::optional<Error> infeasible(const Engine::State& state, const Resources& wanted,
                                const std::string& owner) {
  std::optional<Capacity> largest;
  bool any_with_labels = false;
  const WorkerRow* of_another = nullptr;
  for (const auto& [id, worker] : state.workers) {
    if (worker.row.state == WorkerState::removed) continue;
    const Capacity whole = whole_capacity(worker);
    const bool carries_all = carries(worker.row.labels, wanted.labels);
    any_with_labels = any_with_labels || carries_all;
    if (carries_all && fits(wanted, whole, InUse{}) != Fit::too_big) {
      if (may_serve(worker.row, owner)) return std::nullopt;
      of_another = &worker.row;
    }
    if (!largest || whole.mem_mb > largest->mem_mb) largest = whole;
  }
  if (!largest) return std::nullopt;  // no worker yet: it waits for one
  if (of_another != nullptr) {
    return Error{
        ErrorKind::infeasible, kInfeasible,
        "no worker can ever run this for " + owner + ": tasks on worker " + of_another->name +
            " are root's, so it serves " + of_another->let_in_by + " alone",
        "restart it with --run-as USER (muster up --run-as USER for a server's own worker), or add another "
        "worker: muster invite"};
  }
  const std::string what = "no worker can ever run this: it needs " + describe(wanted);
  if (!any_with_labels)
    return Error{
        ErrorKind::infeasible, kInfeasible, what + "; no worker carries these labels",
        "see what they carry: muster worker list -o wide; give one a label: muster worker set NAME --label"};
  std::string has = std::to_string(largest->cpu_slots) + " CPU slots, " + std::to_string(largest->gpu_slots) +
                    " GPU slots, " + std::to_string(largest->cpus) + " cores, " +
                    std::to_string(largest->mem_mb) + " MiB of memory, " + std::to_string(largest->disk_mb) +
                    " MiB of disk";
  for (const auto& [name, amount] : largest->named) has += ", " + std::to_string(amount) + " " + name;
  return Error{ErrorKind::infeasible, kInfeasible, what + "; the largest worker has " + has,
               "ask for less, or see what there is: muster worker list"};
}

struct SubmitPlan {
  std::vector<IndexSeries> series;
  std::uint64_t count = 0;
};

// The series of indexes this submission takes, checked against those that are taken.
static Result<SubmitPlan> plan_indexes(const Submit& submit, const Batch* into) {
  TaskIndex next_free = 1;
  if (into != nullptr) {
    for (const SegmentRow& row : into->segments) {
      next_free = std::max(next_free, row.first_index + (row.count - 1) * row.step + 1);
    }
  }
  SubmitPlan plan;
  if (submit.series.empty()) {
    const std::uint64_t count = submit.items.empty() ? 1 : submit.item_count;
    plan.series.push_back({next_free, next_free + count - 1, 1});
  } else {
    plan.series = submit.series;
  }
  for (const IndexSeries& series : plan.series) {
    plan.count += series_count(series);
    if (into == nullptr) continue;
    for (const SegmentRow& row : into->segments) {
      const TaskIndex row_last = row.first_index + (row.count - 1) * row.step;
      if (series.last < row.first_index || series.first > row_last) continue;
      for (TaskIndex index = std::max(series.first, row.first_index);
           index <= std::min(series.last, row_last); ++index) {
        const bool ours = (index - series.first) % series.step == 0;
        if (ours && (index - row.first_index) % row.step == 0) {
          return refuse(
              ErrorKind::wrong_state, kIndexUsed,
              "batch " + std::to_string(into->row.id) + " already has a task " + std::to_string(index),
              "choose other indexes, or submit into a new batch");
        }
      }
    }
  }
  return plan;
}

static TemplateId intern_template(Engine::State& state, const std::shared_ptr<const TaskTemplate>& body) {
  for (const TemplateId id : state.recent_templates) {
    const auto known = state.templates.find(id);
    if (known != state.templates.end() && *known->second == *body) return id;
  }
  const TemplateId id = state.sequences.next_template++;
  state.sequences_changed = true;
  state.templates.emplace(id, body);
  state.recent_templates.push_back(id);
  if (state.recent_templates.size() > kRecentTemplates) {
    const TemplateId oldest = state.recent_templates.front();
    state.recent_templates.pop_front();
    state.forget_unused(oldest);
  }
  state.decision.changes.templates.push_back({id, body});
  return id;
}

TemplateId add_template(Engine::State& state, const std::shared_ptr<const TaskTemplate>& body) {
  return intern_template(state, body);
}

static Batch& make_batch(Engine::State& state, const Submit& submit) {
  const BatchId id = state.sequences.next_batch++;
  state.sequences_changed = true;
  Batch& batch = state.batches[id];
  batch.row.id = id;
  batch.row.project = submit.principal.project;
  batch.row.owner = submit.principal.user;
  batch.row.name = submit.batch_name.empty() ? submit.body->name : submit.batch_name;
  batch.row.priority = submit.priority;
  batch.row.max_running = submit.max_running;
  batch.row.held = submit.held;
  batch.row.created_wall_us = state.now.wall_us;
  return batch;
}

static void add_segment(Engine::State& state, Batch& batch, const Submit& submit, const IndexSeries& series,
                        TemplateId template_id) {
  SegmentRow row;
  row.batch = batch.row.id;
  row.ordinal = static_cast<std::uint32_t>(batch.segments.size());
  row.first_position = batch.row.task_count;
  row.count = series_count(series);
  row.first_index = series.first;
  row.step = series.step;
  row.first_number = state.sequences.next_number;
  row.template_id = template_id;
  row.has_items = !submit.items.empty();
  row.dependencies = submit.dependencies;
  state.sequences.next_number += row.count;
  state.sequences_changed = true;
  const Position last = row.first_position + row.count - 1;
  batch.tasks.append(row.first_position, last, TaskRun{});
  batch.override_of.append(row.first_position, last, 0);
  batch.row.counts[static_cast<std::size_t>(TaskState::waiting)] += row.count;
  batch.row.task_count += row.count;
  batch.segments.push_back(row);
  state.note_template(batch, template_id);
  batch.gates.push_back(Gate::pending);
  SegmentItems items;
  std::uint64_t item = 0;
  for (const auto& block : submit.items) {
    items.blocks.push_back({batch.row.id, row.ordinal, item, block});
    state.decision.changes.item_blocks.push_back(items.blocks.back());
    item += block->rows();
  }
  batch.items.push_back(std::move(items));
  state.decision.changes.segments.push_back(row);
  for (const Dependency& dependency : row.dependencies)
    state.dependents_of[dependency.batch].insert(batch.row.id);
  state.evaluate_segment(batch, row.ordinal, row.first_position, last);
}

static std::optional<Error> refusal(const Engine::State& state, const Submit& submit, const Batch* into) {
  if (state.shutting_down) {
    return Error{ErrorKind::temporary, kServerStartingOrStopping, "the server is going down",
                 "submit again when it is back"};
  }
  if (state.space == SpaceState::low && !submit.dry_run) {
    return Error{ErrorKind::temporary, kDiskFull, "the disk of the server is full: nothing new is accepted",
                 "make room in its data folder and submit again; what is running is still recorded"};
  }
  if (submit.batch != 0 && into == nullptr) {
    return Error{ErrorKind::not_found, kNoSuchThing, "there is no batch " + std::to_string(submit.batch),
                 "list them: muster batch list"};
  }
  if (into != nullptr && into->row.closed) {
    return Error{
        ErrorKind::wrong_state, kBatchClosed, "batch " + std::to_string(into->row.id) + " is closed",
        "submit into a new batch, or open it: muster batch set " + std::to_string(into->row.id) + " --open"};
  }
  if (into != nullptr && into->row.state == BatchState::cancelling) {
    return Error{ErrorKind::wrong_state, kWrongState,
                 "batch " + std::to_string(into->row.id) + " is being cancelled",
                 "wait for its end: muster wait " + std::to_string(into->row.id)};
  }
  if (auto error = infeasible(state, submit.body->resources,
                              into != nullptr ? into->row.owner : submit.principal.user))
    return error;
  return state.check_dependencies(submit);
}

// The answer to a key that was used before, if it was.
static std::optional<ReplyBody> answer_of_key(const Engine::State& state, const Submit& submit) {
  if (submit.key.empty()) return std::nullopt;
  const auto recent = state.recent_keys.find({submit.principal.project, submit.key});
  const KeyRow* row = recent != state.recent_keys.end() ? &recent->second : nullptr;
  if (row == nullptr && submit.known_key) row = &*submit.known_key;
  if (row == nullptr) return std::nullopt;
  if (row->body_hash != submit.body_hash) {
    return Error{ErrorKind::wrong_state, kKeyReused,
                 "the key was used for another submission: batch " + std::to_string(row->batch),
                 "use a new key for new work"};
  }
  Submitted again;
  again.batch = row->batch;
  again.name = row->batch_name;
  again.first_index = row->first_index;
  again.last_index = row->last_index;
  again.count = row->count;
  again.first_number = row->first_number;
  again.replayed = true;
  return again;
}

static void remember_key(Engine::State& state, const Submit& submit, const Submitted& answer) {
  if (submit.key.empty()) return;
  KeyRow row;
  row.project = submit.principal.project;
  row.key = submit.key;
  row.body_hash = submit.body_hash;
  row.batch = answer.batch;
  row.batch_name = answer.name;
  row.first_index = answer.first_index;
  row.last_index = answer.last_index;
  row.count = answer.count;
  row.first_number = answer.first_number;
  row.created_wall_us = state.now.wall_us;
  state.remember(std::move(row));
}

void Engine::State::remember(KeyRow row) {
  recent_keys[{row.project, row.key}] = row;
  recent_keys_order.emplace_back(row.project, row.key);
  if (recent_keys_order.size() > kRecentKeys) {
    recent_keys.erase(recent_keys_order.front());
    recent_keys_order.pop_front();
  }
  decision.changes.keys.push_back(std::move(row));
}

void Engine::State::on(const Submit& input) {
  if (auto known = answer_of_key(*this, input)) return reply(input.request, std::move(*known));
  Submit submit = input;
  if (submit.batch == 0 && !submit.batch_name.empty()) {
    // A batch made a moment ago, in the same group, is not in the caller's history yet.
    for (auto it = batches.rbegin(); it != batches.rend(); ++it) {
      const BatchRow& row = it->second.row;
      if (row.name == submit.batch_name && row.project == submit.principal.project && !row.closed) {
        submit.batch = row.id;
        break;
      }
    }
  }
  Batch* into = submit.batch != 0 ? find_batch(submit.batch) : nullptr;
  if (auto error = refusal(*this, submit, into)) return reply(input.request, std::move(*error));
  Result<SubmitPlan> plan = plan_indexes(submit, into);
  if (!plan) return reply(input.request, plan.error());
  for (const Dependency& dependency : submit.dependencies) {
    if (dependency.kind != DependencyKind::index) continue;
    for (const IndexSeries& series : plan->series) {
      for (TaskIndex index = series.first; index <= series.last; index += series.step) {
        if (position_of(batches.at(dependency.batch), index)) continue;
        return reply(input.request, Error{ErrorKind::usage, kMalformedValue,
                                          "task " + std::to_string(index) + " would wait for " +
                                              std::to_string(dependency.batch) + "." + std::to_string(index) +
                                              ", which does not exist",
                                          "give both batches the same indexes"});
      }
    }
  }
  Submitted answer;
  answer.count = plan->count;
  answer.first_index = plan->series.front().first;
  answer.last_index = plan->series.back().last;
  answer.batch = submit.batch;
  answer.name = into != nullptr             ? into->row.name
                : submit.batch_name.empty() ? submit.body->name
                                            : submit.batch_name;
  if (submit.dry_run) return reply(input.request, std::move(answer));
  answer.first_number = sequences.next_number;
  const bool fresh = into == nullptr;
  Batch& batch = fresh ? make_batch(*this, submit) : *into;
  const TemplateId template_id = intern_template(*this, submit.body);
  for (const IndexSeries& series : plan->series) add_segment(*this, batch, submit, series, template_id);
  if (submit.closed) batch.row.closed = true;
  changed_batches.insert(batch.row.id);
  unsettled_batches.insert(batch.row.id);
  journal(fresh ? EventKind::batch_created : EventKind::tasks_added, batch.row.id,
          std::to_string(plan->count) + (plan->count == 1 ? " task" : " tasks"), submit.principal.user);
  answer.batch = batch.row.id;
  remember_key(*this, submit, answer);
  reply(input.request, std::move(answer));
}

}  // namespace muster::engine
