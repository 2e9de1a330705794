// U+10FF00 + byte is F4 8F BC..BF 80..BF in UTF-8: four bytes, of which the last two hold ours.
// Must hold: such a character in the input is itself taken for bytes that need it, so that the way back is never in doubt.
#include "store/postgres/text_form.h"

#include <cstdint>

namespace muster::store::postgres {

namespace {

unsigned byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

// Of a well-formed character that may stay as it is; 0: none begins here.
std::size_t length_of_character(std::string_view text) {
  const unsigned first = byte_at(text, 0);
  if (first < 0x80) return first == 0 ? 0 : 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  std::uint32_t value = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(text, i) & 0xc0) != 0x80) return 0;
    value = value << 6 | (byte_at(text, i) & 0x3f);
  }
  constexpr std::uint32_t kFirstOfLength[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool well_formed =
      value >= kFirstOfLength[length] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
  return well_formed && value < 0x10ff00 ? length : 0;
}

// The byte that stands here as a character of ours; -1: none does.
int kept_byte(std::string_view text) {
  if (text.size() < 4 || byte_at(text, 0) != 0xf4 || byte_at(text, 1) != 0x8f) return -1;
  if (byte_at(text, 2) < 0xbc) return -1;
  return static_cast<int>((byte_at(text, 2) & 3) << 6 | (byte_at(text, 3) & 0x3f));
}

}  // namespace

void append_to_postgres(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::size_t length = length_of_character(text);
    if (length > 0) {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
      continue;
    }
    const unsigned byte = byte_at(text, 0);
    out += {'\xf4', '\x8f', static_cast<char>(0xbc | byte >> 6), static_cast<char>(0x80 | (byte & 0x3f))};
    text.remove_prefix(1);
  }
}

std::string from_postgres(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const int byte = kept_byte(text.substr(at));
    out += byte < 0 ? text[at] : static_cast<char>(byte);
    at += byte < 0 ? 1 : 4;
  }
  return out;
}

}  // namespace muster::store::postgres
