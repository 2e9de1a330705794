// Another user to run tasks as: found in the files of users and groups, because a static program has no name service.
// Becoming that user is a few system calls of the child, each checked (launch.cpp).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace muster::keeper {

struct RunAs {
  std::string name;
  std::string home;
  std::string shell;
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;  // all of them, the first one included, sorted
};

// A name or a number of /etc/passwd, with its groups of /etc/group. Root is refused, and so is whoever is not there.
Result<RunAs> find_run_as(std::string_view name, const std::string& users_file = "/etc/passwd",
                          const std::string& groups_file = "/etc/group");

// Can that user come to the folder? Every part of its path has to let them through; the part that does not is named.
Result<void> check_reachable(const RunAs& who, const std::string& folder);

}  // namespace muster::keeper
