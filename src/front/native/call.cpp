// What every resource does with its caller: posts with an audit row, and asks whether something is theirs.
// A dry run changes nothing, so it leaves no row.
#include "front/native/call.h"

#include "core/escape.h"
#include "front/routes.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kObjectBytesMax = 200;

bool changes_nothing(const Input& input) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.dry_run; }) return one.dry_run;
        return false;
      },
      input);
}

}  // namespace

AuditRow Call::audit_row(std::string result) const {
  AuditRow row;
  row.wall_us = backend.now().wall_us;
  row.who = who.owner;
  row.token = who.token_id;
  row.role =
      to_text(route.reach == Reach::project || route.reach == Reach::own ? access.role : access.everywhere);
  row.project = access.project;
  row.address = address;
  row.action = route.operation;
  row.object = truncate_text(object.empty() && parts() > 1 ? part(1) : object, kObjectBytesMax);
  row.result = std::move(result);
  row.request = request;
  return row;
}

void Call::fail(const Error& error) {
  if (error.kind == ErrorKind::not_allowed) denials.note(audit_row(error.code));
  Response response = problem(error);
  response.fields.emplace_back("Request-Id", request);
  respond(std::move(response));
}

void Call::post(Input input, ReplyHandler then) {
  if (changes_nothing(input)) return backend.post(std::move(input), std::move(then));
  backend.post_audited(std::move(input), audit_row({}), std::move(then));
}

// Whoever has database and key file, but not the Idempotency-Key, cannot tell them.
Result<std::string> Call::repeatable_bytes() const {
  if (!key && !made_before) return std::string();
  return vault.keyed_hash(route.operation, who.owner + '\0' + idempotency_key + '\0' + body);
}

Result<void> Call::may_change(const BatchRow& batch) const {
  if (access.role >= Role::operator_ || batch.owner == who.owner) return {};
  return refuse(ErrorKind::not_allowed, kNotAllowed,
                "batch " + std::to_string(batch.id) + " belongs to " + escape_text(batch.owner) +
                    "; the role submitter changes only its own",
                "ask " + escape_text(batch.owner) + ", or an operator of the project");
}

bool Call::may_manage(std::string_view user) const {
  return user == who.owner || access.everywhere >= route.role;
}

void write_and_answer(const CallPtr& call, WriteRows input, int status, std::string json) {
  if (call->key) {
    if (call->route.repeat != Repeat::rebuilt) call->key->answer = json;
    input.rows.keys.push_back(*call->key);
  }
  call->post(std::move(input), [call, status, json = std::move(json)](const ReplyBody& reply) mutable {
    if (const Error* error = std::get_if<Error>(&reply)) return call->fail(*error);
    call->answer(status, std::move(json));
  });
}

bool read_dry_run(const CallPtr& call) {
  QueryReader query(call->target);
  const bool dry_run = query.flag("dry_run");
  if (failed(call, query.finish())) return false;
  call->dry_run = dry_run;
  return true;
}

}  // namespace muster::front::native
