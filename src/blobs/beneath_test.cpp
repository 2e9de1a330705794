// What lies below is opened; links, `..` and absolute names are refused, by the kernel and by the walk alike.
// A folder that is swapped for a link while it is opened never leads out.
#include "blobs/beneath.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace muster::blobs {
namespace {

namespace fs = std::filesystem;

class Beneath : public ::testing::TestWithParam<Resolver> {
 protected:
  Beneath() {
    char name[] = "/tmp/muster-beneath-XXXXXX";
    base_ = mkdtemp(name);
    fs::create_directories(base_ / "root/a/b");
    fs::create_directories(base_ / "outside");
    std::ofstream(base_ / "root/a/b/file") << "inside";
    std::ofstream(base_ / "outside/file") << "outside";
    fs::create_symlink(base_ / "outside", base_ / "root/out");
    fs::create_symlink("a", base_ / "root/in");
    fs::create_symlink(base_ / "outside/file", base_ / "root/a/leak");
    root_ = File(::open((base_ / "root").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~Beneath() override { fs::remove_all(base_); }

  std::expected<File, int> open(std::string_view path, int flags = O_RDONLY) const {
    return open_beneath(root_.get(), path, flags, 0600, GetParam());
  }
  int error_of(std::string_view path, int flags = O_RDONLY) const {
    const auto file = open(path, flags);
    return file ? 0 : file.error();
  }
  fs::path base_;
  File root_;
};

std::string text_of(const File& file) {
  char bytes[100];
  const ssize_t size = ::read(file.get(), bytes, sizeof bytes);
  return {bytes, size > 0 ? static_cast<std::size_t>(size) : 0};
}

TEST_P(Beneath, OpensWhatIsThere) {
  for (const std::string_view path : {"a/b/file", "./a/./b/file", "a//b///file"}) {
    const auto file = open(path);
    ASSERT_TRUE(file) << path << " " << file.error();
    EXPECT_EQ(text_of(*file), "inside");
    EXPECT_NE(::fcntl(file->get(), F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(error_of("a/b", O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(error_of("a/b/", O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(error_of("a/none"), ENOENT);
  EXPECT_EQ(error_of("a/b/file/more"), ENOTDIR);
  ASSERT_EQ(error_of("a/made", O_WRONLY | O_CREAT | O_EXCL), 0);
  struct stat facts{};
  ASSERT_EQ(::stat((base_ / "root/a/made").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_P(Beneath, NothingLeadsOut) {
  for (const std::string_view path :
       {"/etc/passwd", "..", "../outside/file", "a/../../outside/file", "a/b/../b/file"})
    EXPECT_EQ(error_of(path), EXDEV) << path;
  for (const std::string_view path : {"out/file", "in/b/file", "a/leak", "out", "in"})
    EXPECT_EQ(error_of(path), ELOOP) << path;
  EXPECT_EQ(error_of("out", O_RDONLY | O_DIRECTORY), ELOOP);
  EXPECT_EQ(error_of("a/leak", O_WRONLY | O_CREAT), ELOOP);
  EXPECT_EQ(error_of(""), EINVAL);
  EXPECT_EQ(error_of(std::string_view("a\0b", 3)), EINVAL);
}

TEST_P(Beneath, MakesFoldersButNoneBehindALink) {
  ASSERT_TRUE(make_folders_beneath(root_.get(), "x/y/z", 0700, GetParam()));
  ASSERT_TRUE(make_folders_beneath(root_.get(), "x/y/z", 0700, GetParam()));
  EXPECT_TRUE(fs::is_directory(base_ / "root/x/y/z"));
  for (const std::string_view path : {"out/x", "in/x", "out"}) {
    const auto made = make_folders_beneath(root_.get(), path, 0700, GetParam());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), ELOOP) << path;
  }
  EXPECT_FALSE(fs::exists(base_ / "outside/x"));
  EXPECT_FALSE(make_folders_beneath(root_.get(), "../x", 0700, GetParam()));
  EXPECT_EQ(make_folders_beneath(root_.get(), "a/b/file/x", 0700, GetParam()).error(), ENOTDIR);
}

TEST_P(Beneath, ASwapWhileItLooksNeverLeadsOut) {
  fs::create_directories(base_ / "root/swap/b");
  std::ofstream(base_ / "root/swap/b/file") << "inside";
  fs::create_directory_symlink(base_ / "outside", base_ / "root/other");
  fs::create_directories(base_ / "outside/b");
  std::ofstream(base_ / "outside/b/file") << "outside";
  std::atomic<bool> stop = false;
  const std::string swap = base_ / "root/swap";
  const std::string other = base_ / "root/other";
  std::thread swapper([&] {
    while (!stop) ::renameat2(AT_FDCWD, swap.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
  });
  int opened = 0;
  for (int i = 0; i < 20'000 || (opened == 0 && i < 2'000'000); ++i) {
    const auto file = open("swap/b/file");
    if (file) ++opened;
    if (file && text_of(*file) != "inside") ADD_FAILURE() << "it led out";
  }
  stop = true;
  swapper.join();
  EXPECT_GT(opened, 0);
}

INSTANTIATE_TEST_SUITE_P(ByEitherWay, Beneath, ::testing::Values(Resolver::kernel, Resolver::walk),
                         [](const auto& given) { return given.param == Resolver::walk ? "walk" : "kernel"; });

}  // namespace
}  // namespace muster::blobs
