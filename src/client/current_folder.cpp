// PWD is what the shell says; it counts while it leads to where the process is.
// A folder that was removed has no name any more.
#include "client/current_folder.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace muster::client {

Result<std::string> current_folder(const Environment& environment) {
  struct stat here{};
  struct stat named{};
  const auto logical = environment("PWD");
  if (logical && logical->starts_with('/') && stat(".", &here) == 0 && stat(logical->c_str(), &named) == 0 &&
      here.st_dev == named.st_dev && here.st_ino == named.st_ino) {
    return *logical;
  }
  std::array<char, PATH_MAX> path{};
  if (getcwd(path.data(), path.size()) != nullptr) return std::string(path.data());
  return refuse(ErrorKind::usage, kMalformedValue,
                "the folder that this command runs in does not exist any more", "change to another one");
}

}  // namespace muster::client
