// Escape sequences that every terminal of the last thirty years knows.
// Lines are drawn over each other and cleared at their ends, so that nothing flickers.
#include "cli/live_screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace muster::cli {

LiveScreen::LiveScreen(Output& out) : out_(out) {
  if (tcgetattr(STDIN_FILENO, &former_) == 0) {
    termios changed = former_;
    changed.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSANOW, &changed) == 0;
  }
  out_.write("\x1b[?1049h\x1b[?25l");
  out_.flush();
}

LiveScreen::~LiveScreen() {
  if (changed_) tcsetattr(STDIN_FILENO, TCSANOW, &former_);
  try {
    out_.write("\x1b[?25h\x1b[?1049l");
    out_.flush();
  } catch (const OutputFailed&) {  // NOLINT(bugprone-empty-catch)
    // The terminal is gone, and with it what was to be put right.
  }
}

ScreenSize LiveScreen::size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {size.ws_row, size.ws_col};
}

void LiveScreen::draw(const std::vector<std::string>& lines) {
  const std::size_t rows = size().rows;
  out_.write("\x1b[H");
  for (std::size_t i = 0; i < lines.size() && i < rows; ++i) {
    if (i > 0) out_.write("\r\n");
    out_.write(lines[i]);
    out_.write("\x1b[K");
  }
  out_.write("\x1b[J");
  out_.flush();
}

char LiveScreen::key() {
  pollfd watched{STDIN_FILENO, POLLIN, 0};
  char key = 0;
  if (poll(&watched, 1, 0) <= 0 || read(STDIN_FILENO, &key, 1) != 1) return 0;
  return key;
}

}  // namespace muster::cli
