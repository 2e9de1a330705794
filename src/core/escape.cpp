// Making text from outside safe for a terminal: decoding, escaping, measuring, cutting.
// No locale and no tables of the system: the same text gives the same output everywhere.
#include "core/escape.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace muster {
namespace {

struct CodeRange {
  char32_t first;
  char32_t last;
};

bool in_ranges(const CodeRange* begin, const CodeRange* end, char32_t code_point) {
  const CodeRange* found = std::lower_bound(
      begin, end, code_point, [](const CodeRange& range, char32_t wanted) { return range.last < wanted; });
  return found != end && found->first <= code_point;
}

// Combining marks and other characters that take no column, by block where a block is all of one kind.
constexpr CodeRange kZeroWidth[] = {
    {0x0300, 0x036F},   {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF},   {0x05C1, 0x05C2},
    {0x05C4, 0x05C5},   {0x05C7, 0x05C7}, {0x0610, 0x061A}, {0x064B, 0x065F},   {0x0670, 0x0670},
    {0x06D6, 0x06DC},   {0x06DF, 0x06E4}, {0x06E7, 0x06E8}, {0x06EA, 0x06ED},   {0x0711, 0x0711},
    {0x0730, 0x074A},   {0x07A6, 0x07B0}, {0x07EB, 0x07F3}, {0x0816, 0x0823},   {0x0859, 0x085B},
    {0x08D3, 0x0902},   {0x093A, 0x093A}, {0x093C, 0x093C}, {0x0941, 0x0948},   {0x094D, 0x094D},
    {0x0951, 0x0957},   {0x09BC, 0x09BC}, {0x09C1, 0x09C4}, {0x09CD, 0x09CD},   {0x0A3C, 0x0A51},
    {0x0ABC, 0x0ABC},   {0x0AC1, 0x0AC8}, {0x0ACD, 0x0ACD}, {0x0B3C, 0x0B3C},   {0x0B4D, 0x0B4D},
    {0x0BCD, 0x0BCD},   {0x0C4D, 0x0C4D}, {0x0CCD, 0x0CCD}, {0x0D4D, 0x0D4D},   {0x0E31, 0x0E31},
    {0x0E34, 0x0E3A},   {0x0E47, 0x0E4E}, {0x0EB1, 0x0EB1}, {0x0EB4, 0x0EBC},   {0x0EC8, 0x0ECD},
    {0x0F71, 0x0F7E},   {0x0F80, 0x0F84}, {0x0F90, 0x0FBC}, {0x102D, 0x1030},   {0x1032, 0x1037},
    {0x1039, 0x103A},   {0x1160, 0x11FF}, {0x135D, 0x135F}, {0x17B4, 0x17B5},   {0x17B7, 0x17BD},
    {0x17C6, 0x17C6},   {0x17C9, 0x17D3}, {0x180B, 0x180E}, {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF},
    {0x200B, 0x200F},   {0x202A, 0x202E}, {0x2060, 0x2064}, {0x2066, 0x206F},   {0x20D0, 0x20F0},
    {0x302A, 0x302D},   {0x3099, 0x309A}, {0xA66F, 0xA672}, {0xA674, 0xA67D},   {0xFB1E, 0xFB1E},
    {0xFE00, 0xFE0F},   {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0x1F3FB, 0x1F3FF}, {0xE0001, 0xE007F},
    {0xE0100, 0xE01EF},
};

// East Asian wide and fullwidth, and emoji that terminals draw over two columns.
constexpr CodeRange kWide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},   {0x23F0, 0x23F0},
    {0x23F3, 0x23F3},   {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267F, 0x267F},
    {0x2693, 0x2693},   {0x26A1, 0x26A1},   {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x26C4, 0x26C5},
    {0x26CE, 0x26CE},   {0x26D4, 0x26D4},   {0x26EA, 0x26EA},   {0x26F2, 0x26F3},   {0x26F5, 0x26F5},
    {0x26FA, 0x26FA},   {0x26FD, 0x26FD},   {0x2705, 0x2705},   {0x270A, 0x270B},   {0x2728, 0x2728},
    {0x274C, 0x274C},   {0x274E, 0x274E},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27B0, 0x27B0},   {0x27BF, 0x27BF},   {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2B55, 0x2B55},
    {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},
    {0xA960, 0xA97C},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18AFF}, {0x1B000, 0x1B2FF}, {0x1F004, 0x1F004},
    {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F320}, {0x1F32D, 0x1F335},
    {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA}, {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0},
    {0x1F3F4, 0x1F3F4}, {0x1F3F8, 0x1F43E}, {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D},
    {0x1F54B, 0x1F54E}, {0x1F550, 0x1F567}, {0x1F57A, 0x1F57A}, {0x1F595, 0x1F596}, {0x1F5A4, 0x1F5A4},
    {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC}, {0x1F6D0, 0x1F6D2}, {0x1F6D5, 0x1F6D7},
    {0x1F6DC, 0x1F6DF}, {0x1F6EB, 0x1F6EC}, {0x1F6F4, 0x1F6FC}, {0x1F7E0, 0x1F7EB}, {0x1F90C, 0x1F93A},
    {0x1F93C, 0x1F945}, {0x1F947, 0x1FAFF}, {0x20000, 0x3FFFD},
};

// Line and paragraph separators, bidirectional marks, embeddings, overrides and isolates, the byte order mark, tags.
constexpr CodeRange kDeceptive[] = {
    {0x061C, 0x061C}, {0x200E, 0x200F}, {0x2028, 0x202E},
    {0x2066, 0x2069}, {0xFEFF, 0xFEFF}, {0xE0000, 0xE007F},
};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

enum class Treatment : std::uint8_t { plain, byte, code_point };

Treatment treatment_of(const Utf8Character& character, LineBreaks line_breaks) {
  if (!character.valid) return Treatment::byte;
  const char32_t code = character.code_point;
  if (line_breaks == LineBreaks::kept && (code == '\n' || code == '\t')) return Treatment::plain;
  if (code < 0x20 || code == 0x7F) return Treatment::byte;
  if (code < 0x80) return Treatment::plain;
  if (code < 0xA0) return Treatment::code_point;
  return in_ranges(std::begin(kDeceptive), std::end(kDeceptive), code) ? Treatment::code_point
                                                                       : Treatment::plain;
}

void append_hex(std::string& out, std::uint32_t value, int digits_min) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 8> digits{};
  int count = 0;
  for (; value != 0 || count < digits_min; value >>= 4U)
    digits[static_cast<std::size_t>(count++)] = kDigits[value & 15U];
  while (count > 0) out += digits[static_cast<std::size_t>(--count)];
}

void append_escaped(std::string& out, std::string_view bytes, const Utf8Character& character,
                    Treatment treatment) {
  if (treatment == Treatment::code_point) {
    out += "\\u{";
    append_hex(out, character.code_point, 4);
    out += '}';
    return;
  }
  switch (bytes.front()) {
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      out += "\\x";
      append_hex(out, static_cast<unsigned char>(bytes.front()), 2);
  }
}

std::size_t width_of(const Utf8Character& character) {
  if (!character.valid || character.code_point < 0x300) return 1;
  if (in_ranges(std::begin(kZeroWidth), std::end(kZeroWidth), character.code_point)) return 0;
  return in_ranges(std::begin(kWide), std::end(kWide), character.code_point) ? 2 : 1;
}

bool plain_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

constexpr std::size_t kWindowBytes = 100;

// The part of a line shown around a place, on character boundaries.
std::string_view window_around(std::string_view line, std::size_t at) {
  if (line.size() <= kWindowBytes) return line;
  std::size_t begin = at > kWindowBytes / 2 ? at - kWindowBytes / 2 : 0;
  std::size_t end = std::min(line.size(), begin + kWindowBytes);
  while (begin > 0 && is_continuation(line[begin])) --begin;
  while (end < line.size() && is_continuation(line[end])) ++end;
  return line.substr(begin, end - begin);
}

}  // namespace

Utf8Character next_character(std::string_view text) {
  const auto byte = [&](std::size_t at) -> std::uint32_t { return static_cast<unsigned char>(text[at]); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {static_cast<char32_t>(lead), 1, true};
  const std::uint8_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {static_cast<char32_t>(lead), 1, false};
  std::uint32_t code = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return {static_cast<char32_t>(lead), 1, false};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  const bool valid = code >= kSmallest[length] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
  if (!valid) return {static_cast<char32_t>(lead), 1, false};
  return {static_cast<char32_t>(code), length, true};
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto code = static_cast<std::uint32_t>(code_point);
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0U | (code >> 6U));
  } else if (code < 0x10000) {
    put(0xE0U | (code >> 12U));
    put(0x80U | ((code >> 6U) & 0x3FU));
  } else {
    put(0xF0U | (code >> 18U));
    put(0x80U | ((code >> 12U) & 0x3FU));
    put(0x80U | ((code >> 6U) & 0x3FU));
  }
  put(0x80U | (code & 0x3FU));
}

bool needs_escape(std::string_view text, LineBreaks line_breaks) {
  if (plain_ascii(text)) return false;
  while (!text.empty()) {
    const Utf8Character character = next_character(text);
    if (treatment_of(character, line_breaks) != Treatment::plain) return true;
    text.remove_prefix(character.length);
  }
  return false;
}

std::string escape_text(std::string_view text, LineBreaks line_breaks) {
  if (plain_ascii(text)) return std::string(text);
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const Utf8Character character = next_character(text);
    const std::string_view bytes = text.substr(0, character.length);
    const Treatment treatment = treatment_of(character, line_breaks);
    if (treatment == Treatment::plain) {
      out += bytes;
    } else {
      append_escaped(out, bytes, character, treatment);
    }
    text.remove_prefix(character.length);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  if (plain_ascii(text)) return text.size();
  std::size_t width = 0;
  while (!text.empty()) {
    const Utf8Character character = next_character(text);
    width += width_of(character);
    text.remove_prefix(character.length);
  }
  return width;
}

std::string truncate_text(std::string_view text, std::size_t width) {
  if (text.size() <= width || display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t used = 0;
  std::size_t kept = 0;
  while (kept < text.size()) {
    const Utf8Character character = next_character(text.substr(kept));
    const std::size_t more = width_of(character);
    if (used + more > width - 1) break;
    used += more;
    kept += character.length;
  }
  return std::string(text.substr(0, kept)) + "…";
}

std::string pad_text(std::string_view text, std::size_t width, Alignment alignment) {
  const std::size_t used = display_width(text);
  const std::string blanks(used < width ? width - used : 0, ' ');
  return alignment == Alignment::left ? std::string(text) + blanks : blanks + std::string(text);
}

std::string mark_place(std::string_view text, std::size_t offset, std::size_t length) {
  offset = std::min(offset, text.size());
  const std::size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  const std::size_t end = std::min(text.find('\n', offset), text.size());
  const std::string_view line = text.substr(begin, end - begin);
  const std::string_view window = window_around(line, offset - begin);
  const auto window_begin = static_cast<std::size_t>(window.data() - text.data());
  const std::string_view ahead = window.substr(0, offset - window_begin);
  const std::string_view marked = window.substr(ahead.size(), length);
  std::string out = "\n  " + escape_text(ahead);
  const std::size_t column = display_width(out) - display_width("\n  ");
  out += escape_text(window.substr(ahead.size()));
  out += "\n  " + std::string(column, ' ');
  out += std::string(std::max<std::size_t>(1, display_width(escape_text(marked))), '^');
  return out;
}

}  // namespace muster
