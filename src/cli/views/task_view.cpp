// The columns of tasks and of attempts.
// WHY is one column: the reason of what does not move, the cause of what failed.
#include "cli/views/columns.h"
#include "client/text.h"

namespace muster::cli {

namespace {

using client::join_text;
using client::Json;

Cell state_of_task(const Json& task, const ViewContext& context) {
  return state_cell(task["state"].text(), context, task["phase"].text());
}

Cell state_of_attempt(const Json& attempt, const ViewContext& context) {
  return state_cell(attempt["state"].text(), context);
}

Cell why_of(const Json& thing, const ViewContext& context) {
  if (!thing["reason"].is_null()) return text_cell(thing["reason"], context);
  const std::string_view cause = thing["cause"].text();
  if (cause.empty()) return dash(context);
  if (cause == "exit" && thing["exit_code"].is_number())
    return {join_text("exit ", thing["exit_code"].serialize())};
  if (cause == "signal" && thing["signal"].is_number())
    return {join_text("signal ", thing["signal"].serialize())};
  return {std::string(cause)};
}

constexpr ViewColumn kTaskColumns[] = {
    {"id", "ID", kMain, kLeft, 0, 0, &text_at<"id">},
    {"state", "STATE", kMain, kLeft, 0, 0, &state_of_task},
    {"why", "WHY", kMain, kLeft, 1, 8, &why_of},
    {"attempts", "ATTEMPTS", kMain, kRight, 5, 0, &count_at<"attempts">},
    {"worker", "WORKER", kMain, kLeft, 6, 8, &text_at<"worker">},
    {"wall_s", "TIME", kMain, kRight, 3, 0, &seconds_at<"wall_s">},
    {"peak_memory_mb", "MEMORY", kMain, kRight, 4, 0, &memory_at<"peak_memory_mb">},
    {"command", "COMMAND", kMain, kLeft, 2, 12, &text_at<"command">},
    {"number", "NUMBER", kWide, kLeft, 9, 0, &text_at<"number">},
    {"batch", "BATCH", kWide, kRight, 9, 0, &number_at<"batch">},
    {"index", "INDEX", kWide, kRight, 9, 0, &number_at<"index">},
    {"name", "NAME", kWide, kLeft, 9, 8, &text_at<"name">},
    {"phase", "PHASE", kWide, kLeft, 9, 0, &text_at<"phase">},
    {"reason", "REASON", kWide, kLeft, 9, 0, &text_at<"reason">},
    {"cause", "CAUSE", kWide, kLeft, 9, 0, &text_at<"cause">},
    {"exit_code", "EXIT", kWide, kRight, 9, 0, &number_at<"exit_code">},
    {"signal", "SIGNAL", kWide, kRight, 9, 0, &number_at<"signal">},
    {"message", "MESSAGE", kWide, kLeft, 9, 8, &text_at<"message">},
    {"user_s", "USER", kWide, kRight, 9, 0, &seconds_at<"user_s">},
    {"system_s", "SYSTEM", kWide, kRight, 9, 0, &seconds_at<"system_s">},
    {"read_bytes", "READ", kWide, kRight, 9, 0, &bytes_at<"read_bytes">},
    {"written_bytes", "WRITTEN", kWide, kRight, 9, 0, &bytes_at<"written_bytes">},
    {"created", "CREATED", kWide, kLeft, 9, 0, &time_at<"created">},
    {"granted", "GRANTED", kWide, kLeft, 9, 0, &time_at<"granted">},
    {"started", "STARTED", kWide, kLeft, 9, 0, &time_at<"started">},
    {"ended", "ENDED", kWide, kLeft, 9, 0, &time_at<"ended">},
    {"not_before", "NOT-BEFORE", kWide, kLeft, 9, 0, &time_at<"not_before">},
    {"slots", "SLOTS", kWide, kRight, 9, 0, &count_in<"resources", "slots">},
    {"gpus", "GPUS", kWide, kRight, 9, 0, &count_in<"resources", "gpus">},
    {"cpus", "CPUS", kWide, kRight, 9, 0, &count_in<"resources", "cpus">},
    {"mem_mb", "MEM", kWide, kRight, 9, 0, &memory_in<"resources", "mem_mb">},
    {"disk_mb", "DISK", kWide, kRight, 9, 0, &memory_in<"resources", "disk_mb">},
    {"time_limit_s", "LIMIT", kWide, kRight, 9, 0, &seconds_at<"time_limit_s">},
    {"retries", "RETRIES", kWide, kRight, 9, 0, &count_at<"retries">},
};

constexpr ViewColumn kAttemptColumns[] = {
    {"id", "ID", kMain, kLeft, 0, 0, &text_at<"id">},
    {"state", "STATE", kMain, kLeft, 0, 0, &state_of_attempt},
    {"why", "WHY", kMain, kLeft, 1, 8, &why_of},
    {"worker", "WORKER", kMain, kLeft, 4, 8, &text_at<"worker">},
    {"wall_s", "TIME", kMain, kRight, 2, 0, &seconds_at<"wall_s">},
    {"peak_memory_mb", "MEMORY", kMain, kRight, 3, 0, &memory_at<"peak_memory_mb">},
    {"stdout_bytes", "STDOUT", kMain, kRight, 6, 0, &bytes_at<"stdout_bytes">},
    {"stderr_bytes", "STDERR", kMain, kRight, 6, 0, &bytes_at<"stderr_bytes">},
    {"started", "STARTED", kMain, kLeft, 5, 0, &time_at<"started">},
    {"task", "TASK", kWide, kLeft, 9, 0, &text_at<"task">},
    {"attempt", "ATTEMPT", kWide, kRight, 9, 0, &number_at<"attempt">},
    {"cause", "CAUSE", kWide, kLeft, 9, 0, &text_at<"cause">},
    {"exit_code", "EXIT", kWide, kRight, 9, 0, &number_at<"exit_code">},
    {"signal", "SIGNAL", kWide, kRight, 9, 0, &number_at<"signal">},
    {"message", "MESSAGE", kWide, kLeft, 9, 8, &text_at<"message">},
    {"user_s", "USER", kWide, kRight, 9, 0, &seconds_at<"user_s">},
    {"system_s", "SYSTEM", kWide, kRight, 9, 0, &seconds_at<"system_s">},
    {"read_bytes", "READ", kWide, kRight, 9, 0, &bytes_at<"read_bytes">},
    {"written_bytes", "WRITTEN", kWide, kRight, 9, 0, &bytes_at<"written_bytes">},
    {"granted", "GRANTED", kWide, kLeft, 9, 0, &time_at<"granted">},
    {"ended", "ENDED", kWide, kLeft, 9, 0, &time_at<"ended">},
    {"log_cut", "LOG-CUT", kWide, kLeft, 9, 0, &flag_at<"log_cut">},
};

}  // namespace

const View kTaskView = {"task", "tasks", "muster.tasks/1", kTaskColumns,
                        [](const Json& task) { return std::string(task["id"].text()); }};

const View kAttemptView = {"attempt", "attempts", "muster.attempts/1", kAttemptColumns,
                           [](const Json& attempt) { return std::string(attempt["id"].text()); }};

}  // namespace muster::cli
