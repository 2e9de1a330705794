// The columns of batches that are worked on, for status and top: how far, how fast, how long still.
// The rate is that of the whole time since the start; how long it takes is the server's estimate, where it has one.
#include <algorithm>
#include <cmath>

#include "cli/views/columns.h"
#include "client/text.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::join_text;
using client::Json;
using Context = ViewContext;

constexpr std::size_t kBarColumns = 10;

std::uint64_t final_count(const Json& batch) {
  const Json counts = batch["counts"];
  return counts["succeeded"].number() + counts["failed"].number() + counts["cancelled"].number();
}

Cell state_of(const Json& batch, const Context& context) {
  const std::string_view state = batch["state"].text();
  if (batch["held"].truth()) return state_cell("held", context);
  return state_cell(state, context);
}

Cell progress_of(const Json& batch, const Context& context) {
  const std::uint64_t tasks = std::max<std::uint64_t>(1, batch["tasks"].number());
  const std::uint64_t percent = final_count(batch) * 100 / tasks;
  if (context.reader == Reader::script) return {std::to_string(percent)};
  std::string bar;
  for (std::size_t i = 0; i < kBarColumns; ++i) {
    const bool full = i < kBarColumns * percent / 100;
    bar += context.signs ? (full ? "█" : "░") : (full ? "#" : ".");
  }
  return {join_text(bar, percent < 10 ? "   " : percent < 100 ? "  " : " ", percent, " %"), Tone::good};
}

Cell tasks_left_of(const Json& batch, const Context&) {
  const std::uint64_t tasks = batch["tasks"].number();
  return {std::to_string(tasks - std::min(tasks, final_count(batch)))};
}

Cell rate_of(const Json& batch, const Context& context) {
  if (!batch["started"].is_text()) return dash(context);
  const Result<std::int64_t> started = parse_rfc3339(batch["started"].text());
  if (!started || context.now_wall_us <= *started || final_count(batch) == 0) return dash(context);
  const double rate =
      static_cast<double>(final_count(batch)) * 1e6 / static_cast<double>(context.now_wall_us - *started);
  const auto tenths = [](double value, std::string_view unit) {
    const auto rounded = static_cast<std::uint64_t>(std::llround(value * 10));
    return rounded < 100 ? Cell{join_text(rounded / 10, '.', rounded % 10, unit)}
                         : Cell{join_text(rounded / 10, unit)};
  };
  if (rate >= 1) return tenths(rate, "/s");
  if (rate * 60 >= 1) return tenths(rate * 60, "/min");
  return tenths(rate * 3600, "/h");
}

Cell age_of(const Json& batch, const Context& context) {
  const Result<std::int64_t> created = parse_rfc3339(batch["created"].text());
  if (!created) return dash(context);
  return {format_duration(std::max<std::int64_t>(0, context.now_wall_us - *created) / 1'000'000 * 1'000'000)};
}

// "about 18m–27m", as the server estimates it at present capacity.
Cell time_left_of(const Json& batch, const Context& context) {
  const Json range = batch["left"];
  if (!range.is_object()) return dash(context);
  // Minutes once there are some: more would only look exact.
  const auto shown = [](const Json& seconds) {
    const double unit_s = seconds.real() >= 600 ? 60 : 1;
    return format_duration(
        static_cast<std::int64_t>(std::max(1.0, std::round(seconds.real() / unit_s)) * unit_s) * 1'000'000);
  };
  const std::string low = shown(range["low_s"]);
  const std::string high = shown(range["high_s"]);
  return {low == high ? join_text("about ", low) : join_text("about ", low, context.signs ? "–" : "-", high)};
}

Cell why_of(const Json& batch, const Context& context) {
  return text_cell(batch["why"].is_null() ? batch["reason"] : batch["why"], context);
}

constexpr ViewColumn kColumns[] = {
    {"id", "ID", kMain, kRight, 0, 0, &number_at<"id">},
    {"name", "NAME", kMain, kLeft, 2, 8, &text_at<"name">},
    {"state", "STATE", kMain, kLeft, 3, 0, &state_of},
    {"progress", "PROGRESS", kMain, kLeft, 1, 0, &progress_of},
    {"tasks_left", "LEFT", kMain, kRight, 4, 0, &tasks_left_of},
    {"running", "RUNNING", kMain, kRight, 5, 0, &count_in<"counts", "running", Tone::busy>},
    {"failed", "FAILED", kMain, kRight, 0, 0, &count_in<"counts", "failed", Tone::bad>},
    {"rate", "RATE", kMain, kRight, 6, 0, &rate_of},
    {"left", "TIME LEFT", kMain, kLeft, 6, 0, &time_left_of},
    {"age", "AGE", kMain, kRight, 8, 0, &age_of},
    {"why", "WHY", kMain, kLeft, 7, 6, &why_of},
};

}  // namespace

const View kLiveBatchView = {"batch", "batches", "muster.batches/1", kColumns,
                             [](const Json& batch) { return batch["id"].serialize(); }};

}  // namespace muster::cli
