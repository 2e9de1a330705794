// What people may do, and where: a role in one project, or in all of them.
// Roles are ordered: who has a later one may do everything an earlier one may.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

enum class Role : std::uint8_t {
  none,
  viewer,     // reads
  submitter,  // submits, and changes what is theirs
  operator_,  // changes anything of the project
  admin,      // users, tokens, projects, the server
};
// By Role; who may be given a role chooses from the second on.
inline constexpr std::array<std::string_view, 5> kRoleNames = {"none", "viewer", "submitter", "operator",
                                                               "admin"};
inline constexpr std::span<const std::string_view> kRolesToGive = std::span(kRoleNames).subspan(1);
std::string_view to_text(Role role);
std::optional<Role> role_from_text(std::string_view text);  // not "none"

inline constexpr std::string_view kEveryProject = "*";

struct ProjectRole {
  std::string project;  // or kEveryProject
  Role role = Role::none;
  bool operator==(const ProjectRole&) const = default;
};
using ProjectRoles = std::vector<ProjectRole>;

// The highest that holds in the project.
Role role_in(const ProjectRoles& roles, std::string_view project);
bool is_everywhere(const ProjectRoles& roles);

// "*=viewer,atlas=submitter", as stored and shown; sorted by project. Reading gives nothing for anything else.
std::string to_text(const ProjectRoles& roles);
std::optional<ProjectRoles> project_roles_from_text(std::string_view text);
// Replaces, adds or (Role::none) takes away the role of one project; keeps the order.
void set_role(ProjectRoles& roles, std::string_view project, Role role);

// A letter or digit, then letters, digits and . _ @ -; at most 64. Of users, projects and secrets.
bool is_plain_name(std::string_view name);

}  // namespace muster
