// The columns of batches.
// A held batch is shown as held, whatever its state: that is what keeps it from
// moving.
#include "cli/views/columns.h"
#include "client/text.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::join_text;
using client::Json;
using Context = ViewContext;

std::uint64_t final_count(const Json& batch) {
  const Json counts = batch["counts"];
  return counts["succeeded"].number() + counts["failed"].number() + counts["cancelled"].number();
}

Cell state_of(const Json& batch, const Context& context) {
  const std::string_view state = batch["state"].text();
  const bool live = state == "waiting" || state == "running" || state == "trial";
  if (context.reader == Reader::person && live && batch["held"].truth()) return state_cell("held", context);
  return state_cell(state, context);
}

Cell done_of(const Json& batch, const Context& context) {
  const std::uint64_t done = final_count(batch);
  if (context.reader == Reader::script) return {std::to_string(done)};
  const std::uint64_t tasks = batch["tasks"].number();
  return {join_text(tasks == 0 ? 0 : done * 100 / tasks, " %")};
}

// "18m–27m"; for scripts the middle, in seconds.
Cell left_of(const Json& batch, const Context& context) {
  const Json left = batch["left"];
  if (!left.is_object()) return dash(context);
  if (context.reader == Reader::script) return {left["middle_s"].serialize()};
  const auto shown = [&](std::string_view key) {
    return format_duration(static_cast<std::int64_t>(left[key].real()) * 1'000'000);
  };
  const std::string low = shown("low_s");
  const std::string high = shown("high_s");
  return {low == high ? low : join_text(low, context.signs ? "–" : "-", high)};
}

Cell why_of(const Json& batch, const Context& context) {
  return text_cell(batch["why"].is_null() ? batch["reason"] : batch["why"], context);
}

constexpr ViewColumn kColumns[] = {
    {"id", "ID", kMain, kRight, 0, 0, &number_at<"id">},
    {"name", "NAME", kMain, kLeft, 3, 8, &text_at<"name">},
    {"state", "STATE", kMain, kLeft, 0, 0, &state_of},
    {"tasks", "TASKS", kMain, kRight, 4, 0, &number_at<"tasks">},
    {"done", "DONE", kMain, kRight, 1, 0, &done_of},
    {"running", "RUNNING", kMain, kRight, 5, 0, &count_in<"counts", "running", Tone::busy>},
    {"failed", "FAILED", kMain, kRight, 2, 0, &count_in<"counts", "failed", Tone::bad>},
    {"why", "WHY", kMain, kLeft, 6, 8, &why_of},
    {"created", "CREATED", kMain, kLeft, 7, 0, &time_at<"created">},
    {"command", "COMMAND", kMain, kLeft, 8, 12, &text_at<"command">},
    {"left", "LEFT", kWide, kLeft, 9, 0, &left_of},
    {"held", "HELD", kWide, kLeft, 9, 0, &flag_at<"held">},
    {"closed", "CLOSED", kWide, kLeft, 9, 0, &flag_at<"closed">},
    {"priority", "PRIORITY", kWide, kRight, 9, 0, &number_at<"priority">},
    {"max_running", "MAX-RUNNING", kWide, kRight, 9, 0, &number_at<"max_running">},
    {"waiting_tasks", "WAITING", kWide, kRight, 9, 0, &count_in<"counts", "waiting">},
    {"held_tasks", "HELD-TASKS", kWide, kRight, 9, 0, &count_in<"counts", "held">},
    {"ready_tasks", "READY", kWide, kRight, 9, 0, &count_in<"counts", "ready">},
    {"executing", "EXECUTING", kWide, kRight, 9, 0, &count_in<"counts", "executing">},
    {"stopping", "STOPPING", kWide, kRight, 9, 0, &count_in<"counts", "stopping">},
    {"succeeded", "SUCCEEDED", kWide, kRight, 9, 0, &count_in<"counts", "succeeded", Tone::good>},
    {"cancelled", "CANCELLED", kWide, kRight, 9, 0, &count_in<"counts", "cancelled">},
    {"started", "STARTED", kWide, kLeft, 9, 0, &time_at<"started">},
    {"ended", "ENDED", kWide, kLeft, 9, 0, &time_at<"ended">},
    {"reason", "REASON", kWide, kLeft, 9, 8, &text_at<"reason">},
    {"owner", "OWNER", kWide, kLeft, 9, 0, &text_at<"owner">},
    {"project", "PROJECT", kWide, kLeft, 9, 0, &text_at<"project">},
};

}  // namespace

const View kBatchView = {"batch", "batches", "muster.batches/1", kColumns,
                         [](const Json& batch) { return batch["id"].serialize(); }};

}  // namespace muster::cli
