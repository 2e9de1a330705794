// Reading users and groups. A line that is not as it should be is passed over, as everywhere.
// At most 65,536 groups: what the kernel takes.
#include "keeper/run_as.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>

#include "core/escape.h"

namespace muster::keeper {
namespace {

constexpr std::size_t kGroupsMax = 65'536;

std::vector<std::string_view> split(std::string_view line, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = line.find(separator);
    parts.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return parts;
    line.remove_prefix(end + 1);
  }
}

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

bool is_among(std::string_view name, std::string_view list) {
  const std::vector<std::string_view> names = split(list, ',');
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<gid_t> groups_of(const RunAs& who, const std::string& file) {
  std::vector<gid_t> groups{who.group};
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string_view> parts = split(line, ':');
    const auto group = parts.size() == 4 ? number_of(parts[2]) : std::nullopt;
    if (group && is_among(who.name, parts[3])) groups.push_back(*group);
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  if (groups.size() > kGroupsMax) groups.resize(kGroupsMax);
  return groups;
}

}  // namespace

Result<RunAs> find_run_as(std::string_view name, const std::string& users_file,
                          const std::string& groups_file) {
  std::ifstream lines(users_file);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string_view> parts = split(line, ':');
    if (parts.size() != 7 || (parts[0] != name && parts[2] != name)) continue;
    const auto user = number_of(parts[2]);
    const auto group = number_of(parts[3]);
    if (!user || !group) continue;
    if (*user == 0) {
      return refuse(ErrorKind::usage, kMalformedValue, "--run-as names root, whom tasks are to be kept from",
                    "name an ordinary user");
    }
    RunAs who{std::string(parts[0]), std::string(parts[5]), std::string(parts[6]), *user, *group, {}};
    who.groups = groups_of(who, groups_file);
    return who;
  }
  return refuse(ErrorKind::usage, kMalformedValue,
                "--run-as: there is no user \"" + escape_text(truncate_text(name, 64)) + "\" on this machine",
                "make one:  useradd --system --create-home muster-tasks");
}

Result<void> check_reachable(const RunAs& who, const std::string& folder) {
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = folder.find('/', slash + 1);
    const std::string part = folder.substr(0, slash);
    struct stat facts{};
    if (stat(part.c_str(), &facts) != 0) continue;
    mode_t bit = S_IXOTH;
    if (std::binary_search(who.groups.begin(), who.groups.end(), facts.st_gid)) bit = S_IXGRP;
    if (facts.st_uid == who.user) bit = S_IXUSR;
    if ((facts.st_mode & bit) == 0) {
      return refuse(
          ErrorKind::usage, kMalformedValue,
          "user " + escape_text(who.name) + " cannot come to " + escape_text(folder) + ": " +
              escape_text(part) + " does not let them through",
          "choose another --folder, such as /var/lib/muster-worker, or: chmod o+x " + escape_text(part));
    }
  }
  return {};
}

}  // namespace muster::keeper
