// Reading ahead of the answers, and going back to them when a connection ends.
// The place file is one line of fixed length, overwritten in place: a kill leaves the old line or the new one.
#include "runtime/agent/log_shipper.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <utility>
#include "core/failpoint.h"

namespace muster::runtime {

namespace {

constexpr std::size_t kPlaceBytes = 42;

blobs::SegmentPlace read_place(int file) {
  char line[kPlaceBytes + 1] = {};
  blobs::SegmentPlace place;
  unsigned long long segment = 0;
  unsigned long long offset = 0;
  if (pread(file, line, kPlaceBytes, 0) != static_cast<ssize_t>(kPlaceBytes) || line[kPlaceBytes - 1] != '\n')
    return place;
  if (std::sscanf(line, "%20llu %20llu", &segment, &offset) != 2) return place;
  return {segment, offset};
}

}  // namespace

LogShipper::LogShipper(agent::KeeperId keeper, blobs::File folder, blobs::File place_file,
                       blobs::SegmentPlace taken, LogWindow window)
    : keeper_(keeper),
      window_(window),
      folder_(std::move(folder)),
      place_file_(std::move(place_file)),
      taken_(taken),
      saved_(taken),
      reader_(folder_.get(), taken) {}

Result<LogShipper> LogShipper::open(agent::KeeperId keeper, const std::string& segments,
                                    const std::string& place_file, LogWindow window) {
  auto folder = blobs::open_at(AT_FDCWD, segments, O_RDONLY | O_DIRECTORY);
  if (!folder) return std::unexpected(std::move(folder.error()));
  auto file = blobs::open_at(AT_FDCWD, place_file, O_RDWR | O_CREAT);
  if (!file) return std::unexpected(std::move(file.error()));
  const blobs::SegmentPlace taken = read_place(file->get());
  return LogShipper(keeper, std::move(*folder), std::move(*file), taken, window);
}

Result<std::optional<std::string>> LogShipper::next_frame() {
  if (unanswered_bytes_ >= window_.unanswered_bytes) return std::nullopt;
  const blobs::SegmentPlace before = reader_.place();
  auto records = reader_.next(window_.frame_bytes);
  if (!records) return std::unexpected(std::move(records.error()));
  at_end_ = records->empty();
  const blobs::SegmentPlace place = reader_.place();
  // Damaged records are passed over: the place moves, and is worth a frame of its own.
  if (records->empty() && (place == before || place.offset == 0)) return std::nullopt;
  wire::LogRecords frame;
  frame.keeper = keeper_;
  frame.segment = place.segment;
  frame.offset = place.offset;
  frame.records.reserve(records->size());
  std::size_t bytes = 0;
  for (const blobs::LogRecord& record : *records) {
    frame.records.push_back(
        {record.attempt, static_cast<std::uint8_t>(record.stream), record.offset, record.bytes});
    bytes += blobs::kRecordHeaderBytes + record.bytes.size();
  }
  unanswered_.push_back({place, bytes});
  unanswered_bytes_ += bytes;
  return wire::encode_log_records(frame);
}

bool LogShipper::taken(const wire::LogsTaken& answer) {
  const blobs::SegmentPlace place{answer.segment, answer.offset};
  // Only a place that we sent in this connection is believed.
  if (unanswered_.empty() || place > unanswered_.back().place || place <= taken_) return false;
  while (!unanswered_.empty() && unanswered_.front().place <= place) {
    unanswered_bytes_ -= unanswered_.front().bytes;
    unanswered_.pop_front();
  }
  const bool new_segment = place.segment != taken_.segment;
  taken_ = place;
  if (new_segment) save_place();
  return true;
}

void LogShipper::rewind() {
  unanswered_.clear();
  unanswered_bytes_ = 0;
  reader_ = blobs::SegmentReader(folder_.get(), taken_);
  at_end_ = false;
}

void LogShipper::grown(blobs::SegmentPlace place) {
  if (place > reader_.place()) at_end_ = false;
}

void LogShipper::save_place() {
  if (saved_ == taken_) return;
  failpoint("agent.log_place");
  char line[kPlaceBytes + 1];
  std::snprintf(line, sizeof line, "%020llu %020llu\n", static_cast<unsigned long long>(taken_.segment),
                static_cast<unsigned long long>(taken_.offset));
  if (pwrite(place_file_.get(), line, kPlaceBytes, 0) == static_cast<ssize_t>(kPlaceBytes)) saved_ = taken_;
}

}  // namespace muster::runtime
