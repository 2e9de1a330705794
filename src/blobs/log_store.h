// What tasks wrote, kept by the server: a folder per batch with shared segments, no file per task in the ordinary case.
// Appending is idempotent by stream offset; what never arrived or was cut is a gap, and reading says so in one line.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "blobs/record.h"
#include "blobs/segments.h"
#include "core/error.h"
#include "core/ids.h"

namespace muster::blobs {

// Kept of one attempt: the first eighth and the last seven eighths of this, both streams together.
inline constexpr std::uint64_t kLogMaxBytes = 64ULL << 20;

struct LogAppend {
  LogRecord record;
  std::uint64_t log_max_bytes = kLogMaxBytes;  // --log-max of its task
};

// A reader's choice, and what its positions count: bytes of that stream, or of both in the order of arrival. Gaps count too.
enum class LogView : std::uint8_t { out, err, both };

struct LogChunk {
  std::string bytes;       // with a line such as "[muster: 123456789 bytes left out here]" for each gap
  std::uint64_t next = 0;  // position to go on from
  bool end = false;        // nothing more for now
};

struct LogSize {
  AttemptRef attempt;
  std::uint64_t out_bytes = 0;  // how far the stream goes, gaps included
  std::uint64_t err_bytes = 0;
  std::uint64_t kept_bytes = 0;  // of both
  bool operator==(const LogSize&) const = default;
  bool cut() const { return kept_bytes < out_bytes + err_bytes; }
};

struct LogStoreOptions {
  std::uint64_t segment_bytes_max = kSegmentBytesMax;
  std::size_t segment_records_max = 64ULL << 10;
  std::uint64_t tail_chunk_bytes_max = 4ULL << 20;
  std::size_t open_batches_max = 256;  // state of others is read again at their next use
};

// Every call may come from any thread; one at a time is served. Errors are E507 when the disk is full (nothing is damaged, the
// same call works later), else E501.
class LogStore {
 public:
  // `folder` must exist. Nothing is read before a batch is touched.
  static Result<LogStore> open(const std::string& folder, LogStoreOptions options = {});
  LogStore(LogStore&&) noexcept;
  LogStore& operator=(LogStore&&) noexcept;
  ~LogStore();

  // Records of any attempts, each stream's in order. After an Error some of them may be kept: send all of them again.
  Result<void> append(std::span<const LogAppend> records);
  // The streams ended at these lengths: what did not arrive until now counts as a gap.
  Result<void> finish(const AttemptRef& attempt, std::uint64_t out_bytes, std::uint64_t err_bytes);

  // Zeros for an attempt that wrote nothing.
  Result<LogSize> size(const AttemptRef& attempt);
  // About `bytes_max` bytes from position `from` on.
  Result<LogChunk> read(const AttemptRef& attempt, LogView view, std::uint64_t from, std::size_t bytes_max);
  // The position from which a reader gets the last `bytes` bytes that are kept.
  Result<std::uint64_t> tail_position(const AttemptRef& attempt, LogView view, std::uint64_t bytes);
  // Attempts of a batch that wrote something, in order of task and attempt, behind `after`; at most `count_max`.
  Result<std::vector<LogSize>> list(BatchId batch, const AttemptRef& after, std::size_t count_max);

  // One step of compressing what a batch wrote; true when nothing is left to do. A batch can be appended to again.
  Result<bool> seal(BatchId batch);
  // Removes everything of the batch; no such batch is fine.
  Result<void> remove(BatchId batch);

 private:
  struct State;
  explicit LogStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace muster::blobs
