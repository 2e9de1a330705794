// Makes keys of submissions.
// They are marked, so that people who list keys see which ones nobody chose.
#include "client/submission_key.h"

#include <sys/random.h>

#include <array>
#include <string_view>

namespace muster::client {

std::string new_submission_key() {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::array<unsigned char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return {};
  std::string key = "auto-";
  for (const unsigned char byte : bytes) {
    key.push_back(kHex[byte >> 4]);
    key.push_back(kHex[byte & 15]);
  }
  return key;
}

}  // namespace muster::client
