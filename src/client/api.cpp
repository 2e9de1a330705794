// The routes, and what their failures mean to a person.
// The endpoint's source is named in every connection error, because the wrong one is the usual reason.
#include "client/api.h"

#include <charconv>

#include "client/query.h"
#include "client/request_bodies.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/join_key.h"
#include "core/units.h"

namespace muster::client {

namespace {

constexpr std::string_view kBase = "/api/v1";
constexpr std::int64_t kPatience_us = 60'000'000;
// A large submission is counted and stored before it is answered.
constexpr std::int64_t kSubmitPatience_us = 600'000'000;

std::string route(std::string_view name) { return join_text(kBase, name); }

std::string list_target(std::string_view name, const ListQuery& query,
                        std::string_view selector_key = "selector") {
  Query target(route(name));
  target.add_given(selector_key, query.selector)
      .add_given("state", query.states)
      .add_given("where", query.where)
      .add_given("name", query.name)
      .add_given("user", query.user);
  if (query.limit != 0) target.add("limit", query.limit);
  return target.add_given("after", query.after).str();
}

ErrorKind kind_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorKind::not_allowed;
    case 404:
      return ErrorKind::not_found;
    case 409:
      return ErrorKind::wrong_state;
    case 413:
      return ErrorKind::too_large;
    case 422:
      return ErrorKind::infeasible;
    case 428:
      return ErrorKind::confirmation;
    default:
      return status >= 500 || status == 429 ? ErrorKind::temporary : ErrorKind::usage;
  }
}

// A problem document of ours, or words for an answer that no Muster server gives.
Error error_of(Json problem, int status) {
  return Error{kind_of_status(status), std::string(problem["code"].text(kInternal)),
               std::string(problem["detail"].text(problem["title"].text("the server refused"))),
               std::string(problem["next"].text())};
}

Error error_of(const HttpResponse& response, const Endpoint& endpoint) {
  if (response.find("Content-Type").starts_with("application/problem+json")) {
    if (auto problem = Document::parse(response.body)) return error_of(problem->root(), response.status);
  }
  return Error{ErrorKind::unreachable, kNoServer,
               join_text("what answers at ", escape_text(endpoint.url), " (", endpoint.source,
                         ") is not a Muster server: HTTP status ", response.status),
               "name the right one with --url http://HOST:PORT or --data DIR"};
}

HttpRequest request_of(std::string method, std::string target) {
  HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.timeout_us = kPatience_us;
  return request;
}

HttpRequest change_request(Verb verb, const Change& change, std::string_view query) {
  HttpRequest request = request_of("POST", join_text(kBase, "/", to_text(verb), query));
  request.content_type = "application/json";
  request.timeout_us = kSubmitPatience_us;
  request.body = change_json(change);
  if (!change.key.empty()) request.fields.emplace_back("Idempotency-Key", change.key);
  return request;
}

Result<OperationLook> look_of(const Result<Document>& document) {
  if (!document) return std::unexpected(document.error());
  const Json root = document->root();
  OperationLook look;
  look.id = root["id"].number();
  look.tasks = root["tasks"].number();
  look.looked = root["looked"].number();
  look.matched = root["matched"].number();
  if (root["state"].text() == "done") {
    auto result = Document::parse(root["result"].serialize());
    if (!result) return std::unexpected(result.error());
    look.result = std::move(*result);
  }
  if (root["state"].text() == "failed")
    look.problem = error_of(root["problem"], static_cast<int>(root["problem"]["status"].number()));
  return look;
}

}  // namespace

std::string_view to_text(Verb verb) {
  switch (verb) {
    case Verb::cancel:
      return "cancel";
    case Verb::hold:
      return "hold";
    case Verb::release:
      return "release";
    case Verb::retry:
      return "retry";
    case Verb::set:
      return "set";
  }
  return "cancel";
}

Api::Api(Endpoint endpoint, int interrupt_descriptor)
    : endpoint_(std::move(endpoint)),
      connection_(endpoint_.address, interrupt_descriptor, endpoint_.ca_file) {}

Error Api::explain(const TransportError& error) {
  const std::string place = join_text(escape_text(endpoint_.url), " (", endpoint_.source, ")");
  switch (error.failure) {
    case TransportFailure::source:
      return error.error;
    case TransportFailure::refused:
      return {ErrorKind::unreachable, kNoServer,
              join_text("no server at ", place, "\nnothing listens there: ", error.why),
              "start one:  muster up -d          use another:  --url http://HOST:PORT"};
    case TransportFailure::untrusted:
      return {ErrorKind::not_allowed, kServerNotTrusted,
              join_text("what answers at ", place,
                        " is not the server that is meant; nothing was sent to it\n", escape_text(error.why)),
              "ask who runs the server for its fingerprint, and give it as --pin sha256//…"};
    case TransportFailure::malformed:
      return {ErrorKind::unreachable, kNoServer,
              join_text("what answers at ", place, " does not speak ",
                        endpoint_.address.scheme == net::Scheme::https ? "TLS" : "HTTP", "\n",
                        escape_text(error.why)),
              "name the right server with --url http://HOST:PORT or --data DIR"};
    case TransportFailure::lost:
    case TransportFailure::silent:
    case TransportFailure::interrupted:
      break;
  }
  return {ErrorKind::unreachable, kNoServer,
          join_text("the server at ", place, " did not answer\n", error.why),
          "see whether it runs:  muster status"};
}

void Api::complete(HttpRequest& request) const {
  request.fields.emplace_back("Authorization", join_text("Bearer ", endpoint_.token));
  if (endpoint_.project.empty()) return;
  request.target += request.target.find('?') == std::string::npos ? "?project=" : "&project=";
  request.target += encode_component(endpoint_.project);
}

Result<void> Api::follow(const EventWish& wish, const std::function<bool(const StreamMessage&)>& take) {
  Query target(route("/events"));
  target.add_given("batch", wish.batch);
  if (wish.tasks) target.add("tasks", "true");
  HttpRequest request = request_of("GET", target.str());
  request.fields.emplace_back("Accept", "text/event-stream");
  if (!wish.after.empty()) request.fields.emplace_back("Last-Event-ID", wish.after);
  request.pulse_us = wish.pulse_us;
  complete(request);
  SseReader reader;
  bool enough = false;
  const auto response = connection_.stream(request, [&](std::string_view bytes) {
    enough = bytes.empty() ? !take({}) : !reader.feed(bytes, take);
    return !enough;
  });
  away_ = false;
  if (enough) return {};
  if (!response) {
    const TransportFailure failure = response.error().failure;
    away_ = failure == TransportFailure::refused || failure == TransportFailure::lost ||
            failure == TransportFailure::silent;
    return std::unexpected(explain(response.error()));
  }
  Error error = response->status / 100 == 2
                    ? Error{ErrorKind::unreachable, kNoServer,
                            join_text("the server at ", escape_text(endpoint_.url), " went away"), ""}
                    : error_of(*response, endpoint_);
  away_ = response->status / 100 == 2 || error.code == kServerStartingOrStopping;
  return std::unexpected(std::move(error));
}

Result<HttpResponse> Api::exchange(HttpRequest request) {
  complete(request);
  away_ = false;
  outcome_unknown_ = false;
  auto response = connection_.exchange(request);
  if (!response) {
    const TransportFailure failure = response.error().failure;
    away_ = failure == TransportFailure::refused || failure == TransportFailure::lost ||
            failure == TransportFailure::silent;
    outcome_unknown_ = failure != TransportFailure::refused && failure != TransportFailure::untrusted &&
                       failure != TransportFailure::source;
    return std::unexpected(explain(response.error()));
  }
  if (response->status / 100 == 2) return std::move(*response);
  Error error = error_of(*response, endpoint_);
  away_ = error.code == kServerStartingOrStopping;
  return std::unexpected(std::move(error));
}

Result<Document> Api::document(HttpRequest request) {
  Result<HttpResponse> response = exchange(std::move(request));
  if (!response) return std::unexpected(response.error());
  return Document::parse(std::move(response->body));
}

Result<Document> Api::get(std::string target) { return document(request_of("GET", std::move(target))); }

Result<Document> Api::send(std::string method, std::string target, std::string body) {
  HttpRequest request = request_of(std::move(method), std::move(target));
  request.content_type = "application/json";
  request.body = std::move(body);
  return document(std::move(request));
}

Result<Document> Api::submit(const Submission& submission, std::string_view key) {
  HttpRequest request = request_of("POST", route("/batches"));
  request.content_type = "application/json";
  request.timeout_us = kSubmitPatience_us;
  if (!key.empty()) request.fields.emplace_back("Idempotency-Key", std::string(key));
  request.body = submission_json(submission);
  return document(std::move(request));
}

Result<Document> Api::submit_items(const Submission& submission, std::string_view key, std::string_view kind,
                                   BodySource items) {
  HttpRequest request = request_of("POST", Query(route("/batches")).add("items", kind).str());
  request.content_type = "application/vnd.muster.items";
  request.timeout_us = kSubmitPatience_us;
  if (!key.empty()) request.fields.emplace_back("Idempotency-Key", std::string(key));
  request.source = [head = submission_json(submission) + "\n", sent = false,
                    items = std::move(items)]() mutable -> Result<std::string> {
    if (sent) return items();
    sent = true;
    return std::move(head);
  };
  return document(std::move(request));
}

Result<Document> Api::batches(const ListQuery& query) { return get(list_target("/batches", query)); }

Result<Document> Api::batch(std::string_view selector) {
  return get(route("/batches/") + encode_component(selector));
}

Result<Document> Api::set_batch(std::string_view selector, const BatchSettings& settings) {
  return send("PATCH", route("/batches/") + encode_component(selector), batch_settings_json(settings));
}

Result<Document> Api::tasks(const ListQuery& query) { return get(list_target("/tasks", query)); }

Result<Document> Api::task(std::string_view selector) {
  return get(route("/tasks/") + encode_component(selector));
}

Result<Document> Api::task_spec(std::string_view selector) {
  return get(join_text(route("/tasks/"), encode_component(selector), "/spec"));
}

Result<Document> Api::attempts(const ListQuery& query) { return get(list_target("/attempts", query)); }

Result<Document> Api::attempt(std::string_view selector) {
  return get(route("/attempts/") + encode_component(selector));
}

Result<Document> Api::workers(const ListQuery& query) { return get(list_target("/workers", query)); }

Result<Document> Api::worker(std::string_view name) {
  return get(route("/workers/") + encode_component(name));
}

Result<Document> Api::set_worker(std::string_view name, const WorkerSettings& settings) {
  return send("PATCH", route("/workers/") + encode_component(name), worker_settings_json(settings));
}

Result<Document> Api::create_worker(const WorkerSettings& settings) {
  return send("POST", route("/workers"), worker_settings_json(settings));
}

Result<Document> Api::change_worker(std::string_view name, std::string_view verb,
                                    const WorkerChange& change) {
  return send("POST", join_text(route("/workers/"), encode_component(name), "/", verb),
              worker_change_json(change));
}

Result<Document> Api::limits() { return get(route("/limits")); }

Result<Document> Api::set_limit(std::string_view name, const LimitSettings& settings) {
  return send("PUT", route("/limits/") + encode_component(name), limit_settings_json(settings));
}

Result<Document> Api::events(const ListQuery& query) { return get(list_target("/events", query, "batch")); }

Result<Document> Api::change(Verb verb, const Change& change) {
  return document(change_request(verb, change, ""));
}

Result<OperationLook> Api::begin_change(Verb verb, const Change& change) {
  return look_of(document(change_request(verb, change, "?background=true")));
}

Result<OperationLook> Api::operation(std::uint64_t id) {
  return look_of(get(join_text(kBase, "/operations/", id)));
}

Result<Document> Api::select(const std::vector<std::string>& selectors, std::string_view where) {
  Query target(route("/select"));
  for (const std::string& selector : selectors) target.add("selector", selector);
  return get(target.add("where", where).str());
}

Result<Document> Api::status() { return get(route("/status")); }

Result<Document> Api::explain(std::string_view selector, std::string_view worker) {
  return get(Query(route("/explain")).add_given("selector", selector).add_given("worker", worker).str());
}

Result<Document> Api::failures(std::string_view selector, std::string_view where) {
  Query target(route("/failures"));
  HttpRequest request = request_of("GET", target.add("selector", selector).add_given("where", where).str());
  request.timeout_us = kSubmitPatience_us;
  return document(std::move(request));
}

Result<Document> Api::wait(const std::vector<std::string>& selectors, std::int64_t timeout_us) {
  Query target(route("/wait"));
  for (const std::string& selector : selectors) target.add("selector", selector);
  HttpRequest request = request_of("GET", target.add("timeout_s", format_seconds(timeout_us)).str());
  request.timeout_us = kPatience_us + timeout_us;
  return document(std::move(request));
}

Result<LogPage> Api::logs(const LogQuery& query) {
  Query target(route("/logs"));
  target.add("selector", query.selector).add("stream", query.stream).add_given("from", query.from);
  if (query.tail_bytes) target.add("tail", *query.tail_bytes);
  target.add("limit", query.limit_bytes);
  if (query.wait_s != 0) target.add("wait_s", query.wait_s);
  HttpRequest request = request_of("GET", target.str());
  request.timeout_us = kPatience_us + static_cast<std::int64_t>(query.wait_s) * 1'000'000;
  Result<HttpResponse> response = exchange(std::move(request));
  if (!response) return std::unexpected(response.error());
  LogPage page;
  const std::string_view start = response->find("Muster-Log-Start");
  std::from_chars(start.data(), start.data() + start.size(), page.start);
  page.next = response->find("Muster-Log-Next");
  page.attempt = response->find("Muster-Log-Attempt");
  page.final = response->find("Muster-Log-Final") == "true";
  page.cut = response->find("Muster-Log-Cut") == "true";
  page.bytes = std::move(response->body);
  return page;
}

Result<Document> Api::read(std::string_view path) { return get(route(path)); }

Result<Document> Api::page(std::string_view path, const ListQuery& query) {
  return get(list_target(path, query));
}

Result<Document> Api::write(std::string method, std::string_view path, std::string body) {
  if (!body.empty()) return send(std::move(method), route(path), std::move(body));
  return document(request_of(std::move(method), route(path)));
}

Result<Document> Api::shut_down(bool keep_running) {
  return send("POST", route("/shutdown"),
              keep_running ? R"({"keep_running":true})" : R"({"keep_running":false})");
}

Result<Document> Api::invite(std::int64_t ttl_us, std::string_view name) {
  return send("POST", route("/invites"), invite_json(ttl_us, name));
}

Result<Document> Api::link(std::int64_t ttl_us) { return send("POST", route("/links"), link_json(ttl_us)); }

Result<Document> Api::join(std::string_view spool_id, std::string_view name) {
  return send("POST", route("/join"), join_json(spool_id, name));
}

Result<std::string> Api::program() {
  Result<HttpResponse> response = exchange(request_of("GET", "/dl/muster"));
  if (!response) return std::unexpected(response.error());
  return std::move(response->body);
}

}  // namespace muster::client
