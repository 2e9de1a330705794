// Compares bytes with a file below tests/golden; MUSTER_UPDATE_GOLDEN=1 writes the file instead, and the change is reviewed like code.
// Files hold hexadecimal, 32 bytes a line, so that a difference can be read.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace muster::golden {

inline std::string hex_lines(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
    if (i % 32 == 31) text += '\n';
  }
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

// `name` is below tests/golden; tests run in the root of the checkout.
inline void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = "tests/golden/" + name;
  if (std::getenv("MUSTER_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path << " is missing: write it with MUSTER_UPDATE_GOLDEN=1";
  const std::string wanted{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text, wanted) << path << " differs: running agents may not understand this any more";
}

}  // namespace muster::golden
