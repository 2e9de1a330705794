// Following segments: read ahead into a buffer, cut it into records, move on when a later segment exists.
// That a later segment exists is looked for before the last look at this one, so that nothing between the two is missed.
#include <fcntl.h>

#include <algorithm>

#include "blobs/crc32c.h"
#include "blobs/segments.h"

namespace muster::blobs {

// Opens the first segment at or after the wanted one; false when there is none.
Result<bool> SegmentReader::open_next() {
  Result<std::vector<std::uint64_t>> numbers = list_segments(folder_);
  if (!numbers) return std::unexpected(std::move(numbers.error()));
  const auto found = std::lower_bound(numbers->begin(), numbers->end(), place_.segment);
  if (found == numbers->end()) return false;
  Result<File> file = open_at(folder_, segment_name(*found), O_RDONLY, 0, Missing::gives_none);
  if (!file) return std::unexpected(std::move(file.error()));
  if (!*file) return false;
  file_ = std::move(*file);
  if (*found != place_.segment) place_ = {*found, 0};
  return true;
}

// Reads up to `bytes` from the place on into the buffer; false when the segment has nothing there.
Result<bool> SegmentReader::fill(std::size_t bytes) {
  Result<std::uint64_t> size = file_size(file_.get());
  if (!size) return std::unexpected(std::move(size.error()));
  buffer_.resize(std::min<std::uint64_t>(bytes, *size - std::min(*size, place_.offset)));
  Result<std::size_t> got = read_at(file_.get(), place_.offset, buffer_.data(), buffer_.size());
  if (!got) return std::unexpected(std::move(got.error()));
  buffer_.resize(*got);
  return *got > 0;
}

void SegmentReader::take_records(std::size_t bytes_max, std::vector<LogRecord>& records) {
  std::size_t at = 0;
  while (at < bytes_max) {
    const std::string_view rest = std::string_view(buffer_).substr(at);
    const auto header = read_record_header(rest);
    if (!header || rest.size() < kRecordHeaderBytes + header->length) break;
    const std::string_view payload = rest.substr(kRecordHeaderBytes, header->length);
    if (crc32c(payload) == header->payload_crc) {
      records.push_back({header->attempt, header->stream, header->offset, payload});
    }
    at += kRecordHeaderBytes + header->length;
  }
  place_.offset += at;
}

Result<std::vector<LogRecord>> SegmentReader::next(std::size_t bytes_max) {
  std::vector<LogRecord> records;
  torn_ = false;
  while (true) {
    if (!file_) {
      Result<bool> opened = open_next();
      if (!opened) return std::unexpected(std::move(opened.error()));
      if (!*opened) return records;
    }
    Result<File> later = open_at(folder_, segment_name(place_.segment + 1), O_PATH, 0, Missing::gives_none);
    if (!later) return std::unexpected(std::move(later.error()));
    const std::uint64_t before = place_.offset;
    Result<bool> filled = fill(bytes_max + kRecordHeaderBytes + kRecordBytesMax);
    if (!filled) return std::unexpected(std::move(filled.error()));
    if (*filled) take_records(bytes_max, records);
    if (!records.empty()) return records;
    if (place_.offset != before) continue;
    if (!*later) {
      torn_ = *filled;
      return records;
    }
    file_.close();
    place_ = {place_.segment + 1, 0};
  }
}

}  // namespace muster::blobs
