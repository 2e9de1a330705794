// Which file and which form of it a request gets; what is no page stays an error for programs.
// The files here are made up; the real ones are looked at by a browser in tests/web.
#include "front/web_page.h"

#include <gtest/gtest.h>

#include <array>

namespace muster::front {
namespace {

constexpr std::array kFiles = {
    WebFile{"index.html", "text/html; charset=utf-8", "\"i1\"", "index", "g-index", "b-index"},
    WebFile{"assets/a-1.js", "text/javascript", "\"a1\"", "script", "", "b-script"},
};

Response get(const char* path, std::vector<std::pair<std::string, std::string>> fields = {}) {
  const RequestHead head{Method::get, path, std::move(fields)};
  return page_answer(kFiles, head, *parse_target(path));
}

const std::pair<std::string, std::string> kPerson{"accept", "text/html,application/xhtml+xml,*/*;q=0.8"};

TEST(WebPage, TheRootIsTheIndexForEverybody) {
  const Response response = get("/");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "index");
  EXPECT_EQ(response.audience, Audience::page);
}

TEST(WebPage, TheBestFormThatTheBrowserTakes) {
  EXPECT_EQ(get("/", {{"accept-encoding", "gzip, deflate, br, zstd"}}).body, "b-index");
  EXPECT_EQ(get("/", {{"accept-encoding", "gzip"}}).body, "g-index");
  EXPECT_EQ(get("/", {{"accept-encoding", "br;q=0, gzip;q=0.5"}}).body, "g-index");
  EXPECT_EQ(get("/", {{"accept-encoding", "br;q=0.001"}}).body, "b-index");
  EXPECT_EQ(get("/", {{"accept-encoding", "brotli"}}).body, "index");
  EXPECT_EQ(get("/assets/a-1.js", {{"accept-encoding", "gzip"}}).body, "script");
}

TEST(WebPage, APlaceInThePageIsTheIndexForAPersonAndNothingForAProgram) {
  EXPECT_EQ(get("/batches/42", {kPerson}).body, "index");
  EXPECT_EQ(get("/batches/42", {{"accept", "*/*"}}).status, 404);
  EXPECT_EQ(get("/assets/old-0.js", {kPerson}).status, 404);
}

TEST(WebPage, AFileOfThePageIsKeptAndWhatIsUnchangedIsNotSentAgain) {
  EXPECT_EQ(get("/assets/a-1.js").audience, Audience::page_part);
  const Response again = get("/", {{"if-none-match", "W/\"x\", \"i1\""}});
  EXPECT_EQ(again.status, 304);
  EXPECT_TRUE(again.body.empty());
}

TEST(WebPage, PathsOfProgramsAreNoPage) {
  for (const char* path : {"/api/v1/batches", "/api", "/metrics", "/healthz", "/dl/muster", "/openapi.json"})
    EXPECT_FALSE(is_page_path(*parse_target(path))) << path;
  for (const char* path : {"/", "/batches/42", "/assets/a-1.js", "/apiary"})
    EXPECT_TRUE(is_page_path(*parse_target(path))) << path;
}

TEST(WebPage, ABuildWithoutThePageSaysSo) {
  const RequestHead head{Method::get, "/", {}};
  const Response response = page_answer({}, head, *parse_target("/"));
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.body.find("without its web page"), std::string::npos);
}

}  // namespace
}  // namespace muster::front
