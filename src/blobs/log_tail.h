// What a task wrote beyond the head of its log: records in files of its own, the oldest dropped as new ones come.
// The same record format as in segments; only attempts that wrote more than an eighth of their limit have one.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blobs/batch_segments.h"

namespace muster::blobs {

using StreamOffsets = std::array<std::uint64_t, 2>;  // stdout, stderr
constexpr std::size_t slot_of(Stream stream) { return stream == Stream::err ? 1 : 0; }

// "tail-17-2-5-000000000003.log": task index, attempt number, incarnation, chunk
std::string tail_name(const AttemptRef& attempt, std::uint64_t chunk);
struct TailName {
  AttemptRef attempt;
  std::uint64_t chunk = 0;
};
std::optional<TailName> read_tail_name(BatchId batch, std::string_view name);

class LogTail {
 public:
  LogTail(int folder, const AttemptRef& attempt) : folder_(folder), attempt_(attempt) {}
  // Takes in the files that are there; `next`: where the streams stand behind the head.
  Result<void> load(std::vector<std::uint64_t> chunks, StreamOffsets next);

  // Whole records, as one write, in a new file when the last one would pass `chunk_bytes_max`.
  Result<void> append(std::string_view records, const std::vector<RecordHeader>& headers,
                      StreamOffsets before, std::uint64_t chunk_bytes_max);
  // Drops the oldest files while more than `bytes_max` of payload are kept; the last file always stays.
  void trim(std::uint64_t bytes_max);
  void remove();

  // Where the streams stand behind everything here.
  StreamOffsets next() const { return next_; }
  std::uint64_t kept_bytes() const { return kept_bytes_; }

  struct Chunk {
    std::uint64_t number = 0;
    std::uint64_t file_bytes = 0;
    std::uint64_t payload_bytes = 0;
    StreamOffsets begin{};  // where the streams stood before it
  };
  const std::deque<Chunk>& chunks() const { return chunks_; }
  // Adds the pieces of one chunk.
  Result<void> pieces(const Chunk& chunk, std::vector<LogPiece>& into) const;
  Result<SegmentSource> source(std::uint64_t chunk) const;

 private:
  int folder_;
  AttemptRef attempt_;
  std::deque<Chunk> chunks_;
  File file_;  // of the last chunk, once it is written to
  StreamOffsets next_{};
  std::uint64_t kept_bytes_ = 0;
};

}  // namespace muster::blobs
