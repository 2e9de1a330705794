// Admission and routing: from a header to the resource that answers, everything refused that is not plainly allowed.
// The order matters: form of the address, host, token, route, then what a change needs; a body is read only after all of them.
#include "front/front.h"

#include <arpa/inet.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "core/check.h"
#include "core/escape.h"
#include "front/metrics.h"
#include "front/native/call.h"
#include "front/pacer.h"
#include "front/repeats.h"
#include "front/routes.h"
#include "wire/agent/agent_codec.h"
#include "wire/native/answers.h"

namespace muster::front {
namespace {

constexpr std::string_view kItemsType = "application/vnd.muster.items";

Response problem_with_status(const Error& error, int status) {
  return {status, "application/problem+json", {}, wire::problem_json(error, status)};
}

// "localhost:7420" -> "localhost", "[::1]:7420" -> "[::1]"; empty for what is no host with an optional port.
std::string_view host_name(std::string_view host) {
  const std::size_t end = host.starts_with('[') ? host.find(']') : host.find(':');
  if (host.starts_with('[')) {
    if (end == std::string_view::npos) return {};
    const std::string_view port = host.substr(end + 1);
    return port.empty() || port[0] == ':' ? host.substr(0, end + 1) : std::string_view();
  }
  return host.substr(0, end);
}

bool is_numeric_host(std::string_view name) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (name.starts_with('[') && name.ends_with(']'))
    return inet_pton(AF_INET6, std::string(name.substr(1, name.size() - 2)).c_str(), bytes.data()) == 1;
  return inet_pton(AF_INET, std::string(name).c_str(), bytes.data()) == 1;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(a) == lower(b);
  });
}

// The token of "Bearer X", "Token X" or "Basic base64(user:X)".
std::string token_of(std::string_view authorization) {
  const std::size_t blank = authorization.find(' ');
  if (blank == std::string_view::npos) return {};
  const std::string_view scheme = authorization.substr(0, blank);
  std::string_view rest = authorization.substr(blank + 1);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  if (equal_ignoring_case(scheme, "bearer") || equal_ignoring_case(scheme, "token")) return std::string(rest);
  if (!equal_ignoring_case(scheme, "basic") || rest.size() > 1024) return {};
  std::string decoded(rest.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(decoded.data()), decoded.size(), rest.data(),
                        rest.size(), nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0) {
    return {};
  }
  decoded.resize(size);
  const std::size_t colon = decoded.find(':');
  return colon == std::string::npos ? std::string() : decoded.substr(colon + 1);
}

std::optional<Response> check_upgrade(const RequestHead& head) {
  const bool upgrade =
      head.method == Method::get && equal_ignoring_case(head.find("upgrade"), "websocket") &&
      head.find("sec-websocket-protocol").find(wire::kAgentSubprotocol) != std::string_view::npos;
  if (upgrade) return std::nullopt;
  return muster::front::problem(
      {ErrorKind::usage, kMalformedBody, "an agent opens this as a WebSocket",
       "ask for an upgrade with subprotocol " + std::string(wire::kAgentSubprotocol)});
}

bool has_media_type(std::string_view content_type, std::string_view wanted) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return equal_ignoring_case(type, wanted);
}

Error too_fast() {
  return {ErrorKind::temporary, kBusy, "this token asks faster than it may, and much of it waits already",
          "ask less often, or for more at a time"};
}

// A streamed body whose answer has to wait for its turn.
class PacedSink final : public BodySink {
 public:
  PacedSink(std::unique_ptr<BodySink> inner, std::function<void(std::move_only_function<void()>)> later)
      : inner_(std::move(inner)), later_(std::move(later)) {}
  bool feed(std::string_view chunk) override { return inner_->feed(chunk); }
  void finish(Respond respond) override {
    later_([inner = std::move(inner_), respond = std::move(respond)]() mutable {
      inner->finish(std::move(respond));
    });
  }

 private:
  std::unique_ptr<BodySink> inner_;
  std::function<void(std::move_only_function<void()>)> later_;
};

}  // namespace

Response problem(const Error& error) { return problem_with_status(error, http_status_of(error)); }

struct Front::State {
  Backend& backend;
  Tokens& tokens;
  Directory& directory;
  Vault& vault;
  FrontOptions options;
  Waiters waiters{};
  Operations operations{};
  Statistics statistics{backend};
  EventStream stream{backend, {}, &statistics};
  // The field that was checked last: a client's next request carries the same. Good until a token is revoked or a minute passed.
  struct Checked {
    std::string authorization;
    Identity identity;
    std::uint64_t revocations = 0;
    Micros until_wall_us = 0;
  };
  mutable Checked checked{};
  RequestMeters requests{};
  std::vector<RequestMeters::ByClass> answers{all_routes().size()};
  Denials denials{backend};
  Pacer pacer{options.requests_per_second};
  Repeats repeats{};
  std::multimap<Micros, std::move_only_function<void()>>
      paced{};  // calls that wait for their turn, by when it comes
  std::uint64_t calls = 0;

  // How long its turn is off, by the token's pace; nothing: it is refused.
  std::optional<Micros> wait_of(const Admission& admission) {
    if (is_loopback_address(admission.address)) return 0;
    return pacer.wait_us(admission.identity->token_id, backend.now().mono_us);
  }
  std::optional<Identity> identity_of(std::string_view authorization) const;
  bool host_allowed(std::string_view host) const {
    const std::string_view name = host_name(host);
    if (options.any_address && is_numeric_host(name)) return true;
    return std::any_of(options.hosts.begin(), options.hosts.end(),
                       [name](const std::string& allowed) { return equal_ignoring_case(name, allowed); });
  }
  std::optional<Response> check_host(const RequestHead& head) const;
  std::optional<Response> check_origin(const RequestHead& head) const;
  std::optional<Response> check_body(const RequestHead& head, const Route& route, bool items) const;
  std::optional<Response> identify(const RequestHead& head, Admission& admission) const;
  std::optional<Response> find_route(const RequestHead& head, const Target& target,
                                     const Route*& route) const;
  Response open_route(const Target& target);
  Response metrics() const;
  native::CallPtr make_call(const RequestHead& head, const Admission& admission, const Route& route,
                            Target target);
  void expect_body(const RequestHead& head, const Route& route, Target target, Admission& admission);
  void note_denied(const RequestHead& head, const Admission& admission);
};

Front::Front(Backend& backend, Tokens& tokens, Directory& directory, Vault& vault, FrontOptions options)
    : state_(new State{backend, tokens, directory, vault, std::move(options)}) {
  for (const char* name : {"127.0.0.1", "localhost", "[::1]"}) state_->options.hosts.emplace_back(name);
}
Front::~Front() = default;

// A page of another site that resolves to this machine carries that site's name here.
std::optional<Response> Front::State::check_host(const RequestHead& head) const {
  if (head.count("host") == 1 && host_allowed(head.find("host"))) return std::nullopt;
  return problem_with_status(
      {ErrorKind::not_allowed, kNotAllowed, "this server does not go by that host name",
       "use the address in the data folder's server.url"},
      403);
}

// Programs send no Origin; a browser does, and only our own pages may change anything.
std::optional<Response> Front::State::check_origin(const RequestHead& head) const {
  const std::string_view site = head.find("sec-fetch-site");
  bool allowed = site.empty() || site == "same-origin" || site == "none";
  if (head.has("origin")) {
    std::string_view origin = head.find("origin");
    const std::size_t scheme = origin.find("://");
    if (scheme == std::string_view::npos) {
      allowed = false;
    } else {
      allowed = allowed && equal_ignoring_case(origin.substr(scheme + 3), head.find("host"));
    }
  }
  if (allowed) return std::nullopt;
  return problem_with_status(
      {ErrorKind::not_allowed, kNotAllowed, "a page of another origin may not change anything here",
       "call the API from a program, or from this server's own pages"},
      403);
}

std::optional<Identity> Front::State::identity_of(std::string_view authorization) const {
  constexpr Micros kRemembered_us = 60'000'000;
  const Micros wall_us = backend.now().wall_us;
  if (checked.authorization.size() == authorization.size() && !authorization.empty() &&
      sodium_memcmp(checked.authorization.data(), authorization.data(), authorization.size()) == 0 &&
      checked.revocations == tokens.revocations() && wall_us < checked.until_wall_us &&
      wall_us > checked.until_wall_us - 2 * kRemembered_us) {
    tokens.used(checked.identity.token_id, wall_us);
    return checked.identity;
  }
  const std::string token = token_of(authorization);
  std::optional<Identity> identity = tokens.check(token, wall_us);
  if (identity) {
    tokens.used(identity->token_id, wall_us);
    const Micros expires_wall_us = tokens.expiry(token, wall_us).value_or(wall_us);
    Micros until_wall_us = wall_us + kRemembered_us;
    if (expires_wall_us != 0) until_wall_us = std::min(until_wall_us, expires_wall_us);
    checked = {std::string(authorization), *identity, tokens.revocations(), until_wall_us};
  }
  return identity;
}

std::optional<Response> Front::State::identify(const RequestHead& head, Admission& admission) const {
  Response refusal;
  if (!head.has("authorization")) {
    refusal = problem_with_status(
        {ErrorKind::not_allowed, kTokenMissing, "the request carries no token",
         "send 'Authorization: Bearer TOKEN'; the token is in the data folder's admin.token"},
        401);
  } else {
    admission.identity = identity_of(head.find("authorization"));
    if (admission.identity) return std::nullopt;
    refusal = problem_with_status(
        {ErrorKind::not_allowed, kTokenWrong, "the token is not valid here",
         "it may belong to another server, or be revoked or expired; read admin.token again"},
        401);
  }
  refusal.fields.emplace_back("WWW-Authenticate", "Bearer");
  return refusal;
}

std::optional<Response> Front::State::find_route(const RequestHead& head, const Target& target,
                                                 const Route*& route) const {
  std::string allowed;
  if (target.path.size() > 2 && target.path[0] == "api" && target.path[1] == "v1") {
    for (const Route& candidate : all_routes()) {
      if (!path_matches(candidate.path, target.path)) continue;
      const bool head_of_get = head.method == Method::head && candidate.method == Method::get;
      if (candidate.method == head.method || head_of_get) {
        route = &candidate;
        return std::nullopt;
      }
      allowed += (allowed.empty() ? "" : ", ") + std::string(method_text(candidate.method));
    }
  }
  if (allowed.empty()) {
    return problem_with_status(
        no_such_thing("there is nothing at " + escape_text(truncate_text(head.target, 100)),
                      "the native API is below /api/v1"),
        404);
  }
  Response refusal =
      problem_with_status({ErrorKind::usage, kNotAllowed,
                           std::string(method_text(head.method)) + " means nothing here", "use " + allowed},
                          405);
  refusal.fields.emplace_back("Allow", allowed);
  return refusal;
}

std::optional<Response> Front::State::check_body(const RequestHead& head, const Route& route,
                                                 bool items) const {
  if (is_safe(head.method)) return std::nullopt;
  if (!backend.facts().ready) {
    return problem({ErrorKind::temporary, kServerStartingOrStopping, "the server is starting or going down",
                    "try again when it is back"});
  }
  const std::string_view wanted = items ? kItemsType : "application/json";
  if (route.body == Body::none || has_media_type(head.find("content-type"), wanted)) return std::nullopt;
  return problem_with_status(
      {ErrorKind::usage, kMalformedBody, "the body has to be of type " + std::string(wanted),
       "send 'Content-Type: " + std::string(wanted) + "'"},
      415);
}

Response Front::State::metrics() const {
  std::vector<RouteMeters> routes;
  for (std::size_t i = 0; i < all_routes().size(); ++i) {
    routes.push_back({method_text(all_routes()[i].method), all_routes()[i].path, answers[i]});
  }
  std::vector<std::string> projects;
  for (const auto& [name, row] : directory.projects()) projects.push_back(name);
  return {200, std::string(kMetricsType), {}, metrics_page(backend, projects, requests, routes)};
}

constexpr long kProgramsAtOnce = 64;

// What anybody may read: whether the server lives, and what it offers.
bool is_open(std::string_view path) {
  return path == "healthz" || path == "readyz" || path == "openapi.json";
}

Response Front::State::open_route(const Target& target) {
  const ServerFacts& facts = backend.facts();
  if (target.path[0] == "dl") {
    if (auto program = backend.own_program()) {
      // Anybody may ask, so not for more than so many at once: each answer under way holds the program, and this function does.
      if (program.use_count() > kProgramsAtOnce) {
        Response busy =
            problem({ErrorKind::temporary, kBusy, "as many as may are fetching the program already",
                     "try again in a few seconds"});
        busy.fields.emplace_back("Retry-After", "2");
        return busy;
      }
      return {200, "application/octet-stream", {}, {}, std::move(program)};
    }
    return problem({ErrorKind::not_found, kNoSuchThing, "this server has no program to give",
                    "put the file muster beside muster-server, on the server's machine"});
  }
  if (target.path[0] == "openapi.json") return {200, "application/json", {}, openapi_json(facts.version)};
  if (target.path[0] == "readyz" && !facts.ready) return {503, "text/plain", {}, "not ready\n"};
  return {200, "text/plain", {}, "ok\n"};
}

native::CallPtr Front::State::make_call(const RequestHead& head, const Admission& admission,
                                        const Route& route, Target target) {
  const Identity& who = *admission.identity;
  return std::make_shared<native::Call>(
      native::Call{.backend = backend,
                   .waiters = waiters,
                   .stream = stream,
                   .statistics = statistics,
                   .options = options,
                   .tokens = tokens,
                   .directory = directory,
                   .denials = denials,
                   .vault = vault,
                   .operations = operations,
                   .who = who,
                   .access = admission.access,
                   .route = route,
                   .address = admission.address,
                   .request = admission.request,
                   .object = {},
                   .principal = {who.owner, admission.access.project},
                   .method = head.method,
                   .target = std::move(target),
                   .idempotency_key = std::string(head.find("idempotency-key")),
                   .wants_stream = has_media_type(head.find("accept"), "text/event-stream"),
                   .last_event_id = std::string(head.find("last-event-id")),
                   .key = {},
                   .made_before = {},
                   .body = {},
                   .operation = {},
                   .later =
                       [this](std::move_only_function<void()> rest) {
                         paced.emplace(backend.now().mono_us, std::move(rest));
                       },
                   .respond = {}});
}

// Who is not let in at all leaves a row as well; a browser's page that tries its luck is one of them.
void Front::State::note_denied(const RequestHead& head, const Admission& admission) {
  if (admission.refusal->status != 401 && admission.refusal->status != 403) return;
  AuditRow row;
  if (admission.identity) {
    row.who = admission.identity->owner;
    row.token = admission.identity->token_id;
  } else {
    row.token = tokens.refused_id(token_of(head.find("authorization")));
  }
  row.project = admission.access.project;
  row.address = admission.address;
  row.action = std::string(method_text(head.method)) + " " + truncate_text(head.target, 100);
  row.result = admission.refusal->status == 401 ? kTokenWrong : kNotAllowed;
  row.request = admission.request;
  denials.note(std::move(row));
}

namespace {

// ?project= belongs to every call, so it is taken out before the resource reads the rest.
std::string take_project(Target& target) {
  std::string project;
  std::erase_if(target.query, [&](const auto& pair) {
    if (pair.first != "project") return false;
    project = pair.second;
    return true;
  });
  return project;
}

}  // namespace

namespace {

// Three paths take tokens that open nothing else.
TokenKind kind_for(const Target& target) {
  const auto is = [&](std::string_view name) {
    return target.path.size() == 3 && target.path[0] == "api" && target.path[1] == "v1" &&
           target.path[2] == name;
  };
  if (is("agent")) return TokenKind::agent;
  if (is("join")) return TokenKind::join;
  return is("sessions") ? TokenKind::link : TokenKind::user;
}

Error wrong_kind(TokenKind wanted) {
  const auto refusal = [](std::string what, std::string next) {
    return Error{ErrorKind::not_allowed, kNotAllowed, std::move(what), std::move(next)};
  };
  switch (wanted) {
    case TokenKind::agent:
      return refusal("this endpoint takes an agent's token", "use the token in the worker's folder");
    case TokenKind::join:
      return refusal("this endpoint takes the key of an invitation", "ask for one: muster invite");
    case TokenKind::link:
      return refusal("this endpoint takes a link that signs a browser in", "ask for one: muster open");
    case TokenKind::user:
      break;
  }
  return refusal("a worker's token, a key or a link opens only its own endpoint",
                 "use the token in admin.token");
}

}  // namespace

// What a change needs, and where its body goes.
void Front::State::expect_body(const RequestHead& head, const Route& route, Target target,
                               Admission& admission) {
  const bool items =
      route.body == Body::json_or_items &&
      std::any_of(target.query.begin(), target.query.end(), [](const auto& p) { return p.first == "items"; });
  if (!is_safe(head.method)) admission.refusal = check_origin(head);
  if (!admission.refusal) admission.refusal = check_body(head, route, items);
  if (admission.refusal) return;
  if (!items) {
    if (!is_safe(head.method)) admission.body_bytes_max = options.json_body_bytes_max;
    return;
  }
  const std::optional<Micros> wait_us = wait_of(admission);
  if (!wait_us) {
    admission.refusal = problem(too_fast());
    return;
  }
  admission.body_bytes_max = options.stream_body_bytes_max;
  admission.sink = native::stream_submit(make_call(head, admission, route, std::move(target)));
  if (*wait_us == 0) return;
  const Micros due_us = backend.now().mono_us + *wait_us;
  admission.sink = std::make_unique<PacedSink>(
      std::move(admission.sink), [this, due_us](auto finish) { paced.emplace(due_us, std::move(finish)); });
}

Admission Front::admit(const RequestHead& head, std::string address) {
  Admission admission;
  admission.address = std::move(address);
  admission.request =
      std::to_string(state_->backend.facts().incarnation) + "-" + std::to_string(++state_->calls);
  look_at(head, admission);
  if (admission.refusal) {
    admission.refusal->fields.emplace_back("Request-Id", admission.request);
    state_->note_denied(head, admission);
  }
  return admission;
}

void Front::look_at(const RequestHead& head, Admission& admission) {
  const auto refuse_with = [&](std::optional<Response> refusal) {
    if (refusal) admission.refusal = std::move(refusal);
    return admission.refusal.has_value();
  };
  if (head.target.size() > kTargetBytesMax) {
    const Error error{ErrorKind::too_large, kBodyTooLarge, "the address is longer than 8 KiB",
                      "select less at a time"};
    admission.refusal = problem_with_status(error, 414);
    return;
  }
  Result<Target> target = parse_target(head.target);
  if (!target) {
    admission.refusal = problem(target.error());
    return;
  }
  if (refuse_with(state_->check_host(head))) return;
  const bool program = target->path == std::vector<std::string>{"dl", "muster"};
  if (is_safe(head.method) && (program || (target->path.size() == 1 && is_open(target->path[0])))) {
    admission.refusal = state_->open_route(*target);
    return;
  }
  if (is_safe(head.method) && is_page_path(*target)) {
    admission.refusal = page_answer(state_->options.web_files, head, *target);
    return;
  }
  if (refuse_with(state_->identify(head, admission))) return;

  const TokenKind wanted = kind_for(*target);
  if (admission.identity->kind != wanted) {
    admission.refusal = problem_with_status(wrong_kind(wanted), 403);
    return;
  }
  const bool agent_path = wanted == TokenKind::agent;
  if (agent_path) {
    if (refuse_with(state_->check_origin(head)) || refuse_with(check_upgrade(head))) return;
    admission.agent_upgrade = true;
    return;
  }
  if (target->path == std::vector<std::string>{"metrics"} && is_safe(head.method)) {
    const Result<Access> access = state_->directory.authorize(*admission.identity, kMetricsRoute, {});
    admission.refusal = access ? state_->metrics() : problem(access.error());
    return;
  }
  const Route* route = nullptr;
  if (refuse_with(state_->find_route(head, *target, route))) return;
  admission.route = static_cast<std::size_t>(route - all_routes().data());
  Result<Access> access = state_->directory.authorize(*admission.identity, *route, take_project(*target));
  if (!access) {
    admission.refusal = problem(access.error());
    return;
  }
  admission.access = std::move(*access);
  state_->expect_body(head, *route, std::move(*target), admission);
}

void Front::handle(const RequestHead& head, const Admission& admission, std::string body, Respond respond) {
  Result<Target> target = parse_target(head.target);
  const Route* route = nullptr;
  MUSTER_CHECK(target && admission.identity, "only what was admitted is handled");
  if (std::optional<Response> refusal = state_->find_route(head, *target, route))
    return respond(std::move(*refusal));
  take_project(*target);
  native::CallPtr call = state_->make_call(head, admission, *route, std::move(*target));
  call->body = std::move(body);
  call->respond = std::move(respond);
  const Micros now_us = state_->backend.now().mono_us;
  const std::optional<Micros> wait_us = state_->wait_of(admission);
  if (!wait_us) return call->fail(too_fast());
  if (*wait_us == 0) return state_->repeats.run(call);
  state_->paced.emplace(now_us + *wait_us, [this, call] { state_->repeats.run(call); });
}

void Front::answered(std::optional<std::size_t> route, int status, Micros duration_us) {
  RequestMeters& meters = state_->requests;
  meters.count(route ? state_->answers[*route] : meters.refused, status);
  if (!route || !all_routes()[*route].waits) meters.duration.observe(duration_us);
}

void Front::committed(const Changes& changes) {
  state_->statistics.committed(changes);
  state_->stream.committed(changes);
}

void Front::touched(std::span<const BatchId> batches) {
  state_->stream.touched(batches);
  if (state_->waiters.size() == 0) return;
  const Micros now_us = state_->backend.now().mono_us;
  for (const BatchId batch : batches) state_->waiters.touched(batch, now_us);
}

void Front::log_grown(BatchId batch) {
  if (state_->waiters.size() != 0) state_->waiters.touched(batch, state_->backend.now().mono_us);
}

void Front::tick() {
  const Micros now_us = state_->backend.now().mono_us;
  state_->waiters.tick(now_us);
  if (state_->stream.next_due_us() <= now_us) state_->stream.tick();
  while (!state_->paced.empty() && state_->paced.begin()->first <= now_us) {
    state_->paced.extract(state_->paced.begin()).mapped()();
  }
}

void Front::every_second() {
  state_->denials.tick();
  state_->stream.every_second();
  state_->statistics.every_second();
  state_->pacer.tidy(state_->backend.now().mono_us);
}

Micros Front::next_due_us() const {
  const Micros due_us = std::min(state_->waiters.next_due_us(), state_->stream.next_due_us());
  return state_->paced.empty() ? due_us : std::min(due_us, state_->paced.begin()->first);
}

std::size_t Front::waiting() const { return state_->waiters.size(); }

void Front::close() {
  state_->waiters.close();
  state_->stream.close();
  while (!state_->paced.empty()) state_->paced.extract(state_->paced.begin()).mapped()();
}

namespace native {

void read_page(QueryReader& query, const FrontOptions& options, PageRequest& out) {
  query.number("limit", out.limit, 1, options.page_max);
  query.text("after", out.after);
}

Error bad_cursor(std::string_view cursor) {
  return {ErrorKind::usage, kMalformedValue,
          "\"" + escape_text(truncate_text(cursor, 60)) + "\" is not a cursor of this list",
          "pass what the page before gave as \"next\""};
}

}  // namespace native
}  // namespace muster::front
