// Figures of flavors as people write them.
// All reading is strict: a sign, a blank or an exponent is no number here.
#include "core/flavor.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace muster {
namespace {

constexpr int kMoneyDecimals = 6;

bool is_plain_decimal(std::string_view text) {
  const std::size_t dots = static_cast<std::size_t>(std::count(text.begin(), text.end(), '.'));
  return dots <= 1 && text.size() > dots &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

std::string without_trailing_zeros(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::optional<std::uint64_t> available_machines(const Flavor& flavor, std::optional<std::uint64_t> quota_cpus,
                                                std::uint64_t used_cpus) {
  if (!quota_cpus) return std::nullopt;
  const std::uint64_t left = *quota_cpus > used_cpus ? *quota_cpus - used_cpus : 0;
  return left / std::max<std::uint64_t>(1, flavor.cpus);
}

std::string format_money(std::int64_t micro) {
  const std::string sign = micro < 0 ? "-" : "";
  const std::uint64_t size =
      micro < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(micro) : static_cast<std::uint64_t>(micro);
  std::string decimals = std::to_string(size % 1'000'000);
  decimals.insert(0, kMoneyDecimals - decimals.size(), '0');
  return sign + without_trailing_zeros(std::to_string(size / 1'000'000) + "." + decimals);
}

std::optional<std::int64_t> parse_money_micro(std::string_view text) {
  if (!is_plain_decimal(text)) return std::nullopt;
  const std::size_t dot = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, dot));
  std::string_view decimals = text.substr(std::min(dot + 1, text.size()));
  if (decimals.size() > kMoneyDecimals) return std::nullopt;
  digits += decimals;
  digits.append(kMoneyDecimals - decimals.size(), '0');
  std::int64_t micro = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), micro);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return micro;
}

std::string format_gb(std::uint64_t mb) {
  // 1024 divides ten decimals exactly; three say enough of a GB.
  const std::uint64_t thousandths = (mb % 1024 * 1000 + 512) / 1024;
  std::string decimals = std::to_string(thousandths % 1000);
  decimals.insert(0, 3 - decimals.size(), '0');
  return without_trailing_zeros(std::to_string(mb / 1024 + thousandths / 1000) + "." + decimals);
}

std::optional<std::uint64_t> parse_gb_as_mb(std::string_view text) {
  constexpr double kMostGb = 1e6;
  double value = 0;
  if (!is_plain_decimal(text)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > kMostGb) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(value * 1024));
}

}  // namespace muster
