// /users: who may come in and what they may do. Only admins change anything here.
// The last admin stays: a server that nobody may manage is of no use to anybody.
#include <algorithm>

#include "core/escape.h"
#include "front/native/access_json.h"
#include "front/native/call.h"
#include "wire/native/json_reader.h"

namespace muster::front::native {
namespace {

constexpr std::string_view kMe = "me";

struct UserChange {
  std::vector<std::pair<std::string, std::string>> roles;  // project, role; "none" takes it away
  std::optional<bool> disabled;
  std::string name;
};

Result<UserChange> read_user(const CallPtr& call, bool with_name) {
  wire::JsonDocument document;
  if (Result<void> parsed = document.parse(call->body); !parsed)
    return std::unexpected(std::move(parsed.error()));
  UserChange out;
  wire::ObjectReader reader(document.root(), "the body");
  if (with_name) reader.text("name", out.name);
  reader.text_map("roles", out.roles);
  reader.optional_flag("disabled", out.disabled);
  if (Result<void> done = reader.finish(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<void> apply(const CallPtr& call, const UserChange& change, UserRow& row) {
  for (const auto& [project, text] : change.roles) {
    const std::optional<Role> role = text == "none" ? Role::none : role_from_text(text);
    if (!role) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    "\"" + escape_text(truncate_text(text, 40)) + "\" is no role",
                    "a role is viewer, submitter, operator or admin; none takes it away");
    }
    if (project != kEveryProject && call->directory.project(project) == nullptr) {
      return std::unexpected(
          no_such_thing("there is no project \"" + escape_text(truncate_text(project, 64)) + "\"",
                        "make it first: muster project create NAME; * means every project"));
    }
    set_role(row.roles, project, *role);
  }
  if (change.disabled) row.disabled = *change.disabled;
  return {};
}

bool rules_everywhere(const UserRow& row) {
  return !row.disabled && !row.removed && role_in(row.roles, kEveryProject) == Role::admin;
}

// Would this leave nobody who may manage the server?
Result<void> keep_an_admin(const CallPtr& call, const UserRow& changed) {
  if (rules_everywhere(changed)) return {};
  const bool another = std::any_of(
      call->directory.users().begin(), call->directory.users().end(),
      [&](const auto& entry) { return entry.first != changed.name && rules_everywhere(entry.second); });
  const UserRow* before = call->directory.user(changed.name);
  if (another || before == nullptr || !rules_everywhere(*before)) return {};
  return refuse(ErrorKind::wrong_state, kWrongState, escape_text(changed.name) + " is the only admin",
                "make another one first: muster user set NAME --role admin --project '*'");
}

Result<const UserRow*> find_user(const CallPtr& call) {
  const std::string& name = call->part(1) == kMe ? call->who.owner : call->part(1);
  const UserRow* row = call->directory.user(name);
  // To whoever may not look, one that is not there and one that is look alike.
  if (!call->may_manage(name)) {
    return refuse(ErrorKind::not_allowed, kNotAllowed, "only an admin may see other users",
                  "see yourself: muster user show me");
  }
  if (row == nullptr) {
    return std::unexpected(no_such_thing("there is no user \"" + escape_text(truncate_text(name, 64)) + "\"",
                                         "list them: muster user list"));
  }
  return row;
}

void write_user(const CallPtr& call, const UserRow& row, Changes changes, int status) {
  if (call->dry_run) return call->answer(200, user_json(row, "muster.user/1"));
  call->object = row.name;
  call->directory.put(row);
  changes.users.push_back(row);
  WriteRows input;
  input.rows = std::move(changes);
  write_and_answer(call, std::move(input), status, user_json(row, "muster.user/1"));
}

}  // namespace

void list_users(const CallPtr& call) {
  QueryReader query(call->target);
  PageRequest page;
  read_page(query, call->options, page);
  if (failed(call, query.finish())) return;
  const auto& all = call->directory.users();
  std::string json;
  std::string last;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.users/1");
  auto next = page.after.empty() ? all.begin() : all.upper_bound(page.after);
  for (std::uint64_t written = 0; next != all.end(); ++next) {
    if (written++ == page.limit) break;
    out.raw(user_json(next->second, ""));
    last = next->first;
  }
  wire::end_list(out, next == all.end() ? "" : last);
  call->answer(200, std::move(json));
}

void show_user(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  const Result<const UserRow*> row = find_user(call);
  if (failed(call, row)) return;
  call->answer(200, user_json(**row, "muster.user/1"));
}

void create_user(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  Result<UserChange> change = read_user(call, true);
  if (failed(call, change)) return;
  call->object = change->name;
  if (!is_plain_name(change->name) || change->name == kMe) {
    return call->fail({ErrorKind::usage, kMalformedValue,
                       "\"" + escape_text(truncate_text(change->name, 64)) + "\" cannot name a user",
                       "letters, digits and . _ @ -, at most 64; not \"me\""});
  }
  if (call->directory.user(change->name) != nullptr) {
    return call->fail({ErrorKind::wrong_state, kWrongState, "there is a user " + change->name + " already",
                       "change it: muster user set " + change->name});
  }
  UserRow row;
  row.name = change->name;
  row.created_wall_us = call->backend.now().wall_us;
  if (failed(call, apply(call, *change, row))) return;
  write_user(call, row, {}, 201);
}

void set_user(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  Result<UserChange> change = read_user(call, false);
  if (failed(call, change)) return;
  const Result<const UserRow*> found = find_user(call);
  if (failed(call, found)) return;
  UserRow row = **found;
  if (failed(call, apply(call, *change, row))) return;
  if (failed(call, keep_an_admin(call, row))) return;
  write_user(call, row, {}, 200);
}

void delete_user(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  const Result<const UserRow*> found = find_user(call);
  if (failed(call, found)) return;
  UserRow row = **found;
  row.removed = true;
  if (failed(call, keep_an_admin(call, row))) return;
  Changes changes;
  std::vector<std::uint64_t> theirs;
  for (const auto& [id, token] : call->tokens.all()) {
    if (token.owner == row.name &&
        (token.kind == to_text(TokenKind::user) || token.kind == to_text(TokenKind::link)))
      theirs.push_back(id);
  }
  for (const std::uint64_t id : theirs) {
    if (call->dry_run) break;
    if (auto revoked = call->tokens.revoke(id, call->backend.now().wall_us))
      changes.tokens.push_back(*revoked);
  }
  write_user(call, row, std::move(changes), 200);
}

}  // namespace muster::front::native
