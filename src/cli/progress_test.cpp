// Tests of progress: when a line is due, what it says, how it shrinks.
// Time is a number that the test sets.
#include "cli/progress.h"

#include <gtest/gtest.h>

#include "core/escape.h"

namespace muster::cli {
namespace {

constexpr std::int64_t kSecond_us = 1'000'000;

Counts counts(std::uint64_t succeeded, std::uint64_t failed, std::uint64_t running, std::uint64_t ready) {
  Counts all;
  all.succeeded = succeeded;
  all.failed = failed;
  all.running = running;
  all.ready = ready;
  return all;
}

Terminal plain(std::size_t width) { return {true, false, true, width}; }

TEST(Counts, add_up) {
  const Counts all = counts(3, 1, 2, 4);
  EXPECT_EQ(all.finished(), 4U);
  EXPECT_EQ(all.total(), 10U);
  EXPECT_EQ(all.percent(), 40U);
  EXPECT_EQ(Counts{}.percent(), 100U);
  EXPECT_EQ(counts(999'999, 0, 1, 0).percent(), 99U);
}

TEST(ProgressMeter, says_about_how_long_the_rest_will_take) {
  ProgressMeter meter("42");
  meter.observe(0, counts(50, 0, 4, 46));
  const auto range =
      *client::Document::parse(R"({"low_s":1078.2,"middle_s":1300,"high_s":1631,"stragglers":3,"places":4})");
  meter.expect(range.root());
  EXPECT_NE(meter.live_line(plain(200)).find("about 18m00s–27m00s left, 3 stragglers"), std::string::npos)
      << meter.live_line(plain(200));
  const auto unknown = *client::Document::parse("null");
  meter.expect(unknown.root());
  EXPECT_EQ(meter.live_line(plain(200)).find("about"), std::string::npos);
}

TEST(ProgressMeter, has_a_rate_after_a_second) {
  ProgressMeter meter("42");
  EXPECT_FALSE(meter.rate());
  meter.observe(0, counts(0, 0, 1, 99));
  meter.observe(kSecond_us / 2, counts(10, 0, 1, 89));
  EXPECT_FALSE(meter.rate());
  meter.observe(2 * kSecond_us, counts(20, 0, 1, 79));
  EXPECT_DOUBLE_EQ(meter.rate().value(), 10.0);
}

TEST(ProgressMeter, forgets_what_is_long_ago) {
  ProgressMeter meter("42");
  for (int second = 0; second <= 60; ++second) meter.observe(second * kSecond_us, counts(1000, 0, 1, 99));
  meter.observe(61 * kSecond_us, counts(1030, 0, 1, 69));
  EXPECT_NEAR(meter.rate().value(), 1.0, 0.05);
}

TEST(ProgressMeter, begins_again_when_tasks_are_retried) {
  ProgressMeter meter("42");
  meter.observe(0, counts(0, 0, 1, 99));
  meter.observe(5 * kSecond_us, counts(50, 50, 0, 0));
  meter.observe(6 * kSecond_us, counts(50, 0, 0, 50));
  meter.observe(8 * kSecond_us, counts(60, 0, 0, 40));
  EXPECT_DOUBLE_EQ(meter.rate().value(), 5.0);
}

TEST(ProgressMeter, gives_plain_lines_at_tenths_and_after_a_minute) {
  ProgressMeter meter("42");
  const auto line_at = [&](std::int64_t second, std::uint64_t done) {
    meter.observe(second * kSecond_us, counts(done, 0, 1, 99 - done));
    return meter.plain_line();
  };
  EXPECT_EQ(line_at(0, 0), "42: 0 % 0/100 done, 1 running, 0s");
  EXPECT_FALSE(line_at(1, 9));
  EXPECT_EQ(line_at(2, 25), "42: 25 % 25/100 done, 1 running, 12/s, 2s");
  EXPECT_FALSE(line_at(3, 29));
  EXPECT_FALSE(line_at(61, 29));
  EXPECT_TRUE(line_at(62, 29));
  EXPECT_FALSE(line_at(63, 29));
}

TEST(ProgressMeter, drops_the_least_important_on_a_narrow_terminal) {
  ProgressMeter meter("42 align");
  meter.observe(0, counts(0, 0, 4, 96));
  meter.observe(10 * kSecond_us, counts(57, 3, 4, 36));
  EXPECT_EQ(meter.live_line(plain(100)),
            "42 align  ████████████░░░░░░░░  60 %  60/100  ▶ 4  ✗ 3  6.0/s  10s");
  EXPECT_EQ(meter.live_line(plain(50)), "42 align  60 %  60/100  ▶ 4  ✗ 3  6.0/s  10s");
  EXPECT_EQ(meter.live_line(plain(30)), "42 align  60 %  60/100  ✗ 3");
  EXPECT_EQ(meter.live_line(plain(20)), "60 %  60/100  ✗ 3");
  EXPECT_EQ(meter.live_line(plain(5)), "60 %");
  EXPECT_EQ(meter.live_line(plain(3)), "6…");
  for (std::size_t width = 2; width < 90; ++width)
    EXPECT_LT(display_width(meter.live_line(plain(width))), width);
}

TEST(ProgressMeter, speaks_ascii_where_it_must) {
  ProgressMeter meter("42");
  meter.observe(0, counts(50, 2, 3, 45));
  Terminal terminal = plain(100);
  terminal.signs = false;
  EXPECT_EQ(meter.live_line(terminal), "42  ##########..........  52 %  52/100  > 3  x 2  0s");
}

TEST(ProgressMeter, escapes_its_label) {
  ProgressMeter meter("a\x1b[2J");
  meter.observe(0, counts(0, 0, 0, 1));
  EXPECT_FALSE(needs_escape(meter.live_line(plain(100))));
  EXPECT_FALSE(needs_escape(*meter.plain_line()));
}

}  // namespace
}  // namespace muster::cli
