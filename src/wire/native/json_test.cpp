// JSON in and out: escapes, numbers, limits, and members that nobody knows.
// What is written is always valid; what is read is never guessed.
#include <gtest/gtest.h>

#include "wire/native/json_reader.h"
#include "wire/native/json_writer.h"

namespace muster::wire {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, TextIsAlwaysValid) {
  EXPECT_EQ(quoted("plain"), R"("plain")");
  EXPECT_EQ(quoted("a\"b\\c\n\r\t"), R"("a\"b\\c\n\r\t")");
  EXPECT_EQ(quoted(std::string_view("\0\x1f\x7f", 3)), R"("\u0000\u001f\u007f")");
  EXPECT_EQ(quoted("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"), "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"");
  EXPECT_EQ(quoted("\xff\xc3"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(quoted("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");  // a surrogate
}

TEST(JsonWriter, NumbersAndTimes) {
  std::string text;
  JsonWriter out(text);
  out.begin_array();
  out.number(std::uint64_t{18446744073709551615ULL}).number(std::int64_t{-5}).number(std::uint32_t{7});
  out.seconds(0).seconds(1'500'000).seconds(-2'000'001).seconds(INT64_MIN).seconds(10);
  out.mebibytes(0).mebibytes(1 << 20).mebibytes((3 << 20) + (1 << 19)).mebibytes(1);
  out.time(0).time(1'700'000'000'123'456);
  out.flag(true).null().text_or_null("").text_or_null("x");
  out.end_array();
  EXPECT_EQ(text,
            "[18446744073709551615,-5,7,0,1.5,-2.000001,-9223372036854.775808,0.00001,0,1,3.5,0,null,"
            "\"2023-11-14T22:13:20.123456Z\",true,null,null,\"x\"]");
}

TEST(JsonWriter, CommasStandBetween) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("a").begin_array().end_array().key("b").begin_object().end_object();
  out.key("c")
      .begin_array()
      .begin_object()
      .key("d")
      .number(1)
      .end_object()
      .begin_object()
      .end_object()
      .end_array()
      .end_object();
  EXPECT_EQ(text, R"({"a":[],"b":{},"c":[{"d":1},{}]})");
}

std::string refusal(std::string_view json) {
  JsonDocument document;
  const Result<void> parsed = document.parse(json);
  return parsed ? "" : parsed.error().what;
}

TEST(JsonDocument, PlacesAndLimits) {
  EXPECT_EQ(refusal(R"({"a":[1,"x",null,true]})"), "");
  EXPECT_NE(refusal("{\"a\":\n  x}").find("line 2, column 3"), std::string::npos) << refusal("{\"a\":\n  x}");
  EXPECT_NE(refusal("").find("not JSON"), std::string::npos);
  EXPECT_NE(refusal("{} {}").find("not JSON"), std::string::npos);
  EXPECT_NE(refusal("{\"a\":\"\xff\"}").find("not JSON"), std::string::npos);
  EXPECT_EQ(refusal(std::string(32, '[') + std::string(32, ']')), "");
  EXPECT_NE(refusal(std::string(33, '[') + std::string(33, ']')).find("deeper than 32"), std::string::npos);
  EXPECT_EQ(refusal('"' + std::string(1 << 20, 'x') + '"'), "");
  EXPECT_NE(refusal('"' + std::string((1 << 20) + 1, 'x') + '"').find("longer than"), std::string::npos);
  std::string many = "{";
  for (int i = 0; i < 10'000; ++i) many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  EXPECT_EQ(refusal(many + "}"), "");
  EXPECT_NE(refusal("[" + many + "},{\"one\":1}]").find("10000"), std::string::npos);
}

TEST(ObjectReader, NamesWhatIsWrong) {
  const auto read = [](std::string_view json) -> std::string {
    JsonDocument document;
    if (Result<void> parsed = document.parse(json); !parsed) return parsed.error().what;
    ObjectReader reader(document.root(), "the body");
    std::string text;
    std::uint32_t number = 0;
    std::int32_t priority = 0;
    bool flag = false;
    std::int64_t time_us = 0;
    std::vector<std::string> texts;
    std::vector<std::pair<std::string, std::string>> map;
    reader.text("text", text);
    reader.number("number", number, 100);
    reader.number("priority", priority);
    reader.flag("flag", flag);
    reader.seconds("time_s", time_us);
    reader.texts("texts", texts);
    reader.text_map("map", map);
    const Result<void> done = reader.finish();
    if (!done) return done.error().what;
    return text + "|" + std::to_string(number) + "|" + std::to_string(priority) + "|" +
           std::to_string(time_us) + "|" + std::to_string(texts.size()) + "|" +
           (map.empty() ? "" : map.front().first);
  };
  EXPECT_EQ(read("{}"), "|0|0|0|0|");
  EXPECT_EQ(
      read(
          R"({"text":"t","number":100,"priority":-7,"flag":true,"time_s":1.5,"texts":["a","b"],"map":{"z":"1","a":"2"}})"),
      "t|100|-7|1500000|2|z");
  for (const auto& [json, name] :
       std::vector<std::pair<const char*, const char*>>{{R"({"text":1})", "\"text\""},
                                                        {R"({"number":101})", "\"number\""},
                                                        {R"({"number":-1})", "\"number\""},
                                                        {R"({"number":1.0})", "\"number\""},
                                                        {R"({"number":"1"})", "\"number\""},
                                                        {R"({"priority":3000000000})", "\"priority\""},
                                                        {R"({"flag":1})", "\"flag\""},
                                                        {R"({"time_s":-1})", "\"time_s\""},
                                                        {R"({"time_s":1e300})", "\"time_s\""},
                                                        {R"({"texts":"a"})", "\"texts\""},
                                                        {R"({"texts":["a",1]})", "\"texts\""},
                                                        {R"({"map":{"a":1}})", "\"map\""},
                                                        {R"({"unknown":1})", "\"unknown\""},
                                                        {R"({"te\nxt":1})", "\"te\\nxt\""},
                                                        {"[]", "the body"}}) {
    EXPECT_NE(read(json).find(name), std::string::npos) << json << " gave " << read(json);
  }
}

}  // namespace
}  // namespace muster::wire
