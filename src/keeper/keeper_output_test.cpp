// Output: kept apart, complete, binary, cut where the limits say, and never in a task's way, whatever the disk does.
// Real pipes and real disks; small ones where a full one is needed.
#include <gtest/gtest.h>

#include <filesystem>

#include "keeper/keeper_test_client.h"

namespace muster::keeper {
namespace {

using blobs::Stream;

class KeeperOutput : public ::testing::Test, protected KeeperSetup {
 protected:
  LoggedStream stream_of(std::uint64_t index, Stream stream) const {
    return read_log(folder.path())[{AttemptRef{7, index, 1, 1}, stream}];
  }
  std::uintmax_t log_bytes() const {
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.file("logs"))) {
      std::error_code removed;
      const std::uintmax_t size = entry.file_size(removed);
      if (!removed) bytes += size;
    }
    return bytes;
  }
};

std::vector<blobs::LogRecord> take(blobs::SegmentReader& reader) {
  auto records = reader.next();
  EXPECT_TRUE(records.has_value());
  return records ? *records : std::vector<blobs::LogRecord>();
}

constexpr std::uint64_t kMiB = 1 << 20;

// `yes` writes lines of 16 bytes, so every offset says what stands there.
constexpr std::string_view kLine = "0123456789abcde\n";
bool is_pattern(std::string_view text, std::uint64_t offset) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != kLine[(offset + i) % kLine.size()]) return false;
  }
  return true;
}
KeeperStart flood(std::uint64_t index, std::uint64_t bytes) {
  return start_of(index, {"sh", "-c", "yes 0123456789abcde | head -c " + std::to_string(bytes)});
}

TEST_F(KeeperOutput, BinaryBytesComeThroughAsTheyAre) {
  shell(1, "head -c 300000 /dev/urandom | tee " + folder.file("copy"));
  std::ifstream copy(folder.file("copy"), std::ios::binary);
  const std::string expected{std::istreambuf_iterator<char>(copy), {}};
  EXPECT_EQ(expected.size(), 300'000U);
  EXPECT_TRUE(stream_of(1, Stream::out).text == expected);
}

TEST_F(KeeperOutput, AClosedOrSharedStreamIsNoTrouble) {
  EXPECT_EQ(shell(1, "echo a; exec >&-; echo b >&2; read x <" + make_fifo("f") + " & exit 0").exit_code, 0);
  EXPECT_EQ(logged(1, Stream::out), "a\n");
  EXPECT_EQ(logged(1, Stream::err), "b\n");
  shell(2, "echo one; echo two >&2 2>&1; exec 2>&1; echo three >&2");
  EXPECT_EQ(logged(2, Stream::out), "one\nthree\n");
  EXPECT_EQ(logged(2, Stream::err), "two\n");
}

TEST_F(KeeperOutput, ATaskThatClosedBothStreamsStillRuns) {
  const std::string fifo = make_fifo("gate");
  const pid_t process = begin_shell(1, "exec >&- 2>&-; cat " + fifo + " >/dev/null; exit 5");
  EXPECT_TRUE(client.inventory().ended.empty());
  EXPECT_TRUE(process_stat(process).has_value());
  write_fifo(fifo);
  ASSERT_TRUE(client.until_ended(1));
  EXPECT_EQ(client.ends.begin()->second.exit_code, 5);
}

TEST_F(KeeperOutput, OutputCanBeFollowedWhileTheTaskRuns) {
  const std::string fifo = make_fifo("gate");
  begin_shell(1, "echo first; cat " + fifo);
  blobs::File logs(::open(folder.file("logs").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  blobs::SegmentReader reader(logs.get(), {});
  std::string seen;
  while (seen != "first\n") {
    for (const auto& record : take(reader)) seen += record.bytes;
    client.inventory();  // paces this loop by the keeper's own rounds
  }
  write_fifo(fifo);
  ASSERT_TRUE(client.until_ended(1));
  for (const auto& record : take(reader)) seen += record.bytes;
  EXPECT_EQ(seen, "first\ngo\n");
  const KeeperEnd& end = client.ends.begin()->second;
  EXPECT_EQ(reader.place(), (blobs::SegmentPlace{end.log_segment, end.log_offset}));
}

TEST_F(KeeperOutput, AFloodThatNobodyTakesIsCutInItsMiddle) {
  constexpr std::uint64_t kBytes = 200'000'000;
  const KeeperEnd end = run(flood(1, kBytes));
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.stdout_bytes, kBytes);
  const LoggedStream kept = stream_of(1, Stream::out);
  const std::size_t mark = kept.text.find('<');
  ASSERT_NE(mark, std::string::npos);
  const std::size_t after = kept.text.find('>') + 1;
  EXPECT_GE(mark, 8 * kMiB);
  EXPECT_TRUE(is_pattern(std::string_view(kept.text).substr(0, mark), 0));
  const std::uint64_t tail = kept.text.size() - after;
  EXPECT_GE(tail, 40 * kMiB);
  EXPECT_LE(tail, 56 * kMiB);
  EXPECT_TRUE(is_pattern(std::string_view(kept.text).substr(after), kBytes - tail));
  EXPECT_EQ(kept.end, kBytes);
  EXPECT_LT(log_bytes(), 140 * kMiB);
}

TEST_F(KeeperOutput, SmallLimitsHoldAndNothingIsKeptOfZero) {
  KeeperStart small = flood(1, 80 * kMiB);
  small.log_max_bytes = kMiB;
  EXPECT_EQ(run(small).stdout_bytes, 80 * kMiB);
  const LoggedStream kept = stream_of(1, Stream::out);
  EXPECT_TRUE(is_pattern(std::string_view(kept.text).substr(0, kMiB / 8), 0));
  EXPECT_GT(kept.missing, 20 * kMiB);
  EXPECT_EQ(kept.end, 80 * kMiB);
  KeeperStart none = flood(2, 10 * kMiB);
  none.log_max_bytes = 0;
  EXPECT_EQ(run(none).stdout_bytes, 10 * kMiB);
  EXPECT_EQ(stream_of(2, Stream::out).end, 0U);
}

TEST_F(KeeperOutput, WhatIsTakenAlongIsNotCut) {
  constexpr std::uint64_t kBytes = 120 * kMiB;
  KeeperStart start = flood(1, kBytes);
  start.log_max_bytes = 1024 * kMiB;
  client.start(start);
  blobs::File logs(::open(folder.file("logs").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  blobs::SegmentReader reader(logs.get(), {});
  std::uint64_t seen = 0;
  std::uintmax_t most = 0;
  while (seen < kBytes) {
    for (const auto& record : take(reader)) {
      ASSERT_EQ(record.offset, seen);
      ASSERT_TRUE(is_pattern(record.bytes, seen));
      seen += record.bytes.size();
    }
    KeeperRequest taken;
    taken.logs_taken_segment = reader.place().segment;
    client.send(taken);
    most = std::max(most, log_bytes());
  }
  ASSERT_TRUE(client.until_ended(1));
  EXPECT_EQ(client.ends.begin()->second.stdout_bytes, kBytes);
  KeeperRequest taken;
  taken.logs_taken_segment = client.ends.begin()->second.log_segment;
  client.send(taken);
  client.inventory();
  EXPECT_LT(log_bytes(), 20 * kMiB);
}

TEST_F(KeeperOutput, ManyTalkersAtOnceAreAllHeard) {
  KeeperRequest request;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    request.starts.push_back(start_of(i, {"sh", "-c",
                                          "for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo e$i >&2; done; yes " +
                                              std::to_string(i) + " | head -n 3000"}));
  }
  client.send(request);
  ASSERT_TRUE(client.until_ended(40));
  const auto log = read_log(folder.path());
  for (std::uint64_t i = 1; i <= 40; ++i) {
    std::string expected = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    for (int line = 0; line < 3000; ++line) expected += std::to_string(i) + "\n";
    EXPECT_TRUE(log.at({AttemptRef{7, i, 1, 1}, Stream::out}).text == expected) << i;
    EXPECT_EQ(log.at({AttemptRef{7, i, 1, 1}, Stream::err}).text, "e1\ne2\ne3\ne4\ne5\ne6\ne7\ne8\ne9\n");
  }
}

TEST(KeeperDisk, WhenItIsFullOutputIsDroppedAndAllElseGoesOn) {
  const blobs::SmallDisk disk(16 << 10);
  if (!disk.there()) GTEST_SKIP() << "needs the right to mount";
  const TestKeeper keeper(KeeperSetup::options_in(disk.path()));
  ASSERT_EQ(keeper.said(), "ready\n");
  TestClient client(disk.path());
  const std::string fifo = disk.path() + "/gate";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  client.start(start_of(1, {"sh", "-c", "echo before; read x <" + fifo + "; head -c 100000 /dev/zero"}));
  ASSERT_TRUE(client.until_started({7, 1, 1, 1}));
  client.inventory();
  disk.fill();
  client.start(flood(2, 30'000'000));
  ASSERT_TRUE(client.until_ended(1));
  KeeperEnd end = client.ends[(AttemptRef{7, 2, 1, 1})];
  EXPECT_EQ(end.kind, EndKind::exited);
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.stdout_bytes, 30'000'000U);
  for (std::uint64_t i = 10; i < 60; ++i) client.start(start_of(i, {"true"}));
  ASSERT_TRUE(client.until_ended(51));
  KeeperSetup::write_fifo(fifo);  // the disk is still full
  ASSERT_TRUE(client.until_ended(52));
  disk.make_room();
  client.start(start_of(3, {"echo", "new"}));
  ASSERT_TRUE(client.until_ended(53));
  auto log = read_log(disk.path());
  const std::string cut = log[{AttemptRef{7, 1, 1, 1}, Stream::out}].text;
  EXPECT_TRUE(cut.starts_with("before\n"));
  EXPECT_LT(cut.size(), 50'000U);
  EXPECT_EQ((client.ends[(AttemptRef{7, 1, 1, 1})].stdout_bytes), 100'007U);
  EXPECT_EQ((log[{AttemptRef{7, 3, 1, 1}, Stream::out}].text), "new\n");
  // The records had their room from the beginning.
  const auto records = read_records(disk.path());
  ASSERT_TRUE(records.has_value());
  EXPECT_EQ(records->ended.size(), 53U);
  EXPECT_TRUE(records->started.empty());
}

}  // namespace
}  // namespace muster::keeper
