// Renewal of workers' credentials: when one is offered, when the old one ends, and what happens when the answer never comes.
// At every moment the worker holds one that is good.
#include "runtime/agent_credentials.h"

#include <gtest/gtest.h>

namespace muster::runtime {
namespace {

constexpr Micros kDay_us = 24LL * 3600 * 1'000'000;

class Credentials : public testing::Test {
 protected:
  std::string join(const std::string& spool_id) {
    front::TokenWish wish;
    wish.kind = front::TokenKind::agent;
    wish.owner = "ada";
    wish.worker = "lab";
    wish.spool_id = spool_id;
    wish.expires_wall_us = now_us_ + 7 * kDay_us;
    return tokens_.mint(wish, now_us_).text;
  }
  bool is_good(const std::string& token) { return tokens_.check(token, now_us_).has_value(); }
  void connect(SessionId session, const std::string& token) {
    credentials_.connected(session, *tokens_.check(token, now_us_), now_us_);
  }

  Micros now_us_ = kDay_us;
  front::Tokens tokens_{{}};
  std::map<SessionId, std::string> offered_;
  int written_ = 0;
  AgentCredentials credentials_{
      tokens_,
      {[this](std::vector<TokenRow> rows, std::function<void()> done) {
         written_ += static_cast<int>(rows.size());
         done();
       },
       [this](SessionId session, const std::string& token) { offered_[session] = token; }},
      kDay_us};
};

TEST_F(Credentials, are_renewed_after_a_day_and_the_old_one_ends_when_the_new_one_is_kept) {
  const std::string first = join("spool");
  connect(1, first);
  credentials_.look(now_us_ += kDay_us - 1);
  EXPECT_TRUE(offered_.empty());
  credentials_.look(now_us_ += 1);
  ASSERT_TRUE(offered_.contains(1));
  const std::string second = offered_[1];
  EXPECT_TRUE(is_good(first) && is_good(second));
  EXPECT_EQ(tokens_.check(second, now_us_)->spool_id, "spool");
  EXPECT_EQ(tokens_.check(second, now_us_)->worker, "lab");
  credentials_.kept(1, now_us_);
  EXPECT_FALSE(is_good(first));
  EXPECT_TRUE(is_good(second));
  credentials_.look(now_us_ + kDay_us / 2);
  EXPECT_EQ(offered_[1], second);
}

TEST_F(Credentials, one_that_was_never_kept_is_good_no_more_when_the_worker_comes_with_the_old_one) {
  const std::string first = join("spool");
  const std::string other = join("another");
  connect(1, first);
  credentials_.look(now_us_ += kDay_us);
  credentials_.look(now_us_ += 1);
  EXPECT_EQ(written_, 1) << "one is on offer at a time";
  const std::string second = offered_[1];
  credentials_.gone(1);
  connect(2, first);
  EXPECT_TRUE(is_good(first) && is_good(other));
  EXPECT_FALSE(is_good(second));
  credentials_.look(now_us_ += 1);
  EXPECT_TRUE(is_good(offered_[2]));
}

TEST_F(Credentials, one_that_was_kept_unheard_works_and_ends_the_old_one) {
  const std::string first = join("spool");
  connect(1, first);
  credentials_.look(now_us_ += kDay_us);
  const std::string second = offered_[1];
  credentials_.gone(1);
  connect(2, second);
  EXPECT_FALSE(is_good(first));
  credentials_.kept(2, now_us_);
  EXPECT_TRUE(is_good(second)) << "a word nobody asked for changes nothing";
}

TEST_F(Credentials, one_that_is_no_workers_own_stays) {
  front::TokenWish wish;
  wish.kind = front::TokenKind::agent;
  const std::string file = tokens_.mint(wish, now_us_).text;
  connect(1, file);
  credentials_.look(now_us_ += 100 * kDay_us);
  EXPECT_TRUE(offered_.empty());
}

}  // namespace
}  // namespace muster::runtime
