// Lines of a log while it passes: some left out at the beginning, some taken, the rest not.
// Counts newlines only; a line of any length needs no memory.
#pragma once

#include <cstdint>
#include <string_view>

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

}  // namespace muster::cli
