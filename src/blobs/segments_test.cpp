// Segments: what is appended is read in order, by readers that follow; torn ends and damage are recognised, never believed.
// Real files throughout.
#include "blobs/segments.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

#include "blobs/crc32c.h"
#include "blobs/test_folder.h"

namespace muster::blobs {
namespace {

constexpr AttemptRef kFirst{7, 1, 1, 3};
constexpr AttemptRef kSecond{7, 2, 1, 3};

std::string one_record(const AttemptRef& attempt, Stream stream, std::uint64_t offset,
                       std::string_view bytes) {
  std::string out;
  append_record({attempt, stream, offset, bytes}, out);
  return out;
}

// All that a reader gives, as "index/stream@offset=bytes".
std::vector<std::string> read_all(SegmentReader& reader) {
  std::vector<std::string> lines;
  while (true) {
    const auto records = reader.next(100);
    EXPECT_TRUE(records.has_value());
    if (!records || records->empty()) return lines;
    for (const LogRecord& record : *records) {
      lines.push_back(std::to_string(record.attempt.index) + (record.stream == Stream::out ? "o@" : "e@") +
                      std::to_string(record.offset) + "=" + std::string(record.bytes));
    }
  }
}

TEST(Crc32c, BothWaysGiveTheKnownValues) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c_portable("123456789"), 0xe3069283U);
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += static_cast<char>(i * 7);
    ASSERT_EQ(crc32c(text), crc32c_portable(text));
  }
  EXPECT_EQ(crc32c("6789", crc32c("12345")), crc32c("123456789"));
}

TEST(Record, HeadersComeBackAndBrokenOnesDoNot) {
  std::string bytes = one_record({1, 2, 3, 4}, Stream::err, 5, std::string("a\0b", 3));
  const auto header = read_record_header(bytes);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->attempt, (AttemptRef{1, 2, 3, 4}));
  EXPECT_EQ(header->stream, Stream::err);
  EXPECT_EQ(header->offset, 5U);
  EXPECT_EQ(header->length, 3U);
  EXPECT_EQ(header->payload_crc, crc32c(std::string_view("a\0b", 3)));
  EXPECT_FALSE(read_record_header(std::string_view(bytes).substr(0, kRecordHeaderBytes - 1)).has_value());
  for (std::size_t i = 0; i < kRecordHeaderBytes; ++i) {
    std::string broken = bytes;
    broken[i] = static_cast<char>(broken[i] ^ 1);
    EXPECT_FALSE(read_record_header(broken).has_value()) << i;
  }
}

TEST(SegmentWriter, RotatesAndIsFollowed) {
  const TestFolder folder;
  auto writer = SegmentWriter::open(folder.get(), 200);
  ASSERT_TRUE(writer.has_value());
  SegmentReader reader(folder.get(), {});
  std::vector<std::string> expected;
  std::vector<std::string> seen;
  for (std::uint64_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(writer->append(one_record(kFirst, Stream::out, i * 3, "abc")).has_value());
    expected.push_back("1o@" + std::to_string(i * 3) + "=abc");
    for (std::string& line : read_all(reader)) seen.push_back(std::move(line));
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(reader.place(), writer->place());
  }
  EXPECT_EQ(writer->place().segment, 7U);
  SegmentReader late(folder.get(), {});
  EXPECT_EQ(read_all(late), expected);
}

TEST(SegmentWriter, BuffersAreOneWriteAndCanBeFilledInPlace) {
  const TestFolder folder;
  auto writer = SegmentWriter::open(folder.get());
  RecordBuffer buffer(1 << 10);
  std::copy_n("hello", 5, buffer.reserve(100));
  buffer.commit(kFirst, Stream::out, 0, 5);
  buffer.reserve(100);
  buffer.commit(kFirst, Stream::err, 0, 0);  // nothing was read
  buffer.add({kSecond, Stream::err, 9, "x"});
  ASSERT_TRUE(writer->append(buffer.bytes()).has_value());
  SegmentReader reader(folder.get(), {});
  EXPECT_EQ(read_all(reader), (std::vector<std::string>{"1o@0=hello", "2e@9=x"}));
}

TEST(SegmentWriter, RemovesWhatWasTakenAndReadersGoOn) {
  const TestFolder folder;
  auto writer = SegmentWriter::open(folder.get(), 60);
  for (std::uint64_t i = 0; i < 5; ++i)
    ASSERT_TRUE(writer->append(one_record(kFirst, Stream::out, i, "x")).has_value());
  EXPECT_EQ(writer->bytes_kept(), 5 * 57U);
  ASSERT_TRUE(writer->remove_below(4).has_value());
  EXPECT_EQ(*list_segments(folder.get()), (std::vector<std::uint64_t>{4, 5}));
  EXPECT_EQ(writer->bytes_kept(), 2 * 57U);
  ASSERT_TRUE(writer->remove_below(99).has_value());
  EXPECT_EQ(*list_segments(folder.get()), (std::vector<std::uint64_t>{5}));
  SegmentReader reader(folder.get(), {2, 57});
  EXPECT_EQ(read_all(reader), (std::vector<std::string>{"1o@4=x"}));
  ASSERT_TRUE(writer->append(one_record(kFirst, Stream::out, 5, "y")).has_value());
  EXPECT_EQ(read_all(reader), (std::vector<std::string>{"1o@5=y"}));
}

TEST(SegmentWriter, AdoptsFilesAsNextSegments) {
  const TestFolder folder;
  auto writer = SegmentWriter::open(folder.get());
  ASSERT_TRUE(writer->append(one_record(kFirst, Stream::out, 0, "a")).has_value());
  SegmentReader reader(folder.get(), {});
  EXPECT_EQ(read_all(reader).size(), 1U);
  for (const char* name : {"b", "c"}) {
    const auto file = open_at(folder.get(), name, O_RDWR | O_CREAT);
    ASSERT_TRUE(append_all(file->get(), 0, one_record(kSecond, Stream::out, 0, name), name).has_value());
  }
  ASSERT_TRUE(writer->adopt({"b", "c"}).has_value());
  ASSERT_TRUE(writer->append(one_record(kFirst, Stream::out, 1, "d")).has_value());
  EXPECT_EQ(read_all(reader), (std::vector<std::string>{"2o@0=b", "2o@0=c", "1o@1=d"}));
}

TEST(SegmentReader, WaitsForTheRestOfARecord) {
  const TestFolder folder;
  const std::string record = one_record(kFirst, Stream::out, 0, "whole");
  const auto file = open_at(folder.get(), segment_name(1), O_RDWR | O_CREAT);
  SegmentReader reader(folder.get(), {});
  for (std::size_t i = 1; i < record.size(); ++i) {
    ASSERT_TRUE(append_all(file->get(), i - 1, record.substr(i - 1, 1), "x").has_value());
    EXPECT_TRUE(read_all(reader).empty());
    EXPECT_TRUE(reader.torn());
  }
  ASSERT_TRUE(append_all(file->get(), record.size() - 1, record.substr(record.size() - 1), "x").has_value());
  EXPECT_EQ(read_all(reader), (std::vector<std::string>{"1o@0=whole"}));
  EXPECT_FALSE(reader.torn());
}

TEST(SegmentReader, LeavesDamagedBytesOutAndGoesOn) {
  const TestFolder folder;
  auto writer = SegmentWriter::open(folder.get());
  const std::string record = one_record(kFirst, Stream::out, 0, "good");
  ASSERT_TRUE(writer->append(record + one_record(kFirst, Stream::out, 4, "bad!") + record).has_value());
  const auto file = open_at(folder.get(), segment_name(1), O_RDWR);
  ASSERT_EQ(::pwrite(file->get(), "B", 1, static_cast<off_t>(record.size() + kRecordHeaderBytes)), 1);
  SegmentReader reader(folder.get(), {});
  EXPECT_EQ(read_all(reader).size(), 2U);
}

TEST(SegmentReader, SkipsATornEndOnceALaterSegmentExists) {
  const TestFolder folder;
  const std::string record = one_record(kFirst, Stream::out, 0, "first");
  const auto file = open_at(folder.get(), segment_name(1), O_RDWR | O_CREAT);
  ASSERT_TRUE(append_all(file->get(), 0, record + record.substr(0, 30), "x").has_value());
  SegmentReader reader(folder.get(), {});
  EXPECT_EQ(read_all(reader).size(), 1U);
  const auto later = open_at(folder.get(), segment_name(2), O_RDWR | O_CREAT);
  ASSERT_TRUE(append_all(later->get(), 0, record, "x").has_value());
  EXPECT_EQ(read_all(reader).size(), 1U);
}

TEST(SegmentWriter, CutsATornEndOff) {
  const std::string record = one_record(kFirst, Stream::out, 0, "sound");
  for (const std::size_t torn : {std::size_t{1}, kRecordHeaderBytes, record.size() - 1}) {
    const TestFolder folder;
    const auto file = open_at(folder.get(), segment_name(1), O_RDWR | O_CREAT);
    ASSERT_TRUE(append_all(file->get(), 0, record + record.substr(0, torn), "x").has_value());
    auto writer = SegmentWriter::open(folder.get());
    ASSERT_TRUE(writer.has_value());
    EXPECT_EQ(writer->place(), (SegmentPlace{1, record.size()}));
    ASSERT_TRUE(writer->append(one_record(kSecond, Stream::err, 1, "more")).has_value());
    SegmentReader reader(folder.get(), {});
    EXPECT_EQ(read_all(reader), (std::vector<std::string>{"1o@0=sound", "2e@1=more"}));
  }
}

TEST(SegmentWriter, ALastRecordWithWrongBytesIsTorn) {
  const TestFolder folder;
  std::string bytes = one_record(kFirst, Stream::out, 0, "sound");
  const std::size_t sound = bytes.size();
  bytes += one_record(kFirst, Stream::out, 5, "zeros");
  bytes.replace(bytes.size() - 5, 5, std::string(5, '\0'));
  const auto file = open_at(folder.get(), segment_name(1), O_RDWR | O_CREAT);
  ASSERT_TRUE(append_all(file->get(), 0, bytes, "x").has_value());
  EXPECT_EQ(SegmentWriter::open(folder.get())->place().offset, sound);
}

TEST(SegmentWriter, AFullDiskAddsNothingAndIsOverWhenThereIsRoom) {
  const SmallDisk disk(256);
  if (!disk.there()) GTEST_SKIP() << "needs the right to mount";
  const File folder(::open(disk.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto writer = SegmentWriter::open(folder.get());
  const std::string big = one_record(kFirst, Stream::out, 0, std::string(100'000, 'x'));
  ASSERT_TRUE(writer->append(big).has_value());
  ASSERT_TRUE(writer->append(big).has_value());
  const SegmentPlace full = writer->place();
  const auto refused = writer->append(big);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, kDiskFull);
  EXPECT_EQ(writer->place(), full);
  EXPECT_EQ(*file_size(open_at(folder.get(), segment_name(1), O_RDONLY)->get()), full.offset);
  ASSERT_TRUE(writer->append(one_record(kSecond, Stream::out, 0, "fits")).has_value());
}

// Killed while it writes, at a moment of the machine's choosing; what is left is sound up to some record, and can be gone on with.
TEST(SegmentWriter, SurvivesKillAtAnyInstant) {
  const TestFolder folder;
  std::uint64_t reached = 0;
  for (int round = 0; round < 20; ++round) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto writer = SegmentWriter::open(folder.get(), 1 << 20);
      for (std::uint64_t i = reached;; ++i) {
        std::string payload = std::to_string(i) + std::string(i % 3000, '.');
        if (!writer || !writer->append(one_record(kFirst, Stream::out, i, payload))) ::_exit(1);
        if (i == reached + 10 && ::write(ready[1], "x", 1) != 1) ::_exit(1);
      }
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ::close(ready[0]);
    ::close(ready[1]);
    SegmentReader reader(folder.get(), {});
    std::uint64_t next = 0;
    while (true) {
      const auto records = reader.next();
      ASSERT_TRUE(records.has_value());
      if (records->empty()) break;
      for (const LogRecord& record : *records) ASSERT_EQ(record.offset, next++);
    }
    ASSERT_GT(next, reached + 10);
    reached = next;
  }
}

}  // namespace
}  // namespace muster::blobs
