// Memory, bytes and durations, read and written without locale and without floating point where a value is kept.
// A fraction is exact: it is scaled as an integer and rounded up.
#include "core/units.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "core/escape.h"

namespace muster {
namespace {

using Wide = unsigned __int128;

constexpr std::uint64_t kBytesMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kDurationMax = 36'525 * kDay;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

void skip_blanks(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

// A number with at most 9 decimals: whole + fraction / scale.
struct Decimal {
  std::uint64_t whole = 0;
  std::uint64_t fraction = 0;
  std::uint64_t scale = 1;

  // In units of `unit`, rounded up; nothing when it is past the limit.
  std::optional<std::uint64_t> times(std::uint64_t unit, std::uint64_t limit) const {
    const Wide value = Wide{whole} * unit + (Wide{fraction} * unit + scale - 1) / scale;
    if (value > limit) return {};
    return static_cast<std::uint64_t>(value);
  }
};

// Takes a number from the front of `text`; nothing when there is none or it is too long.
std::optional<Decimal> take_decimal(std::string_view& text) {
  if (text.empty() || !is_digit(text.front())) return {};
  Decimal decimal;
  std::size_t digits = 0;
  while (!text.empty() && is_digit(text.front())) {
    if (++digits > 18) return {};
    decimal.whole = decimal.whole * 10 + static_cast<std::uint64_t>(text.front() - '0');
    text.remove_prefix(1);
  }
  if (text.size() < 2 || text.front() != '.' || !is_digit(text[1])) return decimal;
  text.remove_prefix(1);
  while (!text.empty() && is_digit(text.front())) {
    if (decimal.scale == 1'000'000'000) return {};
    decimal.scale *= 10;
    decimal.fraction = decimal.fraction * 10 + static_cast<std::uint64_t>(text.front() - '0');
    text.remove_prefix(1);
  }
  return decimal;
}

std::unexpected<Error> malformed(std::string_view text, const std::string& why, const char* next) {
  return refuse(ErrorKind::usage, kMalformedValue, "'" + escape_text(text) + "' " + why, next);
}

constexpr const char* kSizeExamples = "write it as in 512M, 16G or 1.5GiB";
constexpr const char* kDurationExamples = "write it as in 90s, 10m, 1h30m, 2d or 1:30:00";

// The power of 1024 that a unit stands for: k, M, GB, TiB …; nothing for another word.
std::optional<unsigned> shift_of(std::string_view unit) {
  constexpr std::string_view kLetters = "kmgtp";
  if (unit.empty()) return {};
  if (unit.size() == 1 && lower(unit[0]) == 'b') return 0;
  const std::size_t power = kLetters.find(lower(unit[0]));
  if (power == std::string_view::npos) return {};
  unit.remove_prefix(1);
  if (unit.size() == 2 && lower(unit[0]) == 'i') unit.remove_prefix(1);
  if (unit.size() > 1 || (unit.size() == 1 && lower(unit[0]) != 'b')) return {};
  return static_cast<unsigned>(10 * (power + 1));
}

Result<std::uint64_t> parse_size(std::string_view text, unsigned plain_shift) {
  std::string_view rest = text;
  skip_blanks(rest);
  const std::optional<Decimal> number = take_decimal(rest);
  if (!number) return malformed(text, "is no size", kSizeExamples);
  skip_blanks(rest);
  while (!rest.empty() && rest.back() == ' ') rest.remove_suffix(1);
  const std::optional<unsigned> shift = rest.empty() ? plain_shift : shift_of(rest);
  if (!shift)
    return malformed(text, "is no size: the unit '" + escape_text(rest) + "' is not known", kSizeExamples);
  const std::optional<std::uint64_t> bytes = number->times(std::uint64_t{1} << *shift, kBytesMax);
  if (!bytes) return malformed(text, "is too large", kSizeExamples);
  return *bytes;
}

struct DurationUnit {
  std::string_view name;
  std::int64_t length_us;
};
// From long to short: the order in which they may be written one after the other.
constexpr std::array<DurationUnit, 7> kDurationUnits = {
    {{"w", 7 * kDay}, {"d", kDay}, {"h", kHour}, {"m", kMinute}, {"s", kSecond}, {"ms", 1000}, {"us", 1}}};

// 1h30m and the like.
Result<std::int64_t> parse_united(std::string_view text) {
  std::string_view rest = text;
  std::uint64_t total = 0;
  std::size_t next_unit = 0;
  for (skip_blanks(rest); !rest.empty(); skip_blanks(rest)) {
    const std::optional<Decimal> number = take_decimal(rest);
    if (!number) return malformed(text, "is no duration", kDurationExamples);
    skip_blanks(rest);
    const std::size_t length = std::min(rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), rest.size());
    const std::string_view name = rest.substr(0, length);
    if (name.empty())
      return malformed(text, "is no duration: a unit is missing behind a number", kDurationExamples);
    std::size_t unit = 0;
    while (unit < kDurationUnits.size() && kDurationUnits[unit].name != name) ++unit;
    if (unit == kDurationUnits.size()) {
      return malformed(text, "is no duration: the unit '" + escape_text(name) + "' is not known",
                       kDurationExamples);
    }
    if (unit < next_unit)
      return malformed(text, "is no duration: units go from long to short", kDurationExamples);
    next_unit = unit + 1;
    rest.remove_prefix(length);
    const auto part = number->times(static_cast<std::uint64_t>(kDurationUnits[unit].length_us), kDurationMax);
    if (!part || (total += *part) > kDurationMax)
      return malformed(text, "is longer than 100 years", kDurationExamples);
  }
  return static_cast<std::int64_t>(total);
}

// HH:MM:SS, also with days before it: D-HH:MM:SS.
Result<std::int64_t> parse_clock(std::string_view text) {
  std::uint64_t days = 0;
  std::string_view rest = text;
  const std::size_t dash = rest.find('-');
  if (dash != std::string_view::npos) {
    const std::optional<Decimal> number = take_decimal(rest);
    if (!number || number->scale != 1 || !rest.starts_with('-'))
      return malformed(text, "is no duration", kDurationExamples);
    days = number->whole;
    rest.remove_prefix(1);
  }
  std::array<std::uint64_t, 3> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t length = rest.size();
    const std::optional<Decimal> number = take_decimal(rest);
    const bool two_digits = i == 0 || length - rest.size() == 2;
    const bool separated = i == 2 ? rest.empty() : rest.starts_with(':');
    if (!number || number->scale != 1 || !separated || !two_digits || (i > 0 && number->whole > 59)) {
      const bool short_form = i == 1 && number && rest.empty();
      return malformed(text,
                       short_form ? "could be minutes and seconds or hours and minutes" : "is no duration",
                       kDurationExamples);
    }
    parts[i] = number->whole;
    if (i < 2) rest.remove_prefix(1);
  }
  const Wide total =
      Wide{days} * kDay + Wide{parts[0]} * kHour + Wide{parts[1]} * kMinute + Wide{parts[2]} * kSecond;
  if (total > static_cast<Wide>(kDurationMax))
    return malformed(text, "is longer than 100 years", kDurationExamples);
  return static_cast<std::int64_t>(total);
}

std::string two_digits(std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

}  // namespace

Result<std::uint64_t> parse_memory_mb(std::string_view text) {
  const Result<std::uint64_t> bytes = parse_size(text, 20);
  if (!bytes) return bytes;
  return (*bytes >> 20U) + ((*bytes & 0xFFFFFU) != 0 ? 1 : 0);
}

Result<std::uint64_t> parse_bytes(std::string_view text) { return parse_size(text, 0); }

Result<std::int64_t> parse_duration_us(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return parse_clock(text);
  std::string_view rest = text;
  const std::optional<Decimal> number = take_decimal(rest);
  if (!number) return malformed(text, "is no duration", kDurationExamples);
  if (!rest.empty()) return parse_united(text);
  const std::optional<std::uint64_t> duration = number->times(kSecond, kDurationMax);
  if (!duration) return malformed(text, "is longer than 100 years", kDurationExamples);
  return static_cast<std::int64_t>(*duration);
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::string_view kLetters = "KMGTPE";
  if (bytes < 1024) return std::to_string(bytes);
  // Tenths of the unit, rounded; what would show as 1024 of one unit is 1 of the next.
  for (unsigned power = 1;; ++power) {
    const unsigned shift = 10 * power;
    const Wide half = Wide{1} << (shift - 1);
    const auto tenths = static_cast<std::uint64_t>((Wide{bytes} * 10 + half) >> shift);
    const bool last = power == kLetters.size();
    if (tenths >= 10235 && !last) continue;
    const std::uint64_t whole = tenths >= 1000 ? (tenths + 5) / 10 : tenths / 10;
    const std::uint64_t decimal = tenths >= 1000 ? 0 : tenths % 10;
    return std::to_string(whole) + (decimal == 0 ? "" : "." + std::to_string(decimal)) + kLetters[power - 1];
  }
}

std::string format_memory_mb(std::uint64_t mem_mb) {
  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max() >> 20U;
  return format_bytes((mem_mb < kLargest ? mem_mb : kLargest) << 20U);
}

std::string format_duration(std::int64_t duration_us) {
  if (duration_us < 0) {
    constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
    return "-" + format_duration(duration_us == kLowest ? -(duration_us + 1) : -duration_us);
  }
  if (duration_us == 0) return "0s";
  if (duration_us < kSecond) return std::to_string(duration_us < 1000 ? 1 : duration_us / 1000) + "ms";
  const std::int64_t seconds = duration_us / kSecond;
  if (seconds < 10) {
    const std::int64_t tenth = duration_us / (kSecond / 10) % 10;
    return std::to_string(seconds) + (tenth == 0 ? "" : "." + std::to_string(tenth)) + "s";
  }
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return std::to_string(seconds / 60) + "m" + two_digits(seconds % 60) + "s";
  if (seconds < 86400) return std::to_string(seconds / 3600) + "h" + two_digits(seconds / 60 % 60) + "m";
  return std::to_string(seconds / 86400) + "d" + two_digits(seconds / 3600 % 24) + "h";
}

std::string format_seconds(std::int64_t duration_us) {
  const bool negative = duration_us < 0;
  const std::uint64_t magnitude =
      negative ? ~static_cast<std::uint64_t>(duration_us) + 1 : static_cast<std::uint64_t>(duration_us);
  std::string out = (negative ? "-" : "") + std::to_string(magnitude / 1'000'000);
  if (magnitude % 1'000'000 == 0) return out;
  std::string decimals = std::to_string(1'000'000 + magnitude % 1'000'000);
  decimals.front() = '.';
  return out + decimals.substr(0, decimals.find_last_not_of('0') + 1);
}

}  // namespace muster
