// The rows of the API, and their description.
// A row without an operation or a summary does not compile.
#include "front/routes.h"

#include <algorithm>
#include <array>

#include "core/check.h"
#include "front/schemas.h"
#include "wire/native/json_writer.h"

namespace muster::front {
namespace {

constexpr std::array kRoutes{
    Route{Method::post, "batches", native::submit, Body::json_or_items, "batch.submit", Role::submitter,
          Reach::project, "submit tasks: one, an array, or one for each item", "items"},
    Route{Method::get, "batches", native::list_batches, Body::none, "batch.list", Role::viewer,
          Reach::project, "batches, newest first", "limit after name state where"},
    Route{Method::get, "batches/*", native::show_batch, Body::none, "batch.show", Role::viewer,
          Reach::project, "one batch", ""},
    Route{Method::patch, "batches/*", native::set_batch, Body::json, "batch.set", Role::submitter, Reach::own,
          "change a batch's priority, limit, name, or close it", ""},
    Route{Method::get, "tasks", native::list_tasks, Body::none, "task.list", Role::viewer, Reach::project,
          "tasks of a batch, or of all", "limit after state selector where"},
    Route{Method::get, "tasks/*", native::show_task, Body::none, "task.show", Role::viewer, Reach::project,
          "one task with its attempts", ""},
    Route{Method::get, "tasks/*/spec", native::show_task_spec, Body::none, "task.spec", Role::viewer,
          Reach::project, "what a task is started with", ""},
    Route{Method::get, "attempts", native::list_attempts, Body::none, "attempt.list", Role::viewer,
          Reach::project, "every try of the selected tasks", "limit after selector where"},
    Route{Method::get, "attempts/*", native::show_attempt, Body::none, "attempt.show", Role::viewer,
          Reach::project, "one try of a task", ""},
    Route{Method::get, "workers", native::list_workers, Body::none, "worker.list", Role::viewer,
          Reach::project, "what tasks run on", "limit after where"},
    Route{Method::get, "workers/*", native::show_worker, Body::none, "worker.show", Role::viewer,
          Reach::project, "one worker", ""},
    Route{Method::patch, "workers/*", native::set_worker, Body::json, "worker.set", Role::operator_,
          Reach::server, "change a worker's slots, labels, offers, or whom it serves", ""},
    Route{Method::post, "workers", native::create_worker, Body::json, "worker.create", Role::operator_,
          Reach::server, "declare a worker before its agent connects", "", false, Repeat::rebuilt},
    Route{Method::post, "workers/*/pause", native::pause_worker, Body::json, "worker.pause", Role::operator_,
          Reach::server, "give a worker nothing new until it is resumed", ""},
    Route{Method::post, "workers/*/resume", native::resume_worker, Body::json, "worker.resume",
          Role::operator_, Reach::server, "let a worker take tasks again", ""},
    Route{Method::post, "workers/*/drain", native::drain_worker, Body::json, "worker.drain", Role::operator_,
          Reach::server, "let a worker finish what runs and take nothing more", ""},
    Route{Method::post, "workers/*/lost", native::lose_worker, Body::json, "worker.lost", Role::operator_,
          Reach::server, "say that a worker is dead", ""},
    Route{Method::post, "workers/*/remove", native::remove_worker, Body::json, "worker.remove",
          Role::operator_, Reach::server, "take a worker out", ""},
    Route{Method::get, "limits", native::list_limits, Body::none, "limit.list", Role::viewer, Reach::server,
          "what users, projects and labels may have running at once", ""},
    Route{Method::put, "limits/*", native::set_limit, Body::json, "limit.set", Role::admin, Reach::server,
          "limit a user, a project or a label; everything is said anew", ""},
    Route{Method::del, "limits/*", native::delete_limit, Body::none, "limit.delete", Role::admin,
          Reach::server, "take a limit away", ""},
    Route{Method::get, "flavors", native::list_flavors, Body::none, "flavor.list", Role::viewer,
          Reach::project, "kinds of machines in the catalogue, preferred and cheapest first",
          "limit after filter name provider region min_cpus min_ram_gb min_disk_gb max_eviction dropped"},
    Route{Method::put, "flavors", native::import_flavors, Body::json, "flavor.import", Role::admin,
          Reach::server, "take a catalogue in: all of it, or nothing", ""},
    Route{Method::get, "flavors/*", native::show_flavor, Body::none, "flavor.show", Role::viewer,
          Reach::project, "one kind of machine: PROVIDER:REGION:NAME", ""},
    Route{Method::del, "flavors/*", native::delete_flavor, Body::none, "flavor.delete", Role::admin,
          Reach::server, "take a kind of machine out of the catalogue", "dry_run"},
    Route{Method::post, "cancel", native::cancel, Body::json, "task.cancel", Role::submitter, Reach::own,
          "cancel the selected tasks", "background"},
    Route{Method::post, "hold", native::hold, Body::json, "task.hold", Role::submitter, Reach::own,
          "hold the selected tasks", "background"},
    Route{Method::post, "release", native::release, Body::json, "task.release", Role::submitter, Reach::own,
          "release what is held", "background"},
    Route{Method::post, "retry", native::retry, Body::json, "task.retry", Role::submitter, Reach::own,
          "run what failed again", "background"},
    Route{Method::post, "set", native::set_tasks, Body::json, "task.set", Role::submitter, Reach::own,
          "change what tasks need that were not started", "background"},
    Route{Method::get, "operations/*", native::show_operation, Body::none, "operation.show", Role::viewer,
          Reach::project, "how far a change in the background is, and what came of it", ""},
    Route{Method::get, "select", native::select_tasks, Body::none, "task.select", Role::viewer,
          Reach::project, "the tasks that selectors and a filter mean, as selectors", "selector where"},
    Route{Method::get, "explain", native::explain, Body::none, "explain", Role::viewer, Reach::project,
          "why a task, a batch or a worker does not move", "selector worker"},
    Route{Method::get, "failures", native::show_failures, Body::none, "failures", Role::viewer,
          Reach::project, "failed tasks grouped by cause", "selector where"},
    Route{Method::get, "status", native::show_status, Body::none, "status", Role::viewer, Reach::project,
          "the whole on one page", ""},
    Route{Method::get, "wait", native::wait, Body::none, "wait", Role::viewer, Reach::project,
          "answers when the selected tasks are final", "selector timeout_s", true},
    Route{Method::get, "logs", native::read_logs, Body::none, "logs", Role::viewer, Reach::project,
          "what tasks wrote", "selector stream from tail limit wait_s", true},
    Route{Method::get, "logs/search", native::search_logs, Body::none, "logs.search", Role::viewer,
          Reach::project, "lines that match, a bounded part of the logs at a time",
          "selector stream text regex ignore_case after limit"},
    Route{Method::get, "events", native::list_events, Body::none, "event.list", Role::viewer, Reach::project,
          "what happened, newest first; as text/event-stream what happens", "limit after batch where tasks"},
    Route{Method::post, "shutdown", native::shut_down, Body::json, "shutdown", Role::admin, Reach::server,
          "end the server", ""},
    Route{Method::post, "invites", native::invite, Body::json, "worker.invite", Role::operator_,
          Reach::server, "make a key that lets one worker in", "", false, Repeat::rebuilt},
    Route{Method::post, "join", native::join, Body::json, "worker.join", Role::viewer, Reach::key,
          "exchange a key for a worker's credential", ""},
    Route{Method::post, "links", native::create_link, Body::json, "session.link", Role::viewer,
          Reach::yourself, "make a link that signs a browser in, once and soon", "", false, Repeat::rebuilt},
    Route{Method::post, "sessions", native::create_session, Body::json, "session.create", Role::viewer,
          Reach::key, "exchange a link for a token of the page's own", ""},
    Route{Method::get, "users", native::list_users, Body::none, "user.list", Role::admin, Reach::server,
          "who may come in", "limit after"},
    Route{Method::post, "users", native::create_user, Body::json, "user.create", Role::admin, Reach::server,
          "let a person in", "dry_run", false, Repeat::again},
    Route{Method::get, "users/*", native::show_user, Body::none, "user.show", Role::admin, Reach::yourself,
          "one user; `me` is whoever asks", ""},
    Route{Method::patch, "users/*", native::set_user, Body::json, "user.set", Role::admin, Reach::server,
          "change a user's roles, or shut them out", "dry_run"},
    Route{Method::del, "users/*", native::delete_user, Body::none, "user.delete", Role::admin, Reach::server,
          "remove a user and revoke their tokens", "dry_run"},
    Route{Method::get, "tokens", native::list_tokens, Body::none, "token.list", Role::admin, Reach::yourself,
          "tokens, without what opens anything", "limit after user"},
    Route{Method::post, "tokens", native::create_token, Body::json, "token.create", Role::admin,
          Reach::yourself, "make a token; it is told once", "dry_run", false, Repeat::rebuilt},
    Route{Method::del, "tokens/*", native::revoke_token, Body::none, "token.revoke", Role::admin,
          Reach::yourself, "end a token at once", "dry_run"},
    Route{Method::get, "projects", native::list_projects, Body::none, "project.list", Role::viewer,
          Reach::yourself, "projects that you may look into", "limit after"},
    Route{Method::post, "projects", native::create_project, Body::json, "project.create", Role::admin,
          Reach::server, "make a project", "dry_run", false, Repeat::again},
    Route{Method::get, "projects/*", native::show_project, Body::none, "project.show", Role::viewer,
          Reach::yourself, "one project", ""},
    Route{Method::patch, "projects/*", native::set_project, Body::json, "project.set", Role::admin,
          Reach::server, "change a project's note, or close it", "dry_run"},
    Route{Method::del, "projects/*", native::delete_project, Body::none, "project.delete", Role::admin,
          Reach::server, "remove a project that holds nothing", "dry_run"},
    Route{Method::get, "secrets", native::list_secrets, Body::none, "secret.list", Role::submitter,
          Reach::project, "secrets of the project, without their values", "limit after"},
    Route{Method::post, "secrets", native::create_secret, Body::json, "secret.create", Role::operator_,
          Reach::project, "keep a value that tasks may have and nobody can read here", "dry_run", false,
          Repeat::again_secret},
    Route{Method::get, "secrets/*", native::show_secret, Body::none, "secret.show", Role::submitter,
          Reach::project, "one secret, without its value", ""},
    Route{Method::patch, "secrets/*", native::set_secret, Body::json, "secret.set", Role::operator_,
          Reach::project, "change a secret's value or note", "dry_run"},
    Route{Method::del, "secrets/*", native::delete_secret, Body::none, "secret.delete", Role::operator_,
          Reach::project, "delete a secret: tasks that want it fail to start", "dry_run"},
    Route{Method::get, "audit", native::list_audit, Body::none, "audit.list", Role::admin, Reach::server,
          "who changed what, and who was denied, oldest first", "limit after"},
    Route{Method::get, "audit/verify", native::verify_audit, Body::none, "audit.verify", Role::admin,
          Reach::server, "check the chain of the audit log", ""},
};

static_assert(std::all_of(kRoutes.begin(), kRoutes.end(), [](const Route& route) {
  return !route.operation.empty() && !route.summary.empty() && route.role != Role::none;
}));

// "batches/*" -> "/api/v1/batches/{batch}": the part is named by what stands before it.
std::string shown_path(std::string_view path) {
  std::string shown = "/api/v1/" + std::string(path);
  if (const std::size_t part = shown.find("/*"); part != std::string::npos)
    shown.replace(part + 1, 1, "{name}");
  return shown;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

void write_parameter(wire::JsonWriter& out, std::string_view name, std::string_view place) {
  out.begin_object().key("name").text(name).key("in").text(place);
  out.key("required").flag(place == "path");
  out.key("schema").begin_object().key("type").text("string").end_object().end_object();
}

void write_reference(wire::JsonWriter& out, std::string_view type, std::string_view shape) {
  out.key(type).begin_object().key("schema").begin_object();
  out.key("$ref").text("#/components/schemas/" + std::string(shape)).end_object().end_object();
}

void write_body(wire::JsonWriter& out, const Route& route, const OperationShapes& shapes) {
  out.key("requestBody").begin_object().key("content").begin_object();
  write_reference(out, "application/json", shapes.request);
  if (route.body == Body::json_or_items) {
    out.key("application/vnd.muster.items").begin_object().key("schema").begin_object();
    out.key("type").text("string").key("description");
    out.text(
        "the JSON without items on the first line, then the items as the query says: lines, tsv, csv, jsonl");
    out.end_object().end_object();
  }
  out.end_object().end_object();
}

void write_answers(wire::JsonWriter& out, const OperationShapes& shapes) {
  out.key("responses").begin_object().key("2XX").begin_object().key("description").text("done");
  out.key("content").begin_object();
  if (shapes.answer.empty()) {
    out.key("application/octet-stream").begin_object().end_object();
  } else {
    write_reference(out, "application/json", shapes.answer);
  }
  // What happens, as it happens, for whoever accepts that.
  if (shapes.answer == "EventList") out.key("text/event-stream").begin_object().end_object();
  out.end_object().end_object();
  out.key("default").begin_object().key("description").text("refused, and why");
  out.key("content").begin_object();
  write_reference(out, "application/problem+json", "Problem");
  out.end_object().end_object().end_object();
}

void write_operation(wire::JsonWriter& out, const Route& route) {
  const OperationShapes* shapes = shapes_of(route.operation);
  MUSTER_CHECK(shapes != nullptr, "every operation has its shapes in front/schemas.cpp");
  out.key(lower(method_text(route.method))).begin_object();
  out.key("operationId").text(route.operation).key("summary").text(route.summary);
  out.key("x-muster-role").text(to_text(route.role)).key("x-muster-reach").text(to_text(route.reach));
  out.key("parameters").begin_array();
  if (route.path.find('*') != std::string_view::npos) write_parameter(out, "name", "path");
  write_parameter(out, "project", "query");
  for (std::string_view rest = route.parameters; !rest.empty();) {
    const std::size_t blank = rest.find(' ');
    write_parameter(out, rest.substr(0, blank), "query");
    rest = blank == std::string_view::npos ? std::string_view() : rest.substr(blank + 1);
  }
  if (route.repeat != Repeat::none || route.body == Body::json_or_items)
    write_parameter(out, "Idempotency-Key", "header");
  out.end_array();
  if (route.body != Body::none) write_body(out, route, *shapes);
  write_answers(out, *shapes);
  out.end_object();
}

void write_components(wire::JsonWriter& out) {
  out.key("components").begin_object();
  out.key("securitySchemes").begin_object().key("token").begin_object();
  out.key("type").text("http").key("scheme").text("bearer").end_object().end_object();
  out.key("schemas").begin_object();
  for (const Shape& shape : all_shapes()) {
    out.key(shape.name);
    write_schema(out, shape);
  }
  out.end_object().end_object();
}

}  // namespace

std::string_view to_text(Reach reach) {
  switch (reach) {
    case Reach::project:
      return "project";
    case Reach::own:
      return "own";
    case Reach::server:
      return "server";
    case Reach::key:
      return "key";
    case Reach::yourself:
      return "yourself";
  }
  return "server";
}

std::span<const Route> all_routes() { return kRoutes; }

bool path_matches(std::string_view pattern, const std::vector<std::string>& path) {
  std::size_t part = 2;
  for (std::string_view rest = pattern;;) {
    if (part == path.size()) return false;
    const std::size_t slash = rest.find('/');
    const std::string_view word = rest.substr(0, slash);
    if (word != "*" && word != path[part]) return false;
    ++part;
    if (slash == std::string_view::npos) return part == path.size();
    rest.remove_prefix(slash + 1);
  }
}

std::string_view method_text(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      return "?";
  }
  return "?";
}

std::string openapi_json(std::string_view version) {
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("openapi").text("3.1.0");
  out.key("info").begin_object().key("title").text("Muster").key("version").text(version).end_object();
  out.key("security").begin_array().begin_object().key("token").begin_array().end_array().end_object();
  out.end_array();
  out.key("paths").begin_object();
  for (std::size_t i = 0; i < kRoutes.size(); ++i) {
    // Rows of one path may stand apart; they are written where the first of them stands.
    const auto same = [&](const Route& route) { return route.path == kRoutes[i].path; };
    if (std::any_of(kRoutes.begin(), kRoutes.begin() + static_cast<std::ptrdiff_t>(i), same)) continue;
    out.key(shown_path(kRoutes[i].path)).begin_object();
    for (const Route& route : kRoutes) {
      if (same(route)) write_operation(out, route);
    }
    out.end_object();
  }
  out.end_object();
  write_components(out);
  out.end_object();
  return json;
}

}  // namespace muster::front
