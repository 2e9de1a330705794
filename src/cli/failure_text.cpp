// Causes in words.
// What is only likely is said to be so.
#include "cli/failure_text.h"

#include <string_view>

#include "client/text.h"
#include "core/units.h"

namespace muster::cli {

using client::join_text;
using client::Json;

std::string failure_cause_text(const Json& group) {
  const std::string_view cause = group["cause"].text("unknown");
  std::string text(cause);
  if (group["exit_code"].is_number()) text = join_text("exit ", group["exit_code"].serialize());
  if (cause == "signal") text = join_text("signal ", group["signal"].serialize());
  if (group["exit_code"].integer() == 137) text += ", as after SIGKILL: most often out of memory";
  if (cause == "oom") text = "out of memory";
  if (cause == "oom" && group["mem_mb"].number() > 0)
    text += join_text(" (", format_memory_mb(group["mem_mb"].number()), " asked)");
  return text;
}

}  // namespace muster::cli
