// Appending JSON: commas, escapes and numbers.
// A plain run of characters is copied at once; only quotes, backslashes, controls and bytes beyond ASCII are looked at singly.
#include "wire/native/json_writer.h"

#include <array>
#include <charconv>

#include "core/escape.h"
#include "core/units.h"

namespace muster::wire {
namespace {

constexpr char kHex[] = "0123456789abcdef";

constexpr std::array<bool, 256> plain_table() {
  std::array<bool, 256> table{};
  for (std::size_t i = 0x20; i < 0x7f; ++i) table[i] = true;
  table['"'] = false;
  table['\\'] = false;
  return table;
}
constexpr std::array<bool, 256> kPlain = plain_table();

void append_control(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default: {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

template <class T>
void append_number(std::string& out, T value) {
  std::array<char, 24> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);
}

// value / 10^decimals without trailing zeros.
void append_decimal(std::string& out, std::uint64_t value, int decimals) {
  std::uint64_t scale = 1;
  for (int i = 0; i < decimals; ++i) scale *= 10;
  append_number(out, value / scale);
  std::uint64_t rest = value % scale;
  if (rest == 0) return;
  out += '.';
  for (scale /= 10; rest != 0; scale /= 10) {
    out += static_cast<char>('0' + rest / scale);
    rest %= scale;
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t i = 0;
  while (i < text.size()) {
    std::size_t end = i;
    while (end < text.size() && kPlain[static_cast<unsigned char>(text[end])]) ++end;
    out.append(text, i, end - i);
    i = end;
    if (i == text.size()) break;
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      append_control(out, text[i++]);
      continue;
    }
    const Utf8Character character = next_character(text.substr(i));
    if (character.valid) {
      out.append(text, i, character.length);
    } else {
      out += "\xEF\xBF\xBD";
    }
    i += character.length;
  }
  out += '"';
}

void JsonWriter::separate() {
  if (comma_) out_ += ',';
  comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  separate();
  append_json_string(out_, value);
  return *this;
}

JsonWriter& JsonWriter::flag(bool value) { return raw(value ? "true" : "false"); }

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::unsigned_number(std::uint64_t value) {
  separate();
  append_number(out_, value);
  return *this;
}

JsonWriter& JsonWriter::signed_number(std::int64_t value) {
  separate();
  append_number(out_, value);
  return *this;
}

JsonWriter& JsonWriter::seconds(Micros duration_us) {
  separate();
  if (duration_us < 0) out_ += '-';
  const auto bits = static_cast<std::uint64_t>(duration_us);
  append_decimal(out_, duration_us < 0 ? 0 - bits : bits, 6);
  return *this;
}

JsonWriter& JsonWriter::mebibytes(std::uint64_t bytes) {
  separate();
  const std::uint64_t whole = bytes >> 20;
  const std::uint64_t thousandths = ((bytes & 0xfffff) * 1000) >> 20;
  append_decimal(out_, whole * 1000 + thousandths, 3);
  return *this;
}

JsonWriter& JsonWriter::time(Micros wall_us) {
  if (wall_us == 0) return null();
  return text(format_rfc3339(wall_us, TimePrecision::microseconds));
}

}  // namespace muster::wire
