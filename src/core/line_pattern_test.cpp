// Patterns of log lines: what they find, what is refused, and that no expression takes for ever.
// Expressions that both know are held to std::regex.
#include "core/line_pattern.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <regex>
#include <string>

namespace muster {
namespace {

bool finds(std::string_view expression, std::string_view line, LetterCase letter_case = LetterCase::exact) {
  Result<LinePattern> pattern = LinePattern::compile(expression, PatternKind::regex, letter_case);
  EXPECT_TRUE(pattern.has_value()) << expression << ": " << (pattern ? "" : pattern.error().what);
  return pattern && pattern->find(line).has_value();
}

TEST(LinePattern, a_text_is_found_as_it_stands) {
  auto pattern = *LinePattern::compile("a.c", PatternKind::text, LetterCase::exact);
  EXPECT_EQ(pattern.find("xa.c"), 1u);
  EXPECT_EQ(pattern.find("abc"), std::nullopt);
  auto either = *LinePattern::compile("Out Of", PatternKind::text, LetterCase::ignored);
  EXPECT_EQ(either.find("run OUT oF memory"), 4u);
}

TEST(LinePattern, expressions) {
  EXPECT_TRUE(finds("a.c", "xabcx"));
  EXPECT_FALSE(finds("a\\.c", "abc"));
  EXPECT_TRUE(finds("^(error|warning): ", "warning: x"));
  EXPECT_FALSE(finds("^(error|warning): ", " error: x"));
  EXPECT_TRUE(finds("[0-9]{3}$", "code 137"));
  EXPECT_FALSE(finds("^[0-9]{3}$", "1370"));
  EXPECT_TRUE(finds("^$", ""));
  EXPECT_FALSE(finds("^$", "x"));
  EXPECT_TRUE(finds("exit \\d+\\s", "exit 12 now"));
  EXPECT_FALSE(finds("exit \\d+\\D*9", "exit 12"));
  EXPECT_TRUE(finds("(ab){2,3}c", "xababc"));
  EXPECT_FALSE(finds("^(ab){2,3}c",
                     "abababab"
                     "c"));
  EXPECT_TRUE(finds("x{,2}", "x{,2}"));
  EXPECT_TRUE(finds("[]a-]", "-"));
  EXPECT_TRUE(finds("[^]]", "x"));
  EXPECT_TRUE(finds("gr(ü|ue)n", "grün"));
  EXPECT_TRUE(finds("out OF", "OUT of", LetterCase::ignored));
}

TEST(LinePattern, pieces_of_a_long_line_have_no_ends_inside) {
  auto pattern = *LinePattern::compile("^b|a$", PatternKind::regex, LetterCase::exact);
  EXPECT_TRUE(pattern.find(LinePattern::Piece{"ba", true, true}));
  EXPECT_FALSE(pattern.find(LinePattern::Piece{"ba", false, false}));
  EXPECT_TRUE(pattern.find(LinePattern::Piece{"ba", false, true}));
  EXPECT_TRUE(pattern.find(LinePattern::Piece{"ba", true, false}));
}

TEST(LinePattern, what_is_no_expression_is_refused_at_its_place) {
  for (const char* text : {"(a", "a)", "[a", "*a", "a**", "a{3,1}", "a{2000}", "\\", "\\1", "\\b", "(?=a)",
                           "[z-a]", "[ä]", "((((a{900}){900}){900}))"}) {
    const auto pattern = LinePattern::compile(text, PatternKind::regex, LetterCase::exact);
    ASSERT_FALSE(pattern.has_value()) << text;
    EXPECT_EQ(pattern.error().code, kMalformedValue);
    EXPECT_NE(pattern.error().what.find('^'), std::string::npos) << text;
  }
  EXPECT_FALSE(LinePattern::compile("", PatternKind::text, LetterCase::exact));
  EXPECT_FALSE(LinePattern::compile("a\nb", PatternKind::text, LetterCase::exact));
  EXPECT_FALSE(LinePattern::compile(std::string(1025, 'x'), PatternKind::text, LetterCase::exact));
}

// What makes others look back exponentially often costs a bounded amount for each byte here.
TEST(LinePattern, no_expression_takes_for_ever) {
  const std::string line(100'000, 'a');
  for (const char* text : {"(a*)*b", "(a|aa)+$x", "(a?){40}a{40}b", "(.*)(.*)(.*)(.*)(.*)[^a]"}) {
    auto pattern = *LinePattern::compile(text, PatternKind::regex, LetterCase::exact);
    EXPECT_FALSE(pattern.find(line)) << text;
    EXPECT_LT(pattern.work(), 3'000'000u) << text;
  }
}

// Random expressions of the parts that both have, on random lines of two letters.
TEST(LinePattern, agrees_with_the_standard_library) {
  const auto piece =
      rc::gen::element<std::string>("a", "b", ".", "[ab]", "[^a]", "(a|b)", "(ab|b)", "(a|)", "^", "$");
  const auto suffix = rc::gen::element<std::string>("", "", "*", "+", "?", "{2}", "{1,2}");
  EXPECT_TRUE(rc::check("std::regex", [&] {
    std::string expression;
    const auto count = *rc::gen::inRange<std::size_t>(1, 5);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string part = *piece;
      expression += part + (part == "^" || part == "$" ? "" : *suffix);
    }
    const std::string line = *rc::gen::container<std::string>(rc::gen::element('a', 'b'));
    const std::regex reference(expression, std::regex::extended);
    RC_ASSERT(finds(expression, line) == std::regex_search(line, reference));
  }));
}

}  // namespace
}  // namespace muster
