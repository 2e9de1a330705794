// Writing of segments: names, appending, rotation, removal, and the scan that finds where a writer may go on.
// A reader may be at any place of any segment meanwhile: files are only appended to, renamed into place, or removed.
#include "blobs/segments.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "blobs/crc32c.h"
#include "core/check.h"

namespace muster::blobs {
namespace {

constexpr std::string_view kEnding = ".log";
constexpr std::size_t kDigits = 12;
constexpr std::size_t kScanBytes = 64ULL << 10;

}  // namespace

std::string segment_name(std::uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return digits.append(kEnding);
}

std::optional<std::uint64_t> segment_number(std::string_view name) {
  if (name.size() < kDigits + kEnding.size() || !name.ends_with(kEnding)) return std::nullopt;
  name.remove_suffix(kEnding.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

Result<std::vector<std::uint64_t>> list_segments(int folder) {
  Result<std::vector<std::string>> names = list_folder(folder);
  if (!names) return std::unexpected(std::move(names.error()));
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : *names) {
    if (const auto number = segment_number(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// ---- RecordBuffer

RecordBuffer::RecordBuffer(std::size_t capacity)
    : capacity_(capacity), memory_(std::make_unique_for_overwrite<char[]>(capacity)) {}

char* RecordBuffer::reserve(std::size_t size) {
  MUSTER_CHECK(fits(size), "a record buffer is flushed before it is full");
  return memory_.get() + used_ + kRecordHeaderBytes;
}

void RecordBuffer::commit(const AttemptRef& attempt, Stream stream, std::uint64_t offset, std::size_t size) {
  if (size == 0) return;
  MUSTER_CHECK(fits(size) && size <= kRecordBytesMax, "only what was reserved is committed");
  char* header = memory_.get() + used_;
  write_record_header(LogRecord{attempt, stream, offset, {header + kRecordHeaderBytes, size}}, header);
  used_ += kRecordHeaderBytes + size;
}

void RecordBuffer::add(const LogRecord& record) {
  char* room = reserve(record.bytes.size());
  std::copy(record.bytes.begin(), record.bytes.end(), room);
  write_record_header(record, room - kRecordHeaderBytes);
  used_ += kRecordHeaderBytes + record.bytes.size();
}

// ---- SegmentWriter

Result<SegmentWriter> SegmentWriter::open(int folder, std::uint64_t bytes_max) {
  Result<std::vector<std::uint64_t>> numbers = list_segments(folder);
  if (!numbers) return std::unexpected(std::move(numbers.error()));
  SegmentWriter writer(folder, bytes_max);
  if (numbers->empty()) {
    if (auto begun = writer.begin(1); !begun) return std::unexpected(std::move(begun.error()));
    return writer;
  }
  writer.first_kept_ = numbers->front();
  for (const std::uint64_t number : *numbers) {
    Result<File> file = open_at(folder, segment_name(number), O_RDWR);
    if (!file) return std::unexpected(std::move(file.error()));
    Result<std::uint64_t> size = file_size(file->get());
    if (!size) return std::unexpected(std::move(size.error()));
    writer.bytes_kept_ += *size;
    if (number != numbers->back()) continue;
    Result<SegmentScan> scan = scan_segment(file->get(), LastRecord::by_payload, [](const RecordPlace&) {});
    if (!scan) return std::unexpected(std::move(scan.error()));
    if (scan->torn && ::ftruncate(file->get(), static_cast<off_t>(scan->end)) < 0) {
      return file_error(errno, "cut off the torn end of " + segment_name(number));
    }
    writer.bytes_kept_ -= *size - scan->end;
    writer.file_ = std::move(*file);
    writer.number_ = number;
    writer.size_ = scan->end;
  }
  return writer;
}

Result<void> SegmentWriter::begin(std::uint64_t number) {
  Result<File> file = open_at(folder_, segment_name(number), O_RDWR | O_CREAT | O_EXCL);
  if (!file) return std::unexpected(std::move(file.error()));
  file_ = std::move(*file);
  number_ = number;
  size_ = 0;
  close_ = false;
  return {};
}

Result<void> SegmentWriter::append(std::string_view records) {
  if (records.empty()) return {};
  if (size_ > 0 && (close_ || size_ + records.size() > bytes_max_)) {
    if (auto begun = begin(number_ + 1); !begun) return begun;
  }
  if (auto added = append_all(file_.get(), size_, records, segment_name(number_)); !added) return added;
  size_ += records.size();
  bytes_kept_ += records.size();
  return {};
}

Result<void> SegmentWriter::adopt(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    Result<File> file = open_at(folder_, name, O_RDWR);
    if (!file) return std::unexpected(std::move(file.error()));
    Result<std::uint64_t> size = file_size(file->get());
    if (!size) return std::unexpected(std::move(size.error()));
    if (::renameat(folder_, name.c_str(), folder_, segment_name(number_ + 1).c_str()) < 0) {
      return file_error(errno, "take in " + name);
    }
    file_ = std::move(*file);
    number_ += 1;
    size_ = *size;
    bytes_kept_ += *size;
  }
  return {};
}

Result<void> SegmentWriter::remove_below(std::uint64_t number) {
  for (; first_kept_ < std::min(number, number_); ++first_kept_) {
    const std::string name = segment_name(first_kept_);
    Result<File> file = open_at(folder_, name, O_RDONLY, 0, Missing::gives_none);
    if (!file) return std::unexpected(std::move(file.error()));
    if (!*file) continue;
    if (const auto size = file_size(file->get())) bytes_kept_ -= std::min(bytes_kept_, *size);
    if (::unlinkat(folder_, name.c_str(), 0) < 0) return file_error(errno, "remove " + name);
  }
  return {};
}

// ---- scan

namespace {

Result<bool> payload_is_sound(const ReadAt& read, const RecordPlace& place) {
  std::string payload(place.header.length, '\0');
  Result<std::size_t> got = read(place.offset + kRecordHeaderBytes, payload.data(), payload.size());
  if (!got) return std::unexpected(std::move(got.error()));
  return *got == payload.size() && crc32c(payload) == place.header.payload_crc;
}

// Headers are looked at through a window, so that small records cost no call each and large ones are jumped over.
class Window {
 public:
  Window(const ReadAt& read, std::uint64_t size) : read_(read), size_(size) {}
  Result<std::string_view> at(std::uint64_t offset) {
    if (offset < begin_ || offset + kRecordHeaderBytes > begin_ + bytes_.size()) {
      bytes_.resize(std::min<std::uint64_t>(kScanBytes, size_ - offset));
      Result<std::size_t> got = read_(offset, bytes_.data(), bytes_.size());
      if (!got) return std::unexpected(std::move(got.error()));
      bytes_.resize(*got);
      begin_ = offset;
    }
    return std::string_view(bytes_).substr(offset - begin_);
  }

 private:
  const ReadAt& read_;
  std::uint64_t size_;
  std::string bytes_;
  std::uint64_t begin_ = 0;
};

}  // namespace

Result<SegmentScan> scan_segment(const ReadAt& read, std::uint64_t size, std::uint64_t offset,
                                 LastRecord last, const std::function<void(const RecordPlace&)>& take) {
  Window window(read, size);
  std::optional<RecordPlace> held;  // given on when a further one proves that it is not the last
  SegmentScan scan{offset, false};
  while (scan.end + kRecordHeaderBytes <= size) {
    Result<std::string_view> bytes = window.at(scan.end);
    if (!bytes) return std::unexpected(std::move(bytes.error()));
    const auto header = read_record_header(*bytes);
    if (!header || scan.end + kRecordHeaderBytes + header->length > size) break;
    if (held) take(*held);
    held = RecordPlace{*header, scan.end};
    scan.end += kRecordHeaderBytes + header->length;
  }
  if (held && last == LastRecord::by_payload) {
    Result<bool> sound = payload_is_sound(read, *held);
    if (!sound) return std::unexpected(std::move(sound.error()));
    if (!*sound) {
      scan.end = held->offset;
      held.reset();
    }
  }
  if (held) take(*held);
  scan.torn = scan.end != size;
  return scan;
}

Result<SegmentScan> scan_segment(int file, LastRecord last,
                                 const std::function<void(const RecordPlace&)>& take) {
  Result<std::uint64_t> size = file_size(file);
  if (!size) return std::unexpected(std::move(size.error()));
  const ReadAt read = [file](std::uint64_t offset, char* into, std::size_t bytes) {
    return read_at(file, offset, into, bytes);
  };
  return scan_segment(read, *size, 0, last, take);
}

}  // namespace muster::blobs
