// What is hidden from a bundle, and that what is left is still readable.
// The archive itself is read back by an end-to-end test with tar.
#include "apps/bundle.h"

#include <gtest/gtest.h>

#include <string>

namespace muster::apps {
namespace {

TEST(Bundle, hides_what_opens_something) {
  const std::string token = "mst_user_7_0123456789abcdef_deadbeef";
  EXPECT_EQ(without_secrets("a " + token + " b"), "a mst_[hidden] b");
  EXPECT_EQ(without_secrets("{\"t\":\"" + token + "\"}"), "{\"t\":\"mst_[hidden]\"}");
  EXPECT_EQ(without_secrets("postgres://ann:s3cret@db/muster x"), "postgres://ann:[hidden]@db/muster x");
  EXPECT_EQ(without_secrets("postgres://ann:p@ss@db/m"), "postgres://ann:[hidden]@db/m");
  EXPECT_EQ(without_secrets("http://127.0.0.1:7420/x a@b"), "http://127.0.0.1:7420/x a@b");
  EXPECT_EQ(without_secrets("Authorization: Bearer abc.def\n"), "Authorization: Bearer [hidden]\n");
  EXPECT_EQ(without_secrets("host=db password=xyz user=a"), "host=db password=[hidden] user=a");
  EXPECT_EQ(without_secrets("nothing"), "nothing");
  EXPECT_EQ(without_secrets("mst_"), "mst_");
}

TEST(Bundle, leaves_out_what_people_typed) {
  const auto document = client::Document::parse(
      R"({"items":[{"id":1,"command":"curl -u a:b","note":"x","n":{"env":{"K":"V"},"ok":2}}],"url":"u","list":[true,null]})");
  ASSERT_TRUE(document);
  EXPECT_EQ(document_for_bundle(document->root()),
            R"({"items":[{"id":1,"n":{"ok":2}}],"url":"u","list":[true,null]})");
}

}  // namespace
}  // namespace muster::apps
