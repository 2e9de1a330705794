// The columns of the history.
// WHAT is the most exact thing the event is about: an attempt, a task, a batch or a worker.
#include "cli/views/columns.h"

namespace muster::cli {

namespace {

using client::Json;

Cell subject_of(const Json& event, const ViewContext& context) {
  for (const char* key : {"attempt", "task", "batch"}) {
    if (!event[key].is_null()) return text_cell(event[key], context);
  }
  return dash(context);
}

constexpr ViewColumn kColumns[] = {
    {"seq", "SEQ", kWide, kRight, 9, 0, &number_at<"seq">},
    {"time", "TIME", kMain, kLeft, 2, 0, &time_at<"time">},
    {"kind", "KIND", kMain, kLeft, 0, 0, &text_at<"kind">},
    {"subject", "WHAT", kMain, kLeft, 0, 0, &subject_of},
    {"worker", "WORKER", kMain, kLeft, 3, 8, &text_at<"worker">},
    {"who", "WHO", kMain, kLeft, 4, 8, &text_at<"who">},
    {"text", "TEXT", kMain, kLeft, 1, 12, &text_at<"text">},
    {"batch", "BATCH", kWide, kRight, 9, 0, &number_at<"batch">},
    {"task", "TASK", kWide, kLeft, 9, 0, &text_at<"task">},
    {"attempt", "ATTEMPT", kWide, kLeft, 9, 0, &text_at<"attempt">},
};

}  // namespace

const View kEventView = {"event", "events", "muster.events/1", kColumns,
                         [](const Json& event) { return event["seq"].serialize(); }};

}  // namespace muster::cli
