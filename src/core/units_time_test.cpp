// RFC 3339 against the calendar of the C library, and what is no time refused.
// gmtime_r is the reference here; the code itself uses no library calendar.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <limits>
#include <string>

#include "core/units.h"

namespace muster {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

TEST(Time, is_written_in_utc) {
  EXPECT_EQ(format_rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(1735693323'456789), "2025-01-01T01:02:03.456Z");
  EXPECT_EQ(format_rfc3339(1735693323'456789, TimePrecision::seconds), "2025-01-01T01:02:03Z");
  EXPECT_EQ(format_rfc3339(1735693323'456789, TimePrecision::microseconds), "2025-01-01T01:02:03.456789Z");
  EXPECT_EQ(format_rfc3339(951782400 * kSecond, TimePrecision::seconds), "2000-02-29T00:00:00Z");
  EXPECT_EQ(format_rfc3339(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_rfc3339(std::numeric_limits<std::int64_t>::min()), "0001-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(std::numeric_limits<std::int64_t>::max()), "9999-12-31T23:59:59.999Z");
}

TEST(Time, is_read_with_any_offset) {
  struct Case {
    const char* text;
    std::int64_t wall_us;
  };
  const Case cases[] = {{"1970-01-01T00:00:00Z", 0},
                        {"2025-01-01T01:02:03Z", 1735693323 * kSecond},
                        {"2025-01-01t01:02:03z", 1735693323 * kSecond},
                        {"2025-01-01 01:02:03Z", 1735693323 * kSecond},
                        {"2025-01-01T03:02:03+02:00", 1735693323 * kSecond},
                        {"2024-12-31T19:32:03-05:30", 1735693323 * kSecond},
                        {"2025-01-01T01:02:03.5Z", 1735693323 * kSecond + 500000},
                        {"2025-01-01T01:02:03.1234567891Z", 1735693323 * kSecond + 123456},
                        {"2016-12-31T23:59:60Z", 1483228800 * kSecond},
                        {"2000-02-29T00:00:00Z", 951782400 * kSecond}};
  for (const Case& c : cases) {
    const auto read = parse_rfc3339(c.text);
    ASSERT_TRUE(read) << c.text;
    EXPECT_EQ(*read, c.wall_us) << c.text;
  }
}

TEST(Time, refuses_what_is_none) {
  for (const char* text : {"",
                           "now",
                           "2025-01-01",
                           "2025-01-01T01:02Z",
                           "2025-01-01T01:02:03",
                           "2025-1-01T01:02:03Z",
                           "2025-13-01T00:00:00Z",
                           "2025-00-01T00:00:00Z",
                           "2025-02-29T00:00:00Z",
                           "2025-04-31T00:00:00Z",
                           "1900-02-29T00:00:00Z",
                           "2025-01-00T00:00:00Z",
                           "2025-01-01T24:00:00Z",
                           "2025-01-01T00:60:00Z",
                           "2025-01-01T00:00:61Z",
                           "2025-01-01T00:00:00.Z",
                           "2025-01-01T00:00:00+2:00",
                           "2025-01-01T00:00:00Zx",
                           "0000-01-01T00:00:00Z",
                           "2025-01-01T00:00:00+24:00"}) {
    const auto read = parse_rfc3339(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, kMalformedValue);
  }
}

TEST(Time, agrees_with_the_calendar_of_the_library) {
  EXPECT_TRUE(rc::check("gmtime", []() {
    const auto seconds = *rc::gen::inRange<std::int64_t>(-62135596800, 253402300800);
    const std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    RC_ASSERT(format_rfc3339(seconds * kSecond, TimePrecision::seconds) == text.data());
    RC_ASSERT(*parse_rfc3339(text.data()) == seconds * kSecond);
  }));
}

TEST(Time, written_is_read_back) {
  EXPECT_TRUE(rc::check("round trip", []() {
    const auto wall = *rc::gen::inRange<std::int64_t>(-62135596800 * kSecond, 253402300799 * kSecond);
    RC_ASSERT(*parse_rfc3339(format_rfc3339(wall, TimePrecision::microseconds)) == wall);
  }));
}

}  // namespace
}  // namespace muster
