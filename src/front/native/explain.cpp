// /explain: why a task, a batch or a worker does not move, as numbers, as a sentence, and as the commands that would help.
// The sentence is the same on every screen; "feasible" false means that nothing that is there can ever run it.
#include <algorithm>

#include "core/escape.h"
#include "core/units.h"
#include "front/native/call.h"
#include "front/native/describe.h"

namespace muster::front::native {
namespace {

using engine::TaskExplanation;
using engine::WorkerExplanation;
using engine::WorkerObstacle;

struct Told {
  std::string sentence;
  std::vector<std::string> commands;
  bool feasible = true;
};

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

// 16G when it is whole, else 15000M: what --mem reads back as the same.
std::string size_text(std::uint64_t size_mb) {
  return size_mb % 1024 == 0 ? std::to_string(size_mb / 1024) + "G" : std::to_string(size_mb) + "M";
}

std::string amount_text(std::string_view what, std::uint64_t amount) {
  return what == "mem" || what == "disk" ? size_text(amount) : std::to_string(amount);
}

std::string id_of(const Dependency& dependency) {
  const std::string batch = std::to_string(dependency.batch);
  return dependency.kind == DependencyKind::batch ? batch : batch + "." + std::to_string(dependency.index);
}

// Which option of `worker set` switches on what the nearest worker has too little of.
void suggest_slots(const TaskExplanation& why, Told& told) {
  for (const WorkerObstacle& one : why.nearest) {
    if (one.code != "no-slot") continue;
    for (const engine::Shortage& shortage : one.shortages) {
      const std::string option = shortage.what == "gpus" ? " --gpu-slots " : " --slots ";
      if (shortage.what == "gpus" || shortage.what == "slots")
        told.commands.push_back("muster worker set " + one.name + option + std::to_string(shortage.asked));
    }
    if (!told.commands.empty()) return;
  }
}

void suggest_resume(const TaskExplanation& why, Told& told) {
  for (const WorkerObstacle& one : why.nearest) {
    if (one.code == "draining") return told.commands.push_back("muster worker resume " + one.name);
  }
}

void suggest_change(const TaskExplanation& why, const std::string& selector, WorkerNames& workers,
                    Told& told) {
  if (!why.change) return;
  const engine::NearestChange& change = *why.change;
  if (change.what.starts_with("label ")) {
    told.commands.push_back("muster worker set " + workers.name(change.worker) + " --label " +
                            change.what.substr(6) + "=" + change.label);
    return;
  }
  for (const std::string_view option : {"mem", "disk", "cpus", "slots", "gpus"}) {
    if (change.what == option)
      told.commands.push_back("muster task set " + selector + " --" + change.what + " " +
                              amount_text(change.what, change.enough));
  }
}

// A worker that would do, if its tasks were not root's.
const WorkerObstacle* of_another_user(const TaskExplanation& why) {
  for (const WorkerObstacle& one : why.nearest) {
    if (one.shortages.size() == 1 && one.shortages.front().what == "user") return &one;
  }
  return nullptr;
}

// What each reason means for this task, in words that follow "42.118 is ready: ".
std::string because(const TaskExplanation& why) {
  const std::string of = " of " + counted(why.workers, "worker", "workers");
  if (why.reason == "held") return why.batch_held ? "its batch is held" : "it is held";
  if (why.reason == "backoff")
    return "it failed, and is tried again at " +
           format_rfc3339(why.not_before_wall_us, TimePrecision::seconds);
  if (why.reason == "dependency") {
    if (!why.impossible.empty())
      return "it needs " + id_of(why.impossible.front()) + ", which did not succeed";
    std::string text = "it waits for ";
    for (std::size_t i = 0; i < why.pending.size() && i < 3; ++i)
      text += (i == 0 ? "" : ", ") + id_of(why.pending[i]);
    if (why.pending.size() > 3) text += " and " + std::to_string(why.pending.size() - 3) + " more";
    return why.pending.empty() ? "what it waits for is there" : text;
  }
  if (why.reason == "max-running" || why.reason == "quota") return "the limit is reached: " + why.limit;
  if (why.workers == 0) return "there is no worker";
  if (const WorkerObstacle* root = of_another_user(why); root != nullptr && why.ever == 0) {
    return "tasks on " + root->name + " are root's, so it serves " + root->shortages.back().label +
           " alone, and no other worker could run this";
  }
  return std::to_string(why.now) + of + " can take it now, " + std::to_string(why.ever) + " ever could";
}

Told tell_waiting(const std::string& id, BatchId batch, const TaskExplanation& why, WorkerNames& workers) {
  Told told;
  told.sentence = id + " is " + std::string(to_text(why.state)) + ": " + because(why);
  told.feasible = why.workers == 0 || why.ever > 0;
  if (why.reason == "held")
    told.commands.push_back("muster release " + (why.batch_held ? std::to_string(batch) : id));
  for (const Dependency& one : why.impossible) told.commands.push_back("muster retry " + id_of(one));
  if (why.reason == "dependency" && why.impossible.empty() && !why.pending.empty())
    told.commands.push_back("muster explain " + id_of(why.pending.front()));
  if (why.reason == "max-running")
    told.commands.push_back("muster batch set " + std::to_string(batch) + " --max-running 0");
  if (why.reason == "quota") told.commands.emplace_back("muster limit list");
  if (why.reason == "no-slot") suggest_slots(why, told);
  if (why.reason == "draining") suggest_resume(why, told);
  if (why.ever == 0 && of_another_user(why) != nullptr) {
    told.commands.emplace_back("muster up --run-as USER");
    told.commands.emplace_back("muster invite");
  } else if (why.workers == 0 || why.reason == "no-worker") {
    told.commands.emplace_back(why.workers == 0 ? "muster up -d" : "muster worker list");
    told.commands.emplace_back("muster invite");
  }
  if (why.ever == 0) suggest_change(why, id, workers, told);
  return told;
}

Told tell_task(const std::string& id, const Selected& selected, const ListedTask& task,
               const AttemptRecord& attempt, const std::optional<TaskExplanation>& why, Micros now_wall_us,
               WorkerNames& workers) {
  Told told;
  if (task.state == TaskState::running) {
    told.sentence = id + " runs on " + workers.name(attempt.worker) + " (" +
                    std::string(to_text(attempt.state)) + "), granted " +
                    format_duration(now_wall_us - attempt.granted_wall_us) + " ago";
    told.commands.push_back("muster logs -f " + id);
    return told;
  }
  if (!is_final(task.state) && why) return tell_waiting(id, selected.batch.id, *why, workers);
  told.sentence = id + " " + std::string(task.state == TaskState::cancelled ? "was " : "") +
                  std::string(to_text(task.state));
  if (task.state == TaskState::cancelled && why && !why->impossible.empty()) {
    told.sentence += ": it needs " + id_of(why->impossible.front()) + ", which did not succeed";
    told.commands.push_back("muster retry " + id_of(why->impossible.front()));
    return told;
  }
  if (task.state == TaskState::failed) {
    const Finished& end = attempt.end;
    told.sentence +=
        " after " + counted(attempt.number, "attempt", "attempts") + ": " + std::string(to_text(end.cause));
    if (end.cause == Cause::exit) told.sentence += " " + std::to_string(end.exit_code);
    if (end.signal != 0) told.sentence += ", signal " + std::to_string(end.signal);
    if (!end.message.empty()) told.sentence += ", " + end.message;
    told.commands.push_back("muster logs " + id);
  }
  if (task.state != TaskState::succeeded) told.commands.push_back("muster retry " + id);
  return told;
}

void write_told(wire::JsonWriter& out, const Told& told) {
  out.key("sentence").text(told.sentence);
  out.key("feasible").flag(told.feasible);
  out.key("try").begin_array();
  for (const std::string& command : told.commands) out.text(command);
  out.end_array();
}

void write_counts(wire::JsonWriter& out, const std::vector<std::pair<std::string, std::uint64_t>>& counts) {
  out.begin_object();
  for (const auto& [what, count] : counts) out.key(what).number(count);
  out.end_object();
}

void write_nearest(wire::JsonWriter& out, const std::vector<WorkerObstacle>& nearest) {
  out.key("nearest").begin_array();
  for (const WorkerObstacle& one : nearest) {
    out.begin_object();
    out.key("worker").text(one.name);
    out.key("state").text(to_text(one.state));
    out.key("code").text_or_null(one.code);
    out.key("ever").flag(one.ever);
    out.key("shortages").begin_array();
    for (const engine::Shortage& shortage : one.shortages) {
      out.begin_object().key("what").text(shortage.what);
      out.key("asked").number(shortage.asked).key("free").number(shortage.free);
      out.key("total").number(shortage.total).key("label").text_or_null(shortage.label).end_object();
    }
    out.end_array().end_object();
  }
  out.end_array();
}

void write_ids(wire::JsonWriter& out, std::string_view key, const std::vector<Dependency>& dependencies) {
  out.key(key).begin_array();
  for (const Dependency& one : dependencies) out.text(id_of(one));
  out.end_array();
}

void explain_task(const CallPtr& call, const Selected& selected) {
  Backend& backend = call->backend;
  const Layout layout = Layout::of(backend, selected.batch.id);
  const TaskPage page = task_page(backend, selected.batch, layout.intervals(selected.ranges), {}, 0, 1);
  if (page.tasks.empty()) return call->fail(no_such_thing("there is no such task", ""));
  const ListedTask& task = page.tasks.front();
  WorkerNames workers(backend);
  TaskDescriber describer(backend, selected.batch, layout, workers);
  const TaskRef ref = describer.ref(task.position);
  const std::string id = wire::task_id(ref);
  const std::optional<TaskExplanation> why = backend.engine().explain(ref);
  const Told told =
      tell_task(id, selected, task, describer.newest_attempt(task), why, backend.now().wall_us, workers);
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.explanation/1");
  out.key("thing").text("task").key("id").text(id);
  out.key("state").text(to_text(task.state));
  out.key("reason").text_or_null(why ? why->reason : std::string());
  write_told(out, told);
  if (why) {
    out.key("limit").text_or_null(why->limit);
    out.key("needs");
    wire::write_resources(out, why->wanted);
    out.key("workers").begin_object().key("total").number(why->workers);
    out.key("now").number(why->now).key("ever").number(why->ever).end_object();
    out.key("obstacles");
    write_counts(out, why->obstacles);
    write_nearest(out, why->nearest);
    write_ids(out, "waits_for", why->pending);
    write_ids(out, "impossible", why->impossible);
    out.key("not_before").time(why->not_before_wall_us);
  }
  out.end_object();
  call->answer(200, std::move(json));
}

std::string sentence_of(const BatchRow& batch, const TaskCounts& counts) {
  const auto count = [&](TaskState state) { return counts[static_cast<std::size_t>(state)]; };
  std::string text = "batch " + std::to_string(batch.id) + " " + batch.name + " is " +
                     std::string(to_text(batch.state)) + ": ";
  bool first = true;
  for (const TaskState state : {TaskState::running, TaskState::ready, TaskState::waiting, TaskState::held,
                                TaskState::succeeded, TaskState::failed, TaskState::cancelled}) {
    if (count(state) == 0) continue;
    text += (first ? "" : ", ") + std::to_string(count(state)) + " " + std::string(to_text(state));
    first = false;
  }
  return text + (first ? "no task yet" : "");
}

void explain_batch(const CallPtr& call, const Selected& selected) {
  const BatchRow& row = selected.batch;
  const engine::Engine& engine = call->backend.engine();
  const TaskCounts counts = shown_counts(row);
  WorkerNames workers(call->backend);
  Told told;
  told.sentence = sentence_of(row, counts);
  const std::vector<engine::ReasonCount> reasons =
      is_final(row.state) ? std::vector<engine::ReasonCount>() : engine.explain_batch(row.id);
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.explanation/1");
  out.key("thing").text("batch").key("id").number(row.id).key("name").text(row.name);
  out.key("state").text(to_text(row.state));
  out.key("reasons").begin_array();
  bool all_never = !reasons.empty() && counts[static_cast<std::size_t>(TaskState::running)] == 0;
  for (const engine::ReasonCount& one : reasons) {
    const TaskRef sample{row.id, one.sample};
    const std::optional<TaskExplanation> why = engine.explain(sample);
    const bool never = why && why->workers > 0 && why->ever == 0 && !is_final(why->state);
    all_never = all_never && never;
    Told why_told;
    if (why && !is_final(why->state)) why_told = tell_waiting(wire::task_id(sample), row.id, *why, workers);
    out.begin_object();
    out.key("reason").text_or_null(one.reason);
    out.key("tasks").number(one.tasks);
    out.key("sample").text(wire::task_id(sample));
    out.key("sentence").text(why ? because(*why) : "");
    out.key("never").flag(never);
    out.key("try").begin_array();
    for (const std::string& command : why_told.commands) out.text(command);
    out.end_array().end_object();
  }
  out.end_array();
  told.feasible = !all_never;
  if (counts[static_cast<std::size_t>(TaskState::failed)] > 0)
    told.commands.push_back("muster failures " + std::to_string(row.id));
  write_told(out, told);
  out.end_object();
  call->answer(200, std::move(json));
}

Told tell_worker(const WorkerExplanation& why) {
  Told told;
  const std::string& name = why.row.name;
  const std::string state(to_text(why.row.state));
  const bool set_aside = why.row.state == WorkerState::paused || why.row.state == WorkerState::draining ||
                         why.row.state == WorkerState::quarantined;
  if (why.row.is_declared_only()) {
    told.sentence = name + " is declared, and no agent has come under this name yet";
    told.commands.push_back("muster invite --name " + name);
  } else if (set_aside) {
    told.sentence = name + " takes nothing new: it is " + state +
                    (why.row.reason.empty() ? "" : " (" + why.row.reason + ")");
    told.commands.push_back("muster worker resume " + name);
  } else if (!why.connected) {
    told.sentence = name + " is " + state + ": its agent is not connected";
    told.commands.push_back("muster worker show " + name);
  } else if (why.slots == 0) {
    told.sentence = name + " has no slot switched on";
    told.commands.push_back("muster worker set " + name + " --slots " +
                            std::to_string(std::max(1U, why.row.facts.capacity.cpu_slots)));
  } else if (why.assigned >= why.slots) {
    told.sentence =
        name + " is busy: " + std::to_string(why.slots) + " of " + counted(why.slots, "slot", "slots");
  } else if (why.ready_batches == 0) {
    told.sentence = name + " has room, and no task is ready";
    told.commands.emplace_back("muster status");
  } else {
    told.sentence = name + " has room; " + counted(why.ready_batches, "batch has", "batches have") +
                    " ready tasks, which this worker cannot take:";
    for (const auto& [code, count] : why.obstacles) told.sentence += " " + std::to_string(count) + " " + code;
    for (const auto& [code, batch] : why.samples)
      told.commands.push_back("muster explain " + std::to_string(batch));
  }
  return told;
}

void explain_worker(const CallPtr& call, const std::string& name) {
  std::optional<WorkerExplanation> why;
  for (const engine::WorkerView& view : call->backend.engine().workers()) {
    if (view.row.name == name || std::to_string(view.row.id) == name)
      why = call->backend.engine().explain_worker(view.row.id);
    if (view.row.name == name) break;
  }
  if (!why)
    return call->fail(no_such_thing("there is no worker \"" + escape_text(truncate_text(name, 100)) + "\"",
                                    "list them: muster worker list"));
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.explanation/1");
  out.key("thing").text("worker").key("id").number(why->row.id).key("name").text(why->row.name);
  out.key("state").text(to_text(why->row.state));
  write_told(out, tell_worker(*why));
  out.key("slots").number(why->slots);
  out.key("executing").number(why->executing);
  out.key("ready_batches").number(why->ready_batches);
  out.key("obstacles");
  write_counts(out, why->obstacles);
  out.end_object();
  call->answer(200, std::move(json));
}

}  // namespace

void explain(const CallPtr& call) {
  QueryReader query(call->target);
  std::string selector;
  std::string worker;
  query.text("selector", selector);
  query.text("worker", worker);
  if (selector.empty() == worker.empty()) query.refuse_parameter("selector", "or \"worker\" has to be given");
  if (failed(call, query.finish())) return;
  if (!worker.empty()) return explain_worker(call, worker);
  const Result<Selected> selected = resolve(call->backend, call->principal.project, selector);
  if (failed(call, selected)) return;
  if (selected->one_task) return explain_task(call, *selected);
  if (selected->ranges.empty()) return explain_batch(call, *selected);
  call->fail({ErrorKind::usage, kMalformedSelector, "this explains a batch or one task, not several tasks",
              "name one: muster explain " + std::to_string(selected->batch.id) + ".1"});
}

}  // namespace muster::front::native
