// A fault hits one commit; after an unknown one nothing is taken before a load.
// What was written is told apart only by loading.
#include "store/memory/faulty_store.h"

#include <gtest/gtest.h>

#include "store/memory/memory_store.h"

namespace muster::store {
namespace {

Changes with_event(std::uint64_t seq) {
  Changes changes;
  EventRow row;
  row.seq = seq;
  changes.events.push_back(row);
  return changes;
}

TEST(FaultyStore, ARefusedCommitIsNotWrittenAndTheNextOneIs) {
  MemoryStore memory;
  FaultyStore faulty(memory);
  faulty.load();
  faulty.set_next_commit(CommitFault::refused);
  EXPECT_THROW(faulty.commit(with_event(1)), StoreFull);
  EXPECT_TRUE(memory.events("default", 0, {}).empty());
  faulty.commit(with_event(2));
  EXPECT_EQ(memory.events("default", 0, {}).size(), 1u);
}

TEST(FaultyStore, AnUnknownCommitMayBeWrittenOrNotAndDemandsALoad) {
  for (const CommitFault fault : {CommitFault::unknown_written, CommitFault::unknown_not_written}) {
    MemoryStore memory;
    FaultyStore faulty(memory);
    faulty.load();
    faulty.set_next_commit(fault);
    EXPECT_THROW(faulty.commit(with_event(1)), StoreUnknown);
    EXPECT_EQ(memory.events("default", 0, {}).size(), fault == CommitFault::unknown_written ? 1u : 0u);
    EXPECT_THROW(faulty.commit(with_event(2)), StoreUnknown);
    EXPECT_EQ(faulty.load().incarnation, 2u);
    faulty.commit(with_event(3));
    EXPECT_EQ(memory.events("default", 0, {}).front().seq, 3u);
  }
}

}  // namespace
}  // namespace muster::store
