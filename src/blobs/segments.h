// Append-only files of log records in one folder, numbered 1, 2, 3 …: one writer, any number of readers that follow it.
// A segment never changes once a later one exists; only the end of the last one can be torn, and that is recognised.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blobs/file.h"
#include "blobs/record.h"
#include "core/error.h"

namespace muster::blobs {

inline constexpr std::uint64_t kSegmentBytesMax = 64ULL << 20;

struct SegmentPlace {
  std::uint64_t segment = 0;  // 0: before the first
  std::uint64_t offset = 0;   // in the file
  auto operator<=>(const SegmentPlace&) const = default;
};

// "000000000042.log"
std::string segment_name(std::uint64_t number);
std::optional<std::uint64_t> segment_number(std::string_view name);
// Sorted numbers of the segments in a folder.
Result<std::vector<std::uint64_t>> list_segments(int folder);

// Records that wait for one write. Payloads can be read from a pipe straight into their place.
class RecordBuffer {
 public:
  explicit RecordBuffer(std::size_t capacity);
  // Room for a payload of `size` at most; valid until the next call. Precondition (checked): fits(size).
  char* reserve(std::size_t size);
  // What was reserved has `size` bytes of this stream now; 0 adds nothing.
  void commit(const AttemptRef& attempt, Stream stream, std::uint64_t offset, std::size_t size);
  void add(const LogRecord& record);
  bool fits(std::size_t size) const { return used_ + kRecordHeaderBytes + size <= capacity_; }
  std::string_view bytes() const { return {memory_.get(), used_}; }
  bool empty() const { return used_ == 0; }
  void clear() { used_ = 0; }

 private:
  std::size_t capacity_;
  std::size_t used_ = 0;
  std::unique_ptr<char[]> memory_;
};

class SegmentWriter {
 public:
  // Goes on after the newest segment of the folder, cutting off a torn end; the folder's descriptor must outlive the writer.
  static Result<SegmentWriter> open(int folder, std::uint64_t bytes_max = kSegmentBytesMax);

  // Whole records, as one write; begins a new segment first when these would not fit. On an Error nothing was added.
  Result<void> append(std::string_view records);
  // The next append begins a new segment.
  void close_segment() { close_ = true; }
  // Takes files of records (names in the folder) in, in this order, as the next segments.
  Result<void> adopt(const std::vector<std::string>& names);
  // Where the next record goes, if it fits: behind everything that is written.
  SegmentPlace place() const { return {number_, size_}; }
  // Removes segments below `number`, never the current one.
  Result<void> remove_below(std::uint64_t number);
  // Bytes in the files of this folder that exist now.
  std::uint64_t bytes_kept() const { return bytes_kept_; }

 private:
  SegmentWriter(int folder, std::uint64_t bytes_max) : folder_(folder), bytes_max_(bytes_max) {}
  Result<void> begin(std::uint64_t number);

  int folder_;
  std::uint64_t bytes_max_;
  File file_;
  std::uint64_t number_ = 0;
  std::uint64_t size_ = 0;
  bool close_ = false;
  std::uint64_t first_kept_ = 1;
  std::uint64_t bytes_kept_ = 0;
};

struct RecordPlace {
  RecordHeader header;
  std::uint64_t offset = 0;  // of the header in the file
};
struct SegmentScan {
  std::uint64_t end = 0;  // behind the last sound record: where a writer goes on
  bool torn = false;      // something follows that is no record
};
enum class LastRecord : std::uint8_t { by_header, by_payload };
// Reads at an offset, shorter than asked only at the end.
using ReadAt = std::function<Result<std::size_t>(std::uint64_t offset, char* into, std::size_t size)>;
// Calls `take` for each record from `offset` on, reading headers only; stops before the first that is not complete. `by_payload`:
// a last record whose bytes do not match their checksum counts as torn.
Result<SegmentScan> scan_segment(const ReadAt& read, std::uint64_t size, std::uint64_t offset,
                                 LastRecord last, const std::function<void(const RecordPlace&)>& take);
Result<SegmentScan> scan_segment(int file, LastRecord last,
                                 const std::function<void(const RecordPlace&)>& take);

// Follows the segments of a folder from a place on, also while they grow and while old ones are removed.
class SegmentReader {
 public:
  SegmentReader(int folder, SegmentPlace from) : folder_(folder), place_(from) {}

  // The next records, about `bytes_max` of them (at least one, if there is one); empty: nothing more for now. The bytes live
  // until the next call. Damaged payloads are left out: their offsets are missing, like anything that was cut.
  Result<std::vector<LogRecord>> next(std::size_t bytes_max = 1ULL << 20);
  // Behind everything given so far.
  SegmentPlace place() const { return place_; }
  // What stands at the place is not a record, and no later segment exists: only a dead writer leaves that for long.
  bool torn() const { return torn_; }

 private:
  Result<bool> open_next();
  Result<bool> fill(std::size_t bytes);
  void take_records(std::size_t bytes_max, std::vector<LogRecord>& records);

  int folder_;
  SegmentPlace place_;
  File file_;
  std::string buffer_;
  bool torn_ = false;
};

}  // namespace muster::blobs
