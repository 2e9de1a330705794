// The server's own log: one JSON object per line in a file that is cut into parts, and plain text on a terminal.
// Names of events are stable; values are escaped, so that nothing from outside can begin a new line.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace muster::runtime {

enum class LogLevel : std::uint8_t { info, warning, error };
using LogField = std::pair<std::string_view, std::string>;

enum class TerminalEcho : std::uint8_t { none, plain };

class ServerLog {
 public:
  // `path` empty: no file. Throws when the file cannot be opened.
  ServerLog(const std::string& path, TerminalEcho echo);
  ~ServerLog();
  ServerLog(const ServerLog&) = delete;
  ServerLog& operator=(const ServerLog&) = delete;

  // {"time":…,"level":"info","event":"listening","url":"http://…"}
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::info, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::error, event, fields);
  }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::runtime
