// The shared segments of one batch: appending with rotation, and finding the records of an attempt among them.
// Memory does not grow with the batch: closed segments are searched in their index files, only the current one is in memory.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "blobs/log_index.h"
#include "blobs/log_store.h"
#include "blobs/sealed_file.h"

namespace muster::blobs {

// Where some bytes of an attempt are.
struct LogPiece {
  Stream stream = Stream::out;
  std::uint64_t offset = 0;  // in the stream
  std::uint32_t length = 0;
  bool in_tail = false;
  std::uint64_t file = 0;         // a segment, or a chunk of the attempt's tail
  std::uint64_t file_offset = 0;  // of the record's header
};

class BatchSegments {
 public:
  BatchSegments(int folder, BatchId batch, const LogStoreOptions& options)
      : folder_(folder), batch_(batch), options_(options) {}
  // Takes in what is in the folder; cuts off a torn end, writes missing indexes, finishes a sealing that was interrupted.
  Result<void> load(const std::vector<std::string>& names);

  // One write. The entries' file offsets count from the first byte of `records`.
  Result<void> append(std::string_view records, const std::vector<IndexEntry>& entries);
  // In order of arrival.
  Result<std::vector<LogPiece>> find(const AttemptRef& attempt) const;
  // Adds the first `count_max` attempts behind `after`.
  Result<void> list(const AttemptRef& after, std::size_t count_max, std::set<AttemptRef>& into) const;
  Result<SegmentSource> source(std::uint64_t segment) const;

  // Nothing is appended to the current segment any more.
  Result<void> close_current();
  // A closed segment that is not sealed; 0: none.
  std::uint64_t unsealed() const;
  // `from` (a name in the folder) is the complete sealed form of this segment; false when it is not there any more.
  Result<bool> publish_sealed(std::uint64_t segment, const std::string& from);

 private:
  struct Closed {
    std::uint64_t number = 0;
    bool is_sealed = false;
    AttemptRef first;  // of its sorted entries
    AttemptRef last;
    std::vector<IndexEntry> entries;  // sorted; only when the disk had no room for the file
  };
  struct AttemptHash {
    std::size_t operator()(const AttemptRef& attempt) const;
  };
  struct Current {
    File file;
    std::uint64_t number = 0;  // 0: none
    std::uint64_t size = 0;
    std::vector<IndexEntry> entries;
    std::vector<std::uint32_t> before;  // position + 1 of the entry of the same attempt before this one
    std::unordered_map<AttemptRef, std::uint32_t, AttemptHash> newest;  // position + 1
    void add(const IndexEntry& entry, BatchId batch);
  };

  Result<void> load_segment(std::uint64_t number, bool is_sealed, bool is_last);
  Result<void> load_current(std::uint64_t number);
  Result<void> begin(std::uint64_t number);
  Result<void> close(std::uint64_t number, std::uint64_t bytes, bool is_sealed,
                     std::vector<IndexEntry> entries);
  Result<void> find_in(const Closed& segment, const AttemptRef& attempt, std::vector<LogPiece>& pieces) const;
  Result<void> list_in(const Closed& segment, const AttemptRef& after, std::size_t count_max,
                       std::set<AttemptRef>& into) const;

  int folder_;
  BatchId batch_;
  const LogStoreOptions& options_;
  std::vector<Closed> closed_;
  Current current_;
  std::uint64_t newest_number_ = 0;
};

}  // namespace muster::blobs
