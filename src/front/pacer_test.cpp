// Pacing: a second's worth at once, then one after the other, refused only beyond ten seconds.
// One token's haste costs no other token anything.
#include "front/pacer.h"

#include <gtest/gtest.h>

namespace muster::front {
namespace {

constexpr Micros kSecond_us = 1'000'000;

TEST(Pacer, ASecondsWorthIsFreeAndTheRestWaitsInOrder) {
  Pacer pacer(500);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(pacer.wait_us(1, 0), 0) << i;
  EXPECT_EQ(pacer.wait_us(1, 0), 2000);
  EXPECT_EQ(pacer.wait_us(1, 0), 4000);
  EXPECT_EQ(pacer.wait_us(2, 0), 0);
  EXPECT_EQ(pacer.wait_us(1, 3 * kSecond_us), 0);
}

TEST(Pacer, WhatWouldWaitTooLongIsRefusedAndNotCounted) {
  Pacer pacer(500);
  std::uint64_t taken = 0;
  while (const auto wait_us = pacer.wait_us(1, 0)) {
    EXPECT_LE(*wait_us, Pacer::kWaitMax_us);
    ++taken;
  }
  EXPECT_EQ(taken, 5500U);
  EXPECT_FALSE(pacer.wait_us(1, 0));
  EXPECT_TRUE(pacer.wait_us(1, 2000));
  EXPECT_FALSE(pacer.wait_us(1, 2000));
}

TEST(Pacer, OverAMinuteTheRateHolds) {
  Pacer pacer(500);
  std::uint64_t taken = 0;
  for (Micros now_us = 0; now_us < 60 * kSecond_us; now_us += 1000) {
    const auto wait_us = pacer.wait_us(1, now_us);
    if (wait_us && now_us + *wait_us <= 60 * kSecond_us) ++taken;
  }
  EXPECT_NEAR(static_cast<double>(taken), 60.0 * 500 + 500, 10);
  EXPECT_EQ(pacer.tokens(), 1U);
  pacer.tidy(200 * kSecond_us);
  EXPECT_EQ(pacer.tokens(), 0U);
}

TEST(Pacer, MayBeOff) {
  Pacer pacer(0);
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(pacer.wait_us(1, 0), 0);
  EXPECT_EQ(pacer.tokens(), 0U);
}

TEST(Pacer, ThisMachineIsKnownByItsAddresses) {
  for (const char* here : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback_address(here));
  for (const char* there : {"", "10.0.0.1", "1270.0.0.1", "::2", "::ffff:10.0.0.1", "::10"}) {
    EXPECT_FALSE(is_loopback_address(there)) << there;
  }
}

}  // namespace
}  // namespace muster::front
