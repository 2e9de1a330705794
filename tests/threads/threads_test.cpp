// What more than one thread uses, used by more than one thread: logs and their sealer, the SQLite store and its look through the file.
// ThreadSanitizer looks on in ./dev test --all; here the bytes and rows have to be right whoever comes first.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "../contract/store_fixtures.h"
#include "../contract/store_samples.h"
#include "blobs/log_store.h"
#include "runtime/clock.h"
#include "runtime/log_sealer.h"
#include "store/sqlite/sqlite_store.h"

namespace muster {
namespace {

constexpr Micros kLongAgo_us = 3600LL * 1'000'000;
constexpr std::uint64_t kPieces = 400;
constexpr std::uint64_t kPieceBytes = 100;

// One byte for each piece, so that a reader knows what has to be at any position.
std::string piece(std::uint64_t number) {
  return std::string(kPieceBytes, static_cast<char>('a' + number % 26));
}

void write_log(blobs::LogStore& logs, BatchId batch, TaskIndex index) {
  for (std::uint64_t number = 0; number < kPieces; ++number) {
    const std::string bytes = piece(number);
    const std::vector<blobs::LogAppend> records = {
        {{{batch, index, 1, 1}, blobs::Stream::out, number * kPieceBytes, bytes}, blobs::kLogMaxBytes}};
    ASSERT_TRUE(logs.append(records));
  }
}

std::string read_log(blobs::LogStore& logs, const AttemptRef& attempt) {
  std::string all;
  for (std::uint64_t from = 0;;) {
    const auto chunk = logs.read(attempt, blobs::LogView::out, from, 4096);
    if (!chunk) return all;
    all += chunk->bytes;
    from = chunk->next;
    if (chunk->end) return all;
  }
}

// Whatever is there is a beginning of what is written.
void expect_beginning(const std::string& text) {
  for (std::uint64_t number = 0; number * kPieceBytes < text.size(); ++number) {
    ASSERT_EQ(text.substr(number * kPieceBytes, kPieceBytes),
              piece(number).substr(0, text.size() - number * kPieceBytes));
  }
}

TEST(Threads, LogsAreWrittenReadAndSealedAtOnce) {
  const store::TemporaryFolder folder;
  blobs::LogStoreOptions options;
  options.segment_bytes_max = 8192;
  auto logs = blobs::LogStore::open(folder.path(), options);
  ASSERT_TRUE(logs);
  {
    runtime::LogSealer sealer(*logs);
    std::atomic<int> writing = 2;
    std::vector<std::jthread> threads;
    for (const TaskIndex index : {1U, 2U}) {
      threads.emplace_back([&, index] {
        write_log(*logs, 7, index);
        sealer.add(7, runtime::mono_now_us() - kLongAgo_us);
        --writing;
      });
      threads.emplace_back([&, index] {
        while (writing > 0) expect_beginning(read_log(*logs, {7, index, 1, 1}));
      });
    }
    threads.clear();
    sealer.add(7, runtime::mono_now_us() - kLongAgo_us);
    std::this_thread::sleep_for(
        std::chrono::milliseconds(50));  // the sealer's own pace; what it got done does not matter
  }
  for (const TaskIndex index : {1U, 2U}) {
    const std::string text = read_log(*logs, {7, index, 1, 1});
    EXPECT_EQ(text.size(), kPieces * kPieceBytes);
    expect_beginning(text);
  }
}

TEST(Threads, SealersEndWhateverTheyDo) {
  const store::TemporaryFolder folder;
  auto logs = blobs::LogStore::open(folder.path());
  ASSERT_TRUE(logs);
  write_log(*logs, 1, 1);
  for (int round = 0; round < 20; ++round) {
    runtime::LogSealer sealer(*logs);
    sealer.add(1, runtime::mono_now_us() - kLongAgo_us);
  }
  EXPECT_EQ(read_log(*logs, {1, 1, 1, 1}).size(), kPieces * kPieceBytes);
}

TEST(Threads, TheStoreIsReadWhileItIsWritten) {
  const auto subject = store::make_subject(store::StoreKind::sqlite);
  subject->store().load();
  constexpr BatchId kBatches = 60;
  std::atomic<BatchId> newest = 0;
  std::vector<std::jthread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      while (newest < kBatches) {
        const BatchId known = newest;
        for (BatchId batch = 1; batch <= known; batch += 7) {
          ASSERT_TRUE(subject->history().batch(batch)) << "what was committed is there";
          ASSERT_EQ(subject->history().segments(batch).size(), 1U);
        }
        subject->history().batches(Page{0, 20});
        subject->access().tokens();
      }
    });
  }
  for (BatchId batch = 1; batch <= kBatches; ++batch) {
    subject->store().commit(store::submit_changes(batch, 100, static_cast<TaskNumber>(batch * 100)));
    newest = batch;
  }
  readers.clear();
  EXPECT_EQ(subject->history().batches(Page{0, 1000}).size(), kBatches);
}

// The look through the file that follows a disorderly end goes on beside commits, and is cut off by the end of the store.
TEST(Threads, TheLookThroughTheFileDisturbsNobody) {
  const store::TemporaryFolder folder;
  Result<store::FolderLock> lock = store::FolderLock::take(folder.path());
  ASSERT_TRUE(lock);
  const auto open = [&] { return std::move(*store::open_sqlite_store(*lock)); };
  {
    auto first = open();
    first->load();
    first->commit(store::submit_changes(1, 1000, 1));
    // As a kill leaves it: the mark of an orderly end is never set, because a copy of the file is what goes on.
    std::filesystem::copy_file(first->path(), folder.path() + "/copy");
    std::filesystem::copy_file(first->path() + "-wal", folder.path() + "/copy-wal");
  }
  for (int round = 0; round < 3; ++round) {
    std::filesystem::copy_file(folder.path() + "/copy", folder.path() + "/muster.db",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::copy_file(folder.path() + "/copy-wal", folder.path() + "/muster.db-wal",
                               std::filesystem::copy_options::overwrite_existing);
    auto store = open();
    EXPECT_NE(store->integrity().state, store::sqlite::Integrity::damaged);
    store->load();
    for (BatchId batch = 2; batch < 5; ++batch)
      store->commit(store::submit_changes(batch, 10, static_cast<TaskNumber>(batch * 2000)));
    while (round > 0 && store->integrity().state == store::sqlite::Integrity::checking)
      std::this_thread::yield();
    EXPECT_NE(store->integrity().state, store::sqlite::Integrity::damaged);
  }
}

}  // namespace
}  // namespace muster
