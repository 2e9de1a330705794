// Any sequence of changes gives the same content in every store, whole or merged, before and after a restart.
// Must hold: a failing sequence is shrunk and printed by its choices.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <random>

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

// What differs between a store and the one in memory after the same changes; empty when nothing does.
std::string what_differs(StoreKind kind, const Pick& pick) {
  const auto subject = make_subject(kind);
  MemoryStore memory;
  std::string found = difference(memory.load(), subject->store().load());
  const std::uint64_t rounds = 1 + pick(8);
  for (std::uint64_t round = 0; round < rounds && found.empty(); ++round) {
    const Changes changes = random_changes(pick);
    memory.commit(changes);
    subject->store().commit(changes);
    found += difference(static_cast<History&>(memory), subject->history());
    found += difference(static_cast<AccessStore&>(memory), subject->access());
    if (pick(3) != 0) continue;
    subject->reopen();
    found += difference(memory.load(), subject->store().load());
    found += difference(static_cast<History&>(memory), subject->history());
    found += difference(static_cast<AccessStore&>(memory), subject->access());
  }
  return found;
}

TEST(RandomChanges, SqliteAndMemoryHoldTheSameAndSqliteKeepsIt) {
  EXPECT_TRUE(rc::check("same content in both stores",
                        [] { expect_same(what_differs(StoreKind::sqlite, pick_below)); }));
}

// A new schema for each case is slow, so the cases are few, and none is shrunk.
TEST(RandomChanges, PostgresAndMemoryHoldTheSameAndPostgresKeepsIt) {
  const std::string missing = why_missing(StoreKind::postgres);
  if (!missing.empty()) GTEST_SKIP() << missing;
  const std::uint64_t cases = getenv("MUSTER_TEST_LONG") != nullptr ? 500 : 12;
  for (std::uint64_t seed = 1; seed <= cases; ++seed) {
    std::mt19937_64 numbers(seed);
    const Pick pick = [&](std::uint64_t bound) { return numbers() % bound; };
    EXPECT_EQ(what_differs(StoreKind::postgres, pick), "") << "seed " << seed;
  }
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
