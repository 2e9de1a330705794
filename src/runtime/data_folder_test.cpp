// The data folder: where it is found, that files appear whole, who holds a lock.
// Folders are temporary; nothing of the user's is touched.
#include "runtime/data_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "runtime/process.h"

namespace muster::runtime {
namespace {

class DataFolderTest : public testing::Test {
 protected:
  DataFolderTest() {
    char name[] = "/tmp/muster-folder-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~DataFolderTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(DataFolderTest, IsFoundInTheContractsOrder) {
  setenv("HOME", "/h", 1);
  unsetenv("MUSTER_DATA");
  unsetenv("XDG_DATA_HOME");
  EXPECT_EQ(find_data_folder("")->path, "/h/.local/share/muster");
  setenv("XDG_DATA_HOME", "/x", 1);
  EXPECT_EQ(find_data_folder("")->path, "/x/muster");
  setenv("MUSTER_DATA", "/m/../n/", 1);
  EXPECT_EQ(find_data_folder("")->path, "/n");
  EXPECT_EQ(find_data_folder("/o")->path, "/o");
  EXPECT_EQ(find_data_folder("rel")->path, std::filesystem::current_path().string() + "/rel");
  for (const char* name : {"MUSTER_DATA", "XDG_DATA_HOME", "HOME"}) unsetenv(name);
  EXPECT_FALSE(find_data_folder(""));
}

TEST_F(DataFolderTest, IsMadeForItsOwnerAlone) {
  const DataFolder data{folder_ + "/a/b"};
  ASSERT_TRUE(make_data_folder(data));
  ASSERT_TRUE(make_data_folder(data));
  for (const std::string& path : {data.path, data.logs(), data.worker()}) {
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700U) << path;
  }
  std::ofstream(folder_ + "/file") << "x";
  const Result<void> blocked = make_data_folder({folder_ + "/file"});
  ASSERT_FALSE(blocked);
  EXPECT_EQ(blocked.error().code, kMalformedValue);
}

TEST_F(DataFolderTest, FilesAppearWhole) {
  const std::string path = folder_ + "/token";
  EXPECT_FALSE(read_line_file(path));
  ASSERT_TRUE(write_file_atomically(path, "one\n", 0600));
  EXPECT_EQ(read_line_file(path), "one");
  std::ofstream(path + ".new") << "left behind by a killed writer";
  ASSERT_TRUE(write_file_atomically(path, "two\nthree\n", 0600));
  EXPECT_EQ(read_line_file(path), "two");
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_FALSE(write_file_atomically(folder_ + "/no/such", "x", 0600));
}

TEST_F(DataFolderTest, AHeldLockHasAnOwner) {
  const std::string path = folder_ + "/lock";
  EXPECT_FALSE(is_locked(path));
  EXPECT_FALSE(OtherProcess::holding(path));
  const int lock = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  const std::string id = std::to_string(getpid()) + "\n";
  ASSERT_EQ(pwrite(lock, id.data(), id.size(), 0), static_cast<ssize_t>(id.size()));
  EXPECT_TRUE(is_locked(path));
  const std::optional<OtherProcess> owner = OtherProcess::holding(path);
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->pid(), getpid());
  EXPECT_FALSE(owner->wait_for_end(1000));
  EXPECT_TRUE(owner->send_signal(0));
  // A process that is alive but does not have the file open is not taken for the owner.
  ASSERT_EQ(ftruncate(lock, 0), 0);
  const std::string other = std::to_string(getppid()) + "\n";
  ASSERT_EQ(pwrite(lock, other.data(), other.size(), 0), static_cast<ssize_t>(other.size()));
  EXPECT_FALSE(OtherProcess::holding(path));
  close(lock);
  EXPECT_FALSE(is_locked(path));
}

}  // namespace
}  // namespace muster::runtime
