// The key file: made once, for its owner alone, and refused in any other shape.
// What is there is never written over.
#include "runtime/server_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace muster::runtime {
namespace {

class ServerKey : public ::testing::Test {
 protected:
  ServerKey() {
    char name[] = "/tmp/muster-key-XXXXXX";
    folder_ = mkdtemp(name);
    path_ = folder_ + "/secrets.key";
  }
  ~ServerKey() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& text, unsigned mode) const {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), mode);
  }
  std::string folder_;
  std::string path_;
};

TEST_F(ServerKey, IsMadeOnceForItsOwnerAlone) {
  EXPECT_EQ(server_key(path_, front::KeyWish::read).error().code, kNoSuchThing);
  EXPECT_FALSE(std::filesystem::exists(path_));
  const std::string key = *server_key(path_, front::KeyWish::make);
  EXPECT_EQ(key.size(), front::kServerKeyBytes);
  struct stat facts{};
  ASSERT_EQ(stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
  EXPECT_EQ(*server_key(path_, front::KeyWish::read), key);
  EXPECT_EQ(*server_key(path_, front::KeyWish::make), key);
  std::filesystem::remove(path_);
  EXPECT_NE(*server_key(path_, front::KeyWish::make), key);
}

TEST_F(ServerKey, IsRefusedWhenOthersMayReadIt) {
  (void)server_key(path_, front::KeyWish::make);
  for (const unsigned mode : {0640U, 0604U, 0644U}) {
    chmod(path_.c_str(), mode);
    EXPECT_EQ(server_key(path_, front::KeyWish::make).error().code, kTokenFileOpen);
  }
}

TEST_F(ServerKey, AnythingElseIsLeftAsItIs) {
  std::string shorter(63, 'a');
  std::string no_hex = shorter;
  shorter += '\n';
  no_hex += 'g';
  const std::vector<std::string> others = {std::string(), shorter, no_hex, std::string(64, ' ')};
  for (const std::string& text : others) {
    write(text, 0600);
    EXPECT_EQ(server_key(path_, front::KeyWish::make).error().code, kWrongState) << text;
    EXPECT_EQ(std::filesystem::file_size(path_), text.size());
  }
  std::filesystem::remove(path_);
  const std::string elsewhere = folder_ + "/elsewhere";
  std::ofstream(elsewhere) << std::string(64, 'a');
  chmod(elsewhere.c_str(), 0600);
  ASSERT_EQ(symlink(elsewhere.c_str(), path_.c_str()), 0);
  EXPECT_FALSE(server_key(path_, front::KeyWish::make));
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(server_key(path_, front::KeyWish::make));  // and nobody waits for a writer
}

}  // namespace
}  // namespace muster::runtime
