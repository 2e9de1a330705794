// A disk that fails in the middle of a commit, and a power loss at any moment.
// Must hold: an error is StoreUnknown and a reload settles it; what was acknowledged survives the power.
#include <gtest/gtest.h>

#include <random>

#include "faulty_disk.h"
#include "store/sqlite/sqlite_store.h"
#include "store_fixtures.h"

namespace muster::store {
namespace {

using Operation = FaultyDisk::Operation;

SqliteOptions often_checkpointed() {
  SqliteOptions options;
  options.reserve = {.ballast_bytes = 1 << 16, .low_bytes = 1 << 16};
  options.checkpoint_pages = 20;
  return options;
}

Changes two_tasks(Position first) {
  Changes changes;
  changes.tasks = {sample_finished(1, first), sample_finished(1, first + 1)};
  return changes;
}

// The tasks that are there, which stand without a gap and in pairs.
std::size_t pairs_of(const StoreSnapshot& snapshot) {
  EXPECT_EQ(snapshot.batches.size(), 1u);
  const auto& tasks = snapshot.batches.at(0).tasks;
  EXPECT_EQ(tasks.size() % 2, 0u);
  for (std::size_t i = 0; i < tasks.size(); ++i) EXPECT_EQ(tasks[i].position, i);
  return tasks.size() / 2;
}

// Every write and every sync of some dozens of commits and their checkpoints fails once.
TEST(SqliteFailingDisk, AnErrorAnywhereIsUnknownUntilALoadAndThenAllIsWell) {
  int unknown = 0;
  for (const Operation operation : {Operation::write, Operation::sync}) {
    for (const std::string ending : {"muster.db-wal", "muster.db"}) {
      for (std::uint64_t after = 0; after < 40; ++after) {
        const TemporaryFolder folder;
        FaultyDisk disk;
        const FolderLock lock = FolderLock::take(folder.path()).value();
        auto store = open_sqlite_store(lock, often_checkpointed()).value();
        store->load();
        store->commit(submit_changes(1, 1000, 1));
        disk.fail(operation, ending, after);
        std::size_t acknowledged = 0;
        for (int attempts = 0; attempts < 40; ++attempts) {
          try {
            store->commit(two_tasks(2 * acknowledged));
            ++acknowledged;
          } catch (const StoreUnknown&) {
            ++unknown;
            EXPECT_THROW(store->commit(two_tasks(0)), StoreUnknown);
            const std::size_t found = pairs_of(store->load());
            EXPECT_TRUE(found == acknowledged || found == acknowledged + 1)
                << found << " of " << acknowledged;
            acknowledged = found;
          }
        }
        disk.heal();
        store.reset();
        store = open_sqlite_store(lock, often_checkpointed()).value();
        EXPECT_EQ(pairs_of(store->load()), acknowledged);
      }
    }
  }
  EXPECT_GT(unknown, 60);
}

TEST(SqliteFailingDisk, APowerLossLosesNothingAcknowledged) {
  std::mt19937_64 random(7);
  const Pick pick = [&](std::uint64_t bound) { return random() % bound; };
  const TemporaryFolder folder;
  FaultyDisk disk;
  const FolderLock lock = FolderLock::take(folder.path()).value();
  auto store = open_sqlite_store(lock, often_checkpointed()).value();
  store->load();
  store->commit(submit_changes(1, 1000, 1));
  for (std::size_t acknowledged = 0; acknowledged < 150; ++acknowledged) {
    const TemporaryFolder after;
    disk.copy_after_power_loss(folder.path(), after.path(), pick);
    const FolderLock other = FolderLock::take(after.path()).value();
    auto survivor = open_sqlite_store(other, often_checkpointed());
    ASSERT_TRUE(survivor) << survivor.error().what;
    EXPECT_EQ(pairs_of((*survivor)->load()), acknowledged);
    EXPECT_EQ((*survivor)->total_counts("default")[static_cast<std::size_t>(TaskState::ready)], 1000u);
    store->commit(two_tasks(2 * acknowledged));
  }
}

}  // namespace
}  // namespace muster::store
