// Where the records of each attempt are in one segment: sorted entries in a file beside it, written when the segment is closed.
// Only a help for finding: it can be made again from the segment's headers, and what it says is compared with them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "blobs/file.h"
#include "blobs/record.h"
#include "core/error.h"
#include "core/ids.h"

namespace muster::blobs {

// 32 bytes, in memory as in the file.
struct IndexEntry {
  std::uint64_t index = 0;
  std::uint64_t stream_offset = 0;
  std::uint32_t number = 0;
  std::uint32_t incarnation = 0;
  std::uint32_t file_offset = 0;  // of the record's header
  std::uint32_t length = 0;       // the top bit is set for stderr

  static constexpr std::uint32_t kErr = 1U << 31;
  static IndexEntry of(const RecordHeader& header, std::uint64_t file_offset);
  Stream stream() const { return (length & kErr) != 0 ? Stream::err : Stream::out; }
  std::uint32_t bytes() const { return length & ~kErr; }
  AttemptRef attempt(BatchId batch) const { return {batch, index, number, incarnation}; }
};
static_assert(sizeof(IndexEntry) == 32);

// "000000000042.idx"
std::string index_name(std::uint64_t segment);

// Sorts the entries and writes them: complete or not at all. `segment_bytes` is the size of the segment they describe.
Result<void> write_index(int folder, std::uint64_t segment, std::uint64_t segment_bytes,
                         std::vector<IndexEntry> entries);

class IndexFile {
 public:
  // Nothing when there is none, or it is not one of a segment of that size (0: any).
  static Result<std::optional<IndexFile>> open(int folder, std::uint64_t segment,
                                               std::uint64_t segment_bytes);

  std::uint64_t segment_bytes() const { return segment_bytes_; }
  std::uint64_t count() const { return count_; }
  Result<IndexEntry> at(std::uint64_t position) const;
  // The first entry whose attempt is not before this one (batch is not looked at).
  Result<std::uint64_t> lower_bound(const AttemptRef& attempt) const;
  // Up to `entries_max` entries from `position` on.
  Result<std::vector<IndexEntry>> read(std::uint64_t position, std::uint64_t entries_max) const;

 private:
  File file_;
  std::uint64_t segment_bytes_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace muster::blobs
