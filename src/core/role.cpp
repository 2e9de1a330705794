// Roles by name, and lists of them as one word.
// Names of projects hold neither '=' nor ',', so the word needs no quoting.
#include "core/role.h"

#include <algorithm>

namespace muster {
namespace {

constexpr std::size_t kNameBytesMax = 64;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string_view to_text(Role role) { return kRoleNames[static_cast<std::size_t>(role)]; }

std::optional<Role> role_from_text(std::string_view text) {
  for (std::size_t i = 1; i < kRoleNames.size(); ++i) {
    if (kRoleNames[i] == text) return static_cast<Role>(i);
  }
  return std::nullopt;
}

Role role_in(const ProjectRoles& roles, std::string_view project) {
  Role best = Role::none;
  for (const ProjectRole& one : roles) {
    if (one.project == project || one.project == kEveryProject) best = std::max(best, one.role);
  }
  return best;
}

bool is_everywhere(const ProjectRoles& roles) {
  return std::any_of(roles.begin(), roles.end(),
                     [](const ProjectRole& one) { return one.project == kEveryProject; });
}

std::string to_text(const ProjectRoles& roles) {
  std::string text;
  for (const ProjectRole& one : roles) {
    if (!text.empty()) text += ',';
    text += one.project;
    text += '=';
    text += to_text(one.role);
  }
  return text;
}

std::optional<ProjectRoles> project_roles_from_text(std::string_view text) {
  ProjectRoles roles;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, comma);
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos || comma + 1 == text.size()) return std::nullopt;
    const std::string_view project = word.substr(0, equals);
    const std::optional<Role> role = role_from_text(word.substr(equals + 1));
    if (!role || (project != kEveryProject && !is_plain_name(project))) return std::nullopt;
    set_role(roles, project, *role);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return roles;
}

void set_role(ProjectRoles& roles, std::string_view project, Role role) {
  const auto at =
      std::lower_bound(roles.begin(), roles.end(), project,
                       [](const ProjectRole& one, std::string_view name) { return one.project < name; });
  const bool found = at != roles.end() && at->project == project;
  if (role == Role::none) {
    if (found) roles.erase(at);
  } else if (found) {
    at->role = role;
  } else {
    roles.insert(at, {std::string(project), role});
  }
}

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || !is_letter_or_digit(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return is_letter_or_digit(c) || c == '.' || c == '_' || c == '@' || c == '-';
  });
}

}  // namespace muster
