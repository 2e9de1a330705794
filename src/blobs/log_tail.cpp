// The tail of one attempt's log: a ring of small files.
// Their numbers only grow, so that a name never means two things while somebody reads.
#include "blobs/log_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace muster::blobs {
namespace {

constexpr std::string_view kPrefix = "tail-";

template <class T>
bool take_number(std::string_view& text, T& into, char end) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  const auto used = static_cast<std::size_t>(stop - text.data());
  if (error != std::errc() || used >= text.size() || text[used] != end) return false;
  text.remove_prefix(used + 1);
  return true;
}

}  // namespace

std::string tail_name(const AttemptRef& attempt, std::uint64_t chunk) {
  std::string name(kPrefix);
  name.append(std::to_string(attempt.index))
      .append(1, '-')
      .append(std::to_string(attempt.number))
      .append(1, '-');
  return name.append(std::to_string(attempt.incarnation)).append(1, '-').append(segment_name(chunk));
}

std::optional<TailName> read_tail_name(BatchId batch, std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  TailName parsed;
  parsed.attempt.batch = batch;
  if (!take_number(name, parsed.attempt.index, '-') || !take_number(name, parsed.attempt.number, '-') ||
      !take_number(name, parsed.attempt.incarnation, '-')) {
    return std::nullopt;
  }
  const auto chunk = segment_number(name);
  if (!chunk) return std::nullopt;
  parsed.chunk = *chunk;
  return parsed;
}

Result<void> LogTail::load(std::vector<std::uint64_t> chunks, StreamOffsets next) {
  std::sort(chunks.begin(), chunks.end());
  chunks_.clear();
  next_ = next;
  kept_bytes_ = 0;
  for (const std::uint64_t number : chunks) {
    Result<File> file = open_at(folder_, tail_name(attempt_, number), O_RDWR);
    if (!file) return std::unexpected(std::move(file.error()));
    Chunk chunk{number, 0, 0, next_};
    Result<SegmentScan> scan =
        scan_segment(file->get(), LastRecord::by_payload, [&](const RecordPlace& place) {
          std::uint64_t& reached = next_[slot_of(place.header.stream)];
          reached = std::max(reached, place.header.offset + place.header.length);
          chunk.payload_bytes += place.header.length;
        });
    if (!scan) return std::unexpected(std::move(scan.error()));
    if (scan->torn && ::ftruncate(file->get(), static_cast<off_t>(scan->end)) < 0) {
      return file_error(errno, "cut off the torn end of " + tail_name(attempt_, number));
    }
    chunk.file_bytes = scan->end;
    kept_bytes_ += chunk.payload_bytes;
    chunks_.push_back(chunk);
  }
  return {};
}

Result<void> LogTail::append(std::string_view records, const std::vector<RecordHeader>& headers,
                             StreamOffsets before, std::uint64_t chunk_bytes_max) {
  const bool is_full = !chunks_.empty() && chunks_.back().file_bytes > 0 &&
                       chunks_.back().file_bytes + records.size() > chunk_bytes_max;
  if (chunks_.empty() || is_full) {
    const std::uint64_t number = chunks_.empty() ? 1 : chunks_.back().number + 1;
    Result<File> file = open_at(folder_, tail_name(attempt_, number), O_RDWR | O_CREAT | O_TRUNC);
    if (!file) return std::unexpected(std::move(file.error()));
    file_ = std::move(*file);
    chunks_.push_back({number, 0, 0, before});
  }
  Chunk& chunk = chunks_.back();
  if (!file_) {
    Result<File> file = open_at(folder_, tail_name(attempt_, chunk.number), O_RDWR);
    if (!file) return std::unexpected(std::move(file.error()));
    file_ = std::move(*file);
  }
  if (auto added = append_all(file_.get(), chunk.file_bytes, records, tail_name(attempt_, chunk.number));
      !added) {
    return added;
  }
  chunk.file_bytes += records.size();
  for (const RecordHeader& header : headers) {
    chunk.payload_bytes += header.length;
    kept_bytes_ += header.length;
    std::uint64_t& reached = next_[slot_of(header.stream)];
    reached = std::max(reached, header.offset + header.length);
  }
  return {};
}

void LogTail::trim(std::uint64_t bytes_max) {
  while (chunks_.size() > 1 && kept_bytes_ > bytes_max) {
    ::unlinkat(folder_, tail_name(attempt_, chunks_.front().number).c_str(), 0);
    kept_bytes_ -= chunks_.front().payload_bytes;
    chunks_.pop_front();
  }
}

void LogTail::remove() {
  file_.close();
  for (const Chunk& chunk : chunks_) ::unlinkat(folder_, tail_name(attempt_, chunk.number).c_str(), 0);
  chunks_.clear();
}

Result<void> LogTail::pieces(const Chunk& chunk, std::vector<LogPiece>& into) const {
  Result<SegmentSource> from = source(chunk.number);
  if (!from) return std::unexpected(std::move(from.error()));
  const ReadAt read = [&](std::uint64_t offset, char* bytes, std::size_t size) {
    return from->read_at(offset, bytes, size);
  };
  const auto take = [&](const RecordPlace& place) {
    into.push_back(
        {place.header.stream, place.header.offset, place.header.length, true, chunk.number, place.offset});
  };
  Result<SegmentScan> scan = scan_segment(read, chunk.file_bytes, 0, LastRecord::by_header, take);
  if (!scan) return std::unexpected(std::move(scan.error()));
  return {};
}

Result<SegmentSource> LogTail::source(std::uint64_t chunk) const {
  Result<File> file = open_at(folder_, tail_name(attempt_, chunk), O_RDONLY);
  if (!file) return std::unexpected(std::move(file.error()));
  return SegmentSource::plain(std::move(*file));
}

}  // namespace muster::blobs
