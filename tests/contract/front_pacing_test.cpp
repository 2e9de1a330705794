// A token that asks too fast from another machine: its answers come later, in order, and all of them come.
// Clients on this machine, and other tokens, notice nothing.
#include <gtest/gtest.h>

#include "front/directory.h"
#include "front/front.h"
#include "front_world.h"

namespace muster::test {
namespace {

class Pacing : public ::testing::Test {
 protected:
  Pacing() : directory_(world_.store_), front_(world_, tokens_, directory_, vault_, {}) {
    world_.store_.commit(directory_.first_rows("ada", 1));
    front::TokenWish wish;
    wish.owner = "ada";
    for (std::string& token : texts_) token = tokens_.mint(wish, 1).text;
  }

  // Asks once; the answer counts when it comes.
  void ask(const std::string& token, const std::string& address) {
    front::RequestHead head;
    head.target = "/api/v1/workers";
    head.fields = {{"host", "localhost"}, {"authorization", "Bearer " + token}};
    front::Admission admission = front_.admit(head, address);
    ASSERT_FALSE(admission.refusal) << admission.refusal->body;
    front_.handle(head, admission, "",
                  [this](const front::Response& response) { ++answers_[response.status]; });
  }

  FrontWorld world_;
  front::Tokens tokens_{{}};
  front::Directory directory_;
  front::Vault vault_{world_.store_, [](front::KeyWish) { return std::string(front::kServerKeyBytes, 'k'); }};
  front::Front front_;
  std::string texts_[2];
  std::map<int, int> answers_;
};

TEST_F(Pacing, AnswersComeLaterAndAllOfThemCome) {
  for (int i = 0; i < 600; ++i) ask(texts_[0], "10.1.2.3");
  EXPECT_EQ(answers_[200], 500);
  for (int i = 0; i < 600; ++i) ask(texts_[0], "127.0.0.1");
  EXPECT_EQ(answers_[200], 1100);
  ask(texts_[1], "10.1.2.3");
  EXPECT_EQ(answers_[200], 1101);
  EXPECT_LE(front_.next_due_us(), world_.now_.mono_us + 2000);
  world_.now_.mono_us += 100'000;
  front_.tick();
  EXPECT_EQ(answers_[200], 1151);
  world_.now_.mono_us += 100'000;
  front_.tick();
  EXPECT_EQ(answers_[200], 1201);
  EXPECT_EQ(front_.next_due_us(), std::numeric_limits<Micros>::max());
}

// A streamed submit counts like any other request, and its tasks are made when its turn comes.
TEST_F(Pacing, StreamedSubmitsHaveTheirTurnsToo) {
  const auto stream = [&] {
    front::RequestHead head;
    head.method = front::Method::post;
    head.target = "/api/v1/batches?items=lines";
    head.fields = {{"host", "localhost"},
                   {"authorization", "Bearer " + texts_[0]},
                   {"content-type", "application/vnd.muster.items"}};
    front::Admission admission = front_.admit(head, "10.1.2.3");
    if (admission.refusal) {
      ++answers_[admission.refusal->status];
      return;
    }
    ASSERT_TRUE(admission.sink);
    EXPECT_TRUE(admission.sink->feed("{\"command\":[\"true\",\"{}\"],\"cwd\":\"/\"}\na\nb\n"));
    admission.sink->finish([this](const front::Response& response) { ++answers_[response.status]; });
  };
  for (int i = 0; i < 520; ++i) stream();
  EXPECT_EQ(answers_[201], 500);
  world_.now_.mono_us += 20'000;
  front_.tick();
  EXPECT_EQ(answers_[201], 510);
  for (int i = 0; i < 6000; ++i) ask(texts_[0], "10.1.2.3");
  stream();
  EXPECT_GT(answers_[503], 0);
  const int made = answers_[201];
  front_.close();
  EXPECT_EQ(answers_[201], made + 10);
}

TEST_F(Pacing, BeyondTenSecondsThereIsARefusalAndAnEndAnswersAll) {
  for (int i = 0; i < 6000; ++i) ask(texts_[0], "10.1.2.3");
  EXPECT_EQ(answers_[200], 500);
  EXPECT_EQ(answers_[503], 500);
  front_.close();
  EXPECT_EQ(answers_[200], 5500);
}

}  // namespace
}  // namespace muster::test
