// Reading a value that nobody is to see.
// The terminal's echo comes back however the reading ends, but for a kill.
#include "cli/secret_input.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "client/json.h"
#include "client/text.h"
#include "core/escape.h"

namespace muster::cli {

using client::join_text;

namespace {

constexpr std::size_t kBytesMax = 16 << 10;

// No echo while this lives.
class Unseen {
 public:
  explicit Unseen(int descriptor) : descriptor_(descriptor) {
    if (tcgetattr(descriptor_, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(descriptor_, TCSAFLUSH, &quiet) == 0;
  }
  ~Unseen() {
    if (changed_) tcsetattr(descriptor_, TCSAFLUSH, &before_);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  int descriptor_;
  termios before_{};
  bool changed_ = false;
};

enum class Until : std::uint8_t { end, newline };

Result<std::string> read_bytes(int descriptor, const std::string& name, Until until) {
  std::string text;
  while (text.size() <= kBytesMax + 1) {
    char bytes[4096];
    const ssize_t count = read(descriptor, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text(escape_text(name), " cannot be read: ", std::strerror(errno)));
    }
    text.append(bytes, static_cast<std::size_t>(count));
    if (count == 0 || (until == Until::newline && text.ends_with('\n'))) break;
  }
  return text;
}

}  // namespace

Result<std::string> read_secret_value(Session& session, const std::optional<std::string>& file) {
  const bool from_file = file && *file != "-";
  const std::string name = from_file ? *file : "standard input";
  const int descriptor = from_file ? open(file->c_str(), O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
  if (descriptor < 0) {
    return refuse(ErrorKind::not_found, kNoSuchThing,
                  join_text("the file ", escape_text(name), " cannot be opened: ", std::strerror(errno)),
                  "name an existing file, or - for standard input");
  }
  const bool typed = !from_file && isatty(STDIN_FILENO) != 0;
  Result<std::string> text;
  if (typed) {
    const Unseen unseen(descriptor);
    session.note("the value, which is not shown; end it with the Enter key:");
    text = read_bytes(descriptor, name, Until::newline);
  } else {
    text = read_bytes(descriptor, name, Until::end);
  }
  if (from_file) close(descriptor);
  if (!text) return text;
  if (text->ends_with('\n')) text->pop_back();
  if (text->empty()) {
    return refuse(ErrorKind::usage, kMalformedValue, join_text("there is no value in ", escape_text(name)),
                  "pipe it in, or name a file with --from");
  }
  if (text->size() > kBytesMax || !client::is_utf8(*text) || text->find('\0') != std::string::npos) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text("the value in ", escape_text(name), " is not text of at most 16 KiB"),
                  "encode what is no text, as with base64");
  }
  return text;
}

}  // namespace muster::cli
