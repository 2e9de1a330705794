// Lines of a log while it passes: some left out at the beginning, some taken, the rest not.
// A line of any length needs little memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "core/line_pattern.h"

namespace muster::cli {

class LineWindow {
 public:
  LineWindow(std::uint64_t skip, std::uint64_t take) : skip_(skip), take_(take) {}

  // What of these bytes belongs to the window.
  std::string_view filter(std::string_view bytes) {
    while (skip_ > 0 && !bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      if (end == std::string_view::npos) return {};
      bytes.remove_prefix(end + 1);
      --skip_;
    }
    if (take_ == UINT64_MAX) return bytes;
    std::size_t kept = 0;
    while (take_ > 0 && kept < bytes.size()) {
      const std::size_t end = bytes.find('\n', kept);
      if (end == std::string_view::npos) return bytes;
      kept = end + 1;
      --take_;
    }
    return bytes.substr(0, kept);
  }
  bool done() const { return take_ == 0; }

 private:
  std::uint64_t skip_;
  std::uint64_t take_;
};

// How many lines passed, one without an end counted too.
class LineCounter {
 public:
  void add(std::string_view bytes) {
    for (std::size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1))
      ++lines_;
    if (!bytes.empty()) open_ = bytes.back() != '\n';
  }
  std::uint64_t lines() const { return lines_ + (open_ ? 1 : 0); }

 private:
  std::uint64_t lines_ = 0;
  bool open_ = false;
};

// Lines that match, put together from pieces; of a very long one only a part is kept and shown.
class LineSplitter {
 public:
  using Print = std::function<void(std::string_view line, bool cut)>;
  LineSplitter(LinePattern& wanted, Print print) : wanted_(wanted), print_(std::move(print)) {}

  void add(std::string_view bytes) {
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      hold(bytes.substr(0, end));
      bytes.remove_prefix(end + 1);
      take(true);
    }
    hold(bytes);
  }
  // What is held is a line, although nothing ended it.
  void end() {
    if (!held_.empty()) take(true);
  }

 private:
  static constexpr std::size_t kHeldMax = 64 << 10;
  static constexpr std::size_t kShownMax = 4096;

  void hold(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, kHeldMax);
      held_ += part;
      bytes.remove_prefix(part.size());
      if (held_.size() > kHeldMax) take(false);
    }
  }

  void take(bool ends_line) {
    const auto found = wanted_.find(LinePattern::Piece{held_, begins_line_, ends_line});
    if (found) {
      const std::size_t begin = *found > kShownMax / 2 ? *found - kShownMax / 2 : 0;
      const std::string_view shown = std::string_view(held_).substr(begin, kShownMax);
      print_(shown, shown.size() < held_.size() || !ends_line || !begins_line_);
    }
    held_.erase(0, ends_line ? held_.size() : held_.size() - std::min(held_.size(), wanted_.overlap()));
    begins_line_ = ends_line;
  }

  LinePattern& wanted_;
  Print print_;
  std::string held_;
  bool begins_line_ = true;
};

}  // namespace muster::cli
