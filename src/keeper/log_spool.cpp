// Taking output in, and deciding where it goes.
// Within one stream offsets only grow along the row; a tail enters the row as whole files, renamed to be its next segments.
#include "keeper/log_spool.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace muster::keeper {
namespace {

constexpr std::size_t kReadBytes = 64ULL << 10;
constexpr std::size_t kBufferBytes = 1ULL << 20;
constexpr std::uint64_t kTailChunkBytesMin = 64ULL << 10;
constexpr std::uint64_t kTailChunkBytesMax = 4ULL << 20;
constexpr std::uint64_t kTailChunks = 8;
// A flood past its limit is still shown as it goes on, but no faster than this.
constexpr std::uint64_t kTrickleBytesPerSecond = 1ULL << 20;
constexpr std::uint64_t kTrickleBytesMax = 16ULL << 20;

std::uint64_t tail_share(const AttemptLog& log) { return log.max_bytes - log.max_bytes / 8; }

void refill(AttemptLog& log, Micros now_us) {
  if (log.row_left >= kTrickleBytesMax) {
    log.row_left_at_us = now_us;
    return;
  }
  const auto passed_us = static_cast<std::uint64_t>(std::max<Micros>(0, now_us - log.row_left_at_us));
  const std::uint64_t earned = passed_us * kTrickleBytesPerSecond / 1'000'000;
  if (earned == 0) return;
  log.row_left = std::min(kTrickleBytesMax, log.row_left + earned);
  log.row_left_at_us = now_us;
}

}  // namespace

LogSpool::LogSpool(int folder, LogSpoolOptions options, blobs::SegmentWriter writer)
    : folder_(folder),
      options_(options),
      writer_(std::move(writer)),
      buffer_(kBufferBytes),
      tail_buffer_(kReadBytes + blobs::kRecordHeaderBytes) {}

Result<LogSpool> LogSpool::open(int folder, LogSpoolOptions options) {
  Result<blobs::SegmentWriter> writer = blobs::SegmentWriter::open(folder, options.segment_bytes_max);
  if (!writer) return std::unexpected(std::move(writer.error()));
  return LogSpool(folder, options, std::move(*writer));
}

AttemptLog LogSpool::begin(const AttemptRef& attempt, std::uint64_t max_bytes, Micros now_us) {
  AttemptLog log;
  log.attempt = attempt;
  log.max_bytes = max_bytes;
  log.head_left = max_bytes / 8;
  log.row_left = max_bytes - log.head_left;
  log.row_left_at_us = now_us;
  return log;
}

bool LogSpool::backlog_is_small() const {
  return writer_.bytes_kept() + buffer_.bytes().size() < options_.backlog_bytes_max;
}

bool LogSpool::may_adopt(AttemptLog& log, Micros now_us) {
  refill(log, now_us);
  return backlog_is_small() && log.row_left >= std::min(kTrickleBytesMax, log.tail->kept_bytes());
}

Taken LogSpool::take(int pipe, AttemptLog& log, blobs::Stream stream, Micros now_us) {
  if (log.head_left > 0) {
    const Taken taken = take_into_row(pipe, log, stream, log.head_left);
    return taken;
  }
  if (log.tail != nullptr && may_adopt(log, now_us)) adopt(log);
  refill(log, now_us);
  if (log.max_bytes > 0 && log.tail == nullptr && log.row_left >= kReadBytes && backlog_is_small()) {
    return take_into_row(pipe, log, stream, kReadBytes);
  }
  return take_into_tail(pipe, log, stream);
}

namespace {

Taken outcome_of(ssize_t got) {
  if (got > 0) return Taken::some;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Taken::nothing_now;
  return Taken::end;
}

}  // namespace

Taken LogSpool::take_into_row(int pipe, AttemptLog& log, blobs::Stream stream, std::size_t bytes_max) {
  if (!buffer_.fits(kReadBytes)) flush();
  const std::size_t wanted = std::min(kReadBytes, bytes_max);
  const ssize_t got = ::read(pipe, buffer_.reserve(wanted), wanted);
  if (got <= 0) return outcome_of(got);
  const auto bytes = static_cast<std::size_t>(got);
  std::uint64_t& written = log.written[blobs::slot_of(stream)];
  buffer_.commit(log.attempt, stream, written, bytes);
  written += bytes;
  std::uint64_t& left = log.head_left > 0 ? log.head_left : log.row_left;
  left -= bytes;
  return Taken::some;
}

Taken LogSpool::take_into_tail(int pipe, AttemptLog& log, blobs::Stream stream) {
  const ssize_t got = ::read(pipe, tail_buffer_.reserve(kReadBytes), kReadBytes);
  if (got <= 0) return outcome_of(got);
  const auto bytes = static_cast<std::size_t>(got);
  std::uint64_t& written = log.written[blobs::slot_of(stream)];
  if (log.max_bytes > 0) {
    const std::uint64_t share = tail_share(log);
    const std::uint64_t chunk_bytes = std::clamp(share / kTailChunks, kTailChunkBytesMin, kTailChunkBytesMax);
    if (log.tail == nullptr) {
      log.tail = std::make_unique<blobs::LogTail>(folder_, log.attempt);
      tails_.insert(&log);
    }
    tail_buffer_.commit(log.attempt, stream, written, bytes);
    const std::vector<blobs::RecordHeader> headers{
        {log.attempt, stream, written, static_cast<std::uint32_t>(bytes), 0}};
    if (!log.tail->append(tail_buffer_.bytes(), headers, log.written, chunk_bytes)) dropped_bytes_ += bytes;
    log.tail->trim(share);
    tail_buffer_.clear();
  }
  written += bytes;
  return Taken::some;
}

void LogSpool::adopt(AttemptLog& log) {
  flush();
  std::vector<std::string> names;
  for (const auto& chunk : log.tail->chunks()) names.push_back(blobs::tail_name(log.attempt, chunk.number));
  const std::uint64_t bytes = log.tail->kept_bytes();
  if (!writer_.adopt(names)) {
    dropped_bytes_ += bytes;
    log.tail->remove();
  }
  log.row_left -= std::min(log.row_left, bytes);
  log.tail.reset();
  tails_.erase(&log);
}

void LogSpool::finish(AttemptLog& log) {
  if (log.tail != nullptr) adopt(log);
}

void LogSpool::flush() {
  if (buffer_.empty()) return;
  if (!writer_.append(buffer_.bytes())) dropped_bytes_ += buffer_.bytes().size();
  buffer_.clear();
}

void LogSpool::forget_below(std::uint64_t segment) {
  // A file that cannot be removed now is removed with the keeper's folder.
  (void)writer_.remove_below(segment);
}

void LogSpool::settle(Micros now_us) {
  for (auto next = tails_.begin(); next != tails_.end();) {
    AttemptLog* log = *next++;
    if (may_adopt(*log, now_us)) adopt(*log);
  }
}

}  // namespace muster::keeper
