// /cancel, /hold, /release, /retry: verbs on selectors, all selectors of a request in one decision.
// Every selector is resolved before anything is posted: one that means nothing refuses the whole request.
#include "front/native/call.h"
#include "wire/native/answers.h"
#include "wire/native/requests.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kSelectorsMax = 1000;
constexpr std::size_t kReasonBytesMax = 1000;
constexpr std::size_t kObjectBytes = 200;

Result<std::vector<muster::Target>> targets_of(const CallPtr& call,
                                               const std::vector<std::string>& selectors) {
  if (selectors.empty() || selectors.size() > kSelectorsMax) {
    return refuse(ErrorKind::usage, kMalformedBody,
                  "\"selectors\" has to be a list of 1 to " + std::to_string(kSelectorsMax) + " selectors");
  }
  std::vector<muster::Target> targets;
  for (const std::string& text : selectors) {
    Result<Selected> selected = resolve(call->backend, call->principal.project, text);
    if (!selected) return std::unexpected(std::move(selected.error()));
    if (selected->attempt) {
      return refuse(ErrorKind::usage, kMalformedSelector,
                    "\"" + text + "\" names an attempt; this changes tasks", "leave out what follows the #");
    }
    if (Result<void> may = call->may_change(selected->batch); !may)
      return std::unexpected(std::move(may.error()));
    targets.push_back({selected->batch.id, std::move(selected->ranges)});
  }
  return targets;
}

void change(const CallPtr& call, ChangeVerb verb) {
  Result<wire::ChangeRequest> request = wire::read_change(call->body, verb);
  if (failed(call, request)) return;
  if (request->reason.size() > kReasonBytesMax) {
    return call->fail({ErrorKind::usage, kMalformedValue,
                       "the reason is longer than " + std::to_string(kReasonBytesMax) + " bytes",
                       "say it shorter"});
  }
  for (const std::string& text : request->selectors) {
    if (call->object.size() < kObjectBytes) call->object += (call->object.empty() ? "" : " ") + text;
  }
  Result<std::vector<muster::Target>> targets = targets_of(call, request->selectors);
  if (failed(call, targets)) return;
  for (const muster::Target& target : *targets) {
    if (!call->backend.load(target.batch)) {
      return call->fail(no_such_thing("there is no batch " + std::to_string(target.batch), ""));
    }
  }
  Change input;
  input.principal = call->principal;
  input.verb = verb;
  input.targets = std::move(*targets);
  input.reason = std::move(request->reason);
  input.options = std::move(request->options);
  input.dry_run = request->dry_run;
  call->post(std::move(input), [call](const ReplyBody& reply) {
    if (const Error* error = std::get_if<Error>(&reply)) return call->fail(*error);
    call->answer(200, wire::changed_json(std::get<Changed>(reply)));
  });
}

}  // namespace

void cancel(const CallPtr& call) { change(call, ChangeVerb::cancel); }
void hold(const CallPtr& call) { change(call, ChangeVerb::hold); }
void release(const CallPtr& call) { change(call, ChangeVerb::release); }
void retry(const CallPtr& call) { change(call, ChangeVerb::retry); }

}  // namespace muster::front::native
