// Files by descriptor: an owner that closes, and the few calls that logs need, with errors as values.
// Everything is opened relative to a folder's descriptor and closed on exec.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace muster::blobs {

// Owns one descriptor; -1 is none.
class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    if (this != &other) {
      close();
      descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
  }
  ~File() { close(); }

  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }
  int release() { return std::exchange(descriptor_, -1); }
  void close();

 private:
  int descriptor_ = -1;
};

// E507 for a full disk or quota, else E501; `doing` reads like "write the log file 7.seg".
std::unexpected<Error> file_error(int number, std::string_view doing);

// `flags` as for openat; O_CLOEXEC is added. With a folder (not AT_FDCWD) only what lies below it, by no link. ENOENT gives an empty File with `missing_is_fine`, else every failure is an Error.
enum class Missing : std::uint8_t { is_error, gives_none };
Result<File> open_at(int folder, const std::string& name, int flags, unsigned mode = 0600,
                     Missing missing = Missing::is_error);
// Opens a folder, making it (0700) when it is not there; parents must exist.
Result<File> open_folder_at(int parent, const std::string& name);

Result<std::uint64_t> file_size(int file);
// Reads until `size` bytes or the end of the file; the result is shorter only at the end.
Result<std::size_t> read_at(int file, std::uint64_t offset, char* into, std::size_t size);
// All or nothing: what a failed write left behind is cut off again. `end` is the size before.
Result<void> append_all(int file, std::uint64_t end, std::string_view bytes, std::string_view name);

// Names in a folder, unsorted, without . and ..
Result<std::vector<std::string>> list_folder(int folder);

}  // namespace muster::blobs
