// Tests of the filter language: what is read, what it says of values, and how a refusal marks its place.
// The property: what is read is written and read back as itself.
#include "core/filter.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace muster {
namespace {

constexpr Micros kNow_us = 1'700'000'000'000'000;

Filter filter_of(std::string_view text, FilterObject object = FilterObject::task) {
  const Result<Filter> filter = parse_filter(object, text, kNow_us);
  EXPECT_TRUE(filter.has_value()) << text << ": " << (filter ? "" : filter.error().what);
  return filter ? *filter : Filter();
}

std::string refusal_of(std::string_view text, FilterObject object = FilterObject::task) {
  const Result<Filter> filter = parse_filter(object, text, kNow_us);
  EXPECT_FALSE(filter.has_value()) << text;
  if (filter) return {};
  EXPECT_EQ(filter.error().code, kMalformedFilter);
  EXPECT_EQ(filter.error().kind, ErrorKind::usage);
  return filter.error().what;
}

bool holds(std::string_view text, const FilterValue& value, FilterObject object = FilterObject::task) {
  return filter_of(text, object).holds([&](const FilterTerm&) { return value; });
}

FilterValue number(std::int64_t value) { return FilterValue::of_number(value); }

TEST(Filter, blank_text_is_no_filter) {
  EXPECT_TRUE(filter_of("").empty());
  EXPECT_TRUE(filter_of(" \t ").empty());
}

TEST(Filter, terms_have_keys_and_types) {
  const Filter filter = filter_of("state=failed exit=137 label.study=PACA,OV -worker=gra-3");
  ASSERT_EQ(filter.terms().size(), 4U);
  EXPECT_EQ(filter.terms()[0].texts, std::vector<std::string>{"failed"});
  EXPECT_EQ(filter.terms()[1].ranges, (std::vector<FilterRange>{{137, 137}}));
  EXPECT_EQ(filter.terms()[2].label, "study");
  EXPECT_EQ(filter.terms()[2].texts, (std::vector<std::string>{"PACA", "OV"}));
  EXPECT_TRUE(filter.terms()[3].negated);
  EXPECT_TRUE(filter.asks_for(FilterField::exit));
  EXPECT_FALSE(filter.asks_for(FilterField::peak));
}

TEST(Filter, numbers_have_ranges) {
  EXPECT_TRUE(holds("index=10+", number(10)));
  EXPECT_FALSE(holds("index=10+", number(9)));
  EXPECT_TRUE(holds("index=..5", number(5)));
  EXPECT_FALSE(holds("index=..5", number(6)));
  EXPECT_TRUE(holds("index=2..8", number(2)));
  EXPECT_TRUE(holds("index=2..8", number(8)));
  EXPECT_FALSE(holds("index=2..8", number(9)));
  EXPECT_TRUE(holds("index=1,4..6,9+", number(5)));
  EXPECT_FALSE(holds("index=1,4..6,9+", number(7)));
  EXPECT_TRUE(holds("priority=-5..-1", number(-3), FilterObject::batch));
}

TEST(Filter, sizes_and_durations_have_units) {
  EXPECT_TRUE(holds("mem=4G+", number(4LL << 30)));
  EXPECT_FALSE(holds("mem=4G+", number((4LL << 30) - 1)));
  EXPECT_TRUE(holds("peak=500M", number((500LL << 20) + 1000)));
  EXPECT_FALSE(holds("peak=500M", number(501LL << 20)));
  EXPECT_TRUE(holds("time=10m+", number(600'000'000)));
  EXPECT_FALSE(holds("time=..1h30m", number(5'400'000'001)));
  EXPECT_TRUE(holds("time=90", number(90'400'000)));
}

TEST(Filter, times_are_dates_instants_or_how_long_ago) {
  EXPECT_TRUE(holds("ended=2h+", number(kNow_us - 3'600'000'000)));
  EXPECT_FALSE(holds("ended=2h+", number(kNow_us - 3 * 3'600'000'000)));
  EXPECT_TRUE(holds("ended=..2h", number(kNow_us - 3 * 3'600'000'000)));
  EXPECT_TRUE(holds("ended=2023-11-14", number(kNow_us)));
  EXPECT_FALSE(holds("ended=2023-11-15", number(kNow_us)));
  EXPECT_TRUE(holds("ended=2023-11-13..2023-11-14", number(kNow_us)));
  EXPECT_TRUE(holds("ended=2023-11-14T22:13:20Z", number(kNow_us + 10)));
  EXPECT_TRUE(holds("ended=2023-11-14T23:13:20+01:00+", number(kNow_us)));
}

TEST(Filter, texts_are_equal_or_hold_a_part) {
  EXPECT_TRUE(holds("name=align", FilterValue::of("align")));
  EXPECT_FALSE(holds("name=align", FilterValue::of("Align")));
  EXPECT_TRUE(holds("name~LIG", FilterValue::of("Align")));
  EXPECT_TRUE(holds("name~\"a b\",\"x,y\"", FilterValue::of("…x,y…")));
  EXPECT_TRUE(holds(R"(name="say \"no\"")", FilterValue::of("say \"no\"")));
  EXPECT_TRUE(holds("name=\"\"", FilterValue::of("")));
}

TEST(Filter, what_is_not_known_matches_only_a_negation) {
  EXPECT_FALSE(holds("exit=0+", FilterValue{}));
  EXPECT_TRUE(holds("-exit=0+", FilterValue{}));
  EXPECT_FALSE(holds("worker~a", FilterValue{}));
}

TEST(Filter, refusals_mark_the_place_and_offer_a_word) {
  const std::string key = refusal_of("exit=1 stat=failed");
  EXPECT_NE(key.find("a task has no key \"stat\"; did you mean \"state\"?"), std::string::npos) << key;
  EXPECT_NE(key.find("\n         ^^^^"), std::string::npos) << key;
  const std::string word = refusal_of("state=faild");
  EXPECT_NE(word.find("did you mean \"failed\"?"), std::string::npos) << word;
  EXPECT_NE(refusal_of("state").find("= and a value are expected"), std::string::npos);
  EXPECT_NE(refusal_of("state=").find("a value is expected"), std::string::npos);
  EXPECT_NE(refusal_of("exit=1,").find("a value is expected"), std::string::npos);
  EXPECT_NE(refusal_of("exit=one").find("is not a number"), std::string::npos);
  EXPECT_NE(refusal_of("exit~1").find("~ asks for a part of a text"), std::string::npos);
  EXPECT_NE(refusal_of("exit=9..2").find("nothing lies between"), std::string::npos);
  EXPECT_NE(refusal_of("state!=failed").find("-state="), std::string::npos);
  EXPECT_NE(refusal_of("exit>3").find("key=10+"), std::string::npos);
  EXPECT_NE(refusal_of("label=x").find("label.NAME"), std::string::npos);
  EXPECT_NE(refusal_of("name=\"x").find("not closed"), std::string::npos);
  EXPECT_NE(refusal_of("name=\"x\"y").find("a blank or a comma"), std::string::npos);
  EXPECT_NE(refusal_of("ended=2h").find("needs a side"), std::string::npos);
  EXPECT_NE(refusal_of("=x").find("a key is expected"), std::string::npos);
  EXPECT_NE(refusal_of("label.\x95y").find("\\x95"), std::string::npos);
  EXPECT_NE(refusal_of("held=maybe", FilterObject::batch).find("yes or no"), std::string::npos);
  EXPECT_NE(refusal_of(std::string(5000, 'a')).find("longer than"), std::string::npos);
}

TEST(Filter, every_key_has_a_value_that_is_read) {
  for (std::size_t i = 0; i < kFilterObjects; ++i) {
    const auto object = static_cast<FilterObject>(i);
    for (const FilterKey& key : filter_keys(object)) {
      std::string text = std::string(key.name) + (key.name.ends_with('.') ? "x=" : "=");
      if (key.type == FilterType::word) {
        ASSERT_FALSE(filter_words(object, key.field).empty()) << key.name;
        text += filter_words(object, key.field).front();
      } else if (key.type == FilterType::flag) {
        text += "yes";
      } else {
        text += key.type == FilterType::time ? "1h+" : "1";
      }
      const Filter filter = filter_of(text, object);
      EXPECT_EQ(filter_of(to_text(filter), object), filter) << to_text(filter);
    }
  }
}

TEST(Filter, the_page_fits_a_terminal) {
  const std::string page = filters_page();
  for (std::size_t begin = 0; begin < page.size();) {
    const std::size_t end = page.find('\n', begin);
    EXPECT_LE(end - begin, 104U) << page.substr(begin, end - begin);
    begin = end + 1;
  }
}

RC_GTEST_PROP(Filter, is_read_back, ()) {
  const auto range = [] {
    const auto low = *rc::gen::inRange<int>(0, 1'000'000);
    const auto high = low + *rc::gen::inRange<int>(0, 1000);
    return *rc::gen::element(std::to_string(low), std::to_string(low) + "+", ".." + std::to_string(high),
                             std::to_string(low) + ".." + std::to_string(high));
  };
  const auto text = [] {
    std::string quoted = "\"";
    for (const char c : *rc::gen::string<std::string>()) {
      if (c == '\0') continue;
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    return quoted + "\"";
  };
  std::string written;
  const auto keys = filter_keys(FilterObject::task);
  for (int i = *rc::gen::inRange(0, 6); i > 0; --i) {
    const FilterKey& key =
        keys[static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(keys.size())))];
    written += *rc::gen::element(std::string(" "), std::string(" -")) + std::string(key.name);
    if (key.name.ends_with('.')) written += "study";
    if (key.type == FilterType::word) {
      const auto words = filter_words(FilterObject::task, key.field);
      written +=
          "=" +
          std::string(
              words[static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(words.size())))]);
    } else if (key.type == FilterType::text) {
      written += *rc::gen::element(std::string("="), std::string("~")) + text() + "," + text();
    } else if (key.type == FilterType::time) {
      written += "=" + std::to_string(*rc::gen::inRange(0, 100000)) + "m+";
    } else {
      written += "=" + range() + "," + range();
    }
  }
  const Result<Filter> filter = parse_filter(FilterObject::task, written, kNow_us);
  RC_ASSERT(filter.has_value());
  const Result<Filter> again = parse_filter(FilterObject::task, to_text(*filter), 0);
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == *filter);
}

}  // namespace
}  // namespace muster
