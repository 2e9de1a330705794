// Writing, opening and searching of index files.
// Entries are sorted by attempt and then by place, so that those of one attempt stand together in order of arrival.
#include "blobs/log_index.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "blobs/crc32c.h"
#include "blobs/segments.h"

namespace muster::blobs {
namespace {

// 0 "MLI1" · 4 CRC-32C of bytes 8..31 · 8 bytes of the segment · 16 entries · 24 zero
constexpr std::size_t kHeaderBytes = 32;
constexpr std::string_view kMagic = "MLI1";
constexpr std::size_t kChecked = 8;

auto key(const IndexEntry& entry) { return std::tuple(entry.index, entry.number, entry.incarnation); }
auto key(const AttemptRef& attempt) { return std::tuple(attempt.index, attempt.number, attempt.incarnation); }

std::string header_of(std::uint64_t segment_bytes, std::uint64_t count) {
  std::string header(kHeaderBytes, '\0');
  std::memcpy(header.data(), kMagic.data(), kMagic.size());
  std::memcpy(header.data() + 8, &segment_bytes, sizeof segment_bytes);
  std::memcpy(header.data() + 16, &count, sizeof count);
  const std::uint32_t crc = crc32c(std::string_view(header).substr(kChecked));
  std::memcpy(header.data() + 4, &crc, sizeof crc);
  return header;
}

}  // namespace

IndexEntry IndexEntry::of(const RecordHeader& header, std::uint64_t file_offset) {
  return {header.attempt.index,
          header.offset,
          header.attempt.number,
          header.attempt.incarnation,
          static_cast<std::uint32_t>(file_offset),
          header.length | (header.stream == Stream::err ? kErr : 0)};
}

std::string index_name(std::uint64_t segment) {
  std::string name = segment_name(segment);
  return name.replace(name.size() - 3, 3, "idx");
}

Result<void> write_index(int folder, std::uint64_t segment, std::uint64_t segment_bytes,
                         std::vector<IndexEntry> entries) {
  std::sort(entries.begin(), entries.end(), [](const IndexEntry& a, const IndexEntry& b) {
    return std::tuple(key(a), a.file_offset) < std::tuple(key(b), b.file_offset);
  });
  const std::string name = index_name(segment);
  const std::string beside = name + ".tmp";
  Result<File> file = open_at(folder, beside, O_RDWR | O_CREAT | O_TRUNC);
  if (!file) return std::unexpected(std::move(file.error()));
  const std::string header = header_of(segment_bytes, entries.size());
  if (auto added = append_all(file->get(), 0, header, beside); !added) return added;
  const std::string_view body(reinterpret_cast<const char*>(entries.data()),
                              entries.size() * sizeof(IndexEntry));
  if (auto added = append_all(file->get(), header.size(), body, beside); !added) return added;
  if (::fdatasync(file->get()) < 0) return file_error(errno, "write " + beside);
  if (::renameat(folder, beside.c_str(), folder, name.c_str()) < 0) return file_error(errno, "write " + name);
  return {};
}

Result<std::optional<IndexFile>> IndexFile::open(int folder, std::uint64_t segment,
                                                 std::uint64_t segment_bytes) {
  Result<File> file = open_at(folder, index_name(segment), O_RDONLY, 0, Missing::gives_none);
  if (!file) return std::unexpected(std::move(file.error()));
  if (!*file) return std::nullopt;
  IndexFile index;
  index.file_ = std::move(*file);
  char header[kHeaderBytes];
  Result<std::size_t> got = read_at(index.file_.get(), 0, header, sizeof header);
  if (!got) return std::unexpected(std::move(got.error()));
  Result<std::uint64_t> size = file_size(index.file_.get());
  if (!size) return std::unexpected(std::move(size.error()));
  if (*got < sizeof header) return std::nullopt;
  std::memcpy(&index.segment_bytes_, header + 8, sizeof index.segment_bytes_);
  std::memcpy(&index.count_, header + 16, sizeof index.count_);
  if (std::string_view(header, sizeof header) != header_of(index.segment_bytes_, index.count_))
    return std::nullopt;
  if (*size != kHeaderBytes + index.count_ * sizeof(IndexEntry)) return std::nullopt;
  if (segment_bytes != 0 && segment_bytes != index.segment_bytes_) return std::nullopt;
  return index;
}

Result<IndexEntry> IndexFile::at(std::uint64_t position) const {
  IndexEntry entry;
  Result<std::size_t> got = read_at(file_.get(), kHeaderBytes + position * sizeof entry,
                                    reinterpret_cast<char*>(&entry), sizeof entry);
  if (!got) return std::unexpected(std::move(got.error()));
  return entry;
}

Result<std::uint64_t> IndexFile::lower_bound(const AttemptRef& attempt) const {
  std::uint64_t begin = 0;
  std::uint64_t end = count_;
  while (begin < end) {
    const std::uint64_t middle = begin + (end - begin) / 2;
    Result<IndexEntry> entry = at(middle);
    if (!entry) return std::unexpected(std::move(entry.error()));
    if (key(*entry) < key(attempt)) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

Result<std::vector<IndexEntry>> IndexFile::read(std::uint64_t position, std::uint64_t entries_max) const {
  std::vector<IndexEntry> entries(std::min(entries_max, count_ - std::min(count_, position)));
  Result<std::size_t> got =
      read_at(file_.get(), kHeaderBytes + position * sizeof(IndexEntry),
              reinterpret_cast<char*>(entries.data()), entries.size() * sizeof(IndexEntry));
  if (!got) return std::unexpected(std::move(got.error()));
  entries.resize(*got / sizeof(IndexEntry));
  return entries;
}

}  // namespace muster::blobs
