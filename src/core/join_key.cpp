// Puts the fingerprint into the token's text and takes it out again; the checksum is over all of it.
// In the key a fingerprint is base64 with '.' and '~' for '+' and '/', so that no shell minds it.
#include "core/join_key.h"

#include <algorithm>

#include "core/crc32.h"

namespace muster {
namespace {

constexpr std::string_view kPrefix = "mst_join_";
constexpr std::string_view kPinPrefix = "sha256//";
constexpr std::size_t kPinDigits = 43;  // and '=' behind them

std::unexpected<Error> not_whole() {
  return refuse(ErrorKind::not_allowed, kKeyRefused, "this is not the whole key that muster invite printed",
                "copy it again, or ask for a new one: muster invite");
}

std::string translated(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  for (char& c : out) {
    if (const std::size_t at = from.find(c); at != std::string_view::npos) c = to[at];
  }
  return out;
}

}  // namespace

std::string join_key_text(const JoinKey& key) {
  if (key.pin.empty()) return key.token;
  std::string text = key.token.substr(0, key.token.rfind('_'));
  text += '-';
  text += translated(std::string_view(key.pin).substr(kPinPrefix.size(), kPinDigits), "+/", ".~");
  return text + "_" + crc32_text(text);
}

Result<JoinKey> parse_join_key(std::string_view text) {
  const std::size_t last = text.rfind('_');
  if (!text.starts_with(kPrefix) || last == std::string_view::npos || last < kPrefix.size())
    return not_whole();
  const std::string_view body = text.substr(0, last);
  if (text.substr(last + 1) != crc32_text(body)) return not_whole();
  const std::size_t dash = body.find('-');
  if (dash == std::string_view::npos) return JoinKey{std::string(text), {}};
  const std::string_view digits = body.substr(dash + 1);
  if (digits.size() != kPinDigits) return not_whole();
  JoinKey key;
  key.token = body.substr(0, dash);
  key.token += "_" + crc32_text(key.token);
  key.pin = kPinPrefix;
  key.pin += translated(digits, ".~", "+/");
  key.pin += '=';
  return key;
}

}  // namespace muster
