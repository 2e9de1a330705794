// Which version is older: by number, not by letter.
// What is no version never replaces one that is.
#include "core/version.h"

#include <gtest/gtest.h>

#include <string>

namespace muster {
namespace {

TEST(Version, IsComparedByNumber) {
  EXPECT_TRUE(is_older_version("0.0.9", "0.1.0"));
  EXPECT_TRUE(is_older_version("0.9.9", "0.10.0"));
  EXPECT_TRUE(is_older_version("1.2", "1.2.1"));
  EXPECT_TRUE(is_older_version("", "0.1.0"));
  EXPECT_TRUE(is_older_version("x", "0.1.0"));
  EXPECT_FALSE(is_older_version("0.1.0", "0.1.0"));
  EXPECT_FALSE(is_older_version("0.1.0", "0.1.0-rc1"));
  EXPECT_FALSE(is_older_version("1.0.0", "0.9.9"));
  EXPECT_FALSE(is_older_version("0.1.0", "nonsense"));
  EXPECT_FALSE(is_older_version(own_version(), own_version()));
}

TEST(Version, ThatNamesAFolderIsPlain) {
  EXPECT_TRUE(is_plain_version(own_version()));
  EXPECT_TRUE(is_plain_version("1.2.3-rc1+x"));
  for (const char* wrong : {"", ".", "..", ".1", "1/2", "1 2", "1\n"})
    EXPECT_FALSE(is_plain_version(wrong)) << wrong;
  EXPECT_FALSE(is_plain_version(std::string(65, '1')));
}

}  // namespace
}  // namespace muster
