// /workers: what attempts run on, by id or by name.
// Workers are in memory, so a list is one page unless it is asked for in smaller ones.
#include <algorithm>

#include "core/escape.h"
#include "front/native/call.h"
#include "front/native/chosen.h"
#include "wire/native/answers.h"
#include "wire/native/requests.h"

namespace muster::front::native {
namespace {

void write_worker(wire::JsonWriter& out, const engine::WorkerView& view) {
  wire::write_worker_members(out, {.row = view.row,
                                   .connected = view.connected,
                                   .half_open = view.half_open,
                                   .capacity = view.capacity,
                                   .in_use = view.in_use,
                                   .assigned = view.assigned,
                                   .executing = view.executing});
}

std::int64_t bytes_of(std::uint64_t size_mb) { return static_cast<std::int64_t>(size_mb) << 20; }

FilterValue text_or_absent(const std::string& text) {
  return text.empty() ? FilterValue{} : FilterValue::of(text);
}

FilterValue label_of(const Labels& labels, const std::string& wanted) {
  for (const auto& [name, value] : labels) {
    if (name == wanted) return FilterValue::of(value);
  }
  return {};
}

FilterValue value_of(const engine::WorkerView& view, const FilterTerm& term) {
  const auto number = [](std::uint64_t value) {
    return FilterValue::of_number(static_cast<std::int64_t>(value));
  };
  switch (term.field) {
    case FilterField::state:
      return FilterValue::of(to_text(view.row.state));
    case FilterField::id:
      return number(view.row.id);
    case FilterField::name:
      return FilterValue::of(view.row.name);
    case FilterField::connected:
      return FilterValue::of_flag(view.connected);
    case FilterField::host:
      return text_or_absent(view.row.facts.host);
    case FilterField::version:
      return text_or_absent(view.row.facts.version);
    case FilterField::slots:
      return number(view.capacity.cpu_slots);
    case FilterField::gpus:
      return number(view.capacity.gpu_slots);
    case FilterField::cpus:
      return number(view.capacity.cpus);
    case FilterField::mem:
      return FilterValue::of_number(bytes_of(view.capacity.mem_mb));
    case FilterField::disk:
      return FilterValue::of_number(bytes_of(view.capacity.disk_mb));
    case FilterField::assigned:
      return number(view.assigned);
    case FilterField::executing:
      return number(view.executing);
    case FilterField::label:
      return label_of(view.row.labels, term.label);
    case FilterField::serves:
      return text_or_absent(view.row.serves);
    case FilterField::text:
      return text_or_absent(view.row.reason);
    default:
      return view.row.last_seen_wall_us == 0 ? FilterValue{}
                                             : FilterValue::of_number(view.row.last_seen_wall_us);
  }
}

// A name wins over a number: people name workers, numbers follow from that.
Result<engine::WorkerView> find_worker(Backend& backend, const std::string& text) {
  std::vector<engine::WorkerView> workers = backend.engine().workers();
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool number = error == std::errc() && end == text.data() + text.size();
  for (const bool by_name : {true, false}) {
    for (engine::WorkerView& view : workers) {
      if (by_name ? view.row.name == text : number && view.row.id == id) return std::move(view);
    }
  }
  return std::unexpected(no_such_thing("there is no worker \"" + escape_text(truncate_text(text, 100)) + "\"",
                                       "list them: muster worker list"));
}

}  // namespace

void list_workers(const CallPtr& call) {
  QueryReader query(call->target);
  PageRequest page;
  std::string where;
  read_page(query, call->options, page);
  query.text("where", where);
  if (failed(call, query.finish())) return;
  const Result<Filter> filter = read_where(call, FilterObject::worker, where);
  if (failed(call, filter)) return;
  WorkerId after = 0;
  if (!page.after.empty()) {
    const auto cursor = parse_cursor<1>(page.after);
    if (!cursor) return call->fail(bad_cursor(page.after));
    after = (*cursor)[0];
  }
  std::string json;
  std::string next;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.workers/1");
  std::uint64_t written = 0;
  for (const engine::WorkerView& view : call->backend.engine().workers()) {
    if (view.row.id <= after || view.row.state == WorkerState::removed) continue;
    if (!filter->holds([&](const FilterTerm& term) { return value_of(view, term); })) continue;
    if (written++ == page.limit) {
      next = std::to_string(after);
      break;
    }
    after = view.row.id;
    out.begin_object();
    write_worker(out, view);
    out.end_object();
  }
  wire::end_list(out, next);
  call->answer(200, std::move(json));
}

void show_worker(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  const Result<engine::WorkerView> view = find_worker(call->backend, call->part(1));
  if (failed(call, view)) return;
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.worker/1");
  write_worker(out, *view);
  out.end_object();
  call->answer(200, std::move(json));
}

namespace {

// The worker as it is after the change, or what a dry run has counted.
void answer_with_worker(const CallPtr& call, int status, const ReplyBody& reply, bool dry_run) {
  if (const Error* error = std::get_if<Error>(&reply)) return call->fail(*error);
  const Changed& changed = std::get<Changed>(reply);
  if (dry_run) return call->answer(200, wire::changed_json(changed));
  for (const engine::WorkerView& view : call->backend.engine().workers()) {
    if (view.row.id != changed.worker) continue;
    std::string json;
    wire::JsonWriter out(json);
    out.begin_object().key("schema").text("muster.worker/1");
    write_worker(out, view);
    out.end_object();
    return call->answer(status, std::move(json));
  }
  call->answer(status, wire::changed_json(changed));
}

// It was made by this call, and may have changed since.
void answer_with_worker_named(const CallPtr& call, const std::string& name) {
  const Result<engine::WorkerView> view = find_worker(call->backend, name);
  if (failed(call, view)) return;
  Changed changed;
  changed.worker = view->row.id;
  answer_with_worker(call, 200, changed, false);
}

void change_worker(const CallPtr& call, WorkerVerb verb) {
  const Result<wire::WorkerChangeRequest> request = wire::read_worker_change(call->body);
  if (failed(call, request)) return;
  const Result<engine::WorkerView> view = find_worker(call->backend, call->part(1));
  if (failed(call, view)) return;
  ChangeWorker input;
  input.principal = call->principal;
  input.worker = view->row.id;
  input.verb = verb;
  input.reason = request->reason;
  input.dry_run = request->dry_run;
  call->post(std::move(input), [call](const ReplyBody& reply) {
    if (const Error* error = std::get_if<Error>(&reply)) return call->fail(*error);
    call->answer(200, wire::changed_json(std::get<Changed>(reply)));
  });
}

}  // namespace

void set_worker(const CallPtr& call) {
  Result<wire::WorkerSettingsRequest> request = wire::read_worker_settings(call->body);
  if (failed(call, request)) return;
  const Result<engine::WorkerView> view = find_worker(call->backend, call->part(1));
  if (failed(call, view)) return;
  SetWorker input;
  input.principal = call->principal;
  input.worker = view->row.id;
  input.settings = std::move(request->settings);
  input.dry_run = request->dry_run;
  call->post(std::move(input), [call](const ReplyBody& reply) {
    if (const Error* error = std::get_if<Error>(&reply)) return call->fail(*error);
    call->answer(200, wire::changed_json(std::get<Changed>(reply)));
  });
}

void create_worker(const CallPtr& call) {
  Result<wire::WorkerSettingsRequest> request = wire::read_worker_settings(call->body);
  if (failed(call, request)) return;
  if (!request->settings.name) {
    return call->fail({ErrorKind::usage, kMalformedBody, "a worker is declared by its \"name\"",
                       "the agent that connects under this name takes it over"});
  }
  if (call->made_before) return answer_with_worker_named(call, *request->settings.name);
  CreateWorker input;
  input.principal = call->principal;
  input.settings = std::move(request->settings);
  input.key = call->key;
  input.dry_run = request->dry_run;
  call->post(std::move(input), [call, dry_run = request->dry_run](const ReplyBody& reply) {
    answer_with_worker(call, 201, reply, dry_run);
  });
}

void pause_worker(const CallPtr& call) { change_worker(call, WorkerVerb::pause); }
void resume_worker(const CallPtr& call) { change_worker(call, WorkerVerb::resume); }
void drain_worker(const CallPtr& call) { change_worker(call, WorkerVerb::drain); }
void lose_worker(const CallPtr& call) { change_worker(call, WorkerVerb::lost); }
void remove_worker(const CallPtr& call) { change_worker(call, WorkerVerb::remove); }

}  // namespace muster::front::native
