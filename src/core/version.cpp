// Versions compared by number.
// The own one stands here once, behind a mark: tests make an older build of a program by changing these bytes in a copy.
#include "core/version.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace muster {
namespace {

constexpr std::size_t kVersionBytesMax = 64;
constexpr std::string_view kMark = "muster version ";
constexpr std::string_view kMarked = "muster version 0.1.0";

std::array<std::uint32_t, 3> parts_of(std::string_view text) {
  std::array<std::uint32_t, 3> parts{};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (std::uint32_t& part : parts) {
    const auto [rest, error] = std::from_chars(at, end, part);
    if (error != std::errc()) break;
    at = rest;
    if (at == end || *at != '.') break;
    ++at;
  }
  return parts;
}

bool is_version_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '+' ||
         c == '-';
}

}  // namespace

std::string_view own_version() { return kMarked.substr(kMark.size()); }

bool is_older_version(std::string_view one, std::string_view other) {
  return parts_of(one) < parts_of(other);
}

bool is_plain_version(std::string_view version) {
  return !version.empty() && version.size() <= kVersionBytesMax && version.front() != '.' &&
         std::ranges::all_of(version, is_version_character);
}

}  // namespace muster
