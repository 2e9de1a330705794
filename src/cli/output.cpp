// Writing to file descriptors.
// 141 is what a shell reports for a process that SIGPIPE ended: the same for a process that ignores the signal.
#include "cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace muster::cli {

namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr int kReaderGone = 141;

void wait_for_room(int descriptor) {
  pollfd watched{descriptor, POLLOUT, 0};
  poll(&watched, 1, -1);
}

}  // namespace

void Output::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void Output::line(std::string_view text) {
  buffer_ += text;
  write("\n");
}

void Output::flush() {
  if (captured_ != nullptr) {
    *captured_ += buffer_;
    buffer_.clear();
    return;
  }
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t count = ::write(descriptor_, left.data(), left.size());
    if (count >= 0) {
      left.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      wait_for_room(descriptor_);
    } else if (errno == EPIPE) {
      _exit(kReaderGone);
    } else if (errno != EINTR) {
      buffer_.clear();
      throw OutputFailed(std::strerror(errno));
    }
  }
  buffer_.clear();
}

}  // namespace muster::cli
