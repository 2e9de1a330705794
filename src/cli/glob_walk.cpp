// Walking folders along a pattern.
// Links to folders are followed for a named component, not below `**`, where they could lead in circles.
#include "cli/glob_walk.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>

#include "client/text.h"
#include "core/escape.h"
#include "core/glob_text.h"

namespace muster::cli {

namespace {

bool exists(const std::string& path) {
  struct stat facts{};
  return lstat(path.c_str(), &facts) == 0;
}

bool is_folder(const std::string& path) {
  struct stat facts{};
  return stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

bool is_real_folder(const std::string& path) {
  struct stat facts{};
  return lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  DIR* const open_folder = opendir(folder.empty() ? "." : folder.c_str());
  if (open_folder == nullptr) return names;
  while (const dirent* entry = readdir(open_folder)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(open_folder);
  return names;
}

// `prefix` ends with a slash or is empty.
void walk(const Glob& glob, std::size_t at, const std::string& prefix, std::vector<std::string>& found) {
  if (at == glob.components.size()) {
    const std::string path =
        prefix.size() > 1 && prefix.ends_with('/') ? prefix.substr(0, prefix.size() - 1) : prefix;
    if (path.empty() || !exists(path)) return;
    if (!glob.folders_only) {
      found.push_back(path);
    } else if (is_folder(path)) {
      found.push_back(path + "/");
    }
    return;
  }
  const GlobComponent& component = glob.components[at];
  const bool last = at + 1 == glob.components.size();
  if (component.kind == GlobKind::literal) {
    const std::string path = prefix + component.text;
    if (last ? exists(path) : is_folder(path)) walk(glob, at + 1, path + "/", found);
    return;
  }
  if (component.kind == GlobKind::any_depth) {
    walk(glob, at + 1, prefix, found);
    for (const std::string& name : names_in(prefix)) {
      const std::string path = prefix + name;
      if (name[0] == '.') continue;
      if (is_real_folder(path)) {
        walk(glob, at, path + "/", found);
      } else if (last) {
        found.push_back(path);
      }
    }
    return;
  }
  for (const std::string& name : names_in(prefix)) {
    if (!component_matches(component, name)) continue;
    const std::string path = prefix + name;
    if (last || is_folder(path)) walk(glob, at + 1, path + "/", found);
  }
}

}  // namespace

Result<std::vector<std::string>> expand_patterns(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  for (const std::string& word : words) {
    if (exists(word)) {
      all.push_back(word);
      continue;
    }
    const Result<std::vector<Glob>> globs = parse_glob(word);
    if (!globs) return std::unexpected(globs.error());
    const std::size_t before = all.size();
    for (const Glob& glob : *globs) {
      std::vector<std::string> found;
      walk(glob, 0, glob.absolute ? "/" : "", found);
      std::sort(found.begin(), found.end());
      found.erase(std::unique(found.begin(), found.end()), found.end());
      all.insert(all.end(), found.begin(), found.end());
    }
    if (all.size() == before) {
      return refuse(ErrorKind::usage, kNoItems,
                    client::join_text("--each: nothing matches '", escape_text(word), "'"),
                    "check the pattern and the folder; a name with a leading dot needs a pattern with one");
    }
  }
  return all;
}

}  // namespace muster::cli
