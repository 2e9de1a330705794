// Any sequence of changes gives the same content in every store, whole or merged, before and after a restart.
// Must hold: a failing sequence is shrunk and printed by its choices.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "store/memory/memory_store.h"
#include "store_fixtures.h"
#include "store_samples.h"

namespace muster::store {
namespace {

std::uint64_t pick_below(std::uint64_t bound) { return *rc::gen::inRange<std::uint64_t>(0, bound); }

// rc::check makes a hundred cases, from small to large; where they are cheap that is too few for what happens rarely.
template <class Property>
void check_often(const std::string& what, const Property& property) {
  for (int round = 0; round < 10; ++round) ASSERT_TRUE(rc::check(what, property));
}

void expect_same(const std::string& difference) {
  if (!difference.empty()) RC_FAIL(difference);
}

TEST(RandomChanges, SqliteAndMemoryHoldTheSameAndSqliteKeepsIt) {
  const bool passed = rc::check("same content in both stores", [] {
    const auto sqlite = make_subject(StoreKind::sqlite);
    MemoryStore memory;
    expect_same(difference(memory.load(), sqlite->store().load()));
    const std::uint64_t rounds = 1 + pick_below(8);
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const Changes changes = random_changes(pick_below);
      memory.commit(changes);
      sqlite->store().commit(changes);
      expect_same(difference(static_cast<History&>(memory), sqlite->history()));
      expect_same(difference(static_cast<AccessStore&>(memory), sqlite->access()));
      if (pick_below(3) != 0) continue;
      sqlite->reopen();
      expect_same(difference(memory.load(), sqlite->store().load()));
      expect_same(difference(static_cast<History&>(memory), sqlite->history()));
      expect_same(difference(static_cast<AccessStore&>(memory), sqlite->access()));
    }
  });
  EXPECT_TRUE(passed);
}

TEST(RandomChanges, MergedTheyGiveWhatTheyGiveOneByOne) {
  check_often("merged as one by one", [] {
    MemoryStore one_by_one;
    MemoryStore merged;
    Changes all;
    const std::uint64_t rounds = 1 + pick_below(6);
    for (std::uint64_t round = 0; round < rounds; ++round) {
      Changes changes = random_changes(pick_below);
      one_by_one.commit(changes);
      all.merge(std::move(changes));
    }
    merged.commit(all);
    RC_ASSERT(one_by_one == merged);
  });
}

TEST(RandomChanges, ASnapshotOfMemoryIsNotTouchedByWhatFollows) {
  check_often("snapshots stand still", [] {
    MemoryStore store;
    store.commit(random_changes(pick_below));
    MemoryStore kept = store.snapshot();
    RC_ASSERT(kept == store);
    const StoreSnapshot before = kept.look();
    const Changes more = random_changes(pick_below);
    store.commit(more);
    expect_same(difference(before, kept.look()));
    kept.commit(more);
    RC_ASSERT(kept == store);
  });
}

}  // namespace
}  // namespace muster::store
