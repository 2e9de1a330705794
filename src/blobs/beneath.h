// Opening what a name leads to below a folder, and nowhere else: no link is followed, no `..` and no absolute name is taken.
// Must hold: where the kernel does not know openat2 (before 5.6), a walk from folder to folder gives the same answers.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "blobs/file.h"

namespace muster::blobs {

enum class Resolver : std::uint8_t {
  kernel,  // openat2, and the walk where there is none
  walk,
};

// `flags` as for openat; O_CLOEXEC and O_NOFOLLOW are added. Else the system's number: ELOOP for a link on the way, EXDEV for a name
// that leads out, EINVAL for an empty one.
std::expected<File, int> open_beneath(int folder, std::string_view path, int flags, unsigned mode = 0600,
                                      Resolver resolver = Resolver::kernel);

// The folder of that name, made with those above it where they are missing.
std::expected<File, int> make_folders_beneath(int folder, std::string_view path, unsigned mode = 0700,
                                              Resolver resolver = Resolver::kernel);

}  // namespace muster::blobs
