// Sizes, durations and arrays as tables of what is read, shown and refused; what is shown is read back.
// Times are in units_time_test.cpp.
#include "core/units.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace muster {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

TEST(Memory, is_read_in_mebibytes) {
  struct Case {
    const char* text;
    std::uint64_t mem_mb;
  };
  const Case cases[] = {{"512", 512},     {"512M", 512},    {"512m", 512},         {"512MB", 512},
                        {"512MiB", 512},  {"16G", 16384},   {"16g", 16384},        {"16 GB", 16384},
                        {" 16G ", 16384}, {"1.5GiB", 1536}, {"1T", 1048576},       {"2P", 2147483648},
                        {"100k", 1},      {"1024k", 1},     {"1025k", 2},          {"0", 0},
                        {"1B", 1},        {"1048576b", 1},  {"1048577B", 2},       {"0.1", 1},
                        {"0.5G", 512},    {"0.001G", 2},    {"1.000000001G", 1025}};
  for (const Case& c : cases) {
    const auto read = parse_memory_mb(c.text);
    ASSERT_TRUE(read) << c.text;
    EXPECT_EQ(*read, c.mem_mb) << c.text;
  }
}

TEST(Memory, refuses_what_is_no_size) {
  for (const char* text :
       {"", " ", "G", "-1G", "1.G", ".5G", "1x", "1GG", "1GBB", "1iB", "1 G B", "1,5G", "0x10", "1e3",
        "16Gi b", "9999999999999999999", "8192P", "1.0000000001G", "\x1b[1m"}) {
    const auto read = parse_memory_mb(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, kMalformedValue);
    EXPECT_EQ(read.error().what.find('\x1b'), std::string::npos);
    EXPECT_FALSE(read.error().next.empty());
  }
}

TEST(Bytes, are_read_with_and_without_unit) {
  EXPECT_EQ(*parse_bytes("2G"), 2147483648U);
  EXPECT_EQ(*parse_bytes("100"), 100U);
  EXPECT_EQ(*parse_bytes("1.5k"), 1536U);
  EXPECT_EQ(*parse_bytes("64MiB"), 67108864U);
  EXPECT_EQ(*parse_bytes("8191P"), 8191ULL << 50U);
  EXPECT_FALSE(parse_bytes("8192P"));
}

TEST(Bytes, are_shown_in_three_digits) {
  struct Case {
    std::uint64_t bytes;
    const char* shown;
  };
  const Case cases[] = {{0, "0"},
                        {1023, "1023"},
                        {1024, "1K"},
                        {1536, "1.5K"},
                        {10 * 1024, "10K"},
                        {102400, "100K"},
                        {1023 * 1024, "1023K"},
                        {1024 * 1024 - 1, "1M"},
                        {17072922624ULL, "15.9G"},
                        {16ULL << 30U, "16G"},
                        {1ULL << 60U, "1E"},
                        {std::numeric_limits<std::uint64_t>::max(), "16E"}};
  for (const Case& c : cases) EXPECT_EQ(format_bytes(c.bytes), c.shown) << c.bytes;
  EXPECT_EQ(format_memory_mb(0), "0");
  EXPECT_EQ(format_memory_mb(512), "512M");
  EXPECT_EQ(format_memory_mb(1536), "1.5G");
  EXPECT_EQ(format_memory_mb(std::numeric_limits<std::uint64_t>::max()), "16E");
}

TEST(Bytes, shown_is_close_to_the_truth) {
  EXPECT_TRUE(rc::check("round trip", []() {
    const auto bits = *rc::gen::inRange(0, 60);
    const auto bytes = *rc::gen::arbitrary<std::uint64_t>() >> static_cast<unsigned>(64 - bits - 1);
    if (bytes >= (std::uint64_t{1} << 59U)) return;
    const std::string shown = format_bytes(bytes);
    RC_ASSERT(shown.size() <= 5U);
    const auto back = static_cast<double>(*parse_bytes(shown));
    RC_ASSERT(back >= static_cast<double>(bytes) * 0.94 && back <= static_cast<double>(bytes) * 1.06);
  }));
}

TEST(Duration, is_read_in_many_forms) {
  struct Case {
    const char* text;
    std::int64_t duration_us;
  };
  const Case cases[] = {{"90", 90 * kSecond},
                        {"90s", 90 * kSecond},
                        {"0", 0},
                        {"0.5", kSecond / 2},
                        {"10m", 600 * kSecond},
                        {"1h30m", 5400 * kSecond},
                        {"1h 30m", 5400 * kSecond},
                        {"1.5h", 5400 * kSecond},
                        {"2d", 172800 * kSecond},
                        {"1w", 604800 * kSecond},
                        {"2d03h", 183600 * kSecond},
                        {"500ms", kSecond / 2},
                        {"1s500ms", kSecond * 3 / 2},
                        {"7us", 7},
                        {"1:30:00", 5400 * kSecond},
                        {"01:30:00", 5400 * kSecond},
                        {"100:00:01", 360001 * kSecond},
                        {"1-00:00:00", 86400 * kSecond},
                        {"2-12:30:05", 217805 * kSecond}};
  for (const Case& c : cases) {
    const auto read = parse_duration_us(c.text);
    ASSERT_TRUE(read) << c.text;
    EXPECT_EQ(*read, c.duration_us) << c.text;
  }
}

TEST(Duration, refuses_what_is_unclear) {
  for (const char* text : {"",
                           " ",
                           "-5",
                           "s",
                           "5x",
                           "1h30",
                           "30m1h",
                           "1h1h",
                           "1:30",
                           "1:30:60",
                           "1:60:00",
                           "1:3:00",
                           "1:30:0",
                           ":30:00",
                           "1:30:00:00",
                           "1-30",
                           "-1:00:00",
                           "1.5:00:00",
                           "1h-",
                           "five",
                           "1 2",
                           "101 years",
                           "40000d",
                           "4000000000",
                           "99999999999999999999",
                           "876600:00:01",
                           "9999999999w"}) {
    const auto read = parse_duration_us(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, kMalformedValue);
    EXPECT_FALSE(read.error().next.empty());
  }
  EXPECT_NE(parse_duration_us("1:30").error().what.find("minutes and seconds or hours"), std::string::npos);
  EXPECT_TRUE(parse_duration_us("876600:00:00"));
}

TEST(Duration, is_shown_in_two_units) {
  struct Case {
    std::int64_t duration_us;
    const char* shown;
  };
  const Case cases[] = {{0, "0s"},
                        {1, "1ms"},
                        {320'999, "320ms"},
                        {kSecond, "1s"},
                        {4'250'000, "4.2s"},
                        {9'999'999, "9.9s"},
                        {42 * kSecond, "42s"},
                        {252 * kSecond, "4m12s"},
                        {242 * kSecond, "4m02s"},
                        {3599 * kSecond, "59m59s"},
                        {11100 * kSecond, "3h05m"},
                        {183600 * kSecond, "2d03h"},
                        {-252 * kSecond, "-4m12s"},
                        {std::numeric_limits<std::int64_t>::min(), "-106751991d04h"}};
  for (const Case& c : cases) EXPECT_EQ(format_duration(c.duration_us), c.shown);
}

TEST(Duration, shown_is_read_back) {
  EXPECT_TRUE(rc::check("round trip", []() {
    const auto duration = *rc::gen::inRange<std::int64_t>(0, 86400 * 30 * kSecond);
    const auto back = parse_duration_us(format_duration(duration));
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back <= duration + 1000);
    RC_ASSERT(*back >= duration - duration / 10 - 1000);
    RC_ASSERT(format_duration(*back) == format_duration(duration));
  }));
}

TEST(Seconds, are_exact) {
  EXPECT_EQ(format_seconds(0), "0");
  EXPECT_EQ(format_seconds(4'250'000), "4.25");
  EXPECT_EQ(format_seconds(1), "0.000001");
  EXPECT_EQ(format_seconds(-500'000), "-0.5");
  EXPECT_EQ(format_seconds(60 * kSecond), "60");
  EXPECT_EQ(format_seconds(std::numeric_limits<std::int64_t>::min()), "-9223372036854.775808");
}

TEST(Array, reads_ranges_and_lists) {
  struct Case {
    const char* text;
    std::vector<IndexRange> ranges;
    std::uint64_t tasks;
    const char* shown;
  };
  const Case cases[] = {
      {"1-1000", {{1, 1000, 1}}, 1000, "1-1000"},
      {"1-1000:2", {{1, 999, 2}}, 500, "1-999:2"},
      {"1-10_000_000", {{1, 10'000'000, 1}}, 10'000'000, "1-10000000"},
      {"7", {{7, 7, 1}}, 1, "7"},
      {"0-9", {{0, 9, 1}}, 10, "0-9"},
      {"1,3,5-9", {{1, 1, 1}, {3, 3, 1}, {5, 9, 1}}, 7, "1,3,5-9"},
      {"5-9,3,1", {{1, 1, 1}, {3, 3, 1}, {5, 9, 1}}, 7, "1,3,5-9"},
      {"1,2,3", {{1, 3, 1}}, 3, "1-3"},
      {"1-3,4-6,8", {{1, 6, 1}, {8, 8, 1}}, 7, "1-6,8"},
      {"1-9:3,10-12", {{1, 7, 3}, {10, 12, 1}}, 6, "1-7:3,10-12"},
      {"5-6:9", {{5, 5, 1}}, 1, "5"},
      {"3-3", {{3, 3, 1}}, 1, "3"},
      {"9007199254740991", {{9007199254740991ULL, 9007199254740991ULL, 1}}, 1, "9007199254740991"},
  };
  for (const Case& c : cases) {
    const auto read = parse_array(c.text);
    ASSERT_TRUE(read) << c.text << read.error().what;
    EXPECT_EQ(*read, c.ranges) << c.text;
    EXPECT_EQ(task_count(*read), c.tasks) << c.text;
    EXPECT_EQ(format_array(*read), c.shown);
    EXPECT_EQ(*parse_array(c.shown), c.ranges);
  }
}

TEST(Array, refuses_and_says_why) {
  struct Case {
    const char* text;
    const char* why;
  };
  const Case cases[] = {{"", "empty"},
                        {"-", "an index is expected"},
                        {"1-", "the last index is expected"},
                        {"1,", "an index is expected"},
                        {",1", "an index is expected"},
                        {"1--5", "the last index is expected"},
                        {"5-1", "runs backwards"},
                        {"1-5:0", "a step is 1 or more"},
                        {"1-5:", "a step is expected"},
                        {"1:2", "a comma is expected"},
                        {"1 2", "a comma is expected"},
                        {"1-100%5", "--max-running"},
                        {"_1", "an index is expected"},
                        {"1_", "a comma is expected"},
                        {"1__0", "a comma is expected"},
                        {"x", "an index is expected"},
                        {"9007199254740992", "too large"},
                        {"1-99999999999999999999", "too large"},
                        {"1-10000001", "more than 10,000,000"},
                        {"1-10000000,10000001", "more than 10,000,000"},
                        {"1,1", "index 1 is in the array twice"},
                        {"1-5,3", "index 3 is in the array twice"},
                        {"1-9:2,5-20:5", "index 5 is in the array twice"},
                        {"1-99:7,50-60", "index 50 is in the array twice"},
                        {"1-9:2,2-8:2", "interleave"}};
  for (const Case& c : cases) {
    const auto read = parse_array(c.text);
    ASSERT_FALSE(read) << c.text;
    EXPECT_EQ(read.error().code, kArrayError);
    EXPECT_NE(read.error().what.find(c.why), std::string::npos) << c.text << ": " << read.error().what;
    EXPECT_FALSE(read.error().next.empty());
  }
  EXPECT_EQ(parse_array("1-10000001").error().kind, ErrorKind::too_large);
  EXPECT_EQ(parse_array("5-x").error().what.substr(parse_array("5-x").error().what.size() - 12),
            "\n  5-x\n    ^");
}

TEST(Array, means_the_set_of_its_indexes) {
  EXPECT_TRUE(rc::check("set", []() {
    std::multiset<std::uint64_t> wanted;
    std::string text;
    const auto count = *rc::gen::inRange(1, 5);
    for (int i = 0; i < count; ++i) {
      const auto first = *rc::gen::inRange<std::uint64_t>(0, 50);
      const auto last = first + *rc::gen::inRange<std::uint64_t>(0, 10);
      const auto step = *rc::gen::inRange<std::uint64_t>(1, 4);
      text += (i == 0 ? "" : ",") + std::to_string(first) + "-" + std::to_string(last) + ":" +
              std::to_string(step);
      for (std::uint64_t index = first; index <= last; index += step) wanted.insert(index);
    }
    const bool repeated = std::set<std::uint64_t>(wanted.begin(), wanted.end()).size() != wanted.size();
    const auto read = parse_array(text);
    if (repeated) RC_ASSERT(!read);
    if (!read) return;
    std::multiset<std::uint64_t> found;
    for (const IndexRange& range : *read) {
      for (std::uint64_t index = range.first; index <= range.last; index += range.step) found.insert(index);
    }
    RC_ASSERT(found == wanted);
    RC_ASSERT(task_count(*read) == wanted.size());
    RC_ASSERT(*parse_array(format_array(*read)) == *read);
  }));
}

}  // namespace
}  // namespace muster
