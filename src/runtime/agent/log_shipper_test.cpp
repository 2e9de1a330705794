// Log segments on their way to the server: in order, within the window, again after a broken connection, on from the saved place.
// A toy server keeps what it is sent, as the real one does: by stream and offset.
#include "runtime/agent/log_shipper.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>

namespace muster::runtime {
namespace {

namespace fs = std::filesystem;

constexpr AttemptRef kAttempt{4, 17, 1, 2};

class LogShipperTest : public testing::Test {
 protected:
  LogShipperTest() {
    std::string pattern = (fs::temp_directory_path() / "muster-shipper-XXXXXX").string();
    root = mkdtemp(pattern.data());
    fs::create_directory(root + "/log");
    folder = blobs::File(open((root + "/log").c_str(), O_RDONLY | O_DIRECTORY));
    writer.emplace(blobs::SegmentWriter::open(folder.get(), 4096).value());
  }
  ~LogShipperTest() override { fs::remove_all(root); }

  void write(std::size_t size) {
    std::string bytes(size, static_cast<char>('a' + written.size() % 26));
    std::string record;
    blobs::append_record({kAttempt, blobs::Stream::out, written.size(), bytes}, record);
    ASSERT_TRUE(writer->append(record).has_value());
    written += bytes;
  }
  LogShipper open_shipper(LogWindow window = {}) {
    return LogShipper::open(3, root + "/log", root + "/shipped", window).value();
  }
  // Takes a frame in as the server does, and gives its answer.
  wire::LogsTaken receive(const std::string& frame) {
    const auto records = wire::decode_log_records(frame).value();
    EXPECT_EQ(records.keeper, 3U);
    for (const auto& record : records.records) {
      EXPECT_EQ(record.attempt, kAttempt);
      EXPECT_LE(record.offset, received.size()) << "a gap";
      if (record.offset + record.bytes.size() > received.size()) {
        received.resize(record.offset);
        received += record.bytes;
      }
      bytes_sent += record.bytes.size();
    }
    return {records.keeper, records.segment, records.offset};
  }
  void ship_all(LogShipper& shipper) {
    while (const auto frame = shipper.next_frame().value()) EXPECT_TRUE(shipper.taken(receive(*frame)));
  }

  std::string root;
  blobs::File folder;
  std::optional<blobs::SegmentWriter> writer;
  std::string written;
  std::string received;
  std::size_t bytes_sent = 0;
};

TEST_F(LogShipperTest, sends_what_grows_across_segments) {
  LogShipper shipper = open_shipper();
  EXPECT_FALSE(shipper.next_frame().value().has_value());
  EXPECT_TRUE(shipper.is_through());
  for (int k = 0; k < 20; ++k) write(700);
  EXPECT_FALSE(shipper.wants_to_send()) << "nobody has said that it grew";
  shipper.grown(writer->place());
  EXPECT_TRUE(shipper.wants_to_send());
  ship_all(shipper);
  EXPECT_EQ(received, written);
  EXPECT_TRUE(shipper.is_through());
  EXPECT_EQ(shipper.taken_place(), writer->place());
  EXPECT_GT(writer->place().segment, 2U);
}

TEST_F(LogShipperTest, leaves_no_more_than_the_window_unanswered) {
  for (int k = 0; k < 20; ++k) write(700);
  LogShipper shipper = open_shipper({.frame_bytes = 500, .unanswered_bytes = 2000});
  std::vector<std::string> frames;
  while (const auto frame = shipper.next_frame().value()) frames.push_back(*frame);
  EXPECT_EQ(frames.size(), 3U) << "3 frames of 756 bytes pass 2000";
  EXPECT_FALSE(shipper.wants_to_send());
  EXPECT_TRUE(shipper.taken(receive(frames[0])));
  EXPECT_TRUE(shipper.wants_to_send());
  EXPECT_TRUE(shipper.next_frame().value().has_value());
}

TEST_F(LogShipperTest, begins_again_behind_the_last_answer_after_a_broken_connection) {
  for (int k = 0; k < 6; ++k) write(100);
  LogShipper shipper = open_shipper({.frame_bytes = 100, .unanswered_bytes = 1 << 20});
  const std::string first = *shipper.next_frame().value();
  const std::string second = *shipper.next_frame().value();
  EXPECT_TRUE(shipper.taken(receive(first)));
  const wire::LogsTaken late = receive(second);
  shipper.rewind();
  EXPECT_FALSE(shipper.taken(late)) << "the answer of an earlier connection says nothing about this one";
  ship_all(shipper);
  EXPECT_EQ(received, written);
  EXPECT_EQ(bytes_sent, written.size() + 100) << "one record twice, the rest once";
}

TEST_F(LogShipperTest, a_new_agent_goes_on_at_the_saved_place) {
  for (int k = 0; k < 10; ++k) write(100);
  {
    LogShipper shipper = open_shipper();
    ship_all(shipper);
    shipper.save_place();
  }
  write(50);
  LogShipper shipper = open_shipper();
  EXPECT_GT(shipper.taken_place(), blobs::SegmentPlace{});
  ship_all(shipper);
  EXPECT_EQ(received, written);
  EXPECT_EQ(bytes_sent, written.size());
}

TEST_F(LogShipperTest, a_place_below_what_the_keeper_removed_is_no_obstacle) {
  for (int k = 0; k < 20; ++k) write(700);
  ASSERT_TRUE(writer->remove_below(3).has_value());
  LogShipper shipper = open_shipper();
  std::size_t frames = 0;
  while (const auto frame = shipper.next_frame().value()) {
    const auto records = wire::decode_log_records(*frame).value();
    EXPECT_TRUE(shipper.taken({3, records.segment, records.offset}));
    ++frames;
  }
  EXPECT_GT(frames, 0U);
  EXPECT_EQ(shipper.taken_place(), writer->place());
}

TEST_F(LogShipperTest, an_unreadable_place_begins_at_the_start) {
  write(10);
  FILE* file = fopen((root + "/shipped").c_str(), "w");
  fputs("17 torn", file);
  fclose(file);
  EXPECT_EQ(open_shipper().taken_place(), blobs::SegmentPlace{});
}

}  // namespace
}  // namespace muster::runtime
