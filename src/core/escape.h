// Text from outside made safe and aligned for people: control characters, bidirectional overrides and broken UTF-8 become visible.
// Everything printed to a terminal passes through here; bytes kept in stores and sent to scripts do not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace muster {

enum class LineBreaks : std::uint8_t {
  escaped,  // one line: \n \t \r are written as such
  kept,     // several lines: newline and tab pass, everything else is escaped
};

// C0, DEL, C1 as \n \t \r or \xNN; U+2028/2029, bidirectional marks and overrides and the byte order mark as \u{202e}; bytes that
// are not UTF-8 as \xNN. A backslash stays as it is: this is for reading, not for parsing back.
std::string escape_text(std::string_view text, LineBreaks line_breaks = LineBreaks::escaped);
bool needs_escape(std::string_view text, LineBreaks line_breaks = LineBreaks::escaped);

// Terminal columns: 2 for wide East Asian and emoji, 0 for combining marks, 1 otherwise (also for a byte that is not UTF-8).
std::size_t display_width(std::string_view text);

// At most `width` columns, the cut marked by an ellipsis (which counts as one); never cuts inside a character.
std::string truncate_text(std::string_view text, std::size_t width);

enum class Alignment : std::uint8_t { left, right };
// Filled with blanks to `width` columns; longer text is left as it is.
std::string pad_text(std::string_view text, std::size_t width, Alignment alignment = Alignment::left);

// Two indented lines that begin with a newline: the line of `text` holding `offset`, escaped and cut to a readable window, and
// carets below bytes [offset, offset + length). For the end of a message that marks a place.
std::string mark_place(std::string_view text, std::size_t offset, std::size_t length = 1);

// The next character of UTF-8: its code point and length, or not valid and length 1. `text` is not empty.
struct Utf8Character {
  char32_t code_point = 0;
  std::uint8_t length = 1;
  bool valid = false;
};
Utf8Character next_character(std::string_view text);

// Appends `code_point` (at most U+10FFFF) as UTF-8.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace muster
