// One request to the native API on its way through its resource: who asks, what for, and where the answer goes.
// A resource answers exactly once, at once or later; after that the call is gone.
#pragma once

#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/inputs.h"
#include "front/backend.h"
#include "front/denials.h"
#include "front/directory.h"
#include "front/event_stream.h"
#include "front/front.h"
#include "front/operations.h"
#include "front/request.h"
#include "front/selection.h"
#include "front/statistics.h"
#include "front/target.h"
#include "front/vault.h"
#include "front/waiters.h"

namespace muster::front::native {

struct Call {
  Backend& backend;
  Waiters& waiters;
  EventStream& stream;
  Statistics& statistics;
  const FrontOptions& options;
  Tokens& tokens;
  Directory& directory;
  Denials& denials;
  Vault& vault;
  Operations& operations;
  Identity who;
  Access access;
  const Route& route;
  std::string address;  // where the call came from
  std::string request;  // its number
  std::string object;   // what it is about, for the audit log
  Principal principal;
  Method method = Method::get;
  Target target;
  std::string idempotency_key;
  bool wants_stream = false;  // Accept: text/event-stream
  std::string last_event_id;
  std::optional<KeyRow> key;          // to be written with what the call makes
  std::optional<KeyRow> made_before;  // of a route whose answer is rebuilt: the same call was made before
  std::string body;
  bool dry_run = false;    // of routes that take ?dry_run=true
  OperationPtr operation;  // of a call that goes on in the background; else null
  // Does the rest of a long piece of work when the loop has looked at everything else.
  std::function<void(std::move_only_function<void()>)> later;
  Respond respond;

  // Path parts behind /api/v1.
  const std::string& part(std::size_t i) const { return target.path[2 + i]; }
  std::size_t parts() const { return target.path.size() - 2; }
  void answer(int status, std::string json) {
    respond({status, "application/json", {{"Request-Id", request}}, std::move(json)});
  }
  // A call that is not allowed is noted in the audit log.
  void fail(const Error& error);

  // To the engine; what changes something leaves a row in the audit log, in the same transaction.
  void post(Input input, ReplyHandler then);
  // For what a call makes at random and nothing keeps: with an Idempotency-Key the same bytes for the same call. Else empty.
  Result<std::string> repeatable_bytes() const;
  AuditRow audit_row(std::string result) const;
  // A submitter changes only what is theirs. kNotAllowed.
  Result<void> may_change(const BatchRow& batch) const;
  // Of a route that reaches yourself: may this be asked for about that user?
  bool may_manage(std::string_view user) const;
};
using CallPtr = std::shared_ptr<Call>;

using Resource = void (*)(const CallPtr& call);

// One per resource, each in its own file.
void list_batches(const CallPtr& call);
void show_batch(const CallPtr& call);
void set_batch(const CallPtr& call);
void submit(const CallPtr& call);
void list_tasks(const CallPtr& call);
void show_task(const CallPtr& call);
void list_attempts(const CallPtr& call);
void show_attempt(const CallPtr& call);
void list_workers(const CallPtr& call);
void show_worker(const CallPtr& call);
void set_worker(const CallPtr& call);
void create_worker(const CallPtr& call);
void pause_worker(const CallPtr& call);
void resume_worker(const CallPtr& call);
void drain_worker(const CallPtr& call);
void lose_worker(const CallPtr& call);
void remove_worker(const CallPtr& call);
void list_limits(const CallPtr& call);
void set_limit(const CallPtr& call);
void delete_limit(const CallPtr& call);
void cancel(const CallPtr& call);
void hold(const CallPtr& call);
void release(const CallPtr& call);
void retry(const CallPtr& call);
void set_tasks(const CallPtr& call);
void select_tasks(const CallPtr& call);
void show_operation(const CallPtr& call);
void explain(const CallPtr& call);
void show_failures(const CallPtr& call);
void show_task_spec(const CallPtr& call);
void invite(const CallPtr& call);
void join(const CallPtr& call);
void create_link(const CallPtr& call);
void list_flavors(const CallPtr& call);
void show_flavor(const CallPtr& call);
void import_flavors(const CallPtr& call);
void delete_flavor(const CallPtr& call);
void create_session(const CallPtr& call);
void show_status(const CallPtr& call);
void wait(const CallPtr& call);
void read_logs(const CallPtr& call);
void search_logs(const CallPtr& call);
void list_events(const CallPtr& call);
void shut_down(const CallPtr& call);
void list_users(const CallPtr& call);
void create_user(const CallPtr& call);
void show_user(const CallPtr& call);
void set_user(const CallPtr& call);
void delete_user(const CallPtr& call);
void list_tokens(const CallPtr& call);
void create_token(const CallPtr& call);
void revoke_token(const CallPtr& call);
void list_projects(const CallPtr& call);
void create_project(const CallPtr& call);
void show_project(const CallPtr& call);
void set_project(const CallPtr& call);
void delete_project(const CallPtr& call);
void list_secrets(const CallPtr& call);
void create_secret(const CallPtr& call);
void show_secret(const CallPtr& call);
void set_secret(const CallPtr& call);
void delete_secret(const CallPtr& call);
void list_audit(const CallPtr& call);
void verify_audit(const CallPtr& call);

// The streamed form of submit; `call` has an empty body.
std::unique_ptr<BodySink> stream_submit(const CallPtr& call);

// Answers with the operation that the call is from now on; what it is answered with later is kept there.
void go_on_in_background(const CallPtr& call);

// ?dry_run=true of a change, which has no other parameter. False: refused.
bool read_dry_run(const CallPtr& call);

// Writes the rows, and with them the Idempotency-Key; then answers.
void write_and_answer(const CallPtr& call, WriteRows input, int status, std::string json);
// Of a repeated call that made a token: it is known, and its text is not.
Error cannot_tell_again();
Error no_such_secret(const std::string& project, const std::string& name);

// ?limit= and ?after= of every list.
struct PageRequest {
  std::uint64_t limit = 100;
  std::string after;
};
void read_page(QueryReader& query, const FrontOptions& options, PageRequest& out);

// Cursors are numbers between colons; opaque to callers.
template <std::size_t kNumbers>
std::optional<std::array<std::uint64_t, kNumbers>> parse_cursor(std::string_view text) {
  std::array<std::uint64_t, kNumbers> numbers{};
  for (std::size_t i = 0; i < kNumbers; ++i) {
    const std::size_t colon = i + 1 < kNumbers ? text.find(':') : text.size();
    if (colon == std::string_view::npos) return std::nullopt;
    const char* const number_end = text.begin() + colon;
    const auto [end, error] = std::from_chars(text.begin(), number_end, numbers[i]);
    if (error != std::errc() || end != number_end || colon == 0) return std::nullopt;
    text.remove_prefix(i + 1 < kNumbers ? colon + 1 : colon);
  }
  return numbers;
}
Error bad_cursor(std::string_view cursor);

// Fails the call with the Error of a Result.
template <class T>
bool failed(const CallPtr& call, const Result<T>& result) {
  if (result) return false;
  call->fail(result.error());
  return true;
}

}  // namespace muster::front::native
