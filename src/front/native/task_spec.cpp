// /tasks/X/spec: what a task would be started with, so that a person can do by hand what a worker does.
// Sealed values are never in it; what the worker adds of its own (its slots, its GPUs) is not known here.
#include <algorithm>

#include "core/command.h"
#include "front/native/call.h"
#include "front/native/describe.h"

namespace muster::front::native {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

void set_variable(Variables& variables, std::string name, std::string value) {
  std::erase_if(variables, [&](const auto& one) { return one.first == name; });
  variables.emplace_back(std::move(name), std::move(value));
}

// As the agent makes it (agent/tasks.cpp), but for what depends on the worker.
Variables variables_of(const TaskRef& ref, const TaskTemplate& body, const ExpandedCommand& expanded) {
  Variables variables;
  for (const auto& [name, value] : body.environment) set_variable(variables, name, value);
  for (const auto& [name, value] : expanded.env) set_variable(variables, name, value);
  set_variable(variables, "MUSTER_BATCH_ID", std::to_string(ref.batch));
  set_variable(variables, "MUSTER_TASK_ID", wire::task_id(ref));
  set_variable(variables, "MUSTER_TASK_INDEX", std::to_string(ref.index));
  set_variable(variables, "MUSTER_CPUS", std::to_string(cores_of(body.resources)));
  set_variable(variables, "MUSTER_MEM_MB", std::to_string(body.resources.mem_mb));
  set_variable(variables, "MUSTER_GPUS", std::to_string(body.resources.gpu_slots));
  set_variable(variables, "CPU", std::to_string(cores_of(body.resources)));
  return variables;
}

}  // namespace

void show_task_spec(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  const Result<Selected> selected = resolve(call->backend, call->principal.project, call->part(1));
  if (failed(call, selected)) return;
  if (!selected->one_task) {
    return call->fail({ErrorKind::usage, kMalformedSelector, "this is about one task, for instance 42.17",
                       "list several: muster task list " + std::to_string(selected->batch.id)});
  }
  Backend& backend = call->backend;
  const Layout layout = Layout::of(backend, selected->batch.id);
  const TaskRef ref{selected->batch.id, only_index(*selected)};
  const std::optional<Position> position = layout.position_of(ref.index);
  const auto body = position ? backend.history().task_template(layout.template_of(*position)) : nullptr;
  if (body == nullptr) return call->fail(no_such_thing("there is no such task", ""));
  const SegmentRow& segment = layout.segment_of(*position);
  std::vector<std::string> fields;
  if (segment.has_items)
    fields = backend.history().item(ref.batch, segment.ordinal, *position - segment.first_position);
  const std::vector<std::string_view> views(fields.begin(), fields.end());
  const ExpandedCommand expanded = expand_command(body->command, ref.index, views);
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.task-spec/1");
  out.key("id").text(wire::task_id(ref));
  out.key("argv").begin_array();
  for (const std::string& word : expanded.argv) out.text(word);
  out.end_array();
  out.key("command").text(display_expanded(body->command, ref.index, views));
  out.key("env").begin_object();
  for (const auto& [name, value] : variables_of(ref, *body, expanded)) out.key(name).text(value);
  out.end_object();
  out.key("cwd").text_or_null(body->working_directory == WorkingDirectory::attempt ? "" : body->cwd);
  out.key("resources");
  wire::write_resources(out, body->resources);
  if (body->time_limit_us == 0)
    out.key("time_limit_s").null();
  else
    out.key("time_limit_s").seconds(body->time_limit_us);
  out.end_object();
  call->answer(200, std::move(json));
}

}  // namespace muster::front::native
