// The records of a keeper: whatever is stored is read back, damage ends the reading, growth is bounded by what is alive.
// Kills of real keepers are in keeper_recovery_test.cpp.
#include "keeper/records.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "blobs/test_folder.h"
#include "wire/keeper/keeper_codec.h"

namespace muster::keeper {
namespace {

KeeperEnd end_of(std::uint64_t index) {
  KeeperEnd end;
  end.attempt = {7, index, 1, 1};
  end.exit_code = static_cast<std::int32_t>(index % 200);
  end.message = std::string(index % 100, 'm');
  return end;
}
KeeperStarted started_of(std::uint64_t index) {
  return {{7, index, 1, 1}, static_cast<std::int64_t>(1000 + index), index, 5, {}};
}
std::string bytes_of(const KeeperEnd& end) {
  std::string bytes;
  wire::append_keeper_end(end, bytes);
  return bytes;
}
std::string bytes_of(const KeeperStarted& started) {
  std::string bytes;
  wire::append_keeper_started(started, bytes);
  return bytes;
}

// A record file with the keeper's knowledge of what is alive beside it.
class Book {
 public:
  explicit Book(const blobs::TestFolder& folder)
      : file_(*RecordFile::make(folder.get(), [this](const RecordFile::Put& put) {
          for (const auto& [index, ended] : alive_) {
            put(ended ? RecordKind::ended : RecordKind::started,
                ended ? bytes_of(end_of(index)) : bytes_of(started_of(index)));
          }
        })) {}
  void start(std::uint64_t index) {
    alive_[index] = false;
    file_.append(RecordKind::started, bytes_of(started_of(index)));
  }
  void end(std::uint64_t index) {
    alive_[index] = true;
    file_.append(RecordKind::ended, bytes_of(end_of(index)));
  }
  void forget(std::uint64_t index) {
    alive_.erase(index);
    file_.append(RecordKind::forgotten, bytes_of(KeeperStarted{{7, index, 1, 1}, 0, 0, 0, {}}));
  }
  std::uint64_t lost() const { return file_.lost(); }

 private:
  std::map<std::uint64_t, bool> alive_;
  RecordFile file_;
};

TEST(Records, GiveBackWhatWasStored) {
  const blobs::TestFolder folder;
  EXPECT_TRUE(read_records(folder.path())->ended.empty());
  Book book(folder);
  for (std::uint64_t i = 1; i <= 6; ++i) book.start(i);
  book.end(2);
  book.end(4);
  book.end(6);
  book.forget(4);
  const auto records = read_records(folder.path());
  EXPECT_EQ(records->started, (std::vector{started_of(1), started_of(3), started_of(5)}));
  EXPECT_EQ(records->ended, (std::vector{end_of(2), end_of(6)}));
}

TEST(Records, StayAsSmallAsWhatIsAlive) {
  const blobs::TestFolder folder;
  Book book(folder);
  for (std::uint64_t i = 1; i <= 100'000; ++i) {
    book.start(i);
    book.end(i);
    if (i > 100) book.forget(i - 100);
  }
  EXPECT_LE(std::filesystem::file_size(folder.file("exits")), 1U << 20);
  const auto records = read_records(folder.path());
  ASSERT_EQ(records->ended.size(), 100U);
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(records->ended[i], end_of(99'901 + i));
  EXPECT_TRUE(records->started.empty());
}

TEST(Records, GrowWithWhatIsAlive) {
  const blobs::TestFolder folder;
  Book book(folder);
  for (std::uint64_t i = 1; i <= 50'000; ++i) {
    book.start(i);
    book.end(i);
  }
  EXPECT_EQ(book.lost(), 0U);
  const auto records = read_records(folder.path());
  ASSERT_EQ(records->ended.size(), 50'000U);
  EXPECT_EQ(records->ended.back(), end_of(50'000));
}

TEST(Records, DamageEndsTheReadingOnly) {
  const blobs::TestFolder folder;
  {
    Book book(folder);
    for (std::uint64_t i = 1; i <= 10; ++i) book.start(i);
  }
  std::fstream file(folder.file("exits"), std::ios::in | std::ios::out | std::ios::binary);
  std::size_t most = 10;
  for (int at = 400; at > 0; at -= 7) {
    file.seekp(at);
    file.put('\x55');
    file.flush();
    const auto records = read_records(folder.path());
    ASSERT_TRUE(records.has_value());
    EXPECT_LE(records->started.size(), most);
    most = records->started.size();
    for (std::size_t i = 0; i < most; ++i) EXPECT_EQ(records->started[i], started_of(i + 1));
  }
  EXPECT_EQ(most, 0U);
}

TEST(Records, AFullDiskDoesNotStopTheRenewal) {
  const blobs::SmallDisk disk(4096);
  if (!disk.there()) GTEST_SKIP() << "needs the right to mount";
  const blobs::File folder(::open(disk.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::map<std::uint64_t, bool> alive;
  auto file = RecordFile::make(
      folder.get(), [](const RecordFile::Put& put) { put(RecordKind::ended, bytes_of(end_of(1))); });
  ASSERT_TRUE(file.has_value());
  disk.fill();
  for (int i = 0; i < 100'000; ++i) file->append(RecordKind::started, bytes_of(started_of(2)));
  EXPECT_EQ(file->lost(), 0U);
  const auto records = read_records(disk.path());
  EXPECT_EQ(records->ended, std::vector{end_of(1)});
}

TEST(Identity, IsReadAsItWasWritten) {
  const blobs::TestFolder folder;
  EXPECT_FALSE(read_identity(folder.path()).has_value());
  const KeeperIdentity identity{4711, 123, "abc-def"};
  ASSERT_TRUE(write_identity(folder.get(), identity).has_value());
  EXPECT_EQ(read_identity(folder.path()), identity);
  EXPECT_FALSE(is_alive(identity));
}

}  // namespace
}  // namespace muster::keeper
