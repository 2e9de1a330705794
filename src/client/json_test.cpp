// Tests of reading documents: absent things, numbers at their limits, and writing back what was read.
// A view never fails.
#include "client/json.h"

#include <gtest/gtest.h>

namespace muster::client {
namespace {

TEST(Json, absent_things_give_the_fallback) {
  const Document document = Document::parse(R"({"a":1})").value();
  const Json root = document.root();
  EXPECT_TRUE(root["b"].missing());
  EXPECT_TRUE(root["b"]["c"].at(3).is_null());
  EXPECT_EQ(root["b"].text("x"), "x");
  EXPECT_EQ(root["a"].text("x"), "x");
  EXPECT_EQ(root["b"].number(7), 7U);
  EXPECT_EQ(root["a"].size(), 0U);
  EXPECT_EQ(root.key(5), "");
  EXPECT_EQ(Json().serialize(), "");
}

TEST(Json, numbers_of_every_kind) {
  const Document document = Document::parse("[0,-5,18446744073709551615,4.5,-4.5,1e300]").value();
  const Json root = document.root();
  EXPECT_EQ(root.at(1).number(9), 9U);
  EXPECT_EQ(root.at(1).integer(), -5);
  EXPECT_EQ(root.at(2).number(), UINT64_MAX);
  EXPECT_EQ(root.at(3).number(), 4U);
  EXPECT_EQ(root.at(4).number(9), 9U);
  EXPECT_EQ(root.at(5).number(9), 9U);
  EXPECT_DOUBLE_EQ(root.at(4).real(), -4.5);
}

TEST(Json, is_written_as_it_was_read) {
  const std::string text = R"({"a":[1,-2,4.2,0.25,true,false,null],"b":{"":"x\"\\\n"},"c":[],"d":{}})";
  EXPECT_EQ(Document::parse(text).value().root().serialize(), text);
}

TEST(Json, can_be_indented) {
  EXPECT_EQ(Document::parse(R"({"a":[1,{"b":2}],"c":{},"d":[]})").value().root().serialize(2),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}");
}

TEST(Json, rejects_what_is_none) {
  for (const char* text : {"", "{", "{} x", "\"\xff\"", "nope"}) EXPECT_FALSE(Document::parse(text)) << text;
  EXPECT_FALSE(Document::parse(std::string(1000, '[')));
}

TEST(Utf8, is_checked) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("caf\xc3\xa9"));
  EXPECT_FALSE(is_utf8("caf\xe9"));
  EXPECT_FALSE(is_utf8("\xc3"));
}

}  // namespace
}  // namespace muster::client
