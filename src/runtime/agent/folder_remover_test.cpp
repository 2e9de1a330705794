// Removal a little at a time: all of it in the end, nothing outside of it ever.
// Deep, closed and linked folders are what tasks really leave behind.
#include "runtime/agent/folder_remover.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace muster::runtime {
namespace {

namespace fs = std::filesystem;

class FolderRemoverTest : public testing::Test {
 protected:
  FolderRemoverTest() {
    std::string pattern = (fs::temp_directory_path() / "muster-remover-XXXXXX").string();
    root = mkdtemp(pattern.data());
  }
  ~FolderRemoverTest() override { fs::remove_all(root); }
  void write(const std::string& path) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << "x";
  }
  static int steps_until_done(FolderRemover& remover, std::size_t entries) {
    int steps = 1;
    while (remover.step(entries) && steps < 100'000) ++steps;
    return steps;
  }
  bool bin_is_empty() const { return fs::is_empty(root + "/bin"); }
  std::string root;
};

TEST_F(FolderRemoverTest, removes_everything_in_small_steps) {
  for (int k = 0; k < 100; ++k) write(root + "/a/" + std::to_string(k % 7) + "/" + std::to_string(k));
  FolderRemover remover(root + "/bin");
  remover.add(root + "/a");
  EXPECT_FALSE(fs::exists(root + "/a")) << "the path is free at once";
  EXPECT_GT(steps_until_done(remover, 10), 5);
  EXPECT_TRUE(bin_is_empty());
}

TEST_F(FolderRemoverTest, does_not_follow_links) {
  write(root + "/keep/file");
  fs::create_directories(root + "/a");
  fs::create_directory_symlink(root + "/keep", root + "/a/link");
  fs::create_directory_symlink(root + "/keep", root + "/linked");
  FolderRemover remover(root + "/bin");
  remover.add(root + "/a");
  remover.add(root + "/linked");
  steps_until_done(remover, 1);
  EXPECT_TRUE(bin_is_empty());
  EXPECT_TRUE(fs::exists(root + "/keep/file"));
}

TEST_F(FolderRemoverTest, goes_nowhere_by_a_link_on_the_way) {
  write(root + "/keep/17/1/file");
  fs::create_directories(root + "/own/work");
  fs::create_directory_symlink(root + "/keep", root + "/own/work/4");
  FolderRemover remover(root + "/own/bin");
  for (const char* path : {"/own/work/4/17/1", "/own/work/../../keep", "/keep", "/own/..", "/own/work/.."})
    remover.add(root + path);
  steps_until_done(remover, 5);
  EXPECT_TRUE(fs::exists(root + "/keep/17/1/file"));
  EXPECT_TRUE(list_attempt_folders(root + "/own/work", 4).empty());
  fs::remove(root + "/own/work/4");
  fs::create_directories(root + "/own/work/4");
  fs::create_directory_symlink(root + "/keep/17", root + "/own/work/4/17");
  EXPECT_TRUE(list_attempt_folders(root + "/own/work", 4).empty());
}

TEST_F(FolderRemoverTest, a_closed_folder_that_becomes_a_link_opens_nothing_elsewhere) {
  write(root + "/keep/file");
  chmod((root + "/keep").c_str(), 0500);
  fs::create_directories(root + "/a");
  fs::create_directory_symlink(root + "/keep", root + "/a/closed");
  FolderRemover remover(root + "/bin");
  remover.add(root + "/a");
  steps_until_done(remover, 1);
  struct stat facts{};
  ASSERT_EQ(stat((root + "/keep").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0500U);
  chmod((root + "/keep").c_str(), 0700);
}

TEST_F(FolderRemoverTest, goes_deeper_than_descriptors_reach_and_into_closed_folders) {
  std::string deep = root + "/a";
  for (int k = 0; k < 300; ++k) deep += "/d";
  write(deep + "/file");
  write(root + "/a/closed/file");
  chmod((root + "/a/closed").c_str(), 0);
  FolderRemover remover(root + "/bin");
  remover.add(root + "/a");
  steps_until_done(remover, 50);
  EXPECT_TRUE(bin_is_empty());
}

TEST_F(FolderRemoverTest, goes_on_where_an_earlier_process_stopped) {
  write(root + "/bin/7/x/y");
  write(root + "/a/z");
  FolderRemover remover(root + "/bin");
  remover.add(root + "/a");
  remover.add(root + "/never_there");
  steps_until_done(remover, 3);
  EXPECT_TRUE(bin_is_empty());
}

TEST_F(FolderRemoverTest, lists_attempt_folders_and_nothing_else) {
  write(root + "/work/4/17/2/output/file");
  write(root + "/work/4/18/1/file");
  write(root + "/work/4/18/notes/file");
  write(root + "/work/4/18/3");
  write(root + "/work/readme/1/1/file");
  EXPECT_EQ(list_batch_folders(root + "/work"), std::vector<BatchId>{4});
  auto found = list_attempt_folders(root + "/work", 4);
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].batch, 4U);
  EXPECT_EQ(found[0].index, 17U);
  EXPECT_EQ(found[0].number, 2U);
  EXPECT_EQ(found[0].path, root + "/work/4/17/2");
  EXPECT_GT(found[0].changed_wall_us, 1'600'000'000'000'000);
}

}  // namespace
}  // namespace muster::runtime
