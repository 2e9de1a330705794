// Lines through spdlog: files of 16 MiB, four of them.
// A full disk loses lines, never the server.
#include "runtime/server_log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <vector>

#include "core/escape.h"
#include "core/units.h"
#include "runtime/clock.h"
#include "wire/native/json_writer.h"

namespace muster::runtime {
namespace {

constexpr std::size_t kFileBytes = 16 << 20;
constexpr std::size_t kFiles = 4;

std::string_view to_text(LogLevel level) {
  switch (level) {
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "info";
}

std::shared_ptr<spdlog::logger> make_logger(const char* name, spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>(name, std::move(sink));
  logger->set_pattern("%v");
  logger->flush_on(spdlog::level::info);
  logger->set_error_handler([](const std::string&) {});
  return logger;
}

}  // namespace

struct ServerLog::State {
  std::shared_ptr<spdlog::logger> file;
  std::shared_ptr<spdlog::logger> terminal;
};

ServerLog::ServerLog(const std::string& path, TerminalEcho echo) : state_(std::make_unique<State>()) {
  if (!path.empty()) {
    state_->file = make_logger(
        "server", std::make_shared<spdlog::sinks::rotating_file_sink_st>(path, kFileBytes, kFiles));
  }
  if (echo == TerminalEcho::plain) {
    state_->terminal = make_logger("terminal", std::make_shared<spdlog::sinks::stderr_sink_st>());
  }
}

ServerLog::~ServerLog() = default;

void ServerLog::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  const std::string time = format_rfc3339(wall_now_us(), TimePrecision::milliseconds);
  if (state_->file != nullptr) {
    std::string line;
    wire::JsonWriter out(line);
    out.begin_object().key("time").text(time).key("level").text(to_text(level)).key("event").text(event);
    // Escaped before it is JSON, which lets bidirectional marks and C1 through: people read this file on terminals.
    for (const LogField& field : fields) out.key(field.first).text(escape_text(field.second));
    out.end_object();
    state_->file->info(spdlog::string_view_t(line));
  }
  if (state_->terminal != nullptr) {
    std::string line = time.substr(11, 8) + " " + std::string(event);
    for (const LogField& field : fields)
      line += "  " + std::string(field.first) + "=" + escape_text(field.second);
    state_->terminal->info(spdlog::string_view_t(line));
  }
}

}  // namespace muster::runtime
