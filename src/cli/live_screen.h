// A terminal taken whole for a while: another screen, no cursor, keys as they are pressed; given back whatever happens.
// One at a time.
#pragma once

#include <termios.h>

#include <cstddef>
#include <string>
#include <vector>

#include "cli/output.h"

namespace muster::cli {

struct ScreenSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

class LiveScreen {
 public:
  explicit LiveScreen(Output& out);
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  static ScreenSize size();
  // As many lines as there are rows; what is not covered is cleared.
  void draw(const std::vector<std::string>& lines);
  // A key that was pressed, 0 for none; never waits.
  static char key();

 private:
  Output& out_;
  termios former_{};
  bool changed_ = false;
};

}  // namespace muster::cli
