// The program handed out is the file as it is now, and its hash is of the same bytes.
// A file that is not there is no program.
#include "runtime/own_program.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace muster::runtime {
namespace {

class OwnProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "own-program-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& text) const {
    std::ofstream(file() + ".new") << text;
    std::filesystem::rename(file() + ".new", file());
  }
  std::string file() const { return folder_ + "/muster"; }

  std::string folder_;
};

TEST_F(OwnProgramTest, IsTheFileAsItIsNow) {
  write("one");
  OwnProgram program(file(), "0.2.0");
  const auto first = program.facts();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->version, "0.2.0");
  EXPECT_EQ(first->size, 3U);
  EXPECT_EQ(first->sha256, sha256_of("one"));
  EXPECT_EQ(hex_of(first->sha256).substr(0, 8), "7692c3ad");
  const auto held = program.bytes();
  ASSERT_TRUE(held);
  EXPECT_EQ(program.bytes(), held) << "read once while somebody has it";
  write("another");
  ASSERT_TRUE(program.bytes());
  EXPECT_EQ(*program.bytes(), "another");
  EXPECT_EQ(program.facts()->sha256, sha256_of("another"));
}

TEST_F(OwnProgramTest, ThatIsNotThereIsNothing) {
  OwnProgram program(file(), "0.2.0");
  EXPECT_FALSE(program.bytes());
  EXPECT_FALSE(program.facts());
  write("");
  EXPECT_FALSE(program.facts()) << "an empty file is no program";
}

}  // namespace
}  // namespace muster::runtime
