// The keeper's log: what all its tasks write, one growing row of segments that an agent follows and takes away.
// Bounded when nobody takes it: beyond its head, an attempt that writes a lot keeps only its last part, in files beside the row.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "blobs/log_tail.h"
#include "blobs/segments.h"
#include "core/ids.h"

namespace muster::keeper {

struct LogSpoolOptions {
  std::uint64_t segment_bytes_max = 16ULL << 20;
  std::uint64_t backlog_bytes_max = 64ULL << 20;  // not taken yet; beyond it, only heads go into the row
};

// What one attempt has written and where its next bytes go.
struct AttemptLog {
  AttemptRef attempt;
  std::uint64_t max_bytes = 0;
  blobs::StreamOffsets written{};  // by the task
  std::uint64_t head_left = 0;     // may go into the row whatever the backlog is
  std::uint64_t row_left =
      0;  // may go into the row while the backlog is small: the rest of max_bytes, then a slow trickle
  Micros row_left_at_us = 0;
  std::unique_ptr<blobs::LogTail> tail;  // what could not
};

enum class Taken : std::uint8_t { some, nothing_now, end };

class LogSpool {
 public:
  static Result<LogSpool> open(int folder, LogSpoolOptions options);

  // `max_bytes` of 0 keeps nothing.
  static AttemptLog begin(const AttemptRef& attempt, std::uint64_t max_bytes, Micros now_us);
  // Reads once from a task's pipe, which does not block.
  Taken take(int pipe, AttemptLog& log, blobs::Stream stream, Micros now_us);
  // No more will come: what is beside the row goes into it.
  void finish(AttemptLog& log);
  // One write for everything taken since the last one. Bytes that find no room are dropped: their offsets are missing.
  void flush();
  // Behind everything flushed.
  blobs::SegmentPlace place() const { return writer_.place(); }

  // Segments below are not needed any more.
  void forget_below(std::uint64_t segment);
  // Moves what is beside the row into it where there is room now; also done by take().
  void settle(Micros now_us);
  bool has_tails() const { return !tails_.empty(); }
  // Bytes that found no room on the disk.
  std::uint64_t dropped_bytes() const { return dropped_bytes_; }

 private:
  LogSpool(int folder, LogSpoolOptions options, blobs::SegmentWriter writer);
  bool backlog_is_small() const;
  bool may_adopt(AttemptLog& log, Micros now_us);
  void adopt(AttemptLog& log);
  Taken take_into_row(int pipe, AttemptLog& log, blobs::Stream stream, std::size_t bytes_max);
  Taken take_into_tail(int pipe, AttemptLog& log, blobs::Stream stream);

  int folder_;
  LogSpoolOptions options_;
  blobs::SegmentWriter writer_;
  blobs::RecordBuffer buffer_;
  blobs::RecordBuffer tail_buffer_;
  std::set<AttemptLog*> tails_;
  std::uint64_t dropped_bytes_ = 0;
};

}  // namespace muster::keeper
