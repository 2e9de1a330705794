// Writing the page: head, counts, timeline, causes, slowest, resources, workers, what was submitted.
// A chart is an image with a title and a table twin: colour alone says nothing.
#include "cli/report/html.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "cli/failure_text.h"
#include "cli/report/style.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"

namespace muster::cli {

using client::join_text;
using client::Json;

namespace {

constexpr double kChartWidth = 960;
constexpr double kChartHeight = 180;

std::string html(std::string_view text) {
  std::string out;
  for (const char c : escape_text(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string decimal(double value, int digits = 1) {
  std::array<char, 48> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return std::string(text.data(), static_cast<std::size_t>(std::clamp(length, 0, 47)));
}

std::string duration(double seconds) { return format_duration(std::llround(seconds * 1e6)); }
std::string bytes(double count) { return format_bytes(static_cast<std::uint64_t>(std::max(0.0, count))); }
std::string megabytes(double count) { return bytes(count * 1048576.0); }

// "2026-11-21 19:24:09 UTC"
std::string moment(std::string_view rfc3339) {
  if (rfc3339.size() < 19) return std::string(rfc3339);
  return join_text(rfc3339.substr(0, 10), " ", rfc3339.substr(11, 8), " UTC");
}

std::string_view sign_of(std::string_view state) {
  if (state == "succeeded") return "✓";
  if (state == "failed" || state == "ended" || state == "broken" || state == "lost") return "✗";
  if (state == "running") return "▶";
  if (state == "held") return "‖";
  if (state == "cancelled" || state == "cancelling") return "–";
  return "·";
}

std::string state_text(std::string_view state) {
  return join_text("<span class=\"s ", html(state), "\">", sign_of(state), " ", html(state), "</span>");
}

class Page {
 public:
  Page(const Json& batch, const Json& failures, const Figures& figures)
      : batch_(batch), failures_(failures), figures_(figures) {}

  std::string write(std::int64_t made_wall_us, std::string_view version) {
    const std::string title = join_text("Batch ", batch_["id"].number(), " ", html(batch_["name"].text()));
    out_ = join_text(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
        title, "</title>\n<style>", kReportStyle, "</style></head><body>\n<main>\n");
    head(title);
    counts();
    timeline();
    failures();
    causes();
    slowest();
    resources();
    workers();
    spec();
    out_ += join_text("<footer>made by muster ", html(version), ", ", moment(format_rfc3339(made_wall_us)),
                      "</footer>\n</main></body></html>\n");
    return std::move(out_);
  }

 private:
  void head(std::string_view title) {
    out_ += join_text("<header><h1>", title, "</h1>\n<p>", state_text(batch_["state"].text()));
    fact("of", batch_["owner"]);
    fact("in", batch_["project"]);
    if (batch_["created"].is_text())
      out_ += join_text(" · submitted ", html(moment(batch_["created"].text())));
    if (batch_["ended"].is_text()) out_ += join_text(" · ended ", html(moment(batch_["ended"].text())));
    const double length =
        static_cast<double>(figures_.timeline.end_wall_us - figures_.timeline.begin_wall_us) / 1e6;
    if (batch_["started"].is_text()) out_ += join_text(" · took ", duration(length));
    out_ += "</p>\n";
    if (batch_["reason"].is_text()) out_ += join_text("<p>Reason: ", html(batch_["reason"].text()), "</p>\n");
    out_ += join_text("<p><code>", html(batch_["command"].text()), "</code></p></header>\n");
  }

  void fact(std::string_view word, const Json& value) {
    if (value.is_text()) out_ += join_text(" · ", word, " ", html(value.text()));
  }

  void counts() {
    static constexpr std::array<const char*, 7> kStates = {"succeeded", "failed", "cancelled", "running",
                                                           "ready",     "held",   "waiting"};
    const double tasks = std::max<double>(1, static_cast<double>(batch_["tasks"].number()));
    std::string bar;
    std::string list;
    for (const char* state : kStates) {
      const std::uint64_t count = batch_["counts"][state].number();
      if (count == 0) continue;
      const double share = static_cast<double>(count) / tasks * 100;
      bar += join_text("<span class=\"b ", state, "\" style=\"flex:", decimal(std::max(share, 0.4), 2),
                       "\" title=\"", count, " ", state, "\"></span>");
      list += join_text("<li>", state_text(state), " <b>", count, "</b> <small>", decimal(share),
                        " %</small></li>");
    }
    out_ += join_text("<section><h2>", batch_["tasks"].number(), " tasks, ", figures_.attempts,
                      " attempts</h2>\n<div class=\"bar\">", bar, "</div>\n<ul class=\"counts\">", list,
                      "</ul></section>\n");
  }

  void timeline() {
    const Timeline& timeline = figures_.timeline;
    double most_running = 0;
    std::uint64_t most_ended = 0;
    for (const TimelineStep& step : timeline.steps) {
      most_running = std::max(most_running, step.running);
      most_ended = std::max(most_ended, step.succeeded + step.failed);
    }
    if (most_running <= 0 && most_ended == 0) return;
    const double length_s = static_cast<double>(timeline.end_wall_us - timeline.begin_wall_us) / 1e6;
    out_ +=
        join_text("<section><h2>Timeline</h2>\n<p>At most ", decimal(most_running), " ran at once; at most ",
                  most_ended, " ended within ", duration(length_s / kTimelineSteps), ".</p>\n");
    chart(
        "running", "how many ran", most_running, [](const TimelineStep& step) { return step.running; },
        nullptr);
    chart(
        "ended", "how many ended", static_cast<double>(most_ended),
        [](const TimelineStep& step) { return static_cast<double>(step.succeeded); },
        [](const TimelineStep& step) { return static_cast<double>(step.failed); });
    out_ += join_text("<p class=\"axis\"><span>", html(moment(format_rfc3339(timeline.begin_wall_us))),
                      "</span><span>", html(moment(format_rfc3339(timeline.end_wall_us))), "</span></p>\n");
    timeline_table(length_s);
    out_ += "</section>\n";
  }

  using Measure = double (*)(const TimelineStep&);

  void chart(std::string_view name, std::string_view title, double most, Measure lower, Measure upper) {
    if (most <= 0) return;
    const double width = kChartWidth / kTimelineSteps;
    out_ +=
        join_text("<figure><figcaption>", title, ", up to ", decimal(most),
                  "</figcaption><svg viewBox=\"0 0 ", decimal(kChartWidth, 0), " ", decimal(kChartHeight, 0),
                  "\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"", title, "\">");
    for (std::size_t i = 0; i < kTimelineSteps; ++i) {
      const TimelineStep& step = figures_.timeline.steps[i];
      const double first = lower(step) / most * kChartHeight;
      const double second = upper == nullptr ? 0 : upper(step) / most * kChartHeight;
      const double x = static_cast<double>(i) * width;
      rectangle(x, width, 0, first, name == "running" ? "running" : "succeeded");
      rectangle(x, width, first, second, "failed");
    }
    out_ += "</svg></figure>\n";
  }

  void rectangle(double x, double width, double from, double height, std::string_view kind) {
    if (height <= 0) return;
    out_ += join_text("<rect class=\"", kind, "\" x=\"", decimal(x), "\" y=\"",
                      decimal(kChartHeight - from - height), "\" width=\"", decimal(width - 0.6),
                      "\" height=\"", decimal(std::max(height, 1.0)), "\"/>");
  }

  // Ten rows say as much as a reader of a table wants.
  void timeline_table(double length_s) {
    constexpr std::size_t kRows = 10;
    out_ +=
        "<details><summary>as a table</summary><table><tr><th>from</th><th class=\"n\">running</th>"
        "<th class=\"n\">succeeded</th><th class=\"n\">failed</th></tr>";
    for (std::size_t row = 0; row < kRows; ++row) {
      TimelineStep sum;
      for (std::size_t i = row * kTimelineSteps / kRows; i < (row + 1) * kTimelineSteps / kRows; ++i) {
        const TimelineStep& step = figures_.timeline.steps[i];
        sum.running += step.running * kRows / kTimelineSteps;
        sum.succeeded += step.succeeded;
        sum.failed += step.failed;
      }
      out_ += join_text("<tr><td>+", duration(length_s * static_cast<double>(row) / kRows),
                        "</td><td class=\"n\">", decimal(sum.running), "</td><td class=\"n\">", sum.succeeded,
                        "</td><td class=\"n\">", sum.failed, "</td></tr>");
    }
    out_ += "</table></details>\n";
  }

  // The groups of `muster failures`: what differs from task to task is masked in their lines.
  void failures() {
    const Json groups = failures_["groups"];
    if (groups.size() == 0) return;
    out_ +=
        "<section><h2>Why tasks failed</h2><table><tr><th class=\"n\">tasks</th><th>cause</th><th>last line "
        "on "
        "stderr</th><th>for instance</th><th>again</th></tr>\n";
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const Json group = groups.at(i);
      std::string samples;
      for (std::size_t k = 0; k < group["samples"].size(); ++k)
        samples += join_text(k == 0 ? "" : ", ", html(group["samples"].at(k).text()));
      const std::string line =
          group["line_read"].truth() ? escape_text(group["line"].text()) : "(not looked at)";
      out_ += join_text("<tr><td class=\"n\">", group["count"].number(), "</td><td class=\"failed\">",
                        html(failure_cause_text(group)), "</td><td class=\"wrap\">",
                        html(truncate_text(line, 300)), "</td><td>", samples,
                        "</td><td class=\"wrap\"><code>", html(group["retry"].text()), "</code></td></tr>\n");
    }
    const std::uint64_t total = failures_["groups_total"].number();
    out_ += "</table>";
    if (total > groups.size()) out_ += join_text("<p>and ", total - groups.size(), " causes more</p>");
    out_ += "</section>\n";
  }

  void causes() {
    if (figures_.causes.empty()) return;
    std::vector<std::pair<std::string, const CauseGroup*>> ranking;
    for (const auto& [cause, group] : figures_.causes) ranking.emplace_back(cause, &group);
    std::stable_sort(ranking.begin(), ranking.end(),
                     [](const auto& a, const auto& b) { return a.second->attempts > b.second->attempts; });
    out_ +=
        "<section><h2>Why attempts failed</h2><table><tr><th class=\"n\">attempts</th><th>cause</th><th>for "
        "instance</th><th>message</th></tr>\n";
    for (const auto& [cause, group] : ranking) {
      std::string samples;
      for (const std::string& id : group->samples)
        samples += join_text(samples.empty() ? "" : ", ", html(id));
      out_ += join_text("<tr><td class=\"n\">", group->attempts, "</td><td class=\"failed\">", html(cause),
                        "</td><td>", samples, "</td><td class=\"wrap\">",
                        html(truncate_text(escape_text(group->message), 300)), "</td></tr>\n");
    }
    out_ += "</table></section>\n";
  }

  void slowest() {
    if (figures_.slowest.empty()) return;
    out_ +=
        "<section><h2>Slowest attempts</h2><table><tr><th>attempt</th><th class=\"n\">time</th><th>state</th>"
        "<th>worker</th><th class=\"n\">peak memory</th></tr>\n";
    for (const SlowTask& task : figures_.slowest) {
      out_ += join_text("<tr><td>", html(task.id), "</td><td class=\"n\">", duration(task.wall_s),
                        "</td><td>", state_text(task.state), "</td><td>", html(task.worker),
                        "</td><td class=\"n\">", megabytes(task.peak_memory_mb), "</td></tr>\n");
    }
    out_ += "</table></section>\n";
  }

  void spread_row(std::string_view name, const Spread& spread, std::string (*shown)(double),
                  std::string_view asked) {
    if (spread.values.empty()) return;
    out_ += join_text("<tr><td>", name, "</td>");
    for (const double fraction : {0.05, 0.5, 0.95, 1.0})
      out_ += join_text("<td class=\"n\">", shown(spread.at(fraction)), "</td>");
    out_ += join_text("<td class=\"n\">", asked, "</td></tr>\n");
  }

  void resources() {
    if (figures_.wall_s.values.empty()) return;
    const Json asked = batch_["template"]["resources"];
    const double limit_s = batch_["template"]["time_s"].real();
    const double mem_mb = asked["mem_mb"].real();
    out_ +=
        "<section><h2>Resources</h2><table><tr><th>of one attempt</th><th class=\"n\">5 %</th><th "
        "class=\"n\">half"
        "</th><th class=\"n\">95 %</th><th class=\"n\">most</th><th class=\"n\">asked</th></tr>\n";
    spread_row("time", figures_.wall_s, &duration, limit_s > 0 ? duration(limit_s) : "–");
    spread_row("peak memory", figures_.peak_memory_mb, &megabytes, mem_mb > 0 ? megabytes(mem_mb) : "–");
    out_ += "</table>\n<dl>";
    const double cpus = std::max(1.0, asked["cpus"].real());
    const double wall_s = figures_.wall_s.sum;
    pair("time of all attempts", duration(wall_s));
    pair("processor time", duration(figures_.cpu_s));
    if (wall_s > 0)
      pair("processors used of those asked for", decimal(figures_.cpu_s / (wall_s * cpus) * 100) + " %");
    pair("read", bytes(figures_.read_bytes));
    pair("written", bytes(figures_.written_bytes));
    out_ += "</dl></section>\n";
  }

  void pair(std::string_view name, const std::string& value) {
    out_ += join_text("<dt>", name, "</dt><dd>", value, "</dd>");
  }

  void workers() {
    constexpr std::size_t kShown = 30;
    std::vector<std::pair<std::string, WorkerShare>> ranking(figures_.workers.begin(),
                                                             figures_.workers.end());
    std::stable_sort(ranking.begin(), ranking.end(),
                     [](const auto& a, const auto& b) { return a.second.wall_s > b.second.wall_s; });
    if (ranking.empty()) return;
    out_ +=
        join_text("<section><h2>", ranking.size(), ranking.size() == 1 ? " worker" : " workers",
                  "</h2><table><tr><th>worker</th><th class=\"n\">attempts</th><th class=\"n\">failed</th>"
                  "<th class=\"n\">time</th></tr>\n");
    for (std::size_t i = 0; i < ranking.size() && i < kShown; ++i) {
      const WorkerShare& share = ranking[i].second;
      out_ += join_text("<tr><td>", html(ranking[i].first), "</td><td class=\"n\">", share.attempts,
                        "</td><td class=\"n\">", share.failed, "</td><td class=\"n\">",
                        duration(share.wall_s), "</td></tr>\n");
    }
    out_ += "</table>";
    if (ranking.size() > kShown) out_ += join_text("<p>and ", ranking.size() - kShown, " more</p>");
    out_ += "</section>\n";
  }

  void spec() {
    const Json body = batch_["template"];
    if (!body.is_object()) return;
    out_ += "<section><h2>Each task</h2><dl>";
    for (std::size_t i = 0; i < body.size(); ++i) {
      const Json value = body.at(i);
      if (!value.is_object()) {
        spec_pair(std::string(body.key(i)), value);
        continue;
      }
      for (std::size_t j = 0; j < value.size(); ++j)
        spec_pair(join_text(body.key(i), ".", value.key(j)), value.at(j));
    }
    out_ += "</dl></section>\n";
  }

  void spec_pair(const std::string& name, const Json& value) {
    const bool empty = value.is_null() || ((value.is_array() || value.is_object()) && value.size() == 0);
    if (empty) return;
    pair(html(name),
         join_text("<code>", html(value.is_text() ? std::string(value.text()) : value.serialize()),
                   "</code>"));
  }

  const Json& batch_;
  const Json& failures_;
  const Figures& figures_;
  std::string out_;
};

}  // namespace

std::string report_html(const Json& batch, const Json& failures, const Figures& figures,
                        std::int64_t made_wall_us, std::string_view version) {
  return Page(batch, failures, figures).write(made_wall_us, version);
}

}  // namespace muster::cli
