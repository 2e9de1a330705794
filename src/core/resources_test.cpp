// fits(): what a worker can run now, later or never; and the sums of what is in use.
// Must hold: zero means "not asked for", and slots lowered below what runs are busy, never negative.
#include "core/resources.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

const Capacity kWorker{4, 2, 8, 1000, 2000};

Resources wants(std::uint32_t cpu_slots, std::uint32_t gpu_slots = 0, std::uint32_t cpus = 0,
                std::uint64_t mem = 0, std::uint64_t disk = 0) {
  return {cpu_slots, gpu_slots, cpus, mem, disk};
}

TEST(Fits, EachKindAloneCanBeTooBig) {
  EXPECT_EQ(fits(wants(4, 2, 8, 1000, 2000), kWorker, {}), Fit::fits);
  EXPECT_EQ(fits(wants(5), kWorker, {}), Fit::too_big);
  EXPECT_EQ(fits(wants(0, 3), kWorker, {}), Fit::too_big);
  EXPECT_EQ(fits(wants(1, 0, 9), kWorker, {}), Fit::too_big);
  EXPECT_EQ(fits(wants(1, 0, 0, 1001), kWorker, {}), Fit::too_big);
  EXPECT_EQ(fits(wants(1, 0, 0, 0, 2001), kWorker, {}), Fit::too_big);
}

TEST(Fits, WhatIsInUseMakesItBusy) {
  InUse in_use;
  in_use.add(wants(3, 1, 4, 600, 100));
  EXPECT_EQ(fits(wants(1), kWorker, in_use), Fit::fits);
  EXPECT_EQ(fits(wants(2), kWorker, in_use), Fit::busy);
  EXPECT_EQ(fits(wants(0, 2), kWorker, in_use), Fit::busy);
  EXPECT_EQ(fits(wants(1, 0, 5), kWorker, in_use), Fit::busy);
  EXPECT_EQ(fits(wants(1, 0, 0, 401), kWorker, in_use), Fit::busy);
}

TEST(Fits, WhatIsNotAskedForDoesNotCount) {
  InUse in_use;
  in_use.add(wants(1, 0, 8, 1000, 2000));
  EXPECT_EQ(fits(wants(1), kWorker, in_use), Fit::fits);
}

TEST(Fits, SlotsLoweredBelowWhatRunsAreBusy) {
  InUse in_use;
  in_use.add(wants(3));
  Capacity lowered = kWorker;
  lowered.cpu_slots = 2;
  EXPECT_EQ(fits(wants(1), lowered, in_use), Fit::busy);
  EXPECT_EQ(fits(wants(3), lowered, in_use), Fit::too_big);
  EXPECT_EQ(fits(wants(0, 1), kWorker, in_use), Fit::fits);
}

TEST(InUse, AddAndRemoveCancelOut) {
  InUse in_use;
  in_use.add(wants(1, 2, 3, 4, 5));
  in_use.add(wants(1));
  in_use.remove(wants(1, 2, 3, 4, 5));
  in_use.remove(wants(1));
  EXPECT_EQ(in_use, InUse{});
}

TEST(InUse, SumsAreWide) {
  InUse in_use;
  for (int i = 0; i < 4; ++i) in_use.add(wants(UINT32_MAX));
  EXPECT_EQ(in_use.cpu_slots, 4ULL * UINT32_MAX);
  EXPECT_EQ(fits(wants(1), kWorker, in_use), Fit::busy);
}

TEST(InUse, TakingBackWhatWasNotGivenStopsTheProcess) {
  InUse in_use;
  EXPECT_DEATH(in_use.remove(wants(1)), "broken promise");
}

TEST(Resources, PlainIsOneSlotAndNothingElse) {
  EXPECT_TRUE(Resources{}.is_plain());
  EXPECT_FALSE(wants(2).is_plain());
  EXPECT_FALSE(wants(1, 0, 0, 1).is_plain());
}

}  // namespace
}  // namespace muster
