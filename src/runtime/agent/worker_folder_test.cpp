// A worker's folder: made once, held by one, the same worker every time.
// Two agents in one folder would run every task twice, so the second one must not get in.
#include "runtime/agent/worker_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace muster::runtime {
namespace {

struct TemporaryFolder {
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "muster-worker-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST(WorkerFolder, is_made_private_and_keeps_its_identity) {
  const TemporaryFolder temporary;
  const std::string path = temporary.path + "/above/worker";
  std::string spool_id;
  {
    auto folder = WorkerFolder::take(path);
    ASSERT_TRUE(folder.has_value()) << folder.error().what;
    spool_id = folder->spool_id();
    EXPECT_EQ(spool_id.size(), 32U);
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700U);
    std::ifstream lock(path + "/agent.lock");
    pid_t owner = 0;
    lock >> owner;
    EXPECT_EQ(owner, getpid());
  }
  auto again = WorkerFolder::take(path + "/");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->spool_id(), spool_id);
  EXPECT_EQ(again->path(), path);
  auto other = WorkerFolder::take(temporary.path + "/other");
  ASSERT_TRUE(other.has_value());
  EXPECT_NE(other->spool_id(), spool_id);
}

TEST(WorkerFolder, refuses_a_second_agent_and_names_the_first) {
  const TemporaryFolder temporary;
  auto first = WorkerFolder::take(temporary.path + "/worker");
  ASSERT_TRUE(first.has_value());
  const auto second = WorkerFolder::take(temporary.path + "/worker");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, kDataFolderInUse);
  EXPECT_NE(second.error().what.find("process " + std::to_string(getpid())), std::string::npos);
}

TEST(WorkerFolder, knows_its_keepers_in_order) {
  const TemporaryFolder temporary;
  auto folder = WorkerFolder::take(temporary.path);
  ASSERT_TRUE(folder.has_value());
  for (const char* name : {"10", "2", "0", "x", "3y"})
    std::filesystem::create_directory(folder->keepers() + "/" + name);
  EXPECT_EQ(folder->keeper_numbers(), (std::vector<std::uint64_t>{2, 10}));
}

}  // namespace
}  // namespace muster::runtime
