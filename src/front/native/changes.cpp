// /cancel, /hold, /release, /retry, /set: verbs on selectors, everything a request means in one decision and one commit.
// Every selector is resolved before anything is posted: one that means nothing refuses the whole request.
#include "front/body_hash.h"
#include "front/native/call.h"
#include "front/native/chosen.h"
#include "front/routes.h"
#include "wire/native/answers.h"
#include "wire/native/requests.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kReasonBytesMax = 1000;
constexpr std::size_t kObjectBytes = 200;
constexpr std::size_t kKeyBytesMax = 255;

// What the audit log says it was about.
std::string object_of(const wire::ChangeRequest& request) {
  std::string object;
  for (const std::string& text : request.selectors) {
    if (object.size() < kObjectBytes) object += (object.empty() ? "" : " ") + text;
  }
  if (!request.where.empty()) object += " where " + request.where.substr(0, kObjectBytes);
  return object;
}

void post_change(const CallPtr& call, Change input, Chosen chosen) {
  for (const muster::Target& target : chosen.targets) {
    if (!call->backend.load(target.batch)) {
      return call->fail(no_such_thing("there is no batch " + std::to_string(target.batch), ""));
    }
  }
  input.targets = std::move(chosen.targets);
  call->post(std::move(input), [call](const ReplyBody& reply) {
    if (const Error* error = std::get_if<Error>(&reply)) return call->fail(*error);
    call->answer(200, wire::changed_json(std::get<Changed>(reply)));
  });
}

void change(const CallPtr& call, ChangeVerb verb) {
  QueryReader query(call->target);
  const bool background = query.flag("background");
  if (failed(call, query.finish())) return;
  Result<wire::ChangeRequest> request = wire::read_change(call->body, verb);
  if (failed(call, request)) return;
  if (request->reason.size() > kReasonBytesMax) {
    return call->fail({ErrorKind::usage, kMalformedValue,
                       "the reason is longer than " + std::to_string(kReasonBytesMax) + " bytes",
                       "say it shorter"});
  }
  if (call->idempotency_key.size() > kKeyBytesMax) {
    return call->fail({ErrorKind::usage, kMalformedValue, "the key is longer than 255 bytes", ""});
  }
  if (verb == ChangeVerb::set && request->options.empty()) {
    return call->fail({ErrorKind::usage, kMalformedBody, "nothing is said that could be changed",
                       "say what the tasks need, for instance \"mem_mb\""});
  }
  call->object = object_of(*request);
  if (background) go_on_in_background(call);
  Change input;
  input.principal = call->principal;
  input.verb = verb;
  input.reason = std::move(request->reason);
  input.options = std::move(request->options);
  input.dry_run = request->dry_run;
  if (!call->idempotency_key.empty() && !request->dry_run) {
    BodyHash hash;
    hash.add(call->route.path);
    hash.add(call->body);
    input.key = call->idempotency_key;
    input.body_hash = hash.take();
    input.known_key = call->backend.history().key(input.principal.project, input.key);
    // The tasks it was about may not match any more: the first answer is the answer, whatever is there now.
    if (input.known_key) return post_change(call, std::move(input), {});
  }
  choose(call, {std::move(request->selectors), std::move(request->where), Purpose::change, verb},
         [call, input = std::move(input)](Chosen chosen) mutable {
           post_change(call, std::move(input), std::move(chosen));
         });
}

}  // namespace

void cancel(const CallPtr& call) { change(call, ChangeVerb::cancel); }
void hold(const CallPtr& call) { change(call, ChangeVerb::hold); }
void release(const CallPtr& call) { change(call, ChangeVerb::release); }
void retry(const CallPtr& call) { change(call, ChangeVerb::retry); }
void set_tasks(const CallPtr& call) { change(call, ChangeVerb::set); }

}  // namespace muster::front::native
