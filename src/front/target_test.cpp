// Addresses taken apart: decoding is strict, parameters are read once and none is ignored.
// What a client cannot have meant is refused.
#include "front/target.h"

#include <gtest/gtest.h>

namespace muster::front {
namespace {

std::string parts(std::string_view text) {
  const Result<Target> target = parse_target(text);
  if (!target) return "refused";
  std::string joined;
  for (const std::string& part : target->path) joined += "/" + part;
  for (const auto& [name, value] : target->query) joined += " " + name + "=" + value;
  return joined;
}

TEST(Target, PathAndQuery) {
  EXPECT_EQ(parts("/"), "");
  EXPECT_EQ(parts("/api/v1/tasks/42.17"), "/api/v1/tasks/42.17");
  EXPECT_EQ(parts("/a%2Fb/%C3%A4"), "/a/b/\xc3\xa4");
  EXPECT_EQ(parts("/a+b?x=a+b&y=%2B&z&=e&x=2"), "/a+b x=a b y=+ z= =e x=2");
  EXPECT_EQ(parts("/a?"), "/a");
  EXPECT_EQ(parts("/attempts/42.17%232"), "/attempts/42.17#2");
}

TEST(Target, BrokenOnesAreRefused) {
  for (const char* text : {"", "a", "*", "http://host/a", "//a", "/a//b", "/a/", "/%", "/%4", "/%zz", "/a%00",
                           "/a?x=%", "/a?%00=1"}) {
    EXPECT_EQ(parts(text), "refused") << text;
  }
}

TEST(QueryReader, EveryParameterIsAskedFor) {
  const Target target = *parse_target("/x?limit=5&wait_s=1.5&selector=1&selector=2&state=failed,running");
  QueryReader query(target);
  std::uint64_t limit = 0;
  std::int64_t wait_us = 0;
  std::vector<std::string> states;
  query.number("limit", limit, 1, 1000);
  query.seconds("wait_s", wait_us, 60'000'000);
  query.words("state", [&](std::string_view word) { return states.emplace_back(word), true; });
  EXPECT_FALSE(query.finish());  // nobody asked for the selectors
  EXPECT_EQ(query.texts("selector"), (std::vector<std::string>{"1", "2"}));
  EXPECT_TRUE(query.finish());
  EXPECT_EQ(limit, 5U);
  EXPECT_EQ(wait_us, 1'500'000);
  EXPECT_EQ(states, (std::vector<std::string>{"failed", "running"}));
}

TEST(QueryReader, WrongValuesNameTheParameter) {
  for (const char* text :
       {"/x?limit=0", "/x?limit=1001", "/x?limit=", "/x?limit=5x", "/x?limit=-1", "/x?limit=1&limit=2",
        "/x?s=abc", "/x?s=-1", "/x?s=inf", "/x?s=nan", "/x?word=b", "/x?word=a,b", "/x?other=1"}) {
    const Target target = *parse_target(text);
    QueryReader query(target);
    std::uint64_t limit = 7;
    std::int64_t seconds_us = 7;
    query.number("limit", limit, 1, 1000);
    query.seconds("s", seconds_us, 10);
    query.words("word", [](std::string_view word) { return word == "a"; });
    const Result<void> done = query.finish();
    ASSERT_FALSE(done) << text;
    EXPECT_EQ(done.error().code, kMalformedValue);
  }
}

TEST(QueryReader, LongWaitsAreCut) {
  const Target target = *parse_target("/x?s=1e30");
  QueryReader query(target);
  std::int64_t wait_us = 0;
  query.seconds("s", wait_us, 60'000'000);
  EXPECT_EQ(wait_us, 60'000'000);
}

}  // namespace
}  // namespace muster::front
