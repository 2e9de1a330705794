// Tokens: what is kept tells nothing, what is shown opens exactly what it was made for.
// Any change of a token makes it worthless.
#include "front/tokens.h"

#include <gtest/gtest.h>

namespace muster::front {
namespace {

class FakeTokenStore final : public TokenStore {
 public:
  std::vector<TokenRow> tokens() override { return rows; }
  std::uint64_t add_token(const TokenRow& token) override {
    rows.push_back(token);
    return rows.back().id = ++last;
  }
  void remove_token(std::uint64_t id) override {
    std::erase_if(rows, [id](const TokenRow& row) { return row.id == id; });
  }
  std::vector<TokenRow> rows;
  std::uint64_t last = 0;
};

TEST(Tokens, AreKeptAsHashesAndFoundById) {
  FakeTokenStore store;
  Tokens tokens(store);
  const std::string admin = tokens.mint(TokenKind::admin, "ada", 1000, 0);
  const std::string agent = tokens.mint(TokenKind::agent, "ada", 1000, 5000);
  EXPECT_TRUE(admin.starts_with("mst_admin_1_"));
  EXPECT_EQ(admin.size(), std::string("mst_admin_1_").size() + 64 + 1 + 8);
  EXPECT_NE(admin, agent);
  for (const TokenRow& row : store.rows) {
    EXPECT_EQ(row.hash.size(), 32U);
    EXPECT_EQ((admin + agent).find(row.hash), std::string::npos);
  }
  const auto identity = tokens.check(admin, 2000);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->token_id, 1U);
  EXPECT_EQ(identity->kind, TokenKind::admin);
  EXPECT_EQ(identity->owner, "ada");
  EXPECT_EQ(tokens.expiry(admin, 2000), 0);
  EXPECT_EQ(tokens.expiry(agent, 2000), 5000);
  const Tokens read_again(store);
  EXPECT_TRUE(read_again.check(admin, 2000));
}

TEST(Tokens, EndAndAreRevoked) {
  FakeTokenStore store;
  Tokens tokens(store);
  const std::string token = tokens.mint(TokenKind::agent, "ada", 1000, 5000);
  EXPECT_TRUE(tokens.check(token, 4999));
  EXPECT_FALSE(tokens.check(token, 5000));
  const std::string other = tokens.mint(TokenKind::admin, "ada", 1000, 0);
  tokens.revoke(2);
  EXPECT_FALSE(tokens.check(other, 2000));
  EXPECT_EQ(tokens.revocations(), 1U);
  EXPECT_FALSE(Tokens(store).check(other, 2000));
}

TEST(Tokens, AnyChangeIsRefused) {
  FakeTokenStore store;
  Tokens tokens(store);
  const std::string token = tokens.mint(TokenKind::admin, "ada", 1000, 0);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_FALSE(tokens.check(changed, 2000)) << changed;
    EXPECT_FALSE(tokens.check(token.substr(0, i), 2000));
  }
  EXPECT_FALSE(tokens.check("", 0));
  EXPECT_FALSE(tokens.check("mst_", 0));
  EXPECT_FALSE(tokens.check("mst____", 0));
  EXPECT_FALSE(tokens.check(std::string(100'000, '_'), 0));
  EXPECT_FALSE(tokens.check(token + "0", 2000));
}

}  // namespace
}  // namespace muster::front
