// Percent-encoding.
// Upper-case hexadecimal digits, as RFC 3986 recommends.
#include "client/query.h"

#include "client/text.h"

namespace muster::client {

std::string encode_component(std::string_view value) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : value) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

Query& Query::add(std::string_view key, std::string_view value) {
  target_ += join_text(separator_, key, '=', encode_component(value));
  separator_ = '&';
  return *this;
}

Query& Query::add(std::string_view key, std::uint64_t value) { return add(key, std::to_string(value)); }

Query& Query::add_given(std::string_view key, std::string_view value) {
  return value.empty() ? *this : add(key, value);
}

}  // namespace muster::client
