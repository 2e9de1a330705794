// Compressing a segment frame by frame, and reading at any place of the result.
// The table of frames stands at the end, in a skippable frame, as zstd's contrib/seekable_format describes it.
#include "blobs/sealed_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace muster::blobs {
namespace {

constexpr int kLevel = 3;
constexpr std::uint32_t kSkippableMagic = 0x184D2A5E;
constexpr std::uint32_t kSeekableMagic = 0x8F92EAB1;
constexpr std::size_t kEntryBytes = 8;
constexpr std::size_t kFooterBytes = 9;
constexpr std::size_t kSkippableHeaderBytes = 8;

void put32(std::string& out, std::size_t value) {
  const auto narrow = static_cast<std::uint32_t>(value);
  out.append(reinterpret_cast<const char*>(&narrow), sizeof narrow);
}

std::uint32_t get32(const char* at) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::unexpected<Error> unreadable() {
  return refuse(ErrorKind::temporary, kInternal, "a sealed log segment is damaged");
}

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

Result<void> write_sealed(int folder, const std::string& name, int from) {
  Result<File> file = open_at(folder, name, O_RDWR | O_CREAT | O_TRUNC);
  if (!file) return std::unexpected(std::move(file.error()));
  const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  std::string piece(kFrameBytes, '\0');
  std::string packed(ZSTD_compressBound(kFrameBytes), '\0');
  std::string table;
  std::uint32_t frames = 0;
  std::uint64_t end = 0;
  for (std::uint64_t at = 0;; at += kFrameBytes, ++frames) {
    Result<std::size_t> got = read_at(from, at, piece.data(), piece.size());
    if (!got) return std::unexpected(std::move(got.error()));
    if (*got == 0) break;
    const std::size_t bytes =
        ZSTD_compressCCtx(context.get(), packed.data(), packed.size(), piece.data(), *got, kLevel);
    if (ZSTD_isError(bytes) != 0) return refuse(ErrorKind::temporary, kInternal, ZSTD_getErrorName(bytes));
    if (auto added = append_all(file->get(), end, {packed.data(), bytes}, name); !added) return added;
    end += bytes;
    put32(table, bytes);
    put32(table, *got);
  }
  std::string tail;
  put32(tail, kSkippableMagic);
  put32(tail, table.size() + kFooterBytes);
  tail.append(table);
  put32(tail, frames);
  tail.push_back('\0');
  put32(tail, kSeekableMagic);
  if (auto added = append_all(file->get(), end, tail, name); !added) return added;
  if (::fdatasync(file->get()) < 0) return file_error(errno, "write " + name);
  return {};
}

Result<SegmentSource> SegmentSource::plain(File file) {
  SegmentSource source(std::move(file));
  Result<std::uint64_t> size = file_size(source.file_.get());
  if (!size) return std::unexpected(std::move(size.error()));
  source.size_ = *size;
  return source;
}

Result<SegmentSource> SegmentSource::sealed(File file) {
  SegmentSource source(std::move(file));
  source.is_sealed_ = true;
  Result<std::uint64_t> size = file_size(source.file_.get());
  if (!size) return std::unexpected(std::move(size.error()));
  if (*size < kSkippableHeaderBytes + kFooterBytes) return unreadable();
  char footer[kFooterBytes];
  if (auto got = muster::blobs::read_at(source.file_.get(), *size - kFooterBytes, footer, kFooterBytes);
      !got) {
    return std::unexpected(std::move(got.error()));
  }
  const std::uint64_t count = get32(footer);
  if (get32(footer + 5) != kSeekableMagic || footer[4] != 0) return unreadable();
  const std::uint64_t table_bytes = count * kEntryBytes;
  if (table_bytes + kFooterBytes + kSkippableHeaderBytes > *size) return unreadable();
  std::string table(table_bytes, '\0');
  const std::uint64_t table_at = *size - kFooterBytes - table_bytes;
  if (auto got = muster::blobs::read_at(source.file_.get(), table_at, table.data(), table.size()); !got) {
    return std::unexpected(std::move(got.error()));
  }
  std::uint64_t packed = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const char* entry = table.data() + i * kEntryBytes;
    const Frame frame{source.size_, packed, get32(entry), get32(entry + 4)};
    if (frame.bytes > kFrameBytes) return unreadable();
    source.frames_.push_back(frame);
    source.size_ += frame.bytes;
    packed += frame.packed_bytes;
  }
  if (packed != table_at - kSkippableHeaderBytes) return unreadable();
  return source;
}

Result<void> SegmentSource::unpack(std::size_t index) {
  if (unpacked_ == index) return {};
  const Frame& frame = frames_[index];
  std::string packed(frame.packed_bytes, '\0');
  Result<std::size_t> got =
      muster::blobs::read_at(file_.get(), frame.packed_begin, packed.data(), packed.size());
  if (!got) return std::unexpected(std::move(got.error()));
  window_.resize(frame.bytes);
  unpacked_ = SIZE_MAX;
  const std::size_t bytes = ZSTD_decompress(window_.data(), window_.size(), packed.data(), *got);
  if (ZSTD_isError(bytes) != 0 || bytes != frame.bytes) return unreadable();
  unpacked_ = index;
  return {};
}

Result<std::size_t> SegmentSource::read_at(std::uint64_t offset, char* into, std::size_t size) {
  if (!is_sealed_) return muster::blobs::read_at(file_.get(), offset, into, size);
  std::size_t done = 0;
  while (done < size && offset + done < size_) {
    const std::uint64_t at = offset + done;
    const auto next = std::upper_bound(frames_.begin(), frames_.end(), at,
                                       [](std::uint64_t place, const Frame& f) { return place < f.begin; });
    const auto index = static_cast<std::size_t>(next - frames_.begin()) - 1;
    if (auto unpacked = unpack(index); !unpacked) return std::unexpected(std::move(unpacked.error()));
    const std::size_t skip = at - frames_[index].begin;
    const std::size_t take = std::min(size - done, window_.size() - skip);
    std::memcpy(into + done, window_.data() + skip, take);
    done += take;
  }
  return done;
}

}  // namespace muster::blobs
