// One write per line, so that lines of agent and keeper in one file are never mixed.
// A full disk or a closed terminal is no reason to stop: what cannot be written is dropped.
#include "runtime/agent/agent_log.h"

#include <time.h>
#include <unistd.h>

#include <string>

#include "core/escape.h"
#include "runtime/clock.h"

namespace muster::runtime {

void log_agent(AgentLogLevel level, std::string_view text) {
  const Micros now_us = wall_now_us();
  const time_t seconds = static_cast<time_t>(now_us / 1'000'000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char stamp[40];
  const std::size_t length = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string line(stamp, length);
  std::string fraction = std::to_string(1'000'000 + now_us % 1'000'000);
  fraction[0] = '.';
  line += fraction + (level == AgentLogLevel::info      ? "Z info  "
                      : level == AgentLogLevel::warning ? "Z warning  "
                                                        : "Z error  ");
  line += escape_text(text) + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace muster::runtime
