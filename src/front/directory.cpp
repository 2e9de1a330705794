// Who may do what: the row of the route against the roles of the user, as far as the token reaches.
// Everything that is not plainly allowed is refused.
#include "front/directory.h"

#include <algorithm>

#include "core/escape.h"
#include "front/routes.h"

namespace muster::front {
namespace {

constexpr std::string_view kDefaultProject = "default";

Error denied(std::string what, std::string next) {
  return {ErrorKind::not_allowed, kNotAllowed, std::move(what), std::move(next)};
}

template <class Row>
void put_row(std::map<std::string, Row>& rows, const Row& row) {
  if (row.removed) {
    rows.erase(row.name);
  } else {
    rows[row.name] = row;
  }
}

}  // namespace

void Directory::reload(AccessStore& store) {
  users_.clear();
  projects_.clear();
  for (const UserRow& row : store.users()) users_.emplace(row.name, row);
  for (const ProjectRow& row : store.projects()) projects_.emplace(row.name, row);
}

Changes Directory::first_rows(const std::string& owner, Micros wall_us) {
  Changes changes;
  if (projects_.empty()) {
    ProjectRow row;
    row.name = kDefaultProject;
    row.created_wall_us = wall_us;
    put(row);
    changes.projects.push_back(std::move(row));
  }
  if (user(owner) == nullptr) {
    UserRow row;
    row.name = owner;
    set_role(row.roles, kEveryProject, Role::admin);
    row.created_wall_us = wall_us;
    put(row);
    changes.users.push_back(std::move(row));
  }
  return changes;
}

const UserRow* Directory::user(const std::string& name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second;
}

const ProjectRow* Directory::project(const std::string& name) const {
  const auto found = projects_.find(name);
  return found == projects_.end() ? nullptr : &found->second;
}

void Directory::put(const UserRow& row) { put_row(users_, row); }
void Directory::put(const ProjectRow& row) { put_row(projects_, row); }

Role Directory::role_of(const Identity& who, std::string_view project) const {
  const UserRow* row = user(who.owner);
  if (row == nullptr || row->disabled || who.kind != TokenKind::user) return Role::none;
  if (!who.project.empty() && who.project != project) return Role::none;
  const Role role = role_in(row->roles, project);
  if (who.role.empty()) return role;
  return std::min(role, role_from_text(who.role).value_or(Role::none));
}

std::string Directory::project_for(const Identity& who) const {
  if (!who.project.empty()) return who.project;
  if (role_of(who, kDefaultProject) != Role::none) return std::string(kDefaultProject);
  for (const auto& [name, row] : projects_) {
    if (role_of(who, name) != Role::none) return name;
  }
  return std::string(kDefaultProject);
}

Result<Access> Directory::authorize(const Identity& who, const Route& route, std::string_view project) const {
  const UserRow* row = user(who.owner);
  if (row == nullptr || row->disabled) {
    return std::unexpected(denied("user " + escape_text(who.owner) + " may not come in any more",
                                  "ask an admin: muster user set NAME --enable"));
  }
  Access access;
  access.project = project.empty() ? project_for(who) : std::string(project);
  access.role = role_of(who, access.project);
  access.everywhere = role_of(who, kEveryProject);
  if (route.reach == Reach::yourself || route.reach == Reach::key) return access;
  const Role held = route.reach == Reach::server ? access.everywhere : access.role;
  const std::string shown = "\"" + escape_text(truncate_text(access.project, 64)) + "\"";
  if (held < route.role) {
    const std::string where = route.reach == Reach::server ? "every project" : "project " + shown;
    return std::unexpected(denied(
        std::string(route.operation) + " needs the role " + std::string(to_text(route.role)) + " in " + where,
        "see what you may do: muster user show me"));
  }
  if (route.reach != Reach::server && this->project(access.project) == nullptr) {
    return std::unexpected(Error{ErrorKind::not_found, kNoSuchThing, "there is no project " + shown,
                                 "list them: muster project list"});
  }
  return access;
}

}  // namespace muster::front
