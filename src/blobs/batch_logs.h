// The log of one batch: which bytes of each attempt are kept, in what order they are read, how they are compressed.
// Used by one caller at a time; what it remembers of attempts is a cache of what the files say.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "blobs/batch_segments.h"
#include "blobs/log_tail.h"

namespace muster::blobs {

class BatchLogs {
 public:
  // `folder` is the batch's own, open; everything in it is taken in.
  static Result<std::unique_ptr<BatchLogs>> open(File folder, BatchId batch, const LogStoreOptions& options);

  Result<void> append(std::span<const LogAppend> records);
  Result<LogSize> size(const AttemptRef& attempt);
  Result<LogChunk> read(const AttemptRef& attempt, LogView view, std::uint64_t from, std::size_t bytes_max);
  Result<std::uint64_t> tail_position(const AttemptRef& attempt, LogView view, std::uint64_t bytes);
  Result<std::vector<LogSize>> list(const AttemptRef& after, std::size_t count_max);

  // What is left to do for a seal: first merge_tail() until it is true, then each unsealed() segment in turn.
  Result<bool> merge_tail();
  std::uint64_t unsealed() const { return segments_.unsealed(); }
  Result<bool> publish_sealed(std::uint64_t segment, const std::string& from) {
    return segments_.publish_sealed(segment, from);
  }
  int folder() const { return folder_.get(); }

 private:
  // How far an attempt's log has come.
  struct Progress {
    StreamOffsets next{};
    std::uint64_t head_bytes = 0;  // kept in the shared segments
    bool in_tail = false;
  };
  struct TailBuffer {
    std::string records;
    std::vector<RecordHeader> headers;
    StreamOffsets before{};
    std::uint64_t log_max_bytes = 0;
  };
  // Pieces in order of arrival, and where the streams stand before the first.
  struct Places {
    StreamOffsets begin{};
    std::vector<LogPiece> pieces;
  };

  BatchLogs(File folder, BatchId batch, const LogStoreOptions& options);
  Result<Progress> progress_of(const AttemptRef& attempt);
  Result<Progress*> live(const AttemptRef& attempt);
  Result<void> append_one(const LogAppend& wanted);
  void add_to_head(const LogRecord& record, Progress& progress);
  void add_to_tail(const LogRecord& record, std::uint64_t log_max_bytes, Progress& progress);
  Result<void> flush();
  Result<void> flush_tail(const AttemptRef& attempt, TailBuffer& buffer);
  LogTail* tail_of(const AttemptRef& attempt);
  Result<Places> places(const AttemptRef& attempt, LogView view, std::uint64_t from);
  Result<bool> read_piece(const AttemptRef& attempt, const LogPiece& piece, std::string& into);

  File folder_;
  BatchId batch_;
  const LogStoreOptions& options_;
  BatchSegments segments_;
  std::map<AttemptRef, LogTail> tails_;
  std::map<AttemptRef, Progress> live_;
  std::string head_records_;
  std::vector<IndexEntry> head_entries_;
  std::map<AttemptRef, TailBuffer> tail_buffers_;
  // The file that was read last: pieces of one attempt mostly stand together.
  struct OpenSource {
    AttemptRef attempt;
    bool in_tail = false;
    std::uint64_t file = 0;
    std::unique_ptr<SegmentSource> source;
  } open_source_;
};

}  // namespace muster::blobs
