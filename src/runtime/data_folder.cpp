// Finding and making the data folder; small files in it.
// Nothing here follows a symbolic link in the last part of a name.
#include "runtime/data_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "core/escape.h"
#include "core/failpoint.h"

namespace muster::runtime {
namespace {

constexpr std::size_t kLineBytesMax = 4096;

std::string reason(int number) { return std::generic_category().message(number); }

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::unexpected<Error> cannot_write(const std::string& path, int number) {
  const bool full = number == ENOSPC || number == EDQUOT;
  return refuse(full ? ErrorKind::temporary : ErrorKind::wrong_state, full ? kDiskFull : kInternal,
                "cannot write " + escape_text(path) + ": " + reason(number),
                full ? "make room on that disk" : "see whether the folder belongs to you");
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<DataFolder> find_data_folder(const std::string& option) {
  std::string path = option;
  if (path.empty()) path = environment("MUSTER_DATA");
  if (path.empty() && !environment("XDG_DATA_HOME").empty()) path = environment("XDG_DATA_HOME") + "/muster";
  if (path.empty() && !environment("HOME").empty()) path = environment("HOME") + "/.local/share/muster";
  if (path.empty()) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  "there is no place for data: neither --data nor HOME is given", "say where: --data DIR");
  }
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error).lexically_normal();
  if (error)
    return refuse(ErrorKind::usage, kMalformedValue, "the data folder " + escape_text(path) + " cannot be");
  path = absolute.string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return DataFolder{path};
}

Result<void> make_data_folder(const DataFolder& folder) {
  std::error_code error;
  const std::filesystem::path above = std::filesystem::path(folder.path).parent_path();
  std::filesystem::create_directories(above, error);
  for (const std::string& path : {folder.path, folder.logs(), folder.worker()}) {
    if (mkdir(path.c_str(), 0700) == 0) continue;
    const int number = errno;
    if (number == EEXIST && std::filesystem::is_directory(path, error)) continue;
    return refuse(ErrorKind::usage, number == ENOSPC ? kDiskFull : kMalformedValue,
                  "cannot make the folder " + escape_text(path) + ": " + reason(number),
                  "choose another one: --data DIR");
  }
  return {};
}

std::optional<std::string> read_line_file(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return std::nullopt;
  std::string text(kLineBytesMax, '\0');
  const ssize_t size = read(descriptor, text.data(), text.size());
  close(descriptor);
  if (size <= 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(size));
  text.resize(std::min(text.size(), text.find('\n')));
  if (text.empty()) return std::nullopt;
  return text;
}

Result<void> write_file_atomically(const std::string& path, std::string_view text, unsigned mode) {
  const std::string beside = path + ".new";
  unlink(beside.c_str());
  const int descriptor = open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (descriptor < 0) return cannot_write(path, errno);
  const bool written = write_all(descriptor, text) && fsync(descriptor) == 0;
  const int number = errno;
  close(descriptor);
  if (!written) {
    unlink(beside.c_str());
    return cannot_write(path, number);
  }
  failpoint("file.written");
  if (rename(beside.c_str(), path.c_str()) != 0) return cannot_write(path, errno);
  failpoint("file.renamed");
  return {};
}

}  // namespace muster::runtime
