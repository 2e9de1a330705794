// /limits: how much users, projects and labels may have running at once.
// A limit is named SCOPE:NAME; what nobody has limited is not listed, and is not an error to look for.
#include "core/escape.h"
#include "front/native/call.h"
#include "wire/native/answers.h"
#include "wire/native/requests.h"

namespace muster::front::native {
namespace {

// "user:ann", "project:default", "label:storage=lustre"
Result<LimitRow> limit_named(const std::string& text) {
  const std::size_t colon = text.find(':');
  const auto scope = limit_scope_from_text(text.substr(0, colon));
  if (colon == std::string::npos || !scope || colon + 1 == text.size()) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  "\"" + escape_text(truncate_text(text, 100)) + "\" does not say what is limited",
                  "user:NAME, project:NAME or label:NAME=VALUE");
  }
  LimitRow row;
  row.scope = *scope;
  row.name = text.substr(colon + 1);
  return row;
}

void post_limit(const CallPtr& call, LimitRow row, bool dry_run) {
  SetLimit input;
  input.principal = call->principal;
  input.limit = std::move(row);
  input.dry_run = dry_run;
  call->post(std::move(input), [call](const ReplyBody& reply) {
    if (const Error* error = std::get_if<Error>(&reply)) return call->fail(*error);
    call->answer(200, wire::changed_json(std::get<Changed>(reply)));
  });
}

}  // namespace

void list_limits(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  std::string json;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.limits/1");
  for (const engine::LimitView& view : call->backend.engine().limits()) {
    wire::write_limit(out, {view.row, view.running, view.cpus});
  }
  wire::end_list(out, "");
  call->answer(200, std::move(json));
}

void set_limit(const CallPtr& call) {
  Result<LimitRow> row = limit_named(call->part(1));
  if (failed(call, row)) return;
  const Result<wire::LimitRequest> request = wire::read_limit(call->body);
  if (failed(call, request)) return;
  row->max_running = request->limit.max_running;
  row->max_cpus = request->limit.max_cpus;
  row->weight = request->limit.weight;
  post_limit(call, std::move(*row), request->dry_run);
}

void delete_limit(const CallPtr& call) {
  Result<LimitRow> row = limit_named(call->part(1));
  if (failed(call, row)) return;
  post_limit(call, std::move(*row), false);
}

}  // namespace muster::front::native
