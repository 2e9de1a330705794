// Retry budgets by cause: what each failure uses up, how long it waits, and when it is the end.
// Must hold: only exit, signal, timeout and verification cost the user a retry.
#include "core/cause.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace muster {
namespace {

using Next = RetryVerdict::Next;

TEST(AfterFailure, UserBudgetIsSharedByItsFourCauses) {
  RetryCounts counts;
  EXPECT_EQ(after_failure(Cause::exit, 3, counts).next, Next::again);
  EXPECT_EQ(after_failure(Cause::signal, 3, counts).next, Next::again);
  EXPECT_EQ(after_failure(Cause::timeout, 3, counts).next, Next::again);
  EXPECT_EQ(counts.user, 3);
  const RetryVerdict last = after_failure(Cause::verification, 3, counts);
  EXPECT_EQ(last.next, Next::failed);
  EXPECT_EQ(last.cause, Cause::verification);
}

TEST(AfterFailure, WithoutRetriesTheFirstFailureIsTheEnd) {
  RetryCounts counts;
  EXPECT_EQ(after_failure(Cause::exit, 0, counts).next, Next::failed);
}

TEST(AfterFailure, BackOffDoublesFromOneSecondToFiveMinutes) {
  RetryCounts counts;
  Micros expected = 1'000'000;
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(after_failure(Cause::exit, 100, counts).delay_us, expected);
    expected = std::min<Micros>(expected * 2, 300'000'000);
  }
}

TEST(AfterFailure, OtherCausesCostTheUserNothing) {
  RetryCounts counts;
  after_failure(Cause::launch, 5, counts);
  after_failure(Cause::input, 5, counts);
  after_failure(Cause::output, 5, counts);
  after_failure(Cause::worker_lost, 5, counts);
  after_failure(Cause::evicted, 5, counts);
  EXPECT_EQ(counts.user, 0);
  EXPECT_EQ(counts.staging, 2);
}

TEST(AfterFailure, TheThirdLostWorkerIsAPoison) {
  RetryCounts counts;
  EXPECT_EQ(after_failure(Cause::worker_lost, 0, counts).next, Next::again);
  const RetryVerdict second = after_failure(Cause::worker_lost, 0, counts);
  EXPECT_EQ(second.next, Next::again);
  EXPECT_EQ(second.delay_us, 0);
  const RetryVerdict third = after_failure(Cause::worker_lost, 9, counts);
  EXPECT_EQ(third.next, Next::failed);
  EXPECT_EQ(third.cause, Cause::poison);
}

TEST(AfterFailure, LaunchAndEvictionHaveTheirOwnBudgets) {
  RetryCounts counts;
  for (int i = 0; i < kLaunchRetries; ++i)
    EXPECT_EQ(after_failure(Cause::launch, 0, counts).next, Next::again);
  EXPECT_EQ(after_failure(Cause::launch, 0, counts).next, Next::failed);
  for (int i = 0; i < kEvictedRetries; ++i) EXPECT_EQ(after_failure(Cause::evicted, 0, counts).delay_us, 0);
  EXPECT_EQ(after_failure(Cause::evicted, 0, counts).next, Next::failed);
}

TEST(AfterFailure, HugeBudgetsDoNotWrap) {
  RetryCounts counts;
  counts.user = 59'999;
  EXPECT_EQ(after_failure(Cause::exit, UINT32_MAX, counts).next, Next::again);
  EXPECT_EQ(after_failure(Cause::exit, UINT32_MAX, counts).next, Next::failed);
}

TEST(Cause, NamesGoBothWays) {
  for (std::size_t i = 0; i < kCauses; ++i) {
    EXPECT_EQ(cause_from_text(to_text(static_cast<Cause>(i))), static_cast<Cause>(i));
  }
  EXPECT_EQ(to_text(Cause::worker_lost), "worker-lost");
  EXPECT_FALSE(cause_from_text("bad-luck"));
}

}  // namespace
}  // namespace muster
