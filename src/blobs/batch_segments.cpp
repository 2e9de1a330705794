// Shared segments of one batch on disk and the way to an attempt's records.
// A segment is current (no index yet), closed (an index beside it) or sealed (compressed, the same index).
#include "blobs/batch_segments.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace muster::blobs {
namespace {

constexpr std::string_view kSealedEnding = ".zst";
constexpr std::uint64_t kEntriesPerRead = 256;

std::string sealed_name(std::uint64_t segment) { return segment_name(segment).append(kSealedEnding); }

LogPiece piece_of(const IndexEntry& entry, std::uint64_t segment) {
  return {entry.stream(), entry.stream_offset, entry.bytes(), false, segment, entry.file_offset};
}

bool same_attempt(const IndexEntry& entry, const AttemptRef& attempt) {
  return entry.index == attempt.index && entry.number == attempt.number &&
         entry.incarnation == attempt.incarnation;
}

}  // namespace

std::size_t BatchSegments::AttemptHash::operator()(const AttemptRef& attempt) const {
  std::uint64_t mixed = attempt.index * 0x9E3779B97F4A7C15ULL;
  mixed ^= (static_cast<std::uint64_t>(attempt.incarnation) << 32 | attempt.number) * 0xC2B2AE3D27D4EB4FULL;
  return static_cast<std::size_t>(mixed ^ (mixed >> 29));
}

void BatchSegments::Current::add(const IndexEntry& entry, BatchId batch) {
  entries.push_back(entry);
  std::uint32_t& last = newest[entry.attempt(batch)];
  before.push_back(last);
  last = static_cast<std::uint32_t>(entries.size());
}

// ---- taking in a folder

Result<void> BatchSegments::load(const std::vector<std::string>& names) {
  std::map<std::uint64_t, bool> segments;  // number -> sealed
  for (const std::string& name : names) {
    if (name.ends_with(".tmp")) ::unlinkat(folder_, name.c_str(), 0);
    if (const auto number = segment_number(name)) segments.emplace(*number, false);
  }
  for (const std::string& name : names) {
    if (!name.ends_with(kSealedEnding)) continue;
    const auto number = segment_number(std::string_view(name).substr(0, name.size() - kSealedEnding.size()));
    if (!number) continue;
    if (segments.contains(*number)) ::unlinkat(folder_, segment_name(*number).c_str(), 0);
    segments[*number] = true;
  }
  for (const auto& [number, is_sealed] : segments) {
    if (auto done = load_segment(number, is_sealed, number == segments.rbegin()->first); !done) return done;
  }
  return {};
}

Result<void> BatchSegments::load_segment(std::uint64_t number, bool is_sealed, bool is_last) {
  newest_number_ = number;
  Result<std::optional<IndexFile>> index = IndexFile::open(folder_, number, 0);
  if (!index) return std::unexpected(std::move(index.error()));
  if (*index && (*index)->count() > 0) {
    Result<IndexEntry> first = (*index)->at(0);
    if (!first) return std::unexpected(std::move(first.error()));
    Result<IndexEntry> last = (*index)->at((*index)->count() - 1);
    if (!last) return std::unexpected(std::move(last.error()));
    closed_.push_back({number, is_sealed, first->attempt(batch_), last->attempt(batch_), {}});
    return {};
  }
  if (is_last && !is_sealed) return load_current(number);
  closed_.push_back({number, is_sealed, {}, {}, {}});  // so that source() finds it
  Result<SegmentSource> segment = source(number);
  closed_.pop_back();
  if (!segment) return std::unexpected(std::move(segment.error()));
  std::vector<IndexEntry> entries;
  const ReadAt read = [&](std::uint64_t offset, char* into, std::size_t size) {
    return segment->read_at(offset, into, size);
  };
  Result<SegmentScan> scan = scan_segment(
      read, segment->size(), 0, LastRecord::by_header,
      [&](const RecordPlace& place) { entries.push_back(IndexEntry::of(place.header, place.offset)); });
  if (!scan) return std::unexpected(std::move(scan.error()));
  return close(number, segment->size(), is_sealed, std::move(entries));
}

Result<void> BatchSegments::load_current(std::uint64_t number) {
  Result<File> file = open_at(folder_, segment_name(number), O_RDWR);
  if (!file) return std::unexpected(std::move(file.error()));
  current_ = Current();
  Result<SegmentScan> scan = scan_segment(
      file->get(), LastRecord::by_payload,
      [this](const RecordPlace& place) { current_.add(IndexEntry::of(place.header, place.offset), batch_); });
  if (!scan) return std::unexpected(std::move(scan.error()));
  if (scan->torn && ::ftruncate(file->get(), static_cast<off_t>(scan->end)) < 0) {
    return file_error(errno, "cut off the torn end of " + segment_name(number));
  }
  current_.file = std::move(*file);
  current_.number = number;
  current_.size = scan->end;
  return {};
}

// ---- appending

Result<void> BatchSegments::begin(std::uint64_t number) {
  Result<File> file = open_at(folder_, segment_name(number), O_RDWR | O_CREAT | O_TRUNC);
  if (!file) return std::unexpected(std::move(file.error()));
  current_ = Current();
  current_.file = std::move(*file);
  current_.number = number;
  newest_number_ = number;
  return {};
}

Result<void> BatchSegments::close(std::uint64_t number, std::uint64_t bytes, bool is_sealed,
                                  std::vector<IndexEntry> entries) {
  Closed closed{number, is_sealed, {}, {}, {}};
  const auto before = [this](const IndexEntry& a, const IndexEntry& b) {
    return std::pair(a.attempt(batch_), a.file_offset) < std::pair(b.attempt(batch_), b.file_offset);
  };
  std::sort(entries.begin(), entries.end(), before);
  if (!entries.empty()) {
    closed.first = entries.front().attempt(batch_);
    closed.last = entries.back().attempt(batch_);
  }
  // The index is a help only: a full disk must not keep the batch from being read.
  if (const auto written = write_index(folder_, number, bytes, entries); !written)
    closed.entries = std::move(entries);
  closed_.push_back(std::move(closed));
  return {};
}

Result<void> BatchSegments::close_current() {
  if (current_.number == 0 || current_.entries.empty()) return {};
  Current current = std::move(current_);
  current_ = Current();
  return close(current.number, current.size, false, std::move(current.entries));
}

Result<void> BatchSegments::append(std::string_view records, const std::vector<IndexEntry>& entries) {
  const bool is_full = current_.size + records.size() > options_.segment_bytes_max ||
                       current_.entries.size() + entries.size() > options_.segment_records_max;
  if (current_.number != 0 && current_.size > 0 && is_full) {
    if (auto closed = close_current(); !closed) return closed;
  }
  if (current_.number == 0) {
    if (auto begun = begin(newest_number_ + 1); !begun) return begun;
  }
  if (auto added = append_all(current_.file.get(), current_.size, records, segment_name(current_.number));
      !added) {
    return added;
  }
  for (IndexEntry entry : entries) {
    entry.file_offset += static_cast<std::uint32_t>(current_.size);
    current_.add(entry, batch_);
  }
  current_.size += records.size();
  return {};
}

// ---- finding

Result<void> BatchSegments::find_in(const Closed& segment, const AttemptRef& attempt,
                                    std::vector<LogPiece>& pieces) const {
  if (attempt < segment.first || segment.last < attempt) return {};
  if (!segment.entries.empty()) {
    for (const IndexEntry& entry : segment.entries) {
      if (same_attempt(entry, attempt)) pieces.push_back(piece_of(entry, segment.number));
    }
    return {};
  }
  Result<std::optional<IndexFile>> index = IndexFile::open(folder_, segment.number, 0);
  if (!index) return std::unexpected(std::move(index.error()));
  if (!*index) return {};
  Result<std::uint64_t> position = (*index)->lower_bound(attempt);
  if (!position) return std::unexpected(std::move(position.error()));
  while (true) {
    Result<std::vector<IndexEntry>> entries = (*index)->read(*position, kEntriesPerRead);
    if (!entries) return std::unexpected(std::move(entries.error()));
    for (const IndexEntry& entry : *entries) {
      if (!same_attempt(entry, attempt)) return {};
      pieces.push_back(piece_of(entry, segment.number));
    }
    if (entries->size() < kEntriesPerRead) return {};
    *position += entries->size();
  }
}

Result<std::vector<LogPiece>> BatchSegments::find(const AttemptRef& attempt) const {
  std::vector<LogPiece> pieces;
  for (const Closed& segment : closed_) {
    if (auto done = find_in(segment, attempt, pieces); !done) return std::unexpected(std::move(done.error()));
  }
  const auto newest = current_.newest.find(attempt);
  if (newest == current_.newest.end()) return pieces;
  const auto begin = static_cast<std::ptrdiff_t>(pieces.size());
  for (std::uint32_t at = newest->second; at != 0; at = current_.before[at - 1]) {
    pieces.push_back(piece_of(current_.entries[at - 1], current_.number));
  }
  std::reverse(pieces.begin() + begin, pieces.end());
  return pieces;
}

Result<void> BatchSegments::list_in(const Closed& segment, const AttemptRef& after, std::size_t count_max,
                                    std::set<AttemptRef>& into) const {
  if (segment.last <= after) return {};
  for (const IndexEntry& entry : segment.entries) {
    if (entry.attempt(batch_) > after) into.insert(entry.attempt(batch_));
  }
  if (!segment.entries.empty()) return {};
  Result<std::optional<IndexFile>> index = IndexFile::open(folder_, segment.number, 0);
  if (!index) return std::unexpected(std::move(index.error()));
  if (!*index) return {};
  Result<std::uint64_t> position = (*index)->lower_bound(after);
  if (!position) return std::unexpected(std::move(position.error()));
  AttemptRef newest = after;
  for (std::size_t found = 0; found < count_max;) {
    Result<std::vector<IndexEntry>> entries = (*index)->read(*position, kEntriesPerRead);
    if (!entries) return std::unexpected(std::move(entries.error()));
    for (const IndexEntry& entry : *entries) {
      if (found >= count_max) break;
      if (same_attempt(entry, newest)) continue;
      newest = entry.attempt(batch_);
      into.insert(newest);
      ++found;
    }
    if (entries->size() < kEntriesPerRead) return {};
    *position += entries->size();
  }
  return {};
}

Result<void> BatchSegments::list(const AttemptRef& after, std::size_t count_max,
                                 std::set<AttemptRef>& into) const {
  for (const Closed& segment : closed_) {
    if (auto done = list_in(segment, after, count_max, into); !done) return done;
  }
  for (const auto& [attempt, position] : current_.newest) {
    if (attempt > after) into.insert(attempt);
  }
  return {};
}

Result<SegmentSource> BatchSegments::source(std::uint64_t segment) const {
  const auto closed = std::find_if(closed_.begin(), closed_.end(),
                                   [segment](const Closed& one) { return one.number == segment; });
  const bool is_sealed = closed != closed_.end() && closed->is_sealed;
  Result<File> file = open_at(folder_, is_sealed ? sealed_name(segment) : segment_name(segment), O_RDONLY);
  if (!file) return std::unexpected(std::move(file.error()));
  return is_sealed ? SegmentSource::sealed(std::move(*file)) : SegmentSource::plain(std::move(*file));
}

// ---- sealing

std::uint64_t BatchSegments::unsealed() const {
  for (const Closed& segment : closed_) {
    if (!segment.is_sealed) return segment.number;
  }
  return 0;
}

Result<bool> BatchSegments::publish_sealed(std::uint64_t segment, const std::string& from) {
  const auto closed = std::find_if(closed_.begin(), closed_.end(),
                                   [segment](const Closed& one) { return one.number == segment; });
  if (closed == closed_.end() || closed->is_sealed) return false;
  if (::renameat(folder_, from.c_str(), folder_, sealed_name(segment).c_str()) < 0) {
    if (errno == ENOENT) return false;
    return file_error(errno, "seal " + segment_name(segment));
  }
  closed->is_sealed = true;
  ::unlinkat(folder_, segment_name(segment).c_str(), 0);
  return true;
}

}  // namespace muster::blobs
