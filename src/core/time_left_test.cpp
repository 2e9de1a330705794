// Tests of the time left: replays of batches whose whole story is known, generated and recorded.
// What has to hold: from a quarter on, the median of predicted by true time is between 0.7 and 1.4.
#include "core/time_left.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace muster {
namespace {

// Milliseconds that the files of a C++ program took to compile on a busy machine, in the order of their ends.
constexpr int kRecorded_ms[] = {
    52875, 55920, 49644, 26683, 23540, 32360, 15119, 10617, 1384,  15104, 444,   3529,  482,    14476, 5580,
    9668,  3940,  7984,  442,   30068, 11502, 8124,  6662,  9450,  10697, 19472, 25852, 22428,  16790, 11840,
    4252,  19205, 12556, 36544, 11934, 14666, 738,   9608,  17387, 614,   626,   630,   127713, 8160,  534,
    614,   694,   49265, 396,   676,   649,   9284,  16220, 48720, 11777, 598,   790,   568,    716,   556,
    9027,  6777,  9026,  9228,  493,   7488,  4833,  588,   11352, 474,   11868, 750,   888,    8276,  527,
    9436,  8440,  8484,  31393, 35984, 674,   708,   708,   588,   780,   6962,  9318,  17992,  29460, 636,
    8964,  519,   46141, 25676, 13122, 12631, 840,   696,   17216, 10384, 696,   969,   13128,  28660, 11172,
    12424, 824,   1345,  24162, 12391, 11316, 710,   697,   13532, 685,   1110,  15772, 147697, 727,   11292,
    518,   4265,  754,   606,   14232, 732,   513,   99,    20028, 802,   540,   811,   413,    9056,  14648,
    464,   706,   90,    33984, 693,   761,   804,   6426,  22204, 26950, 668,   661,   7381,   699,   941,
    666,   7904,  634,   646,   16058, 587,   707,   20448, 8749,  558,   420,   795,   14448,  618,   667,
    19640, 588,   14358, 529,   25478, 745,   718,   20335, 59423, 18188, 387,   691,   523,    764,   375,
    575,   8656,  732,   6520,  13627, 17626, 964,   4187,  31884, 730,   17557, 2517,  5817,   43274, 664,
    514,   745,   25176, 759,   30795, 4520,  562,   1007,  26948, 870,   722,   733,   738,    665,   616,
    142,   699,   692,   534,   704,   19064, 716,   590,   425,   763,   28729, 524,   504,    58441, 672,
    616,   562,   721,   745,   418,   501,   16518, 772,   544,   603,   10552, 22120, 6324,   11896, 40052,
    25739, 563,   17624, 16375, 575,   28846, 14628, 511,   7321,  618,   14000, 572,   12048,  19248, 23430,
    586,   11939, 15271, 721,   12177, 796,   743,   10032, 692,   650,   649,   632,   539,    711,   694,
    700,   10580, 842,   403,   742,   738,   660,   728,   736,   780,   759,   609,   29102,  644,   24928,
    750,   562,   728,   1744,  764,   852,   803,   667,   708,   547,   32886, 748,   716,    714,   12296,
};

struct Run {
  Micros start_us = 0;
  Micros end_us = 0;
};

// List scheduling: the next task on the place that is free first.
std::vector<Run> schedule(const std::vector<Micros>& durations, std::size_t places) {
  std::vector<Micros> free_at(places, 0);
  std::vector<Run> runs;
  for (const Micros duration_us : durations) {
    const auto place = std::min_element(free_at.begin(), free_at.end());
    runs.push_back({*place, *place + duration_us});
    *place += duration_us;
  }
  return runs;
}

struct Replay {
  TimeLeftQuestion question;
  Micros true_us = 0;
};

// What is known when this share of the tasks has ended.
std::optional<TimeLeft> look(const std::vector<Run>& runs, double share, Micros& true_us) {
  std::vector<Micros> ends;
  for (const Run& run : runs) ends.push_back(run.end_us);
  std::sort(ends.begin(), ends.end());
  const Micros now_us = ends[static_cast<std::size_t>(share * static_cast<double>(ends.size()))];
  true_us = ends.back() - now_us;
  LogHistogram finished;
  TimeLeftQuestion question{finished, {}, 0, runs.size()};
  for (const Run& run : runs) {
    if (run.end_us <= now_us) {
      finished.add(run.end_us - run.start_us);
    } else if (run.start_us <= now_us) {
      question.running.push_back(now_us - run.start_us);
    } else {
      ++question.not_started;
    }
  }
  return estimate_time_left(question);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// 31 runs of 1,000 tasks on 64 places; the durations of each are made by `make`.
void replay(const std::function<Micros(std::mt19937&)>& make) {
  for (const double share : {0.25, 0.5, 0.75, 0.9}) {
    std::vector<double> ratios;
    for (unsigned seed = 1; seed <= 31; ++seed) {
      std::mt19937 random(seed);
      std::vector<Micros> durations(1000);
      for (Micros& duration_us : durations) duration_us = make(random);
      Micros true_us = 0;
      const std::optional<TimeLeft> left = look(schedule(durations, 64), share, true_us);
      ASSERT_TRUE(left.has_value());
      EXPECT_LE(left->low_us, left->middle_us);
      EXPECT_LE(left->middle_us, left->high_us);
      ratios.push_back(static_cast<double>(left->middle_us) / static_cast<double>(true_us));
    }
    const double ratio = median(ratios);
    EXPECT_GE(ratio, 0.7) << "at " << share;
    EXPECT_LE(ratio, 1.4) << "at " << share;
  }
}

TEST(TimeLeft, replays_log_normal_durations) {
  std::lognormal_distribution<double> distribution(std::log(60e6), 1);
  replay([&](std::mt19937& random) { return static_cast<Micros>(distribution(random)) + 1; });
}

TEST(TimeLeft, replays_two_kinds_of_tasks) {
  replay([](std::mt19937& random) {
    const Micros base_us = random() % 5 == 0 ? 300'000'000 : 20'000'000;
    return base_us + static_cast<Micros>(random() % 1'000'000);
  });
}

TEST(TimeLeft, replays_equal_durations) {
  replay([](std::mt19937&) { return Micros{10'000'000}; });
}

TEST(TimeLeft, replays_recorded_durations) {
  std::vector<Micros> durations;
  for (const int duration_ms : kRecorded_ms) durations.push_back(Micros{duration_ms} * 1000);
  for (const double share : {0.25, 0.4, 0.5, 0.6, 0.75, 0.9}) {
    std::vector<double> ratios;
    for (unsigned seed = 1; seed <= 31; ++seed) {
      std::shuffle(durations.begin(), durations.end(), std::mt19937(seed));
      Micros true_us = 0;
      const std::optional<TimeLeft> left = look(schedule(durations, 8), share, true_us);
      ASSERT_TRUE(left.has_value());
      ratios.push_back(static_cast<double>(left->middle_us) / static_cast<double>(true_us));
    }
    EXPECT_GE(median(ratios), 0.7) << "at " << share;
    EXPECT_LE(median(ratios), 1.4) << "at " << share;
  }
}

TEST(TimeLeft, says_nothing_too_early) {
  LogHistogram finished;
  for (int i = 0; i < 63; ++i) finished.add(1'000'000);
  EXPECT_FALSE(estimate_time_left({finished, std::vector<Micros>(64, 1), 100, 1000}));
  finished.add(1'000'000);
  EXPECT_TRUE(estimate_time_left({finished, std::vector<Micros>(64, 1), 100, 1000}));
  EXPECT_FALSE(estimate_time_left({finished, std::vector<Micros>(64, 1), 100'000, 100'000}));
  EXPECT_FALSE(estimate_time_left({finished, {}, 100, 200}));
}

TEST(TimeLeft, is_the_same_for_the_same_question) {
  LogHistogram finished;
  for (int i = 1; i < 500; ++i) finished.add(i * 77'777);
  const std::vector<Micros> running(10, 5'000'000);
  const auto once = estimate_time_left({finished, running, 1000, 1509});
  const auto again = estimate_time_left({finished, running, 1000, 1509});
  ASSERT_TRUE(once && again);
  EXPECT_EQ(once->middle_us, again->middle_us);
}

TEST(TimeLeft, counts_stragglers_and_bounds_its_work) {
  LogHistogram finished;
  for (int i = 0; i < 10'000; ++i) finished.add(1'000'000 + i);
  std::vector<Micros> running(9'000, 500'000);
  running[3] = 60'000'000;
  const auto left = estimate_time_left({finished, running, 100'000, 119'000});
  ASSERT_TRUE(left);
  EXPECT_EQ(left->stragglers, 1U);
  // 100,000 tasks of a second on 9,000 places.
  EXPECT_GE(left->middle_us, 10'000'000);
  EXPECT_LE(left->high_us, 700'000'000);
}

TEST(LogHistogram, quantiles_are_close_and_equal_values_exact) {
  LogHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0);
  for (int i = 1; i <= 1000; ++i) histogram.add(i * 1000);
  EXPECT_NEAR(static_cast<double>(histogram.quantile(0.95)), 950'000, 50'000);
  LogHistogram equal;
  for (int i = 0; i < 10; ++i) equal.add(123'456'789);
  EXPECT_EQ(equal.quantile(0.5), 123'456'789);
  EXPECT_EQ(equal.at(LogHistogram::bucket_of(123'456'789)).mean(), 123'456'789);
  equal.add(INT64_MAX);
  equal.add(-5);
  EXPECT_EQ(equal.quantile(1), INT64_MAX);
}

}  // namespace
}  // namespace muster
