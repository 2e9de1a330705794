// Standard output and standard error as buffers over file descriptors, without streams.
// A reader that went away ends the process quietly; any other failure to write is an OutputFailed, caught once at the top.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace muster::cli {

class OutputFailed : public std::exception {
 public:
  explicit OutputFailed(std::string why) : why_(std::move(why)) {}
  const char* what() const noexcept override { return why_.c_str(); }

 private:
  std::string why_;
};

class Output {
 public:
  explicit Output(int descriptor) : descriptor_(descriptor) {}
  // Collected; written when it has grown large, and by flush().
  void write(std::string_view text);
  void line(std::string_view text);
  void flush();
  // What is flushed from now on goes into this text; nullptr: to the descriptor again.
  void capture(std::string* into) { captured_ = into; }

 private:
  int descriptor_;
  std::string* captured_ = nullptr;
  std::string buffer_;
};

}  // namespace muster::cli
