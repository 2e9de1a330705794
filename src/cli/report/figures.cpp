// Counting attempts into figures.
// An attempt that still runs counts up to now.
#include "cli/report/figures.h"

#include <algorithm>
#include <cmath>

#include "client/text.h"
#include "core/units.h"

namespace muster::cli {

using client::join_text;
using client::Json;

namespace {

constexpr std::size_t kSlowestShown = 15;
constexpr std::size_t kSamplesShown = 5;

std::int64_t time_of(const Json& value, std::int64_t otherwise) {
  if (!value.is_text()) return otherwise;
  const Result<std::int64_t> wall_us = parse_rfc3339(value.text());
  return wall_us ? *wall_us : otherwise;
}

std::string cause_of(const Json& attempt) {
  const std::string_view cause = attempt["cause"].text("unknown");
  if (cause == "exit" && attempt["exit_code"].is_number())
    return join_text("exit ", attempt["exit_code"].serialize());
  if (cause == "signal" && attempt["signal"].is_number())
    return join_text("signal ", attempt["signal"].serialize());
  return std::string(cause);
}

bool is_final_state(std::string_view state) {
  return state == "succeeded" || state == "failed" || state == "cancelled" || state == "lost" ||
         state == "refused";
}

}  // namespace

void Spread::add(double value) {
  values.push_back(static_cast<float>(value));
  sum += value;
}

void Spread::sort() { std::sort(values.begin(), values.end()); }

double Spread::at(double fraction) const {
  if (values.empty()) return 0;
  const double place = fraction * static_cast<double>(values.size() - 1);
  return static_cast<double>(values[static_cast<std::size_t>(std::lround(place))]);
}

FigureCollector::FigureCollector(const Json& batch, std::int64_t now_wall_us) : now_wall_us_(now_wall_us) {
  Timeline& timeline = figures_.timeline;
  timeline.begin_wall_us = time_of(batch["started"], time_of(batch["created"], now_wall_us));
  timeline.end_wall_us = std::max(time_of(batch["ended"], now_wall_us), timeline.begin_wall_us + 1'000'000);
}

void FigureCollector::add(const Json& attempt) {
  const std::string_view state = attempt["state"].text();
  ++figures_.attempts;
  add_to_timeline(attempt, state);
  add_measures(attempt, state);
  if (!attempt["cause"].is_null()) add_cause(attempt);
}

void FigureCollector::add_to_timeline(const Json& attempt, std::string_view state) {
  if (!attempt["started"].is_text()) return;
  Timeline& timeline = figures_.timeline;
  const double length = static_cast<double>(timeline.end_wall_us - timeline.begin_wall_us) / kTimelineSteps;
  const auto place = [&](std::int64_t wall_us) {
    const double steps = static_cast<double>(wall_us - timeline.begin_wall_us) / length;
    return std::clamp(steps, 0.0, static_cast<double>(kTimelineSteps));
  };
  const std::int64_t ended_wall_us = time_of(attempt["ended"], now_wall_us_);
  const double from = place(time_of(attempt["started"], timeline.begin_wall_us));
  const double to = std::max(from, place(ended_wall_us));
  for (std::size_t i = static_cast<std::size_t>(from); i < kTimelineSteps && static_cast<double>(i) < to;
       ++i) {
    const double begin = std::max(from, static_cast<double>(i));
    timeline.steps[i].running += std::min(to, static_cast<double>(i + 1)) - begin;
  }
  if (!is_final_state(state)) return;
  TimelineStep& step = timeline.steps[std::min(static_cast<std::size_t>(to), kTimelineSteps - 1)];
  if (state == "succeeded") {
    ++step.succeeded;
  } else {
    ++step.failed;
  }
}

void FigureCollector::add_cause(const Json& attempt) {
  CauseGroup& group = figures_.causes[cause_of(attempt)];
  ++group.attempts;
  if (group.message.empty()) group.message = attempt["message"].text();
  if (group.samples.size() < kSamplesShown) group.samples.emplace_back(attempt["id"].text());
}

void FigureCollector::add_measures(const Json& attempt, std::string_view state) {
  WorkerShare& share = figures_.workers[std::string(attempt["worker"].text("-"))];
  ++share.attempts;
  if (is_final_state(state) && state != "succeeded") ++share.failed;
  figures_.cpu_s += attempt["user_s"].real() + attempt["system_s"].real();
  figures_.read_bytes += attempt["read_bytes"].real();
  figures_.written_bytes += attempt["written_bytes"].real();
  if (attempt["peak_memory_mb"].is_number()) figures_.peak_memory_mb.add(attempt["peak_memory_mb"].real());
  if (!attempt["wall_s"].is_number()) return;
  const double wall_s = attempt["wall_s"].real();
  share.wall_s += wall_s;
  figures_.wall_s.add(wall_s);
  std::vector<SlowTask>& slowest = figures_.slowest;
  if (slowest.size() == kSlowestShown && wall_s <= slowest.back().wall_s) return;
  const auto at =
      std::find_if(slowest.begin(), slowest.end(), [&](const SlowTask& one) { return wall_s > one.wall_s; });
  slowest.insert(at, {wall_s, std::string(attempt["id"].text()), std::string(state),
                      std::string(attempt["worker"].text("-")), attempt["peak_memory_mb"].real()});
  if (slowest.size() > kSlowestShown) slowest.pop_back();
}

Figures FigureCollector::finish() {
  figures_.wall_s.sort();
  figures_.peak_memory_mb.sort();
  return std::move(figures_);
}

}  // namespace muster::cli
