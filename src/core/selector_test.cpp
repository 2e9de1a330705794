// Every form of the contract is read, written back and read again; what is malformed is refused with its place marked.
// Ranges in any order mean the same set.
#include "core/selector.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

namespace muster {
namespace {

Selector of(BatchBy by, std::uint64_t number, std::string name, std::vector<IndexSpan> ranges,
            std::optional<std::uint32_t> attempt = {}, std::string dotted = {}) {
  return {by, number, std::move(name), std::move(dotted), std::move(ranges), attempt};
}

TEST(Selector, reads_every_form) {
  struct Case {
    const char* text;
    Selector selector;
  };
  const Case cases[] = {
      {"42", of(BatchBy::id, 42, "", {})},
      {"42.17", of(BatchBy::id, 42, "", {{17, 17}})},
      {"42.0", of(BatchBy::id, 42, "", {{0, 0}})},
      {"42.17#2", of(BatchBy::id, 42, "", {{17, 17}}, 2)},
      {"42.1-500", of(BatchBy::id, 42, "", {{1, 500}})},
      {"42.5-5#1", of(BatchBy::id, 42, "", {{5, 5}}, 1)},
      {"42.1,3,7-9", of(BatchBy::id, 42, "", {{1, 1}, {3, 3}, {7, 9}})},
      {"42.7-9,1,8-12,2", of(BatchBy::id, 42, "", {{1, 2}, {7, 12}})},
      {"T100017", of(BatchBy::task_number, 100017, "", {})},
      {"T100017#3", of(BatchBy::task_number, 100017, "", {}, 3)},
      {"last", of(BatchBy::last, 0, "", {})},
      {"last.17", of(BatchBy::last, 0, "", {{17, 17}})},
      {"last.17#1", of(BatchBy::last, 0, "", {{17, 17}}, 1)},
      {"@align", of(BatchBy::name, 0, "align", {})},
      {"@42", of(BatchBy::name, 0, "42", {})},
      {"@last", of(BatchBy::name, 0, "last", {})},
      {"@align.17", of(BatchBy::name, 0, "align", {{17, 17}}, {}, "align.17")},
      {"@v1.2.3-4,9", of(BatchBy::name, 0, "v1.2", {{3, 4}, {9, 9}}, {}, "v1.2.3-4,9")},
      {"@v1.2#3", of(BatchBy::name, 0, "v1", {{2, 2}}, 3)},
      {"@v1.2-rc", of(BatchBy::name, 0, "v1.2-rc", {})},
      {"@a.b", of(BatchBy::name, 0, "a.b", {})},
      {"@run.", of(BatchBy::name, 0, "run.", {})},
      {"@my study", of(BatchBy::name, 0, "my study", {})},
      {"@größe", of(BatchBy::name, 0, "größe", {})},
      {"9223372036854775807", of(BatchBy::id, 9223372036854775807ULL, "", {})},
  };
  for (const Case& c : cases) {
    const Result<Selector> read = parse_selector(c.text);
    ASSERT_TRUE(read) << c.text << ": " << read.error().what;
    EXPECT_EQ(*read, c.selector) << c.text;
    EXPECT_EQ(parse_selector(to_text(*read)), *read) << to_text(*read);
  }
}

TEST(Selector, refuses_and_marks_the_place) {
  struct Case {
    const char* text;
    std::size_t column;
    const char* why;
  };
  const Case cases[] = {
      {"", 0, "empty"},
      {"0", 0, "a batch number counts from 1"},
      {"42.", 3, "a task index is expected"},
      {"42..1", 3, "a task index is expected"},
      {"42.x", 3, "a task index is expected"},
      {"42.1-", 5, "the last index"},
      {"42.5-3", 3, "runs backwards"},
      {"42.1,", 5, "a task index is expected"},
      {"42.1,,2", 5, "a task index is expected"},
      {"42.1-3-5", 6, "nothing is expected"},
      {"42.1:2", 4, "nothing is expected"},
      {"42 ", 2, "nothing is expected"},
      {" 42", 0, "is expected"},
      {"42x", 2, "nothing is expected"},
      {"42#1", 2, "belongs to one task"},
      {"last#1", 4, "belongs to one task"},
      {"@name#1", 5, "belongs to one task"},
      {"42.1-3#1", 6, "belongs to one task"},
      {"42.1#", 5, "an attempt is expected"},
      {"42.1#0", 5, "counts from 1"},
      {"42.1#x", 5, "an attempt is expected"},
      {"42.1#1#2", 6, "nothing is expected"},
      {"42.1#4294967296", 5, "too large"},
      {"9223372036854775808", 0, "too large"},
      {"42.99999999999999999999", 3, "too large"},
      {"T0", 1, "counts from 1"},
      {"T5.1", 2, "names one task"},
      {"T", 0, "is expected"},
      {"t100", 0, "is expected"},
      {"lastly", 4, "nothing is expected"},
      {"Last", 0, "is expected"},
      {"align", 0, "begins with @"},
      {"@", 1, "name is empty"},
      {"@.17", 1, "name is empty"},
      {"@-x", 1, "begins with '-'"},
      {"@a.1-", 5, "the last index"},
      {"-1", 0, "is expected"},
  };
  for (const Case& c : cases) {
    const Result<Selector> read = parse_selector(c.text);
    ASSERT_FALSE(read) << c.text;
    EXPECT_EQ(read.error().code, kMalformedSelector);
    EXPECT_EQ(read.error().kind, ErrorKind::usage);
    EXPECT_FALSE(read.error().next.empty());
    const std::string& what = read.error().what;
    EXPECT_NE(what.find(c.why), std::string::npos) << c.text << ": " << what;
    const std::size_t caret_line = what.rfind('\n') + 1;
    EXPECT_EQ(what.find('^', caret_line) - caret_line, c.column + 2) << what;
  }
}

TEST(Selector, escapes_what_it_quotes) {
  const Result<Selector> read = parse_selector("@a\x1b[31m");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().what.find('\x1b'), std::string::npos);
}

TEST(Selector, knows_what_it_holds) {
  const Selector some = *parse_selector("42.1,3,7-9");
  for (const std::uint64_t index : {1, 3, 7, 8, 9}) EXPECT_TRUE(some.holds(index)) << index;
  for (const std::uint64_t index : {0, 2, 4, 6, 10}) EXPECT_FALSE(some.holds(index)) << index;
  EXPECT_FALSE(some.whole_batch());
  EXPECT_FALSE(some.one_task());
  EXPECT_TRUE(parse_selector("42")->whole_batch());
  EXPECT_TRUE(parse_selector("42")->holds(12345));
  EXPECT_TRUE(parse_selector("42.7")->one_task());
  EXPECT_TRUE(parse_selector("T7")->one_task());
  EXPECT_FALSE(parse_selector("T7")->whole_batch());
}

TEST(Selector, ranges_mean_the_same_set_in_any_order) {
  EXPECT_TRUE(rc::check("normal form", []() {
    const auto spans = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, 60), rc::gen::inRange(0, 9))));
    std::string text = "7";
    std::vector<bool> wanted(80);
    char separator = '.';
    for (const auto& [first, more] : spans) {
      text += separator + std::to_string(first) + "-" + std::to_string(first + more);
      separator = ',';
      for (int i = first; i <= first + more; ++i) wanted[static_cast<std::size_t>(i)] = true;
    }
    const Selector selector = *parse_selector(text);
    for (std::size_t i = 0; i < wanted.size(); ++i) RC_ASSERT(selector.holds(i) == wanted[i]);
    for (std::size_t i = 1; i < selector.ranges.size(); ++i) {
      RC_ASSERT(selector.ranges[i - 1].last + 1 < selector.ranges[i].first);
    }
    RC_ASSERT(*parse_selector(to_text(selector)) == selector);
  }));
}

TEST(Selector, what_is_read_is_written_back) {
  EXPECT_TRUE(rc::check("round trip of anything", [](const std::string& tail) {
    for (const char* head : {"", "@", "4", "last", "T1", "@a.", "42.1"}) {
      const Result<Selector> read = parse_selector(head + tail);
      if (read) RC_ASSERT(*parse_selector(to_text(*read)) == *read);
    }
  }));
}

TEST(Name, is_checked) {
  for (const char* good : {"a", "v1.2", "my study", "größe", "a@b", "a-b", "100%", "漢字"})
    EXPECT_TRUE(check_name(good)) << good;
  for (const std::string& bad : {std::string(), std::string("@a"), std::string("-a"), std::string(" a"),
                                 std::string("a "), std::string("a#b"), std::string("a\nb"),
                                 std::string("a\xff"), std::string("a\0b", 3), std::string(201, 'a')}) {
    const Result<void> checked = check_name(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code, kMalformedValue);
  }
  EXPECT_TRUE(check_name(std::string(200, 'a')));
}

}  // namespace
}  // namespace muster
