// Requests out of bytes, whatever pieces they come in.
// Limits are those of the contract.
#include "runtime/http_parser.h"

#include <gtest/gtest.h>

namespace muster::runtime {
namespace {

struct Parsed {
  std::vector<std::string> heads;  // "METHOD target fields"
  std::vector<std::string> bodies;
  int status = 0;
};

// Feeds `text` in pieces of `step` bytes, through a buffer as a connection has it.
Parsed parse(const std::string& text, std::size_t step, std::size_t wanted_body = SIZE_MAX) {
  HttpParser parser;
  Parsed parsed;
  std::string buffer;
  std::string body;
  const auto on_body = [&](std::string_view piece) {
    body += piece;
    return body.size() <= wanted_body;
  };
  for (std::size_t at = 0; at < text.size();) {
    buffer += text.substr(at, step);
    at += step;
    for (bool more = true; more;) {
      std::size_t used = 0;
      const HttpProgress progress = parser.put(buffer, used, on_body);
      buffer.erase(0, used);
      if (progress == HttpProgress::head_done) {
        parsed.heads.push_back(std::to_string(static_cast<int>(parser.head().method)) + " " +
                               parser.head().target + " " + std::to_string(parser.head().fields.size()));
      } else if (progress == HttpProgress::done) {
        parsed.bodies.push_back(body + (parser.body_cut() ? " cut" : ""));
        if (parser.body_cut()) return parsed;
        body.clear();
        parser.reset();
        more = !buffer.empty();
      } else {
        more = false;
      }
      if (progress == HttpProgress::refused) {
        parsed.status = parser.status();
        return parsed;
      }
    }
  }
  return parsed;
}

const std::string kThree =
    "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
    "POST /b?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
    "chunked\r\n\r\n3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\n\r\n";

TEST(HttpParser, PiecesOfAnySizeGiveTheSame) {
  for (std::size_t step = 1; step <= kThree.size(); ++step) {
    const Parsed parsed = parse(kThree, step);
    EXPECT_EQ(parsed.heads, (std::vector<std::string>{"0 /a 1", "2 /b?q=1 2", "2 /c 2"})) << step;
    EXPECT_EQ(parsed.bodies, (std::vector<std::string>{"", "hello", "abcdefgh"})) << step;
  }
}

TEST(HttpParser, FieldsAreLowerCaseAndTrimmed) {
  HttpParser parser;
  std::size_t used = 0;
  const std::string text =
      "PATCH / HTTP/1.1\r\nHOST: a\r\nX-Long:  b c \t\r\nEmpty:\r\nExpect: 100-continue\r\nContent-Length: "
      "1\r\n\r\n";
  ASSERT_EQ(parser.put(text, used, [](std::string_view) { return true; }), HttpProgress::head_done);
  EXPECT_EQ(used, text.size());
  EXPECT_EQ(parser.head().method, front::Method::patch);
  EXPECT_EQ(parser.head().find("host"), "a");
  EXPECT_EQ(parser.head().find("x-long"), "b c");
  EXPECT_TRUE(parser.head().has("empty"));
  EXPECT_TRUE(parser.expects_continue() && parser.keep_alive() && parser.has_body());
  EXPECT_EQ(parser.content_length(), 1U);
  EXPECT_FALSE(parser.is_upgrade());
}

TEST(HttpParser, LimitsOfTheHeader) {
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 64; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(parse(many + "\r\n", 4096).heads.size(), 1U);
  EXPECT_EQ(parse(many + "One: more\r\n\r\n", 4096).status, 431);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nX: " + std::string(16 * 1024, 'x') + "\r\n\r\n", 4096).status, 431);
  EXPECT_EQ(parse("GET /" + std::string(20 * 1024, 'x'), 4096).status, 431);
}

TEST(HttpParser, WhatCanBeReadInTwoWaysIsRefused) {
  for (const char* text :
       {"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "GET / HTTP/1.1\r\nA b: c\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\n X: folded\r\n\r\n",
        "\x16\x03\x01 GET", "GET / HTTP/1.1\nHost: x\n\n"}) {
    EXPECT_EQ(parse(text, 1024).status, 400) << text;
  }
}

TEST(HttpParser, ABodyNobodyWantsEndsTheRequest) {
  EXPECT_EQ(parse(kThree, 1000, 3).bodies, (std::vector<std::string>{"", "hello cut"}));
  EXPECT_EQ(parse(kThree, 1, 3).bodies, (std::vector<std::string>{"", "hell cut"}));
  const std::string chunked =
      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n";
  EXPECT_EQ(parse(chunked, 1000, 3).bodies, std::vector<std::string>{"abcdefgh cut"});
}

}  // namespace
}  // namespace muster::runtime
