// Appending to the log of a batch: bytes that are there already are dropped, the head goes to the shared segments, the rest to
// the attempt's tail. After any failure the cache is forgotten, so that the files alone say how far each log has come.
#include "blobs/batch_logs.h"

#include <algorithm>
#include <set>

namespace muster::blobs {
namespace {

constexpr std::size_t kFlushBytes = 4ULL << 20;
constexpr std::size_t kTailFlushBytes = 1ULL << 20;
constexpr std::size_t kLiveMax = 16ULL << 10;
constexpr std::size_t kTailChunkBytesMin = 64ULL << 10;
constexpr std::size_t kTailChunks = 8;  // of a full tail, at least

std::uint64_t head_share(std::uint64_t log_max_bytes) { return log_max_bytes / 8; }
std::uint64_t tail_share(std::uint64_t log_max_bytes) { return log_max_bytes - head_share(log_max_bytes); }

// The tail is dropped file by file, so its files are a fraction of it.
std::uint64_t chunk_bytes(std::uint64_t log_max_bytes, const LogStoreOptions& options) {
  const std::uint64_t part = tail_share(log_max_bytes) / kTailChunks;
  return std::min<std::uint64_t>(options.tail_chunk_bytes_max,
                                 std::max<std::uint64_t>(part, kTailChunkBytesMin));
}

}  // namespace

BatchLogs::BatchLogs(File folder, BatchId batch, const LogStoreOptions& options)
    : folder_(std::move(folder)),
      batch_(batch),
      options_(options),
      segments_(folder_.get(), batch, options) {}

Result<std::unique_ptr<BatchLogs>> BatchLogs::open(File folder, BatchId batch,
                                                   const LogStoreOptions& options) {
  std::unique_ptr<BatchLogs> logs(new BatchLogs(std::move(folder), batch, options));
  Result<std::vector<std::string>> names = list_folder(logs->folder_.get());
  if (!names) return std::unexpected(std::move(names.error()));
  if (auto loaded = logs->segments_.load(*names); !loaded) return std::unexpected(std::move(loaded.error()));
  std::map<AttemptRef, std::vector<std::uint64_t>> chunks;
  for (const std::string& name : *names) {
    if (const auto tail = read_tail_name(batch, name)) chunks[tail->attempt].push_back(tail->chunk);
  }
  for (auto& [attempt, numbers] : chunks) {
    Result<std::vector<LogPiece>> head = logs->segments_.find(attempt);
    if (!head) return std::unexpected(std::move(head.error()));
    StreamOffsets next{};
    for (const LogPiece& piece : *head) {
      std::uint64_t& reached = next[slot_of(piece.stream)];
      reached = std::max(reached, piece.offset + piece.length);
    }
    LogTail tail(logs->folder_.get(), attempt);
    if (auto loaded = tail.load(std::move(numbers), next); !loaded) {
      return std::unexpected(std::move(loaded.error()));
    }
    logs->tails_.emplace(attempt, std::move(tail));
  }
  return logs;
}

LogTail* BatchLogs::tail_of(const AttemptRef& attempt) {
  const auto found = tails_.find(attempt);
  return found == tails_.end() ? nullptr : &found->second;
}

// What the files say.
Result<BatchLogs::Progress> BatchLogs::progress_of(const AttemptRef& attempt) {
  Result<std::vector<LogPiece>> pieces = segments_.find(attempt);
  if (!pieces) return std::unexpected(std::move(pieces.error()));
  Progress progress;
  for (const LogPiece& piece : *pieces) {
    std::uint64_t& next = progress.next[slot_of(piece.stream)];
    const std::uint64_t end = piece.offset + piece.length;
    if (end <= next) continue;
    progress.head_bytes += end - std::max(next, piece.offset);
    next = end;
  }
  if (const LogTail* tail = tail_of(attempt)) {
    progress.in_tail = true;
    for (std::size_t i = 0; i < 2; ++i) progress.next[i] = std::max(progress.next[i], tail->next()[i]);
  }
  return progress;
}

Result<BatchLogs::Progress*> BatchLogs::live(const AttemptRef& attempt) {
  const auto found = live_.find(attempt);
  if (found != live_.end()) return &found->second;
  Result<Progress> progress = progress_of(attempt);
  if (!progress) return std::unexpected(std::move(progress.error()));
  return &live_.emplace(attempt, *progress).first->second;
}

void BatchLogs::add_to_head(const LogRecord& record, Progress& progress) {
  const RecordHeader header{record.attempt, record.stream, record.offset,
                            static_cast<std::uint32_t>(record.bytes.size()), 0};
  head_entries_.push_back(IndexEntry::of(header, head_records_.size()));
  append_record(record, head_records_);
  progress.head_bytes += record.bytes.size();
  progress.next[slot_of(record.stream)] = record.offset + record.bytes.size();
}

void BatchLogs::add_to_tail(const LogRecord& record, std::uint64_t log_max_bytes, Progress& progress) {
  TailBuffer& buffer = tail_buffers_[record.attempt];
  if (buffer.records.empty()) buffer.before = progress.next;
  buffer.log_max_bytes = log_max_bytes;
  buffer.headers.push_back(
      {record.attempt, record.stream, record.offset, static_cast<std::uint32_t>(record.bytes.size()), 0});
  append_record(record, buffer.records);
  progress.in_tail = true;
  progress.next[slot_of(record.stream)] = record.offset + record.bytes.size();
}

Result<void> BatchLogs::append_one(const LogAppend& wanted) {
  LogRecord record = wanted.record;
  Result<Progress*> found = live(record.attempt);
  if (!found) return std::unexpected(std::move(found.error()));
  Progress& progress = **found;
  const std::uint64_t next = progress.next[slot_of(record.stream)];
  if (record.offset + record.bytes.size() <= next) return {};
  if (record.offset < next) {
    record.bytes.remove_prefix(next - record.offset);
    record.offset = next;
  }
  if (!progress.in_tail) {
    const std::uint64_t share = head_share(wanted.log_max_bytes);
    const std::uint64_t room = share - std::min(share, progress.head_bytes);
    const std::size_t take = std::min<std::uint64_t>(room, record.bytes.size());
    LogRecord head = record;
    head.bytes = record.bytes.substr(0, take);
    if (take > 0 || record.bytes.empty()) add_to_head(head, progress);
    record.bytes.remove_prefix(take);
    record.offset += take;
    if (record.bytes.empty()) return {};
  }
  add_to_tail(record, wanted.log_max_bytes, progress);
  TailBuffer& buffer = tail_buffers_[record.attempt];
  const bool is_due = buffer.records.size() >=
                      std::min<std::uint64_t>(kTailFlushBytes, chunk_bytes(wanted.log_max_bytes, options_));
  return is_due ? flush_tail(record.attempt, buffer) : Result<void>();
}

Result<void> BatchLogs::append(std::span<const LogAppend> records) {
  Result<void> done;
  for (const LogAppend& wanted : records) {
    done = append_one(wanted);
    if (done && head_records_.size() >= kFlushBytes) done = flush();
    if (!done) break;
  }
  if (done) done = flush();
  if (!done || live_.size() > kLiveMax) live_.clear();
  head_records_.clear();
  head_entries_.clear();
  tail_buffers_.clear();
  return done;
}

Result<void> BatchLogs::flush() {
  if (!head_records_.empty()) {
    if (auto done = segments_.append(head_records_, head_entries_); !done) return done;
    head_records_.clear();
    head_entries_.clear();
  }
  for (auto& [attempt, buffer] : tail_buffers_) {
    if (auto done = flush_tail(attempt, buffer); !done) return done;
  }
  tail_buffers_.clear();
  return {};
}

// The head is written before the tail, so that a tail never stands behind a head that is not there.
Result<void> BatchLogs::flush_tail(const AttemptRef& attempt, TailBuffer& buffer) {
  if (buffer.records.empty()) return {};
  if (!head_records_.empty()) {
    if (auto done = segments_.append(head_records_, head_entries_); !done) return done;
    head_records_.clear();
    head_entries_.clear();
  }
  LogTail& tail = tails_.try_emplace(attempt, folder_.get(), attempt).first->second;
  if (auto done = tail.append(buffer.records, buffer.headers, buffer.before,
                              chunk_bytes(buffer.log_max_bytes, options_));
      !done) {
    if (tail.chunks().empty()) tails_.erase(attempt);
    return done;
  }
  tail.trim(tail_share(buffer.log_max_bytes));
  buffer.records.clear();
  buffer.headers.clear();
  return {};
}

Result<LogSize> BatchLogs::size(const AttemptRef& attempt) {
  const auto found = live_.find(attempt);
  Result<Progress> progress = found != live_.end() ? Result<Progress>(found->second) : progress_of(attempt);
  if (!progress) return std::unexpected(std::move(progress.error()));
  const LogTail* tail = tail_of(attempt);
  const std::uint64_t tail_bytes = tail == nullptr ? 0 : tail->kept_bytes();
  return LogSize{attempt, progress->next[0], progress->next[1], progress->head_bytes + tail_bytes};
}

Result<std::vector<LogSize>> BatchLogs::list(const AttemptRef& after, std::size_t count_max) {
  std::set<AttemptRef> attempts;
  if (auto done = segments_.list(after, count_max, attempts); !done)
    return std::unexpected(std::move(done.error()));
  for (auto tail = tails_.upper_bound(after); tail != tails_.end(); ++tail) attempts.insert(tail->first);
  std::vector<LogSize> sizes;
  for (const AttemptRef& attempt : attempts) {
    if (sizes.size() == count_max) break;
    Result<LogSize> one = size(attempt);
    if (!one) return std::unexpected(std::move(one.error()));
    sizes.push_back(*one);
  }
  return sizes;
}

// Copies one tail into the segments. A crash in between leaves bytes twice; readers take each offset once.
Result<bool> BatchLogs::merge_tail() {
  if (tails_.empty()) {
    if (auto closed = segments_.close_current(); !closed) return std::unexpected(std::move(closed.error()));
    return true;
  }
  const AttemptRef attempt = tails_.begin()->first;
  LogTail& tail = tails_.begin()->second;
  Progress progress;
  for (const LogTail::Chunk& chunk : tail.chunks()) {
    std::vector<LogPiece> pieces;
    if (auto done = tail.pieces(chunk, pieces); !done) return std::unexpected(std::move(done.error()));
    for (const LogPiece& piece : pieces) {
      std::string bytes;
      Result<bool> sound = read_piece(attempt, piece, bytes);
      if (!sound) return std::unexpected(std::move(sound.error()));
      if (*sound) add_to_head({attempt, piece.stream, piece.offset, bytes}, progress);
      if (head_records_.size() < kTailFlushBytes) continue;
      if (auto done = flush(); !done) return std::unexpected(std::move(done.error()));
    }
  }
  if (auto done = flush(); !done) {
    head_records_.clear();
    head_entries_.clear();
    return std::unexpected(std::move(done.error()));
  }
  open_source_ = {};
  live_.erase(attempt);
  tail.remove();
  tails_.erase(attempt);
  return false;
}

}  // namespace muster::blobs
