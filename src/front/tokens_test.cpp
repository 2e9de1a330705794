// Tokens: what is kept tells nothing, what is shown opens exactly what it was made for.
// Any change of a token makes it worthless.
#include "front/tokens.h"

#include <gtest/gtest.h>

namespace muster::front {
namespace {

constexpr Micros kMinute_us = 60'000'000;

TokenWish wish_for(TokenKind kind, Micros expires_wall_us = 0) {
  TokenWish wish;
  wish.kind = kind;
  wish.owner = "ada";
  wish.expires_wall_us = expires_wall_us;
  return wish;
}

TEST(Tokens, AreKeptAsHashesAndFoundById) {
  Tokens tokens({});
  const MintedToken user = tokens.mint(wish_for(TokenKind::user), 1000);
  const MintedToken agent = tokens.mint(wish_for(TokenKind::agent, 5000), 1000);
  EXPECT_TRUE(user.text.starts_with("mst_user_1_"));
  EXPECT_EQ(user.text.size(), std::string("mst_user_1_").size() + 64 + 1 + 8);
  EXPECT_NE(user.text, agent.text);
  for (const TokenRow& row : {user.row, agent.row}) {
    EXPECT_EQ(row.hash.size(), 32U);
    EXPECT_EQ((user.text + agent.text).find(row.hash), std::string::npos);
  }
  const auto identity = tokens.check(user.text, 2000);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->token_id, 1U);
  EXPECT_EQ(identity->kind, TokenKind::user);
  EXPECT_EQ(identity->owner, "ada");
  EXPECT_EQ(tokens.expiry(user.text, 2000), 0);
  EXPECT_EQ(tokens.expiry(agent.text, 2000), 5000);
  EXPECT_TRUE(Tokens({user.row, agent.row}).check(user.text, 2000));
  EXPECT_FALSE(Tokens({agent.row}).check(user.text, 2000));
}

TEST(Tokens, CarryWhatTheyAreGoodFor) {
  Tokens tokens({});
  TokenWish wish = wish_for(TokenKind::user);
  wish.project = "atlas";
  wish.role = "viewer";
  wish.note = "laptop";
  const MintedToken minted = tokens.mint(wish, 1000);
  const auto identity = Tokens({minted.row}).check(minted.text, 1000);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->project, "atlas");
  EXPECT_EQ(identity->role, "viewer");
  EXPECT_EQ(minted.row.note, "laptop");
}

TEST(Tokens, EndAndAreRevokedAtOnce) {
  Tokens tokens({});
  const std::string token = tokens.mint(wish_for(TokenKind::agent, 5000), 1000).text;
  EXPECT_TRUE(tokens.check(token, 4999));
  EXPECT_FALSE(tokens.check(token, 5000));
  const std::string other = tokens.mint(wish_for(TokenKind::user), 1000).text;
  const std::uint64_t before = tokens.revocations();
  const auto row = tokens.revoke(2, 3000);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->revoked_wall_us, 3000);
  EXPECT_FALSE(tokens.check(other, 2000));
  EXPECT_NE(tokens.revocations(), before);
  EXPECT_FALSE(Tokens({*row}).check(other, 2000));
  EXPECT_EQ(tokens.refused_id(other), 2U);
  EXPECT_EQ(tokens.refused_id(other.substr(1)), 0U);
  EXPECT_FALSE(tokens.revoke(9, 3000));
}

TEST(Tokens, AJoinTokenIsUsedUpOnce) {
  Tokens tokens({});
  const MintedToken join = tokens.mint(wish_for(TokenKind::join, 9000), 1000);
  EXPECT_TRUE(tokens.check(join.text, 2000));
  EXPECT_TRUE(tokens.revoke(join.row.id, 2000));
  EXPECT_FALSE(tokens.revoke(join.row.id, 2000));
  EXPECT_FALSE(tokens.check(join.text, 2000));
}

TEST(Tokens, AnAgentsTokenIsBoundToOneWorker) {
  Tokens tokens({});
  const MintedToken agent = tokens.mint(wish_for(TokenKind::agent), 1000);
  const auto row = tokens.bind(agent.row.id, "spool-a");
  ASSERT_TRUE(row);
  EXPECT_EQ(tokens.check(agent.text, 2000)->spool_id, "spool-a");
  EXPECT_TRUE(tokens.bind(agent.row.id, "spool-a"));
  EXPECT_FALSE(tokens.bind(agent.row.id, "spool-b"));
  EXPECT_EQ(Tokens({*row}).check(agent.text, 2000)->spool_id, "spool-a");
}

TEST(Tokens, NumbersOfEndedTokensAreNotUsedAgain) {
  Tokens tokens({});
  tokens.mint(wish_for(TokenKind::user), 1000);
  const auto second = tokens.mint(wish_for(TokenKind::user), 1000);
  const auto revoked = tokens.revoke(second.row.id, 2000);
  EXPECT_EQ(Tokens({*revoked}).mint(wish_for(TokenKind::user), 1000).row.id, 3U);
}

TEST(Tokens, UseIsWrittenAboutOnceAMinute) {
  Tokens tokens({});
  const auto token = tokens.mint(wish_for(TokenKind::user), 1000);
  EXPECT_TRUE(tokens.take_used().empty());
  tokens.used(token.row.id, 2 * kMinute_us);
  tokens.used(token.row.id, 2 * kMinute_us + 1);
  const auto rows = tokens.take_used();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].last_used_wall_us, 2 * kMinute_us + 1);
  tokens.used(token.row.id, 2 * kMinute_us + 2);
  EXPECT_TRUE(tokens.take_used().empty());
}

TEST(Tokens, AnyChangeIsRefused) {
  Tokens tokens({});
  const std::string token = tokens.mint(wish_for(TokenKind::user), 1000).text;
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
