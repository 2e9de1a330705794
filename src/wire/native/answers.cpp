// Writing the answers of the native API.
// What is not known yet is null, never zero or an empty text.
#include "wire/native/answers.h"

#include "core/command.h"
#include "core/error.h"

namespace muster::wire {
namespace {

void write_usage(JsonWriter& out, const AttemptRecord& attempt) {
  const bool ended = attempt.number != 0 && is_final(attempt.state);
  const Usage& usage = attempt.end.usage;
  if (!ended) {
    for (const char* name :
         {"wall_s", "user_s", "system_s", "peak_memory_mb", "read_bytes", "written_bytes"}) {
      out.key(name).null();
    }
    return;
  }
  out.key("wall_s").seconds(usage.wall_us);
  out.key("user_s").seconds(usage.user_us);
  out.key("system_s").seconds(usage.system_us);
  out.key("peak_memory_mb").mebibytes(usage.peak_memory_bytes);
  out.key("read_bytes").number(usage.read_bytes);
  out.key("written_bytes").number(usage.written_bytes);
}

// exit_code, signal, cause, message: how it ended, null where that says nothing.
void write_end(JsonWriter& out, const AttemptRecord& attempt) {
  const bool ended = attempt.number != 0 && is_final(attempt.state);
  const Finished& end = attempt.end;
  const bool has_exit = ended && (end.cause == Cause::exit || attempt.state == AttemptState::succeeded);
  if (has_exit)
    out.key("exit_code").number(end.exit_code);
  else
    out.key("exit_code").null();
  if (ended && end.signal != 0)
    out.key("signal").number(end.signal);
  else
    out.key("signal").null();
  out.key("cause").text_or_null(ended && end.cause != Cause::none ? to_text(end.cause) : std::string_view());
  out.key("message").text_or_null(ended ? std::string_view(end.message) : std::string_view());
}

void write_times(JsonWriter& out, const AttemptRecord& attempt) {
  const bool ended = attempt.number != 0 && is_final(attempt.state);
  out.key("granted").time(attempt.number == 0 ? 0 : attempt.granted_wall_us);
  out.key("started").time(ended ? attempt.end.started_wall_us : 0);
  out.key("ended").time(ended ? attempt.end.ended_wall_us : 0);
}

void write_amounts(JsonWriter& out, const NamedAmounts& amounts) {
  out.begin_object();
  for (const auto& [name, amount] : amounts) out.key(name).number(amount);
  out.end_object();
}

void write_pairs(JsonWriter& out, const std::vector<std::pair<std::string, std::string>>& pairs) {
  out.begin_object();
  for (const auto& [name, value] : pairs) out.key(name).text(value);
  out.end_object();
}

std::string_view to_text(DependencyKind kind) {
  switch (kind) {
    case DependencyKind::batch:
      return "batch";
    case DependencyKind::task:
      return "task";
    case DependencyKind::index:
      return "index";
  }
  return "batch";
}

void write_dependency(JsonWriter& out, const Dependency& dependency) {
  out.begin_object();
  out.key("kind").text(to_text(dependency.kind));
  out.key("batch").number(dependency.batch);
  if (dependency.kind == DependencyKind::task) out.key("index").number(dependency.index);
  out.key("any_end").flag(dependency.any_end);
  out.end_object();
}

}  // namespace

void write_resources(JsonWriter& out, const Resources& resources) {
  out.begin_object();
  out.key("slots").number(resources.cpu_slots);
  out.key("gpus").number(resources.gpu_slots);
  out.key("cpus").number(resources.cpus);
  out.key("mem_mb").number(resources.mem_mb);
  out.key("disk_mb").number(resources.disk_mb);
  out.key("exclusive").flag(resources.sharing == Sharing::exclusive);
  out.key("use");
  write_amounts(out, resources.named);
  out.key("on");
  write_pairs(out, resources.labels);
  out.end_object();
}

std::string task_id(TaskRef ref) { return std::to_string(ref.batch) + "." + std::to_string(ref.index); }

std::string attempt_id(TaskRef ref, std::uint32_t attempt) {
  return task_id(ref) + "#" + std::to_string(attempt);
}

std::string number_id(TaskNumber number) { return "T" + std::to_string(number); }

void begin_list(JsonWriter& out, std::string_view schema) {
  out.begin_object().key("schema").text(schema).key("items").begin_array();
}

void end_list(JsonWriter& out, std::string_view next) {
  out.end_array().key("next").text_or_null(next).end_object();
}

void write_counts(JsonWriter& out, const TaskCounts& counts, std::uint64_t executing,
                  std::uint64_t stopping) {
  const auto count = [&](TaskState state) { return counts[static_cast<std::size_t>(state)]; };
  out.begin_object();
  out.key("waiting").number(count(TaskState::waiting));
  out.key("held").number(count(TaskState::held));
  out.key("ready").number(count(TaskState::ready));
  out.key("running").number(count(TaskState::running));
  out.key("executing").number(executing);
  out.key("stopping").number(stopping);
  out.key("succeeded").number(count(TaskState::succeeded));
  out.key("failed").number(count(TaskState::failed));
  out.key("cancelled").number(count(TaskState::cancelled));
  out.end_object();
}

void write_batch_members(JsonWriter& out, const BatchAnswer& batch) {
  const BatchRow& row = batch.row;
  out.key("id").number(row.id);
  out.key("name").text(row.name);
  out.key("project").text(row.project);
  out.key("owner").text(row.owner);
  out.key("state").text(muster::to_text(row.state));
  out.key("held").flag(row.held);
  out.key("closed").flag(row.closed);
  out.key("priority").number(row.priority);
  out.key("max_running").number(row.max_running);
  out.key("tasks").number(row.task_count);
  out.key("counts");
  write_counts(out, batch.counts, batch.executing, batch.stopping);
  out.key("created").time(row.created_wall_us);
  out.key("started").time(row.started_wall_us);
  out.key("ended").time(row.ended_wall_us);
  out.key("reason").text_or_null(row.reason);
  out.key("why").text_or_null(batch.why);
  out.key("command").text_or_null(batch.command);
}

void write_segments(JsonWriter& out, const std::vector<SegmentRow>& segments) {
  out.begin_array();
  for (const SegmentRow& segment : segments) {
    out.begin_object();
    out.key("first").number(segment.first_index);
    out.key("last").number(segment.first_index + (segment.count - 1) * segment.step);
    out.key("step").number(segment.step);
    out.key("count").number(segment.count);
    out.key("first_number").text(number_id(segment.first_number));
    out.key("items").flag(segment.has_items);
    out.key("after").begin_array();
    for (const Dependency& dependency : segment.dependencies) write_dependency(out, dependency);
    out.end_array();
    out.end_object();
  }
  out.end_array();
}

void write_template(JsonWriter& out, const TaskTemplate& body) {
  out.begin_object();
  out.key("name").text_or_null(body.name);
  out.key("command").text(display_command(body.command));
  out.key("columns").begin_array();
  for (const std::string& column : body.columns) out.text(column);
  out.end_array();
  out.key("resources");
  write_resources(out, body.resources);
  out.key("env");
  write_pairs(out, body.environment);
  out.key("labels");
  write_pairs(out, body.labels);
  out.key("secrets");
  write_pairs(out, body.secrets);
  out.key("cwd").text(body.working_directory == WorkingDirectory::attempt ? "none" : body.cwd);
  out.key("time_s").seconds(body.time_limit_us);
  out.key("grace_s").seconds(body.grace_us);
  out.key("retries").number(body.retries);
  out.key("rerun").text(body.rerun == Rerun::never ? "never" : "allowed");
  out.key("log_max_bytes").number(body.log_max_bytes);
  out.end_object();
}

void write_task_members(JsonWriter& out, const TaskAnswer& task) {
  const AttemptRecord& attempt = task.attempt;
  out.key("id").text(task_id(task.ref));
  out.key("batch").number(task.ref.batch);
  out.key("index").number(task.ref.index);
  out.key("number").text(number_id(task.number));
  out.key("name").text_or_null(task.body != nullptr ? task.body->name : std::string_view());
  out.key("command").text(task.command);
  out.key("state").text(muster::to_text(task.state));
  const bool running = task.state == TaskState::running;
  out.key("phase").text_or_null(running ? muster::to_text(attempt.state) : std::string_view());
  out.key("reason").text_or_null(task.reason);
  out.key("limit").text_or_null(task.limit);
  out.key("obstacles");
  write_amounts(out, task.obstacles);
  out.key("attempts").number(attempt.number);
  out.key("worker").text_or_null(task.worker);
  write_end(out, attempt);
  out.key("created").time(task.created_wall_us);
  write_times(out, attempt);
  write_usage(out, attempt);
  if (task.body != nullptr) {
    out.key("resources");
    write_resources(out, task.body->resources);
    if (task.body->time_limit_us == 0)
      out.key("time_limit_s").null();
    else
      out.key("time_limit_s").seconds(task.body->time_limit_us);
    out.key("retries").number(task.body->retries);
  }
  out.key("not_before").time(task.not_before_wall_us);
}

void write_attempt(JsonWriter& out, const AttemptAnswer& answer) {
  const AttemptRecord& attempt = answer.attempt;
  const bool ended = is_final(attempt.state);
  out.begin_object();
  out.key("id").text(attempt_id(answer.ref, attempt.number));
  out.key("task").text(task_id(answer.ref));
  out.key("attempt").number(attempt.number);
  out.key("state").text(muster::to_text(attempt.state));
  out.key("worker").text_or_null(answer.worker);
  write_end(out, attempt);
  write_times(out, attempt);
  write_usage(out, attempt);
  if (ended) {
    out.key("stdout_bytes").number(attempt.end.stdout_bytes);
    out.key("stderr_bytes").number(attempt.end.stderr_bytes);
  } else {
    out.key("stdout_bytes").null().key("stderr_bytes").null();
  }
  out.key("log_cut").flag(ended && attempt.end.log_cut);
  out.end_object();
}

void write_worker_members(JsonWriter& out, const WorkerAnswer& worker) {
  const WorkerRow& row = worker.row;
  out.key("id").number(row.id);
  out.key("name").text(row.name);
  out.key("state").text(muster::to_text(row.state));
  out.key("connected").flag(worker.connected);
  out.key("host").text_or_null(row.facts.host);
  out.key("version").text_or_null(row.facts.version);
  out.key("slots").begin_object();
  out.key("enabled").number(worker.capacity.cpu_slots);
  out.key("busy").number(worker.in_use.cpu_slots);
  out.key("gpu_enabled").number(worker.capacity.gpu_slots);
  out.key("gpu_busy").number(worker.in_use.gpu_slots);
  out.end_object();
  out.key("cpus").number(worker.capacity.cpus);
  out.key("mem_mb").number(worker.capacity.mem_mb);
  out.key("disk_mb").number(worker.capacity.disk_mb);
  out.key("in_use").begin_object();
  out.key("slots").number(worker.in_use.cpu_slots);
  out.key("gpus").number(worker.in_use.gpu_slots);
  out.key("cpus").number(worker.in_use.cpus);
  out.key("mem_mb").number(worker.in_use.mem_mb);
  out.key("disk_mb").number(worker.in_use.disk_mb);
  out.end_object();
  out.key("gpus").begin_array();
  for (const std::string& gpu : row.facts.gpus) out.text(gpu);
  out.end_array();
  out.key("assigned").number(worker.assigned);
  out.key("executing").number(worker.executing);
  out.key("last_seen").time(row.last_seen_wall_us);
  out.key("boot_id").text_or_null(row.facts.boot_id);
  out.key("labels");
  write_pairs(out, row.labels);
  out.key("offers");
  write_amounts(out, row.offers);
  out.key("offers_in_use");
  write_amounts(out, worker.in_use.named);
  out.key("serves").text_or_null(row.serves);
  if (row.lease_us)
    out.key("lease_s").seconds(*row.lease_us);
  else
    out.key("lease_s").null();
  out.key("tasks_are_root").flag(row.facts.tasks_are_root);
  out.key("let_in_by").text_or_null(row.let_in_by);
  out.key("reason").text_or_null(row.reason);
  const bool quarantined = row.state == WorkerState::quarantined;
  out.key("quarantines").number(row.quarantines);
  out.key("quarantined_until").time(quarantined ? row.quarantined_until_wall_us : 0);
  out.key("half_open").flag(worker.half_open);
}

void write_limit(JsonWriter& out, const LimitAnswer& limit) {
  const LimitRow& row = limit.row;
  const auto number = [&](std::string_view key, const std::optional<std::uint64_t>& value) {
    if (value)
      out.key(key).number(*value);
    else
      out.key(key).null();
  };
  out.begin_object();
  out.key("id").text(std::string(muster::to_text(row.scope)) + ":" + row.name);
  out.key("scope").text(muster::to_text(row.scope));
  out.key("name").text(row.name);
  number("max_running", row.max_running);
  number("max_cpus", row.max_cpus);
  out.key("weight").number(row.weight);
  out.key("running").number(limit.running);
  out.key("cpus").number(limit.cpus);
  out.end_object();
}

void write_event(JsonWriter& out, const EventRow& event, std::string_view worker) {
  out.begin_object();
  out.key("seq").number(event.seq);
  out.key("time").time(event.wall_us);
  out.key("kind").text(muster::to_text(event.kind));
  if (event.batch == 0)
    out.key("batch").null();
  else
    out.key("batch").number(event.batch);
  out.key("task").text_or_null(event.index == 0 && event.attempt == 0 ? ""
                                                                      : task_id({event.batch, event.index}));
  out.key("attempt").text_or_null(event.attempt == 0 ? ""
                                                     : attempt_id({event.batch, event.index}, event.attempt));
  out.key("worker").text_or_null(worker);
  out.key("who").text_or_null(event.who);
  out.key("text").text(event.text);
  out.end_object();
}

std::string submitted_json(const Submitted& submitted) {
  std::string text;
  text.reserve(160);
  JsonWriter out(text);
  out.begin_object().key("schema").text("muster.submitted/1");
  if (submitted.batch == 0)
    out.key("batch").null();
  else
    out.key("batch").number(submitted.batch);
  out.key("name").text(submitted.name);
  out.key("first").number(submitted.first_index);
  out.key("last").number(submitted.last_index);
  out.key("count").number(submitted.count);
  out.key("first_number").number(submitted.first_number);
  out.key("replayed").flag(submitted.replayed);
  out.end_object();
  return text;
}

std::string changed_json(const Changed& changed) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("schema").text("muster.changed/1");
  out.key("count").number(changed.count);
  out.key("skipped").number(changed.skipped);
  out.key("replayed").flag(changed.replayed);
  out.key("batches").begin_array();
  for (const BatchId batch : changed.batches) out.number(batch);
  out.end_array().end_object();
  return text;
}

std::string problem_json(const Error& error, int status) {
  const CatalogueEntry* entry = find_error(error.code);
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  out.key("type").text("about:blank");
  out.key("title").text(entry != nullptr ? entry->title : "error");
  out.key("status").number(status);
  out.key("code").text(error.code);
  out.key("detail").text(error.what);
  out.key("next").text_or_null(error.next);
  out.end_object();
  return text;
}

}  // namespace muster::wire
