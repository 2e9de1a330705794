// A folder belongs to one process at a time, and to nobody when that process is gone.
// The message names the owner.
#include "store/folder_lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace muster::store {
namespace {

class FolderLocks : public testing::Test {
 protected:
  FolderLocks() {
    folder_ = (std::filesystem::temp_directory_path() / "muster-lock-XXXXXX").string();
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
  }
  ~FolderLocks() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(FolderLocks, MakesAFolderForItsOwnerAlone) {
  const std::string deep = folder_ + "/a/b";
  const auto lock = FolderLock::take(deep);
  ASSERT_TRUE(lock);
  EXPECT_EQ(lock->folder(), deep);
  struct stat found{};
  ASSERT_EQ(stat(deep.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
}

TEST_F(FolderLocks, RefusesASecondOwnerAndNamesTheFirst) {
  auto first = FolderLock::take(folder_);
  ASSERT_TRUE(first);
  const auto second = FolderLock::take(folder_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, kDataFolderInUse);
  EXPECT_NE(second.error().what.find(folder_), std::string::npos);
  EXPECT_NE(second.error().what.find("process " + std::to_string(getpid())), std::string::npos);
  EXPECT_FALSE(second.error().next.empty());
}

TEST_F(FolderLocks, GivesTheFolderBack) {
  {
    EXPECT_TRUE(FolderLock::take(folder_));
  }
  auto again = FolderLock::take(folder_);
  ASSERT_TRUE(again);
  FolderLock moved = std::move(*again);
  EXPECT_FALSE(FolderLock::take(folder_));
  const std::string other = folder_ + "/other";
  moved = FolderLock::take(other).value();
  EXPECT_TRUE(FolderLock::take(folder_));
  EXPECT_FALSE(FolderLock::take(other));
}

TEST_F(FolderLocks, WhatALongerIdLeftInTheFileIsNotRead) {
  std::ofstream(folder_ + "/lock") << "99999999999999\nrubbish";
  const auto lock = FolderLock::take(folder_);
  ASSERT_TRUE(lock);
  std::string line;
  std::ifstream file(folder_ + "/lock");
  std::getline(file, line);
  EXPECT_EQ(line, std::to_string(getpid()));
  EXPECT_FALSE(std::getline(file, line));
}

TEST_F(FolderLocks, AnOwnerThatIsKilledHoldsNothing) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto lock = FolderLock::take(folder_);
    const char sign = lock ? 'y' : 'n';
    if (write(ready[1], &sign, 1) != 1) _exit(1);
    while (true) pause();
  }
  char sign = 0;
  ASSERT_EQ(read(ready[0], &sign, 1), 1);
  EXPECT_EQ(sign, 'y');
  const auto refused = FolderLock::take(folder_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("process " + std::to_string(child)), std::string::npos);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(FolderLock::take(folder_));
  close(ready[0]);
  close(ready[1]);
}

TEST_F(FolderLocks, AFolderThatCannotBeMadeIsABrokenWorld) {
  std::ofstream(folder_ + "/file") << "x";
  EXPECT_THROW((void)FolderLock::take(folder_ + "/file/below"), std::system_error);
  EXPECT_THROW((void)FolderLock::take(folder_ + "/file"), std::system_error);
}

TEST_F(FolderLocks, ALinkInPlaceOfTheLockIsNotFollowed) {
  std::filesystem::create_symlink(folder_ + "/elsewhere", folder_ + "/lock");
  EXPECT_THROW((void)FolderLock::take(folder_), std::system_error);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/elsewhere"));
}

}  // namespace
}  // namespace muster::store
