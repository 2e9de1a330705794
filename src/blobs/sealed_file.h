// A segment compressed in frames of a fixed piece each, in zstd's seekable format: `zstd -d` gives the segment back, and any
// place of it is read by decompressing one frame.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blobs/file.h"
#include "core/error.h"

namespace muster::blobs {

inline constexpr std::size_t kFrameBytes = 256ULL << 10;

// Writes `name` (made anew, synced) from the whole file `from`.
Result<void> write_sealed(int folder, const std::string& name, int from);

// Reads a segment, sealed or not, by the offsets of the unsealed one.
class SegmentSource {
 public:
  static Result<SegmentSource> plain(File file);
  // E501 when the file is not one that write_sealed() completed.
  static Result<SegmentSource> sealed(File file);

  std::uint64_t size() const { return size_; }
  // Shorter than asked only at the end.
  Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t size);

 private:
  struct Frame {
    std::uint64_t begin = 0;         // in the segment
    std::uint64_t packed_begin = 0;  // in the file
    std::uint32_t packed_bytes = 0;
    std::uint32_t bytes = 0;
  };
  explicit SegmentSource(File file) : file_(std::move(file)) {}
  Result<void> unpack(std::size_t frame);

  File file_;
  bool is_sealed_ = false;
  std::uint64_t size_ = 0;
  std::vector<Frame> frames_;
  std::size_t unpacked_ = SIZE_MAX;  // the frame in window_
  std::string window_;
};

}  // namespace muster::blobs
