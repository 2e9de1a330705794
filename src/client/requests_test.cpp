// Tests of what is sent: encoded queries and bodies that say no more than they must.
// The server's reading of the same bodies is tested there.
#include <gtest/gtest.h>

#include "client/query.h"
#include "client/request_bodies.h"

namespace muster::client {
namespace {

TEST(Query, encodes_values) {
  EXPECT_EQ(Query("/t").str(), "/t");
  EXPECT_EQ(Query("/t").add("selector", "42.17#2").add("limit", 7U).add_given("after", "").str(),
            "/t?selector=42.17%232&limit=7");
  EXPECT_EQ(encode_component("aZ9-._~"), "aZ9-._~");
  EXPECT_EQ(encode_component("a/b?c&d=e f%\r\n\xff"), "a%2Fb%3Fc%26d%3De%20f%25%0D%0A%FF");
}

TEST(SubmissionJson, leaves_defaults_out) {
  Submission submission;
  submission.command = {"true"};
  EXPECT_EQ(submission_json(submission), R"({"command":["true"]})");
}

TEST(SubmissionJson, has_no_newline) {
  Submission submission;
  submission.command = {"a\nb"};
  submission.environment = {{"K", "x\ny"}};
  EXPECT_EQ(submission_json(submission).find('\n'), std::string::npos);
}

TEST(SubmissionJson, spells_durations_as_seconds) {
  Submission submission;
  submission.time_us = 1'500'000;
  submission.shell = "";
  EXPECT_EQ(submission_json(submission), R"({"shell":"","time_s":1.5})");
}

TEST(ChangeJson, keeps_zero_and_false_apart_from_nothing) {
  Change change;
  change.selectors = {"42"};
  change.retries = 0;
  EXPECT_EQ(change_json(change), R"({"selectors":["42"],"retries":0})");
  BatchSettings settings;
  settings.closed = false;
  EXPECT_EQ(batch_settings_json(settings), R"({"closed":false})");
}

}  // namespace
}  // namespace muster::client
