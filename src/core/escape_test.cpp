// What reaches a terminal holds no control character and no broken UTF-8, whatever came in; widths and cuts are right.
// Random text too: safe output stays safe, a cut never exceeds its width.
#include "core/escape.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <string_view>

namespace muster {
namespace {

using std::string_view_literals::operator""sv;

TEST(Escape, shows_what_would_act_on_a_terminal) {
  struct Case {
    std::string_view text;
    std::string_view shown;
  };
  const Case cases[] = {
      {"", ""},
      {"plain text ~!", "plain text ~!"},
      {"back\\slash", "back\\slash"},
      {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
      {"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"},
      {"\0x"sv, "\\x00x"},
      {"\x07\x7f", "\\x07\\x7f"},
      {"\xc2\x9b"
       "1m",
       "\\u{009b}1m"},
      {"\xc2\xa0", "\xc2\xa0"},
      {"grün 漢字 🎉", "grün 漢字 🎉"},
      {"a\xe2\x80\xae"
       "b",
       "a\\u{202e}b"},
      {"\xe2\x81\xa6x\xe2\x81\xa9", "\\u{2066}x\\u{2069}"},
      {"\xe2\x80\xa8", "\\u{2028}"},
      {"\xef\xbb\xbfx", "\\u{feff}x"},
      {"\xff\xfe", "\\xff\\xfe"},
      {"\xc3", "\\xc3"},
      {"\xc3(", "\\xc3("},
      {"\xc0\xaf", "\\xc0\\xaf"},                    // overlong slash
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // surrogate
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // past U+10FFFF
      {"\xe2\x82", "\\xe2\\x82"},
      {"\xf3\xa0\x81\x81", "\\u{e0041}"},  // a tag character
  };
  for (const Case& c : cases) {
    EXPECT_EQ(escape_text(c.text), c.shown);
    EXPECT_EQ(needs_escape(c.text), c.text != c.shown) << c.shown;
  }
}

TEST(Escape, keeps_line_breaks_when_asked) {
  EXPECT_EQ(escape_text("a\n\tb\r\x1b", LineBreaks::kept), "a\n\tb\\r\\x1b");
  EXPECT_FALSE(needs_escape("a\n\tb", LineBreaks::kept));
  EXPECT_TRUE(needs_escape("a\n\tb"));
}

TEST(Escape, output_is_always_safe_and_stays_so) {
  EXPECT_TRUE(rc::check("escaped text is safe", [](const std::string& text) {
    const std::string once = escape_text(text);
    RC_ASSERT(!needs_escape(once));
    RC_ASSERT(escape_text(once) == once);
    for (const char c : once) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  }));
}

TEST(Escape, utf8_is_written_as_it_is_read) {
  EXPECT_TRUE(rc::check("append then next", []() {
    auto code = static_cast<char32_t>(*rc::gen::inRange(0, 0x110000));
    if (code >= 0xD800 && code <= 0xDFFF) code = 'x';
    std::string text;
    append_utf8(text, code);
    const Utf8Character character = next_character(text);
    RC_ASSERT(character.valid);
    RC_ASSERT(character.code_point == code);
    RC_ASSERT(character.length == text.size());
  }));
}

TEST(DisplayWidth, counts_terminal_columns) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("grün"), 4U);
  EXPECT_EQ(display_width("gru\xcc\x88n"), 4U);  // combining diaeresis
  EXPECT_EQ(display_width("漢字"), 4U);
  EXPECT_EQ(display_width("한글"), 4U);
  EXPECT_EQ(display_width("🎉"), 2U);
  EXPECT_EQ(display_width("ｆｕ"), 4U);
  EXPECT_EQ(display_width("…"), 1U);
  EXPECT_EQ(display_width("\xff"), 1U);
}

TEST(Truncate, cuts_between_characters_and_says_so) {
  EXPECT_EQ(truncate_text("abcdef", 6), "abcdef");
  EXPECT_EQ(truncate_text("abcdef", 5), "abcd…");
  EXPECT_EQ(truncate_text("abcdef", 1), "…");
  EXPECT_EQ(truncate_text("abcdef", 0), "");
  EXPECT_EQ(truncate_text("", 0), "");
  EXPECT_EQ(truncate_text("漢字漢字", 8), "漢字漢字");
  EXPECT_EQ(truncate_text("漢字漢字", 7), "漢字漢…");
  EXPECT_EQ(truncate_text("漢字漢字", 6), "漢字…");
  EXPECT_EQ(truncate_text("gru\xcc\x88n!", 5), "gru\xcc\x88n!");
}

TEST(Truncate, never_exceeds_the_width) {
  EXPECT_TRUE(rc::check("width holds", [](const std::u32string& codes) {
    std::string text;
    for (const char32_t code : codes) append_utf8(text, 0x20 + code % 0x9000);
    const auto width = *rc::gen::inRange<std::size_t>(0, 30);
    RC_ASSERT(display_width(truncate_text(text, width)) <= width);
  }));
}

TEST(Pad, fills_by_columns_not_bytes) {
  EXPECT_EQ(pad_text("ü", 3), "ü  ");
  EXPECT_EQ(pad_text("漢", 3, Alignment::right), " 漢");
  EXPECT_EQ(pad_text("long", 2), "long");
}

TEST(MarkPlace, points_below_the_bytes) {
  EXPECT_EQ(mark_place("abc", 1), "\n  abc\n   ^");
  EXPECT_EQ(mark_place("abc", 1, 2), "\n  abc\n   ^^");
  EXPECT_EQ(mark_place("abc", 3), "\n  abc\n     ^");
  EXPECT_EQ(mark_place("abc", 99), "\n  abc\n     ^");
  EXPECT_EQ(mark_place("", 0), "\n  \n  ^");
  EXPECT_EQ(mark_place("one\ntwo\nthree", 5), "\n  two\n   ^");
  EXPECT_EQ(mark_place("one\ntwo", 3), "\n  one\n     ^");
  EXPECT_EQ(mark_place("漢x", 3), "\n  漢x\n    ^");
  EXPECT_EQ(mark_place("\tx", 1), "\n  \\tx\n    ^");
  EXPECT_EQ(mark_place("a\x1b", 1), "\n  a\\x1b\n   ^^^^");
}

TEST(MarkPlace, shows_a_window_of_a_long_line) {
  const std::string text = std::string(500, 'a') + "X" + std::string(500, 'b');
  const std::string shown = mark_place(text, 500);
  EXPECT_LT(shown.size(), 260U);
  const std::size_t caret = shown.rfind('^');
  const std::size_t second = shown.find('\n', 1);
  EXPECT_EQ(shown[caret - second], 'X');
}

TEST(MarkPlace, never_fails) {
  EXPECT_TRUE(rc::check("any place of any bytes", [](const std::string& text) {
    const auto offset = *rc::gen::inRange<std::size_t>(0, text.size() + 3);
    const auto length = *rc::gen::inRange<std::size_t>(0, 5);
    RC_ASSERT(mark_place(text, offset, length).back() == '^');
  }));
}

}  // namespace
}  // namespace muster
