// Keys that let workers in: nothing is lost on the way there and back, and no altered one passes.
// The last property is tried on every character.
#include "core/join_key.h"

#include <gtest/gtest.h>

#include "core/crc32.h"

namespace muster {
namespace {

std::string token() {
  const std::string body = "mst_join_7_" + std::string(64, 'a');
  return body + "_" + crc32_text(body);
}

TEST(JoinKeys, carry_a_token_and_a_fingerprint) {
  const JoinKey key{token(), "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="};
  const std::string text = join_key_text(key);
  EXPECT_EQ(text.find_first_of("+/= "), std::string::npos) << text;
  EXPECT_EQ(parse_join_key(text).value(), key);
  const JoinKey plain{token(), ""};
  EXPECT_EQ(join_key_text(plain), plain.token);
  EXPECT_EQ(parse_join_key(plain.token).value(), plain);
}

TEST(JoinKeys, altered_ones_are_refused) {
  const std::string good = join_key_text({token(), "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="});
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string text = good;
    text[i] = text[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(parse_join_key(text)) << text;
    EXPECT_FALSE(parse_join_key(good.substr(0, i))) << i;
  }
  for (const char* text : {"", "mst_join_", "mst_user_1_aa_00000000", "x"}) {
    const auto key = parse_join_key(text);
    ASSERT_FALSE(key) << text;
    EXPECT_EQ(key.error().code, kKeyRefused);
  }
}

TEST(Crc32, is_that_of_zip_files) { EXPECT_EQ(crc32_text("123456789"), "cbf43926"); }

}  // namespace
}  // namespace muster
