// Users and groups as files: who is found, with which groups, and who is refused.
// What is not a line of such a file does no harm.
#include "keeper/run_as.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "blobs/test_folder.h"

namespace muster::keeper {
namespace {

TEST(RunAs, IsFoundByNameOrNumberWithItsGroups) {
  const blobs::TestFolder folder;
  const std::string users = folder.path() + "/passwd";
  const std::string groups = folder.path() + "/group";
  std::ofstream(users) << "root:x:0:0:root:/root:/bin/sh\nbroken\nada:x:x:1\n"
                       << "ada:x:1001:1002:Ada:/home/ada:/bin/bash\nadam:x:1003:1003::/:/bin/sh\n";
  std::ofstream(groups)
      << "ada:x:1002:\ndocker:x:99:bob,ada\nwheel:x:98:adam\nbroken\nx:x:y:ada\nlab:x:97:ada\n";
  const Result<RunAs> ada = find_run_as("ada", users, groups);
  ASSERT_TRUE(ada);
  EXPECT_EQ(ada->user, 1001U);
  EXPECT_EQ(ada->group, 1002U);
  EXPECT_EQ(ada->home, "/home/ada");
  EXPECT_EQ(ada->groups, (std::vector<gid_t>{97, 99, 1002}));
  EXPECT_EQ(find_run_as("1003", users, groups)->name, "adam");
  EXPECT_EQ(find_run_as("root", users, groups).error().code, kMalformedValue);
  EXPECT_EQ(find_run_as("0", users, groups).error().code, kMalformedValue);
  for (const char* name : {"", "bob", "broken", "ad"}) EXPECT_FALSE(find_run_as(name, users, groups)) << name;
}

TEST(RunAs, AFolderBehindAClosedOneIsNotReachable) {
  const blobs::TestFolder folder;
  const std::string inner = folder.path() + "/closed/open";
  mkdir((folder.path() + "/closed").c_str(), 0700);
  mkdir(inner.c_str(), 0755);
  chmod(folder.path().c_str(), 0711);
  const RunAs other{"ada", "/", "/bin/sh", 64'001, 64'002, {64'002}};
  EXPECT_TRUE(check_reachable(other, folder.path()));
  const Result<void> reachable = check_reachable(other, inner);
  ASSERT_FALSE(reachable);
  EXPECT_NE(reachable.error().what.find("/closed does not let them through"), std::string::npos);
  chmod((folder.path() + "/closed").c_str(), 0711);
  EXPECT_TRUE(check_reachable(other, inner));
}

}  // namespace
}  // namespace muster::keeper
