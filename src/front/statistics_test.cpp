// Tests of right-sizing; the histograms and the time left have tests of their
// own. A suggestion is made when it matters, and is a size that a person would
// write.
#include "front/statistics.h"

#include <gtest/gtest.h>

namespace muster::front {
namespace {

LogHistogram peaks_of(std::uint64_t size_mb, int count) {
  LogHistogram peaks;
  for (int i = 0; i < count; ++i) peaks.add(static_cast<std::int64_t>(size_mb) << 20);
  return peaks;
}

TEST(RightSize, needs_some_tasks) { EXPECT_FALSE(right_size(peaks_of(100, 9), 1000)); }

TEST(RightSize, suggests_less_when_much_is_asked_for) {
  const auto size = right_size(peaks_of(5900, 100), 16 * 1024);
  ASSERT_TRUE(size);
  EXPECT_EQ(size->peak_mb, 5900U);
  EXPECT_EQ(size->suggested_mb, 7U * 1024);
}

TEST(RightSize, leaves_alone_what_is_about_right) {
  EXPECT_EQ(right_size(peaks_of(5900, 100), 8 * 1024)->suggested_mb, 0U);
  EXPECT_EQ(right_size(peaks_of(5900, 100), 0)->suggested_mb, 0U);
}

TEST(RightSize, suggests_more_when_too_little_is_asked_for) {
  EXPECT_EQ(right_size(peaks_of(300, 100), 256)->suggested_mb, 384U);
}

}  // namespace
}  // namespace muster::front
