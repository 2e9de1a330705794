// The calls behind file.h.
// A signal never ends a call early: EINTR is retried here and nowhere else.
#include "blobs/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "blobs/beneath.h"

namespace muster::blobs {

void File::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

std::unexpected<Error> file_error(int number, std::string_view doing) {
  const bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;
  std::string what = "cannot " + std::string(doing) + ": " + std::strerror(number);
  if (full) return refuse(ErrorKind::temporary, kDiskFull, std::move(what), "free some space on that disk");
  return refuse(ErrorKind::temporary, kInternal, std::move(what));
}

// A path that was chosen by whoever runs this, not by whoever talks to it.
static std::expected<File, int> open_path(const std::string& path, int flags, unsigned mode) {
  int file = -1;
  do {
    file = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (file < 0 && errno == EINTR);
  if (file < 0) return std::unexpected(errno);
  return File(file);
}

Result<File> open_at(int folder, const std::string& name, int flags, unsigned mode, Missing missing) {
  std::expected<File, int> file =
      folder == AT_FDCWD ? open_path(name, flags, mode) : open_beneath(folder, name, flags, mode);
  if (file) return std::move(*file);
  if (file.error() == ENOENT && missing == Missing::gives_none) return File();
  return file_error(file.error(), "open " + name);
}

Result<File> open_folder_at(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), 0700) < 0 && errno != EEXIST) {
    return file_error(errno, "make the folder " + name);
  }
  return open_at(parent, name, O_RDONLY | O_DIRECTORY);
}

Result<std::uint64_t> file_size(int file) {
  struct stat facts{};
  if (::fstat(file, &facts) < 0) return file_error(errno, "look at a log file");
  return static_cast<std::uint64_t>(facts.st_size);
}

Result<std::size_t> read_at(int file, std::uint64_t offset, char* into, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file, into + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(errno, "read a log file");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> append_all(int file, std::uint64_t end, std::string_view bytes, std::string_view name) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put =
        ::pwrite(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(end + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const int number = errno;
      if (::ftruncate(file, static_cast<off_t>(end)) < 0)
        return file_error(errno, "cut back " + std::string(name));
      return file_error(number, "write " + std::string(name));
    }
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Result<std::vector<std::string>> list_folder(int folder) {
  // A descriptor of its own, because reading moves the position that all copies of one share.
  Result<File> own = open_at(folder, ".", O_RDONLY | O_DIRECTORY);
  if (!own) return std::unexpected(std::move(own.error()));
  DIR* open = ::fdopendir(own->get());
  if (open == nullptr) return file_error(errno, "list a folder");
  own->release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(open)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int number = errno;
  ::closedir(open);
  if (number != 0) return file_error(number, "list a folder");
  return names;
}

}  // namespace muster::blobs
