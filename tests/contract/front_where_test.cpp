// Filters through the API without sockets: what a request with "where" means, as one change of the engine.
// Slices of a long look are played by ticks; between them nothing is promised but that the end comes.
#include <gtest/gtest.h>

#include "front_world.h"

namespace muster::test {
namespace {

class FrontWhere : public testing::Test {
 protected:
  FrontWhere() : directory_(world_.store_), front_(world_, tokens_, directory_, vault_, {}) {
    world_.store_.commit(directory_.first_rows("ada", 1));
    front::TokenWish wish;
    wish.kind = front::TokenKind::user;
    wish.owner = "ada";
    token_ = tokens_.mint(wish, 1).text;
    world_.front_ = &front_;
  }

  BatchId submit(TaskIndex last) {
    Submit input;
    input.request = 1;
    input.principal.user = "ada";
    auto body = std::make_shared<TaskTemplate>();
    body->name = "t";
    body->command = *compile_command({"true"}, std::nullopt, {}, ItemSource::none);
    body->cwd = "/";
    input.body = body;
    input.series = {{1, last, 1}};
    return std::get<Submitted>(*world_.turn(input)).batch;
  }

  // "200 {…}"
  std::string ask(front::Method method, const std::string& target, const std::string& body = {},
                  const std::string& key = {}) {
    front::RequestHead head;
    head.method = method;
    head.target = "/api/v1/" + target;
    head.fields = {{"host", "127.0.0.1"}, {"authorization", "Bearer " + token_}};
    if (!body.empty()) head.fields.emplace_back("content-type", "application/json");
    if (!key.empty()) head.fields.emplace_back("idempotency-key", key);
    front::Admission admission = front_.admit(head, "127.0.0.1");
    if (admission.refusal) return std::to_string(admission.refusal->status) + " " + admission.refusal->body;
    std::string answer;
    front_.handle(head, admission, body, [&](const front::Response& response) {
      answer = std::to_string(response.status) + " " + response.body;
    });
    for (int i = 0; i < 10'000 && answer.empty(); ++i) {
      world_.now_.mono_us += 1;
      front_.tick();
    }
    return answer;
  }
  std::string get(const std::string& target) { return ask(front::Method::get, target); }
  std::string post(const std::string& target, const std::string& body, const std::string& key = {}) {
    return ask(front::Method::post, target, body, key);
  }

  FrontWorld world_;
  front::Tokens tokens_{{}};
  front::Directory directory_;
  front::Vault vault_{world_.store_, [](front::KeyWish) { return std::string(front::kServerKeyBytes, 'k'); }};
  front::Front front_;
  std::string token_;
};

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_F(FrontWhere, OneRequestChangesWhatMatchesAndCountsIt) {
  submit(20);
  world_.connect(20);
  for (const AttemptRef& attempt : std::vector<AttemptRef>(world_.granted))
    world_.end(attempt, attempt.index % 5 == 0 ? 3 : attempt.index == 7 ? 4 : 0);
  EXPECT_TRUE(holds(get("select?selector=1&where=exit%3D3"), R"("selectors":["1.5,10,15,20"],"tasks":4)"));
  const std::string preview =
      post("retry", R"({"selectors":["1"],"where":"exit=3 index=6+","mem_mb":64,"dry_run":true})");
  EXPECT_TRUE(holds(preview, R"("count":3,"skipped":0)")) << preview;
  EXPECT_EQ(world_.engine().batch(1)->row.counts[static_cast<std::size_t>(TaskState::failed)], 5U);
  const std::string done =
      post("retry", R"({"selectors":["1"],"where":"exit=3 index=6+","mem_mb":64})", "key");
  EXPECT_TRUE(holds(done, R"("count":3,"skipped":0,"replayed":false)")) << done;
  EXPECT_EQ(world_.engine().batch(1)->row.counts[static_cast<std::size_t>(TaskState::failed)], 2U);
  const std::string again =
      post("retry", R"({"selectors":["1"],"where":"exit=3 index=6+","mem_mb":64})", "key");
  EXPECT_TRUE(holds(again, R"("count":3,"skipped":0,"replayed":true)")) << again;
  EXPECT_TRUE(post("retry", R"({"selectors":["1"]})", "key").starts_with("409 "));
  EXPECT_TRUE(holds(get("tasks?selector=1&where=mem%3D64M"), R"("id":"1.20")"));
}

TEST_F(FrontWhere, NothingIsNotFoundAndNonsenseIsRefused) {
  submit(3);
  EXPECT_TRUE(post("hold", R"({"selectors":["1"],"where":"exit=9"})").starts_with("404 "));
  const std::string refused = post("hold", R"({"selectors":["1"],"where":"stat=failed"})");
  EXPECT_TRUE(refused.starts_with("400 ") && holds(refused, kMalformedFilter)) << refused;
  EXPECT_TRUE(get("tasks?selector=1&where=index%3D5..2").starts_with("400 "));
  EXPECT_TRUE(post("set", R"({"selectors":["1"]})").starts_with("400 "));
  EXPECT_TRUE(post("cancel", R"({"selectors":[],"where":"index=1"})").starts_with("400 "));
}

TEST_F(FrontWhere, NeedsOfWhatWasNotStartedAreSet) {
  submit(10);
  EXPECT_TRUE(holds(post("set", R"({"selectors":["all"],"where":"index=..4","mem_mb":32})"), R"("count":4)"));
  EXPECT_TRUE(holds(get("select?selector=1&where=mem%3D32M"), R"("selectors":["1.1-4"])"));
  world_.connect(2);
  EXPECT_EQ(world_.granted.size(), 2U);
  EXPECT_TRUE(holds(post("set", R"({"selectors":["1"],"mem_mb":48})"), R"("count":8,"skipped":2)"));
}

TEST_F(FrontWhere, AMillionTasksAreHeldInOneChange) {
  submit(1'000'000);
  EXPECT_TRUE(holds(post("hold", R"({"selectors":["1"],"where":"index=2+"})"), R"("count":999999)"));
  EXPECT_TRUE(holds(get("explain?selector=1"), R"("reason":"held","tasks":999999)"));
  EXPECT_TRUE(holds(get("explain?selector=1.1"), R"("feasible":true)"));
}

TEST_F(FrontWhere, WhatNoWorkerCanEverRunIsExplainedWithTheNearestChange) {
  submit(2);
  EXPECT_TRUE(holds(post("set", R"({"selectors":["1"],"mem_mb":2097152})"), R"("count":2)"));
  world_.connect(4);
  const std::string why = get("explain?selector=1.1");
  EXPECT_TRUE(holds(why, R"("feasible":false)") && holds(why, R"("reason":"too-big")")) << why;
  EXPECT_TRUE(holds(why, R"("try":["muster task set 1.1 --mem 1024G"])")) << why;
  EXPECT_TRUE(holds(get("explain?selector=1"), R"("feasible":false)"));
}

}  // namespace
}  // namespace muster::test
