// The server's logs: every byte once and in order whatever is sent twice, cut where the limits say, sealed, and never damaged.
// Real files; small limits where large ones would only be slow.
#include "blobs/log_store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <random>

#include "blobs/test_folder.h"

namespace muster::blobs {
namespace {

constexpr AttemptRef kFirst{7, 1, 1, 3};
constexpr AttemptRef kSecond{7, 2, 1, 3};

LogAppend piece(const AttemptRef& attempt, Stream stream, std::uint64_t offset, std::string_view bytes,
                std::uint64_t log_max_bytes = kLogMaxBytes) {
  return {{attempt, stream, offset, bytes}, log_max_bytes};
}

LogStore open_store(const TestFolder& folder, LogStoreOptions options = {}) {
  auto store = LogStore::open(folder.path(), options);
  EXPECT_TRUE(store.has_value());
  return std::move(*store);
}

void append(LogStore& store, const std::vector<LogAppend>& records) {
  const auto done = store.append(records);
  ASSERT_TRUE(done.has_value()) << done.error().what;
}

// The whole view, read in pages of this size.
std::string text(LogStore& store, const AttemptRef& attempt, LogView view, std::size_t page = 1 << 20,
                 std::uint64_t from = 0) {
  std::string all;
  for (int pages = 0; pages < 1'000'000; ++pages) {
    const auto chunk = store.read(attempt, view, from, page);
    EXPECT_TRUE(chunk.has_value());
    if (!chunk) return all;
    all += chunk->bytes;
    from = chunk->next;
    if (chunk->end) return all;
  }
  ADD_FAILURE() << "reading does not come to an end";
  return all;
}

void seal(LogStore& store, BatchId batch) {
  for (int steps = 0; steps < 1000; ++steps) {
    const auto done = store.seal(batch);
    ASSERT_TRUE(done.has_value()) << done.error().what;
    if (*done) return;
  }
  FAIL() << "sealing does not come to an end";
}

std::vector<std::string> files_of(const TestFolder& folder, const std::string& batch) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.file(batch))) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string numbered_text(std::size_t bytes) {
  std::string all;
  for (int i = 0; all.size() < bytes; ++i) all += "line " + std::to_string(i) + "\n";
  all.resize(bytes);
  return all;
}

TEST(LogStore, GivesBackWhatWasWritten) {
  const TestFolder folder;
  LogStore store = open_store(folder);
  append(store, {piece(kFirst, Stream::out, 0, "one\n"), piece(kSecond, Stream::out, 0, "two\n"),
                 piece(kFirst, Stream::err, 0, "bad\n"),
                 piece(kFirst, Stream::out, 4, std::string_view("a\0b", 3))});
  EXPECT_EQ(text(store, kFirst, LogView::out), std::string("one\na\0b", 7));
  EXPECT_EQ(text(store, kFirst, LogView::err), "bad\n");
  EXPECT_EQ(text(store, kFirst, LogView::both), std::string("one\nbad\na\0b", 11));
  EXPECT_EQ(text(store, kFirst, LogView::both, 3), std::string("one\nbad\na\0b", 11));
  EXPECT_EQ(text(store, kSecond, LogView::both), "two\n");
  EXPECT_EQ(*store.size(kFirst), (LogSize{kFirst, 7, 4, 11}));
  EXPECT_FALSE(store.size(kFirst)->cut());
  EXPECT_EQ(*store.size({7, 3, 1, 3}), (LogSize{{7, 3, 1, 3}, 0, 0, 0}));
  EXPECT_EQ(*store.size({8, 3, 1, 3}), (LogSize{{8, 3, 1, 3}, 0, 0, 0}));
  EXPECT_TRUE(text(store, {8, 3, 1, 3}, LogView::both).empty());
  EXPECT_FALSE(std::filesystem::exists(folder.file("8")));
}

TEST(LogStore, BytesSentTwiceAreKeptOnce) {
  const TestFolder folder;
  {
    LogStore store = open_store(folder);
    append(store, {piece(kFirst, Stream::out, 0, "abc"), piece(kFirst, Stream::out, 0, "abc"),
                   piece(kFirst, Stream::out, 1, "bcde")});
    EXPECT_EQ(text(store, kFirst, LogView::out), "abcde");
  }
  LogStore store = open_store(folder);
  append(store, {piece(kFirst, Stream::out, 0, "abcde"), piece(kFirst, Stream::out, 3, "defg")});
  EXPECT_EQ(text(store, kFirst, LogView::out), "abcdefg");
  EXPECT_EQ(store.size(kFirst)->kept_bytes, 7U);
}

TEST(LogStore, GapsAreShownAndCounted) {
  const TestFolder folder;
  LogStore store = open_store(folder);
  append(store, {piece(kFirst, Stream::out, 3, "abc"), piece(kFirst, Stream::out, 10, "z")});
  ASSERT_TRUE(store.finish(kFirst, 13, 0).has_value());
  ASSERT_TRUE(store.finish(kFirst, 13, 0).has_value());
  const std::string whole =
      "\n[muster: 3 bytes left out here]\nabc\n[muster: 4 bytes left out here]\nz\n[muster: 2 bytes left out "
      "here]\n";
  EXPECT_EQ(text(store, kFirst, LogView::out), whole);
  EXPECT_EQ(text(store, kFirst, LogView::both), whole);
  EXPECT_EQ(text(store, kFirst, LogView::out, 1), whole);
  EXPECT_EQ(text(store, kFirst, LogView::out, 100, 8),
            "\n[muster: 2 bytes left out here]\nz\n[muster: 2 bytes left out here]\n");
  EXPECT_EQ(*store.size(kFirst), (LogSize{kFirst, 13, 0, 4}));
  EXPECT_TRUE(store.size(kFirst)->cut());
}

TEST(LogStore, FollowersSeeWhatIsNew) {
  const TestFolder folder;
  LogStore store = open_store(folder);
  std::uint64_t from = 0;
  std::string seen;
  for (std::uint64_t i = 0; i < 50; ++i) {
    append(store, {piece(kFirst, i % 2 == 0 ? Stream::out : Stream::err, i / 2,
                         std::string(1, static_cast<char>('A' + i)))});
    const auto chunk = store.read(kFirst, LogView::both, from, 100);
    ASSERT_TRUE(chunk->end);
    from = chunk->next;
    seen += chunk->bytes;
  }
  EXPECT_EQ(seen.size(), 50U);
  EXPECT_EQ(seen, text(store, kFirst, LogView::both));
}

TEST(LogStore, KeepsTheFirstEighthAndTheLastSeven) {
  const TestFolder folder;
  constexpr std::uint64_t kMax = 1 << 20;
  const std::string all = numbered_text(5 << 20);
  LogStore store = open_store(folder);
  for (std::size_t at = 0; at < all.size(); at += 100'000) {
    append(store, {piece(kFirst, Stream::out, at, std::string_view(all).substr(at, 100'000), kMax)});
  }
  const LogSize size = *store.size(kFirst);
  EXPECT_EQ(size.out_bytes, all.size());
  EXPECT_LE(size.kept_bytes, kMax);
  EXPECT_GE(size.kept_bytes, kMax * 6 / 8);
  const std::string kept = text(store, kFirst, LogView::out);
  const std::size_t mark = kept.find("\n[muster: ");
  EXPECT_EQ(mark, kMax / 8);
  EXPECT_EQ(kept.substr(0, mark), all.substr(0, kMax / 8));
  const std::string tail = kept.substr(kept.find("here]\n") + 6);
  EXPECT_EQ(tail, all.substr(all.size() - tail.size()));
  EXPECT_EQ(kept.substr(mark, kept.size() - tail.size() - mark),
            "\n[muster: " + std::to_string(all.size() - size.kept_bytes) + " bytes left out here]\n");
  EXPECT_EQ(text(store, kFirst, LogView::out, 1000), kept);

  LogStore again = open_store(folder);
  EXPECT_EQ(*again.size(kFirst), size);
  EXPECT_EQ(text(again, kFirst, LogView::both), kept);
  append(again, {piece(kFirst, Stream::out, 0, std::string_view(all).substr(0, 1000), kMax),
                 piece(kFirst, Stream::out, all.size(), "the end", kMax)});
  EXPECT_TRUE(text(again, kFirst, LogView::out).ends_with(tail + "the end"));
  seal(again, 7);
  EXPECT_TRUE(text(again, kFirst, LogView::out).ends_with(tail + "the end"));
  EXPECT_EQ(text(again, kFirst, LogView::out).substr(0, kMax / 8), all.substr(0, kMax / 8));
  for (const std::string& name : files_of(folder, "7")) EXPECT_FALSE(name.starts_with("tail-")) << name;
}

TEST(LogStore, TheTailIsReadFromItsEnd) {
  const TestFolder folder;
  constexpr std::uint64_t kMax = 1 << 20;
  const std::string all = numbered_text(3 << 20);
  LogStore store = open_store(folder);
  for (std::size_t at = 0; at < all.size(); at += 50'000) {
    append(store, {piece(kFirst, Stream::out, at, std::string_view(all).substr(at, 50'000), kMax)});
  }
  for (const std::uint64_t bytes : {1ULL, 1000ULL, 300'000ULL}) {
    const auto from = store.tail_position(kFirst, LogView::out, bytes);
    EXPECT_EQ(text(store, kFirst, LogView::out, 1 << 20, *from), all.substr(all.size() - bytes));
  }
  EXPECT_EQ(*store.tail_position(kFirst, LogView::out, kMax), 0U);
  EXPECT_EQ(*store.tail_position(kFirst, LogView::err, 10), 0U);
}

TEST(LogStore, BothStreamsCountForTheLimit) {
  const TestFolder folder;
  constexpr std::uint64_t kMax = 800'000;
  LogStore store = open_store(folder);
  std::string out_text = numbered_text(1'000'000);
  for (std::size_t at = 0; at < out_text.size(); at += 10'000) {
    const std::string_view part = std::string_view(out_text).substr(at, 10'000);
    append(store, {piece(kFirst, Stream::out, at, part, kMax), piece(kFirst, Stream::err, at, part, kMax)});
  }
  const LogSize size = *store.size(kFirst);
  EXPECT_LE(size.kept_bytes, kMax);
  EXPECT_EQ(text(store, kFirst, LogView::err).substr(0, 50'000), out_text.substr(0, 50'000));
  EXPECT_TRUE(text(store, kFirst, LogView::err).ends_with(out_text.substr(900'000)));
  EXPECT_TRUE(text(store, kFirst, LogView::out).ends_with(out_text.substr(900'000)));
  const auto from = store.tail_position(kFirst, LogView::both, 10'000);
  EXPECT_EQ(text(store, kFirst, LogView::both, 1 << 20, *from), out_text.substr(990'000));
}

// Thousands of attempts over many segments: few files, found again, listed in order, also after a restart and when sealed.
class ManyAttempts : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kCount = 3000;
  static std::string output_of(std::uint64_t index) {
    return "task " + std::to_string(index) + std::string(index % 50, '.') + "\n";
  }
  static LogStoreOptions options() { return {64 << 10, 500, 4 << 20, 256}; }
  void SetUp() override {
    LogStore store = open_store(folder_, options());
    std::vector<std::uint64_t> order(kCount);
    for (std::uint64_t i = 0; i < kCount; ++i) order[i] = i + 1;
    std::shuffle(order.begin(), order.end(), std::mt19937(17));
    for (const std::uint64_t index : order) {
      const std::string bytes = output_of(index);
      append(store,
             {piece({7, index, 1, 3}, Stream::out, 0, bytes), piece({7, index, 1, 3}, Stream::err, 0, "!")});
    }
    check(store);
  }
  static void check(LogStore& store) {
    AttemptRef after{};
    std::uint64_t next = 1;
    while (true) {
      const auto page = store.list(7, after, 700);
      ASSERT_TRUE(page.has_value());
      if (page->empty()) break;
      for (const LogSize& one : *page) {
        ASSERT_EQ(one, (LogSize{{7, next, 1, 3}, output_of(next).size(), 1, output_of(next).size() + 1}));
        if (next % 37 == 0) {
          ASSERT_EQ(text(store, one.attempt, LogView::both), output_of(next) + "!");
        }
        ++next;
      }
      after = page->back().attempt;
    }
    EXPECT_EQ(next, kCount + 1);
  }
  TestFolder folder_;
};

TEST_F(ManyAttempts, AreFoundAgainAfterARestart) {
  LogStore store = open_store(folder_, options());
  check(store);
  EXPECT_LT(files_of(folder_, "7").size(), 40U);
}

TEST_F(ManyAttempts, AreFoundWithoutIndexes) {
  for (const std::string& name : files_of(folder_, "7")) {
    if (name.ends_with(".idx")) std::filesystem::remove(folder_.file("7/" + name));
  }
  LogStore store = open_store(folder_, options());
  check(store);
}

TEST_F(ManyAttempts, AreFoundWhenSealedAndBatchesGrowAgain) {
  LogStore store = open_store(folder_, options());
  seal(store, 7);
  check(store);
  for (const std::string& name : files_of(folder_, "7")) EXPECT_FALSE(name.ends_with(".log")) << name;
  LogStore again = open_store(folder_, options());
  check(again);
  append(again,
         {piece({7, kCount + 1, 1, 3}, Stream::out, 0, "late"), piece({7, 1, 1, 3}, Stream::out, 0, "task")});
  EXPECT_EQ(text(again, {7, kCount + 1, 1, 3}, LogView::out), "late");
  EXPECT_EQ(text(again, {7, 1, 1, 3}, LogView::out), output_of(1));
  seal(again, 7);
  EXPECT_EQ(text(again, {7, kCount + 1, 1, 3}, LogView::out), "late");
}

TEST_F(ManyAttempts, ASealThatWasInterruptedIsFinished) {
  {
    LogStore store = open_store(folder_, options());
    ASSERT_TRUE(store.seal(7).has_value());
    ASSERT_TRUE(store.seal(7).has_value());
  }
  // As after a kill between the rename and the removal, and in the middle of writing.
  std::filesystem::copy_file(folder_.file("7/" + segment_name(3)), folder_.file("7/" + segment_name(1)),
                             std::filesystem::copy_options::skip_existing);
  std::filesystem::copy_file(folder_.file("7/" + segment_name(3)),
                             folder_.file("7/" + segment_name(9) + ".zst.tmp"));
  LogStore store = open_store(folder_, options());
  check(store);
  seal(store, 7);
  check(store);
}

TEST(LogStore, SealingIsSmallAndReadableByZstd) {
  const TestFolder folder;
  LogStore store = open_store(folder, {1 << 20, 64 << 10, 4 << 20, 256});
  const std::string all = numbered_text(4 << 20);
  for (std::size_t at = 0; at < all.size(); at += 100'000) {
    append(store, {piece(kFirst, Stream::out, at, std::string_view(all).substr(at, 100'000))});
  }
  seal(store, 7);
  std::uintmax_t bytes = 0;
  for (const std::string& name : files_of(folder, "7"))
    bytes += std::filesystem::file_size(folder.file("7/" + name));
  EXPECT_LT(bytes, all.size() / 2);
  EXPECT_EQ(text(store, kFirst, LogView::out), all);
  EXPECT_EQ(text(store, kFirst, LogView::out, 1 << 20, 3'000'000), all.substr(3'000'000));
  std::string magic(4, '\0');
  const auto file = open_at(folder.get(), "7/" + segment_name(1) + ".zst", O_RDONLY);
  ASSERT_TRUE(read_at(file->get(), 0, magic.data(), 4).has_value());
  EXPECT_EQ(magic, "\x28\xb5\x2f\xfd");
}

TEST(LogStore, FewBatchesAreOpenAtATime) {
  const TestFolder folder;
  LogStore store = open_store(folder, {kSegmentBytesMax, 64 << 10, 4 << 20, 3});
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (BatchId batch = 1; batch <= 20; ++batch) {
      append(store,
             {piece({batch, 1, 1, 1}, Stream::out, round, std::string(1, static_cast<char>('a' + round)))});
    }
  }
  for (BatchId batch = 1; batch <= 20; ++batch) EXPECT_EQ(text(store, {batch, 1, 1, 1}, LogView::out), "abc");
}

TEST(LogStore, RemovesWholeBatches) {
  const TestFolder folder;
  LogStore store = open_store(folder);
  append(store, {piece(kFirst, Stream::out, 0, "x"), piece({8, 1, 1, 1}, Stream::out, 0, "y")});
  ASSERT_TRUE(store.remove(7).has_value());
  ASSERT_TRUE(store.remove(7).has_value());
  EXPECT_FALSE(std::filesystem::exists(folder.file("7")));
  EXPECT_EQ(store.size(kFirst)->out_bytes, 0U);
  EXPECT_EQ(text(store, {8, 1, 1, 1}, LogView::out), "y");
  append(store, {piece(kFirst, Stream::out, 0, "new")});
  EXPECT_EQ(text(store, kFirst, LogView::out), "new");
}

TEST(LogStore, DamagedBytesAreAGap) {
  const TestFolder folder;
  LogStore store = open_store(folder);
  append(store, {piece(kFirst, Stream::out, 0, "good"), piece(kFirst, Stream::out, 4, "evil"),
                 piece(kFirst, Stream::out, 8, "fine")});
  const auto file = open_at(folder.get(), "7/" + segment_name(1), O_RDWR);
  ASSERT_EQ(::pwrite(file->get(), "E", 1, 2 * kRecordHeaderBytes + 4), 1);
  EXPECT_EQ(text(store, kFirst, LogView::out), "good\n[muster: 4 bytes left out here]\nfine");
}

TEST(LogStore, AFullDiskIsAValueAndNothingIsDamaged) {
  const SmallDisk disk(4096);
  if (!disk.there()) GTEST_SKIP() << "needs the right to mount";
  constexpr std::uint64_t kMax = 1 << 20;
  auto store = LogStore::open(disk.path());
  const std::string all = numbered_text(2'000'000);
  std::size_t sent = 0;
  const auto send = [&] {
    const auto done = store->append(
        std::vector{piece(kFirst, Stream::out, sent, std::string_view(all).substr(sent, 50'000), kMax),
                    piece(kSecond, Stream::err, sent, std::string_view(all).substr(sent, 50'000), kMax)});
    if (done) sent += 50'000;
    return done;
  };
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(send().has_value());
  disk.fill();
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    const auto done = send();
    if (done) continue;
    EXPECT_EQ(done.error().code, kDiskFull);
    ++refused;
  }
  EXPECT_GT(refused, 5);
  EXPECT_TRUE(text(*store, kFirst, LogView::out).starts_with(all.substr(0, kMax / 8)));
  disk.make_room();
  while (sent < all.size()) ASSERT_TRUE(send().has_value());
  for (int again = 0; again < 2; ++again) {
    const std::string first = text(*store, kFirst, LogView::out);
    EXPECT_EQ(first.substr(0, kMax / 8), all.substr(0, kMax / 8));
    EXPECT_TRUE(first.ends_with(all.substr(all.size() - kMax / 2)));
    EXPECT_TRUE(text(*store, kSecond, LogView::err).ends_with(all.substr(all.size() - kMax / 2)));
    store = LogStore::open(disk.path());
  }
}

// Killed while it appends to heads and tails; what was acknowledged is there, and sending all of it again changes nothing.
TEST(LogStore, SurvivesKillAtAnyInstant) {
  const TestFolder folder;
  constexpr std::uint64_t kMax = 512 << 10;
  const std::string all = numbered_text(3 << 20);
  const LogStoreOptions options{128 << 10, 1000, 64 << 10, 16};
  for (int round = 0; round < 15; ++round) {
    int acknowledged[2];
    ASSERT_EQ(::pipe(acknowledged), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = LogStore::open(folder.path(), options);
      for (std::uint64_t at = 0; at < all.size(); at += 3000) {
        const std::string_view part = std::string_view(all).substr(at, 3000);
        const std::vector<LogAppend> both{piece(kFirst, Stream::out, at, part, kMax),
                                          piece({7, at, 1, 3}, Stream::out, 0, part, kMax)};
        if (!store->append(both) || ::write(acknowledged[1], &at, sizeof at) != sizeof at) ::_exit(1);
        if (at > 300'000 && round == 0) ::pause();
      }
      ::_exit(0);
    }
    ::close(acknowledged[1]);
    std::uint64_t at = 0;
    const std::uint64_t enough = static_cast<std::uint64_t>(round) * 20'000;
    while (::read(acknowledged[0], &at, sizeof at) == sizeof at && at < enough) {
    }
    ::kill(child, SIGKILL);
    while (::read(acknowledged[0], &at, sizeof at) == sizeof at) {
    }
    ::waitpid(child, nullptr, 0);
    ::close(acknowledged[0]);
    LogStore store = open_store(folder, options);
    const LogSize size = *store.size(kFirst);
    ASSERT_GE(size.out_bytes, std::min<std::size_t>(at + 3000, all.size()));
    const std::string kept = text(store, kFirst, LogView::out);
    ASSERT_EQ(kept.substr(0, std::min<std::size_t>(size.out_bytes, kMax / 8)),
              all.substr(0, std::min<std::size_t>(size.out_bytes, kMax / 8)));
    const std::uint64_t tail = std::min<std::uint64_t>(size.out_bytes, 1000);
    ASSERT_TRUE(kept.ends_with(all.substr(size.out_bytes - tail, tail)));
    ASSERT_EQ(text(store, {7, at, 1, 3}, LogView::out), all.substr(at, 3000));
  }
}

}  // namespace
}  // namespace muster::blobs
