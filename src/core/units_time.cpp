// RFC 3339 by civil-calendar arithmetic: no time zone data, no locale, no clock.
// Days are counted in the proleptic Gregorian calendar; leap seconds are those of POSIX, which has none.
#include <algorithm>
#include <array>

#include "core/escape.h"
#include "core/units.h"

namespace muster {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kSecondsPerDay = 86400;
constexpr std::int64_t kFirstWall = -62135596800 * kSecond;     // 0001-01-01T00:00:00Z
constexpr std::int64_t kLastWall = 253402300800 * kSecond - 1;  // 9999-12-31T23:59:59.999999Z

struct Date {
  std::int64_t year = 1970;
  unsigned month = 1;
  unsigned day = 1;
};

// Years begin in March, so that the leap day is the last one; eras have 400 years.
constexpr std::int64_t days_of(const Date& date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year =
      (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<std::int64_t>(day_of_era) - 719468;
}

constexpr Date date_of(std::int64_t days) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned march_month = (5 * day_of_year + 2) / 153;
  const unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
  const std::int64_t year = static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0);
  return {year, month, day_of_year - (153 * march_month + 2) / 5 + 1};
}

static_assert(days_of({1970, 1, 1}) == 0 && days_of({2000, 3, 1}) == 11017 && date_of(11016).day == 29);

void put(std::string& out, std::int64_t value, int digits) {
  std::array<char, 8> text{};
  for (int i = digits - 1; i >= 0; --i, value /= 10)
    text[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
  out.append(text.data(), static_cast<std::size_t>(digits));
}

// Reads RFC 3339 from left to right; every read fails for good once one failed.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  bool failed() const { return failed_; }
  bool at_end() const { return rest_.empty(); }
  char front() const { return rest_.empty() ? '\0' : rest_.front(); }

  std::int64_t number(std::size_t digits, std::int64_t most) {
    std::int64_t value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (front() < '0' || front() > '9') return fail();
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value <= most ? value : fail();
  }
  void one_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) {
      fail();
      return;
    }
    rest_.remove_prefix(1);
  }
  // Decimals to microseconds, further ones cut.
  std::int64_t fraction() {
    if (front() != '.') return 0;
    rest_.remove_prefix(1);
    std::int64_t value = 0;
    std::int64_t unit = 100'000;
    if (front() < '0' || front() > '9') return fail();
    for (; front() >= '0' && front() <= '9'; rest_.remove_prefix(1), unit /= 10)
      value += (rest_.front() - '0') * unit;
    return value;
  }

 private:
  std::int64_t fail() {
    failed_ = true;
    return 0;
  }
  std::string_view rest_;
  bool failed_ = false;
};

std::int64_t read_offset_s(TimeReader& reader) {
  const char sign = reader.front();
  reader.one_of("Zz+-");
  if (sign != '+' && sign != '-') return 0;
  const std::int64_t hours = reader.number(2, 23);
  reader.one_of(":");
  const std::int64_t offset = hours * 3600 + reader.number(2, 59) * 60;
  return sign == '-' ? -offset : offset;
}

}  // namespace

std::string format_rfc3339(std::int64_t wall_us, TimePrecision precision) {
  wall_us = std::clamp(wall_us, kFirstWall, kLastWall);
  const std::int64_t micros = (wall_us % kSecond + kSecond) % kSecond;
  const std::int64_t seconds = (wall_us - micros) / kSecond;
  const std::int64_t second_of_day = (seconds % kSecondsPerDay + kSecondsPerDay) % kSecondsPerDay;
  const Date date = date_of((seconds - second_of_day) / kSecondsPerDay);
  std::string out;
  out.reserve(27);
  put(out, date.year, 4);
  put(out += '-', date.month, 2);
  put(out += '-', date.day, 2);
  put(out += 'T', second_of_day / 3600, 2);
  put(out += ':', second_of_day / 60 % 60, 2);
  put(out += ':', second_of_day % 60, 2);
  if (precision == TimePrecision::milliseconds) put(out += '.', micros / 1000, 3);
  if (precision == TimePrecision::microseconds) put(out += '.', micros, 6);
  return out += 'Z';
}

Result<std::int64_t> parse_rfc3339(std::string_view text) {
  TimeReader reader(text);
  Date date;
  date.year = reader.number(4, 9999);
  reader.one_of("-");
  date.month = static_cast<unsigned>(reader.number(2, 12));
  reader.one_of("-");
  date.day = static_cast<unsigned>(reader.number(2, 31));
  reader.one_of("Tt ");
  std::int64_t seconds = reader.number(2, 23) * 3600;
  reader.one_of(":");
  seconds += reader.number(2, 59) * 60;
  reader.one_of(":");
  seconds += reader.number(2, 60);  // 60 is a leap second: the next one for POSIX
  const std::int64_t micros = reader.fraction();
  seconds -= read_offset_s(reader);
  const bool real_date =
      date.year >= 1 && date.month >= 1 && date.day >= 1 && date_of(days_of(date)).day == date.day;
  if (reader.failed() || !reader.at_end() || !real_date) {
    return refuse(ErrorKind::usage, kMalformedValue, "'" + escape_text(text) + "' is no time",
                  "write it as in 2025-01-31T16:05:00Z or 2025-01-31T17:05:00+01:00");
  }
  return (days_of(date) * kSecondsPerDay + seconds) * kSecond + micros;
}

}  // namespace muster
