// Reading and making the key file.
// Links are not followed, and what is not a plain file of ours alone is refused.
#include "runtime/server_key.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>

#include "core/check.h"
#include "core/escape.h"
#include "runtime/data_folder.h"

namespace muster::runtime {
namespace {

constexpr std::size_t kHexBytes = 2 * front::kServerKeyBytes;

std::unexpected<Error> unusable(const std::string& path, const std::string& why, const char* next) {
  return refuse(ErrorKind::wrong_state, kWrongState, escape_text(path) + " " + why, next);
}

Result<std::string> make_key(const std::string& path) {
  MUSTER_CHECK(sodium_init() >= 0, "the kernel gives random bytes");
  std::string key(front::kServerKeyBytes, '\0');
  randombytes_buf(key.data(), key.size());
  std::string text(kHexBytes + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), reinterpret_cast<const unsigned char*>(key.data()), key.size());
  text.back() = '\n';
  const Result<void> written = write_file_atomically(path, text, 0600);
  sodium_memzero(text.data(), text.size());
  if (!written) return std::unexpected(written.error());
  return key;
}

}  // namespace

Result<std::string> server_key(const std::string& path, front::KeyWish wish) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0 && errno == ENOENT && wish == front::KeyWish::make) return make_key(path);
  if (descriptor < 0) {
    const std::string why = std::generic_category().message(errno);
    return refuse(ErrorKind::not_found, kNoSuchThing,
                  "the server's key cannot be read: " + escape_text(path) + ": " + why,
                  "put the key file back where it was when the secrets were made");
  }
  struct stat facts{};
  const bool known = fstat(descriptor, &facts) == 0;
  std::string text(kHexBytes, '\0');
  const ssize_t size = known && S_ISREG(facts.st_mode) ? read(descriptor, text.data(), text.size()) : -1;
  close(descriptor);
  if ((facts.st_mode & 077) != 0) {
    return refuse(ErrorKind::wrong_state, kTokenFileOpen, "others may read " + escape_text(path),
                  "close it: chmod 600 on it; if others had access, set every secret anew");
  }
  std::string key(front::kServerKeyBytes, '\0');
  std::size_t bytes = 0;
  const bool whole = size == static_cast<ssize_t>(kHexBytes) &&
                     sodium_hex2bin(reinterpret_cast<unsigned char*>(key.data()), key.size(), text.data(),
                                    text.size(), nullptr, &bytes, nullptr) == 0;
  sodium_memzero(text.data(), text.size());
  if (!whole || bytes != key.size())
    return unusable(path, "does not hold a server's key", "put the right file in its place");
  return key;
}

}  // namespace muster::runtime
