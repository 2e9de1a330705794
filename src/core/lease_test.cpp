// Lease arithmetic: whatever the lengths and delays, the agent's end comes before the server's.
// Must hold: both sides call the same file, so this is the only place where it can be wrong.
#include "core/lease.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

constexpr Micros kSecond = 1'000'000;

TEST(LeaseMargin, IsTwoPercentAtLeastFiveSecondsAtMostHalf) {
  EXPECT_EQ(lease_margin_us(3600 * kSecond), 72 * kSecond);
  EXPECT_EQ(lease_margin_us(100 * kSecond), 5 * kSecond);
  EXPECT_EQ(lease_margin_us(10 * kSecond), 5 * kSecond);
  EXPECT_EQ(lease_margin_us(4 * kSecond), 2 * kSecond);
  EXPECT_EQ(lease_margin_us(0), 0);
}

TEST(Lease, TheAgentIsAlwaysDoneFirst) {
  for (const Micros lease :
       {kSecond, 4 * kSecond, 20 * kSecond, 900 * kSecond, kLeaseElsewhere_us, kLeaseLocal_us}) {
    for (const Micros delay : {Micros{0}, Micros{1}, kSecond, 500 * kSecond}) {
      const Micros sent = 7 * kSecond;
      EXPECT_LT(agent_deadline_us(sent, lease), server_deadline_us(sent + delay, lease));
    }
  }
}

TEST(Lease, TheMarginCoversClocksTwoPercentApart) {
  for (const Micros lease : {250 * kSecond, 3600 * kSecond, kLeaseLocal_us}) {
    const Micros agent_runs_for = agent_deadline_us(0, lease);
    // The agent's clock is slow: its deadline comes that much later on the server's.
    EXPECT_LE(agent_runs_for + agent_runs_for / 50, server_deadline_us(0, lease));
  }
}

}  // namespace
}  // namespace muster
