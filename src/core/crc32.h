// CRC-32 as in zip files: tells a mistyped text from a right one, and protects against nothing else.
// Shared by whatever people copy by hand: tokens and the keys that let workers in.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace muster {

constexpr std::array<std::uint32_t, 256> crc32_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
    table[i] = crc;
  }
  return table;
}

inline constexpr std::array<std::uint32_t, 256> kCrc32Table = crc32_table();

inline std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : bytes) crc = (crc >> 8) ^ kCrc32Table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

// Eight hexadecimal digits.
inline std::string crc32_text(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::uint32_t crc = crc32(bytes);
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[(crc >> shift) & 15];
  return text;
}

}  // namespace muster
