// Escaping inside complete JSON: beyond ASCII it has characters only inside strings.
// Bytes that are not UTF-8 become U+FFFD.
#include "cli/json_text.h"

#include <array>

#include "core/escape.h"
#include "wire/native/json_writer.h"

namespace muster::cli {

namespace {

void append_unit(std::string& out, unsigned unit) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[(unit >> shift) & 15]);
}

void append_escaped(std::string& out, char32_t code_point) {
  if (code_point < 0x10000) {
    append_unit(out, code_point);
    return;
  }
  append_unit(out, 0xd800 + ((code_point - 0x10000) >> 10));
  append_unit(out, 0xdc00 + ((code_point - 0x10000) & 0x3ff));
}

}  // namespace

std::string json_for(const Terminal& terminal, std::string json) {
  if (!terminal.is_terminal || !needs_escape(json, LineBreaks::kept)) return json;
  std::string out;
  std::string_view left = json;
  while (!left.empty()) {
    const Utf8Character character = next_character(left);
    const std::string_view bytes = left.substr(0, character.length);
    if (!character.valid) {
      out += "\xEF\xBF\xBD";
    } else if (needs_escape(bytes, LineBreaks::kept)) {
      append_escaped(out, character.code_point);
    } else {
      out += bytes;
    }
    left.remove_prefix(character.length);
  }
  return out;
}

std::string json_text_literal(std::string_view text) {
  std::string out;
  wire::append_json_string(out, text);
  return out;
}

}  // namespace muster::cli
