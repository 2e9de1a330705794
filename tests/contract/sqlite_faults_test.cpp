// What happens to acknowledged work: kill -9 at any moment, a full disk, a disk that fails while it writes.
// Must hold: what commit() returned from is there afterwards; what it refused is not.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>
#include <thread>

#include "store/sqlite/sqlite_store.h"
#include "store_fixtures.h"
#include "store_samples.h"

namespace muster::store {
namespace {

SqliteOptions options_with(std::uint64_t ballast_bytes, std::uint64_t low_bytes) {
  SqliteOptions options;
  options.reserve = {.ballast_bytes = ballast_bytes, .low_bytes = low_bytes};
  options.checkpoint_pages = 100;
  return options;
}

// ---- kill -9

// One commit after the other; says so through the pipe only when it is on disk. Never returns.
[[noreturn]] void commit_for_ever(const std::string& folder, int acknowledgements) {
  const FolderLock lock = FolderLock::take(folder).value();
  auto store = open_sqlite_store(lock, options_with(1 << 16, 1 << 16)).value();
  const StoreSnapshot snapshot = store->load();
  std::uint64_t next = snapshot.batches.empty() ? 0 : snapshot.batches[0].tasks.size() - 1;
  if (snapshot.batches.empty()) store->commit(submit_changes(1, 1'000'000, 1));
  while (true) {
    Changes changes;
    changes.tasks = {sample_finished(1, next), sample_running(1, next + 1)};
    store->commit(changes);
    next += 1;
    if (write(acknowledgements, &next, sizeof next) != sizeof next) _exit(1);
  }
}

// The highest number a child acknowledged before it was killed after `delay`.
std::uint64_t run_and_kill(const std::string& folder, std::chrono::microseconds delay) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    commit_for_ever(folder, ends[1]);
  }
  close(ends[1]);
  // The moment is counted from the first sign of life, so that slow machines kill at work too.
  std::uint64_t acknowledged = 0;
  std::uint64_t number = 0;
  if (read(ends[0], &number, sizeof number) == sizeof number) acknowledged = number;
  std::this_thread::sleep_for(delay);
  kill(child, SIGKILL);
  while (read(ends[0], &number, sizeof number) == sizeof number) acknowledged = number;
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  return acknowledged;
}

TEST(SqliteKilled, NothingAcknowledgedIsLostAndNothingIsHalfThere) {
  const TemporaryFolder folder;
  std::mt19937_64 random(1);
  std::uint64_t total = 0;
  for (int round = 0; round < 30; ++round) {
    const std::uint64_t acknowledged =
        run_and_kill(folder.path(), std::chrono::microseconds(random() % 20'000));
    const FolderLock lock = FolderLock::take(folder.path()).value();
    auto store = open_sqlite_store(lock, options_with(1 << 16, 1 << 16)).value();
    const StoreSnapshot snapshot = store->load();
    ASSERT_EQ(snapshot.batches.size(), 1u);
    const auto& tasks = snapshot.batches[0].tasks;
    ASSERT_GE(tasks.size(), acknowledged + 1);
    // The commit in flight may be there, and only whole: all are finished but the last.
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      ASSERT_EQ(tasks[i].position, i);
      ASSERT_EQ(tasks[i].state, i + 1 < tasks.size() ? TaskState::succeeded : TaskState::running) << i;
    }
    EXPECT_NE(store->integrity().state, sqlite::Integrity::damaged);
    total = acknowledged;
  }
  EXPECT_GT(total, 100u);
}

// ---- a full disk

// A file system of a few megabytes; needs root.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& megabytes) {
    mounted_ = mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, ("size=" + megabytes + "m").c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  const std::string& path() const { return folder_.path(); }
  // Takes what is left but for `spare` bytes.
  void fill(std::size_t spare) {
    const int file = open(filler().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const std::string block(4096, 'x');
    off_t size = 0;
    while (write(file, block.data(), block.size()) > 0) size += 4096;
    size = lseek(file, 0, SEEK_END);
    EXPECT_EQ(ftruncate(file, std::max<off_t>(0, size - static_cast<off_t>(spare))), 0);
    close(file);
  }
  void free_all() { unlink(filler().c_str()); }

 private:
  std::string filler() const { return folder_.path() + "/filler"; }
  TemporaryFolder folder_;
  bool mounted_ = false;
};

Changes finished_tasks(Position first, Position count) {
  Changes changes;
  for (Position i = first; i < first + count; ++i) changes.tasks.push_back(sample_finished(1, i));
  return changes;
}

Changes large_submit(BatchId batch) {
  Changes changes = submit_changes(batch, 20'000, 1'000'000 * batch);
  ItemBlockRow row = sample_items(batch, 0, 0, 0);
  auto items = std::make_shared<ItemBlock>();
  items->columns = {""};
  std::mt19937_64 random(batch);
  // Letters that hardly compress: 26 of 256 values leave more than half.
  for (int i = 0; i < 6 << 20; ++i) items->bytes += static_cast<char>('a' + random() % 26);
  items->ends = {static_cast<std::uint32_t>(items->bytes.size())};
  row.items = items;
  changes.item_blocks = {row};
  return changes;
}

TEST(SqliteFullDisk, FinishedWorkIsRecordedNewWorkIsRefusedAndAllIsWellAfterwards) {
  SmallDisk disk("24");
  if (!disk.mounted()) GTEST_SKIP() << "a small file system can be mounted only as root";
  const SqliteOptions options = options_with(4 << 20, 4 << 20);
  Position recorded = 0;
  {
    const FolderLock lock = FolderLock::take(disk.path()).value();
    auto store = open_sqlite_store(lock, options).value();
    store->load();
    store->commit(submit_changes(1, 1'000'000, 1));
    EXPECT_EQ(store->space(), SpaceState::plenty);
    disk.fill(0);
    EXPECT_EQ(store->space(), SpaceState::low);
    // A submit does not get the ballast …
    EXPECT_THROW(store->commit(large_submit(2)), StoreFull);
    EXPECT_EQ(store->batch(2), std::nullopt);
    EXPECT_EQ(access((disk.path() + "/ballast").c_str(), F_OK), 0);
    // … and finished work does.
    for (; recorded < 10'000; recorded += 100) store->commit(finished_tasks(recorded, 100));
    EXPECT_NE(access((disk.path() + "/ballast").c_str(), F_OK), 0);
    EXPECT_EQ(store->space(), SpaceState::low);
    // Until nothing at all is left: refused whole, readable, and open for what fits.
    EXPECT_THROW(
        while (true) {
          store->commit(finished_tasks(recorded, 100));
          recorded += 100;
        },
        StoreFull);
    EXPECT_THROW(store->commit(finished_tasks(recorded, 10'000)), StoreFull);
    EXPECT_EQ(store->tasks({.batch = 1, .first = recorded - 100, .states = {}}, {.limit = 1000}).size(),
              100u);
    disk.free_all();
    EXPECT_EQ(store->space(), SpaceState::plenty);
    EXPECT_EQ(access((disk.path() + "/ballast").c_str(), F_OK), 0);
    store->commit(finished_tasks(recorded, 100));
    recorded += 100;
    store->commit(large_submit(2));
    EXPECT_EQ(store->batch(2)->task_count, 20'000u);
    // The refused submits are not counted.
    EXPECT_EQ(store->total_counts("default")[static_cast<std::size_t>(TaskState::ready)], 1'020'000u);
  }
  const FolderLock lock = FolderLock::take(disk.path()).value();
  auto store = open_sqlite_store(lock, options).value();
  EXPECT_EQ(store->integrity().state, sqlite::Integrity::not_needed);
  const StoreSnapshot snapshot = store->load();
  ASSERT_EQ(snapshot.batches.size(), 2u);
  ASSERT_EQ(snapshot.batches[0].tasks.size(), recorded);
  EXPECT_EQ(*snapshot.batches[1].item_blocks[0].items, *large_submit(2).item_blocks[0].items);
}

TEST(SqliteFullDisk, AServerStartsOnAFullDiskWithItsBallast) {
  SmallDisk disk("16");
  if (!disk.mounted()) GTEST_SKIP() << "a small file system can be mounted only as root";
  const SqliteOptions options = options_with(4 << 20, 1 << 20);
  {
    const FolderLock lock = FolderLock::take(disk.path()).value();
    auto store = open_sqlite_store(lock, options).value();
    store->load();
    store->commit(submit_changes(1, 1000, 1));
  }
  disk.fill(0);
  {
    const FolderLock lock = FolderLock::take(disk.path()).value();
    auto store = open_sqlite_store(lock, options).value();
    EXPECT_EQ(store->load().batches.size(), 1u);
    store->commit(finished_tasks(0, 100));
    EXPECT_EQ(store->space(), SpaceState::low);
  }
}

TEST(SqliteFullDisk, ANewDatabaseWithoutRoomIsAMessage) {
  SmallDisk disk("1");
  if (!disk.mounted()) GTEST_SKIP() << "a small file system can be mounted only as root";
  const FolderLock lock = FolderLock::take(disk.path()).value();
  disk.fill(8192);
  const auto opened = open_sqlite_store(lock, options_with(1 << 20, 1 << 20));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, kDiskFull);
  EXPECT_EQ(opened.error().kind, ErrorKind::temporary);
}

}  // namespace
}  // namespace muster::store
