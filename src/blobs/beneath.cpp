// openat2 with every restriction, or one openat for each part of the name.
// Names with `..` are refused before anything is asked, so that both ways agree.
#include "blobs/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace muster::blobs {
namespace {

// The next part of a name, taken off it; nothing at its end.
std::string_view take_part(std::string_view& path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  const std::string_view part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

// 0, or why nothing is opened under this name.
int refusal(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return EINVAL;
  if (path.starts_with('/')) return EXDEV;
  for (std::string_view rest = path; !rest.empty();) {
    if (take_part(rest) == "..") return EXDEV;
  }
  return 0;
}

// One name in a folder, which is no link.
int open_one(int folder, const std::string& name, int flags, unsigned mode) {
  int file = -1;
  do {
    file = ::openat(folder, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode);
  } while (file < 0 && errno == EINTR);
  return file;
}

// An O_PATH of a link is a link, not a failure; O_DIRECTORY makes it ENOTDIR, which openat2 calls ELOOP.
int why_not_folder(int folder, const std::string& name, int number) {
  struct stat facts{};
  const bool link = number == ENOTDIR && ::fstatat(folder, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISLNK(facts.st_mode);
  return link ? ELOOP : number;
}

std::expected<File, int> walk(int folder, std::string_view path, int flags, unsigned mode) {
  File held;
  int at = folder;
  for (std::string_view rest = path;;) {
    const std::string name(take_part(rest));
    if (rest.find_first_not_of('/') == std::string_view::npos) {
      File file(open_one(at, name, flags, mode));
      if (!file) return std::unexpected(why_not_folder(at, name, errno));
      return file;
    }
    File next(open_one(at, name, O_PATH | O_DIRECTORY, 0));
    if (!next) return std::unexpected(why_not_folder(at, name, errno));
    held = std::move(next);
    at = held.get();
  }
}

constexpr int kNotKnown = -1;

// kNotKnown where there is no such call, or a filter of the machine says so.
std::expected<File, int> ask_kernel(int folder, const std::string& path, int flags, unsigned mode) {
  open_how how{};
  // Without O_NOFOLLOW: a link at the end is refused like any other, as ELOOP.
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long file = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
    if (file >= 0) return File(static_cast<int>(file));
    // EAGAIN: something was renamed on the way while the kernel looked.
    if (errno == EINTR || errno == EAGAIN) continue;
    if (errno == ENOSYS || errno == EPERM) return std::unexpected(kNotKnown);
    return std::unexpected(errno);
  }
}

}  // namespace

std::expected<File, int> open_beneath(int folder, std::string_view path, int flags, unsigned mode,
                                      Resolver resolver) {
  if (const int refused = refusal(path); refused != 0) return std::unexpected(refused);
  if (resolver == Resolver::kernel) {
    std::expected<File, int> file = ask_kernel(folder, std::string(path), flags, mode);
    if (file || file.error() != kNotKnown) return file;
  }
  return walk(folder, path, flags, mode);
}

std::expected<File, int> make_folders_beneath(int folder, std::string_view path, unsigned mode,
                                              Resolver resolver) {
  if (const int refused = refusal(path); refused != 0) return std::unexpected(refused);
  File held;
  int at = folder;
  for (std::string_view rest = path; rest.find_first_not_of('/') != std::string_view::npos;) {
    const std::string name(take_part(rest));
    if (::mkdirat(at, name.c_str(), mode) < 0 && errno != EEXIST) return std::unexpected(errno);
    std::expected<File, int> next = open_beneath(at, name, O_RDONLY | O_DIRECTORY, 0, resolver);
    if (!next) return next;
    held = std::move(*next);
    at = held.get();
  }
  return held;
}

}  // namespace muster::blobs
