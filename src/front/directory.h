// Users and projects in memory, and the one place that says what somebody may do.
// Changes are rows to write; they count at once, and are read anew when a commit failed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/rows.h"
#include "front/tokens.h"
#include "ports/store.h"

namespace muster::front {

struct Route;

// What a caller is for one call.
struct Access {
  Role role = Role::none;        // in the project
  Role everywhere = Role::none;  // in every project
  std::string project;
};

class Directory {
 public:
  explicit Directory(AccessStore& store) { reload(store); }
  void reload(AccessStore& store);

  // The project `default` and a user who may do everything, where they are missing; empty when nothing is.
  Changes first_rows(const std::string& owner, Micros wall_us);

  // May this call be made? `project` as asked for; empty: the token's, `default`, or the only one. kNotAllowed, kNoSuchThing.
  Result<Access> authorize(const Identity& who, const Route& route, std::string_view project) const;

  // Of a user in a project (or kEveryProject), no more than the token's role.
  Role role_of(const Identity& who, std::string_view project) const;

  const std::map<std::string, UserRow>& users() const { return users_; }
  const std::map<std::string, ProjectRow>& projects() const { return projects_; }
  const UserRow* user(const std::string& name) const;
  const ProjectRow* project(const std::string& name) const;
  void put(const UserRow& row);
  void put(const ProjectRow& row);

 private:
  std::string project_for(const Identity& who) const;
  std::map<std::string, UserRow> users_;
  std::map<std::string, ProjectRow> projects_;
};

}  // namespace muster::front
