// Tests of tables: alignment, cutting, leaving out, and that nothing is ever wider than the terminal.
// Widths are display columns.
#include "cli/table.h"

#include <gtest/gtest.h>

#include <rapidcheck.h>

namespace muster::cli {
namespace {

const std::vector<TableColumn> kColumns = {{"ID", Alignment::right, 0, 0},
                                           {"NAME", Alignment::left, 2, 4},
                                           {"WHY", Alignment::left, 1, 0},
                                           {"COMMAND", Alignment::left, 3, 6}};
const std::vector<std::vector<Cell>> kRows = {
    {{"1"}, {"a-long-name"}, {"no-slot"}, {"./run --with many words"}}, {{"200"}, {"b"}, {""}, {"true"}}};

std::string joined(std::size_t width) {
  std::string text;
  for (const std::string& line : layout_table(kColumns, kRows, {width, false, true})) text += line + "\n";
  return text;
}

TEST(Table, aligns_columns) {
  EXPECT_EQ(joined(0),
            " ID  NAME         WHY      COMMAND\n"
            "  1  a-long-name  no-slot  ./run --with many words\n"
            "200  b                     true\n");
}

TEST(Table, cuts_what_may_be_cut_first) {
  EXPECT_EQ(joined(40),
            " ID  NAME         WHY      COMMAND\n"
            "  1  a-long-name  no-slot  ./run --with…\n"
            "200  b                     true\n");
  EXPECT_EQ(joined(28),
            " ID  NAME   WHY      COMMAND\n"
            "  1  a-lo…  no-slot  ./run …\n"
            "200  b               true\n");
}

TEST(Table, leaves_out_the_most_dispensable) {
  EXPECT_EQ(joined(18),
            " ID  NAME  WHY\n"
            "  1  a-l…  no-slot\n"
            "200  b\n");
  EXPECT_EQ(joined(12),
            " ID  WHY\n"
            "  1  no-slot\n"
            "200\n");
  EXPECT_EQ(joined(5),
            " ID\n"
            "  1\n"
            "200\n");
}

TEST(Table, shows_something_even_where_there_is_no_room) {
  for (std::size_t width = 1; width < 4; ++width) {
    for (const std::string& line : layout_table(kColumns, kRows, {width, false, true})) {
      EXPECT_LE(display_width(line), width);
    }
  }
}

TEST(Table, escapes_before_it_measures) {
  const auto lines = layout_table({{"A"}, {"B"}}, {{{"x\ny"}, {"\x1b[31m"}}}, {0, false, false});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], "x\\ny  \\x1b[31m");
}

TEST(Table, measures_wide_characters) {
  const auto lines = layout_table({{"A"}, {"B"}}, {{{"日本"}, {"x"}}, {{"abcd"}, {"y"}}}, {0, false, false});
  EXPECT_EQ(lines[0], "日本  x");
  EXPECT_EQ(lines[1], "abcd  y");
}

TEST(Table, colours_words_and_not_blanks) {
  const auto lines = layout_table({{"A"}, {"B"}}, {{{"x", Tone::good}, {"y"}}}, {0, true, true});
  EXPECT_EQ(lines[0], "\x1b[2mA\x1b[0m  \x1b[2mB\x1b[0m");
  EXPECT_EQ(lines[1], "\x1b[32mx\x1b[0m  y");
}

TEST(Table, is_never_wider_than_the_terminal) {
  rc::check([](const std::vector<std::vector<std::string>>& texts) {
    const std::size_t width = *rc::gen::inRange<std::size_t>(1, 80);
    std::vector<std::vector<Cell>> rows;
    for (const auto& text : texts) {
      std::vector<Cell> row(kColumns.size());
      for (std::size_t i = 0; i < row.size() && i < text.size(); ++i) row[i].text = text[i];
      rows.push_back(row);
    }
    for (const std::string& line : layout_table(kColumns, rows, {width, false, true})) {
      RC_ASSERT(display_width(line) <= width);
      RC_ASSERT(!needs_escape(line));
    }
  });
}

}  // namespace
}  // namespace muster::cli
