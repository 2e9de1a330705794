// /operations/N: a change that was asked for in the background.
// Whoever may change tasks of the project may see how far it is.
#include "front/operations.h"

#include "core/escape.h"
#include "front/native/call.h"
#include "front/routes.h"
#include "wire/native/answers.h"

namespace muster::front::native {
namespace {

std::string operation_json(const Operation& operation) {
  const bool done = operation.ended_wall_us != 0;
  const bool went_well = operation.status / 100 == 2;
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.operation/1");
  out.key("id").number(operation.id);
  out.key("operation").text(operation.name);
  out.key("object").text(operation.object);
  out.key("who").text(operation.who);
  out.key("state").text(!done ? "running" : went_well ? "done" : "failed");
  out.key("started").time(operation.started_wall_us);
  out.key("ended").time(operation.ended_wall_us);
  out.key("tasks").number(operation.tasks);
  out.key("looked").number(operation.looked);
  out.key("matched").number(operation.matched);
  out.key("result").raw(done && went_well ? operation.answer : "null");
  out.key("problem").raw(done && !went_well ? operation.answer : "null");
  out.end_object();
  return json;
}

}  // namespace

void go_on_in_background(const CallPtr& call) {
  call->operation = call->operations.begin(call->route.operation, call->who.owner, call->principal.project,
                                           call->backend.now().wall_us);
  call->operation->object = call->object;
  call->respond({202, "application/json", {{"Request-Id", call->request}}, operation_json(*call->operation)});
  call->respond = [operation = call->operation, &operations = call->operations,
                   &backend = call->backend](Response response) {
    operations.end(*operation, response.status, std::move(response.body), backend.now().wall_us);
  };
}

void show_operation(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  std::uint64_t id = 0;
  const std::string& text = call->part(1);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), id);
  const OperationPtr operation = read.ec == std::errc{} && read.ptr == text.data() + text.size()
                                     ? call->operations.find(id, call->principal.project)
                                     : nullptr;
  if (operation == nullptr)
    return call->fail(no_such_thing("there is no operation " + escape_text(text) + ", or not any more",
                                    "ask for the change again, with the same Idempotency-Key"));
  call->answer(200, operation_json(*operation));
}

}  // namespace muster::front::native
