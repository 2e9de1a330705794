// Writing a file at once, with system calls: the reason of a failure is wanted.
// Nothing is buffered here that could be lost at the end.
#include "cli/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "client/text.h"
#include "core/escape.h"

namespace muster::cli {

Result<void> write_output_file(const std::string& path, std::string_view text, std::string next) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  bool written = file >= 0;
  while (written && !text.empty()) {
    const ssize_t count = write(file, text.data(), text.size());
    written = count > 0;
    if (written) text.remove_prefix(static_cast<std::size_t>(count));
  }
  const int error = errno;
  if (file >= 0) close(file);
  if (written) return {};
  return refuse(ErrorKind::temporary, kOutputFailed,
                client::join_text(escape_text(path), " cannot be written: ", std::strerror(error)),
                std::move(next));
}

}  // namespace muster::cli
