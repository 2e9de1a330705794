// Prints pages of a log: bytes as they are for a pipe, safe text under headings for a terminal.
// A character that two pages share is put together before it is judged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/session.h"
#include "client/api.h"

namespace muster::cli {

enum class Rawness : std::uint8_t { safe, raw };

class LogPrinter {
 public:
  LogPrinter(Session& session, Rawness rawness);

  void print(const client::LogPage& page);
  // After the last page of a selector.
  void end();
  // Nothing was written: said on a terminal only.
  void nothing(std::string_view selector);

 private:
  void heading(const std::string& attempt);
  void safe(std::string_view bytes);
  void close_line();

  Session& session_;
  bool on_terminal_;
  bool escape_;
  std::string attempt_;
  std::string carry_;  // the beginning of a character
  bool at_line_start_ = true;
  std::string cut_said_;
};

}  // namespace muster::cli
