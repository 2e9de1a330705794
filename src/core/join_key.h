// The key that lets one worker in: a join token, and with it the fingerprint of the server that made it.
// One text that is copied whole: what was altered on the way is found before anybody is connected to.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace muster {

// Codes of those who meet for the first time; their pages stand with all others in error.cpp.
inline constexpr const char* kServerNotTrusted = "E112";
inline constexpr const char* kKeyRefused = "E113";

struct JoinKey {
  std::string token;  // mst_join_<id>_<secret>_<crc>
  std::string pin;    // "sha256//…"; empty: the server speaks plain HTTP, on loopback
  bool operator==(const JoinKey&) const = default;
};

// mst_join_<id>_<secret>-<fingerprint>_<crc>; without a pin, the token.
std::string join_key_text(const JoinKey& key);
// E113 for whatever is no whole key.
Result<JoinKey> parse_join_key(std::string_view text);

}  // namespace muster
