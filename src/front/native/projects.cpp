// /projects: names that keep work of different people apart. Everybody sees those they may look into.
// A project that holds batches is closed, not deleted: its numbers stay true.
#include "core/escape.h"
#include "front/native/access_json.h"
#include "front/native/call.h"
#include "wire/native/json_reader.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kNoteBytesMax = 200;

bool may_see(const CallPtr& call, const std::string& project) {
  return call->access.everywhere == Role::admin || call->directory.role_of(call->who, project) != Role::none;
}

struct ProjectChange {
  std::string name;
  std::optional<std::string> note;
  std::optional<bool> closed;
};

Result<ProjectChange> read_project(const CallPtr& call, bool with_name) {
  wire::JsonDocument document;
  if (Result<void> parsed = document.parse(call->body); !parsed)
    return std::unexpected(std::move(parsed.error()));
  ProjectChange out;
  wire::ObjectReader reader(document.root(), "the body");
  if (with_name) reader.text("name", out.name);
  reader.optional_text("note", out.note);
  reader.optional_flag("closed", out.closed);
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  if (out.note && out.note->size() > kNoteBytesMax) {
    return refuse(ErrorKind::usage, kMalformedValue, "the note is longer than 200 bytes", "say it shorter");
  }
  return out;
}

Result<const ProjectRow*> find_project(const CallPtr& call) {
  const ProjectRow* row = call->directory.project(call->part(1));
  if (!may_see(call, call->part(1))) {
    return refuse(ErrorKind::not_allowed, kNotAllowed, "you may not look into this project",
                  "list yours: muster project list");
  }
  if (row == nullptr) {
    return std::unexpected(
        no_such_thing("there is no project \"" + escape_text(truncate_text(call->part(1), 64)) + "\"",
                      "list them: muster project list"));
  }
  return row;
}

void write_project(const CallPtr& call, const ProjectRow& row, int status) {
  if (call->dry_run) return call->answer(200, project_json(row, "muster.project/1"));
  call->object = row.name;
  call->directory.put(row);
  WriteRows input;
  input.rows.projects.push_back(row);
  write_and_answer(call, std::move(input), status, project_json(row, "muster.project/1"));
}

}  // namespace

void list_projects(const CallPtr& call) {
  QueryReader query(call->target);
  PageRequest page;
  read_page(query, call->options, page);
  if (failed(call, query.finish())) return;
  const auto& all = call->directory.projects();
  std::string json;
  std::string last;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.projects/1");
  auto next = page.after.empty() ? all.begin() : all.upper_bound(page.after);
  for (std::uint64_t written = 0; next != all.end(); ++next) {
    if (!may_see(call, next->first)) continue;
    if (written++ == page.limit) break;
    out.raw(project_json(next->second, ""));
    last = next->first;
  }
  wire::end_list(out, next == all.end() ? "" : last);
  call->answer(200, std::move(json));
}

void show_project(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  const Result<const ProjectRow*> row = find_project(call);
  if (failed(call, row)) return;
  call->answer(200, project_json(**row, "muster.project/1"));
}

void create_project(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  Result<ProjectChange> change = read_project(call, true);
  if (failed(call, change)) return;
  call->object = change->name;
  if (!is_plain_name(change->name)) {
    return call->fail({ErrorKind::usage, kMalformedValue,
                       "\"" + escape_text(truncate_text(change->name, 64)) + "\" cannot name a project",
                       "letters, digits and . _ @ -, at most 64"});
  }
  if (call->directory.project(change->name) != nullptr) {
    return call->fail({ErrorKind::wrong_state, kWrongState, "there is a project " + change->name + " already",
                       "change it: muster project set " + change->name});
  }
  ProjectRow row;
  row.name = change->name;
  row.note = change->note.value_or("");
  row.closed = change->closed.value_or(false);
  row.created_wall_us = call->backend.now().wall_us;
  write_project(call, row, 201);
}

void set_project(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  Result<ProjectChange> change = read_project(call, false);
  if (failed(call, change)) return;
  const Result<const ProjectRow*> found = find_project(call);
  if (failed(call, found)) return;
  ProjectRow row = **found;
  if (change->note) row.note = *change->note;
  if (change->closed) row.closed = *change->closed;
  write_project(call, row, 200);
}

void delete_project(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  const Result<const ProjectRow*> found = find_project(call);
  if (failed(call, found)) return;
  ProjectRow row = **found;
  if (call->backend.history().newest_batch(row.name)) {
    return call->fail({ErrorKind::wrong_state, kWrongState, "project " + row.name + " holds batches",
                       "close it instead: muster project set " + row.name + " --close"});
  }
  const auto secret = call->vault.all().lower_bound({row.name, {}});
  if (secret != call->vault.all().end() && secret->first.first == row.name) {
    return call->fail({ErrorKind::wrong_state, kWrongState, "project " + row.name + " holds secrets",
                       "delete them first: muster secret list --project " + row.name});
  }
  row.removed = true;
  write_project(call, row, 200);
}

}  // namespace muster::front::native
