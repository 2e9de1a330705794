// Long polls: looked at when something happened, answered in time, never twice.
// Time is what the test says it is.
#include "front/waiters.h"

#include <gtest/gtest.h>

namespace muster::front {
namespace {

struct Seen {
  std::vector<Look> looks;
  bool done = false;
  Wait wait(std::vector<BatchId> batches, Micros deadline_us, Micros pause_us = 0) {
    return {std::move(batches), deadline_us, pause_us, [this](Look why) {
              looks.push_back(why);
              return done;
            }};
  }
};

TEST(Waiters, AreLookedAtWhenTheirBatchChanges) {
  Waiters waiters;
  Seen one;
  Seen two;
  waiters.add(one.wait({1, 2}, 1000), 0);
  waiters.add(two.wait({2}, 1000), 0);
  waiters.touched(3, 10);
  EXPECT_TRUE(one.looks.empty());
  waiters.touched(1, 10);
  waiters.touched(2, 20);
  EXPECT_EQ(one.looks.size(), 2U);
  EXPECT_EQ(two.looks.size(), 1U);
  one.done = true;
  waiters.touched(2, 30);
  EXPECT_EQ(waiters.size(), 1U);
  waiters.touched(1, 40);
  EXPECT_EQ(one.looks.size(), 3U);  // answered: not looked at again
}

TEST(Waiters, AnswerWhenTheTimeIsOver) {
  Waiters waiters;
  Seen seen;
  EXPECT_EQ(waiters.next_due_us(), std::numeric_limits<Micros>::max());
  waiters.add(seen.wait({1}, 1000), 0);
  EXPECT_EQ(waiters.next_due_us(), 1000);
  waiters.tick(999);
  EXPECT_TRUE(seen.looks.empty());
  waiters.tick(1000);
  EXPECT_EQ(seen.looks, std::vector<Look>{Look::over});
  EXPECT_EQ(waiters.size(), 0U);
}

TEST(Waiters, PauseBetweenLooksAndMissNothing) {
  Waiters waiters;
  Seen seen;
  waiters.add(seen.wait({1}, 1000, 100), 0);
  for (Micros now_us = 1; now_us < 100; ++now_us) waiters.touched(1, now_us);
  EXPECT_TRUE(seen.looks.empty());
  EXPECT_EQ(waiters.next_due_us(),
            100);  // the change is looked at after the pause, although nothing more happens
  waiters.tick(100);
  EXPECT_EQ(seen.looks, std::vector<Look>{Look::changed});
  EXPECT_EQ(waiters.next_due_us(), 1000);
  waiters.touched(1, 150);
  waiters.touched(1, 200);
  EXPECT_EQ(seen.looks.size(), 2U);
}

TEST(Waiters, AreAllAnsweredAtTheEnd) {
  Waiters waiters;
  Seen one;
  Seen two;
  waiters.add(one.wait({1}, 1000), 0);
  waiters.add(two.wait({1}, 2000), 0);
  waiters.close();
  EXPECT_EQ(one.looks, std::vector<Look>{Look::closing});
  EXPECT_EQ(two.looks, std::vector<Look>{Look::closing});
  EXPECT_EQ(waiters.size(), 0U);
}

TEST(Waiters, ALookMayAddAnother) {
  Waiters waiters;
  Seen inner;
  Wait outer;
  outer.batches = {1};
  outer.deadline_mono_us = 1000;
  outer.look = [&](Look) {
    waiters.add(inner.wait({1}, 2000), 10);
    return true;
  };
  waiters.add(std::move(outer), 0);
  waiters.touched(1, 10);
  EXPECT_EQ(waiters.size(), 1U);
  EXPECT_TRUE(inner.looks.empty());
  waiters.touched(1, 20);
  EXPECT_EQ(inner.looks.size(), 1U);
}

}  // namespace
}  // namespace muster::front
