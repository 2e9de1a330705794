// Progress lines.
// The rate is always shown; of the end the server's range, when it has one:
// what a rate says of it is wrong by several times.
#include "cli/progress.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"

namespace muster::cli {

using client::join_text;

namespace {

constexpr std::int64_t kWindow_us = 30'000'000;
constexpr std::int64_t kSampleEvery_us = 250'000;
constexpr std::int64_t kPlainEvery_us = 60'000'000;
constexpr std::size_t kBarColumns = 20;

std::string rate_text(double rate) {
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), rate < 10 ? "%.1f/s" : "%.0f/s", rate);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

std::string bar(unsigned percent, bool signs) {
  const std::size_t full = kBarColumns * percent / 100;
  std::string text;
  for (std::size_t i = 0; i < kBarColumns; ++i) {
    if (signs) {
      text += i < full ? "█" : "░";
    } else {
      text += i < full ? '#' : '.';
    }
  }
  return text;
}

struct Part {
  std::string text;
  unsigned dispensable = 0;  // the highest goes first
  Tone tone = Tone::plain;
};

std::string join_parts(std::vector<Part> parts, const Terminal& terminal) {
  const auto width = [&] {
    std::size_t sum = 0;
    for (const Part& part : parts) sum += display_width(part.text) + (sum == 0 ? 0 : 2);
    return sum;
  };
  // One column stays free: writing into the last one makes some terminals wrap.
  const std::size_t room = terminal.width > 1 ? terminal.width - 1 : 1;
  while (parts.size() > 1 && width() > room) {
    parts.erase(std::max_element(parts.begin(), parts.end(),
                                 [](const Part& a, const Part& b) { return a.dispensable < b.dispensable; }));
  }
  if (parts.size() == 1) parts.front().text = truncate_text(parts.front().text, room);
  std::string line;
  for (const Part& part : parts) {
    line += join_text(line.empty() ? "" : "  ", paint(part.text, part.tone, terminal.colour));
  }
  return line;
}

}  // namespace

Counts counts_of(const client::Json& counts) {
  return {counts["waiting"].number(),  counts["held"].number(),      counts["ready"].number(),
          counts["running"].number(),  counts["succeeded"].number(), counts["failed"].number(),
          counts["cancelled"].number()};
}

void ProgressMeter::observe(std::int64_t mono_us, const Counts& counts) {
  if (samples_.empty()) begin_mono_us_ = plain_mono_us_ = mono_us;
  now_mono_us_ = mono_us;
  counts_ = counts;
  // Tasks that were retried are unfinished again: what was seen before no
  // longer says anything.
  if (!samples_.empty() && counts.finished() < samples_.back().finished) samples_.clear();
  if (samples_.empty() || mono_us - samples_.back().mono_us >= kSampleEvery_us) {
    samples_.push_back({mono_us, counts.finished()});
  }
  while (samples_.size() > 2 && mono_us - samples_.front().mono_us > kWindow_us) samples_.pop_front();
}

void ProgressMeter::expect(const client::Json& left) {
  left_low_us_ = static_cast<std::int64_t>(left["low_s"].real() * 1e6);
  left_high_us_ = static_cast<std::int64_t>(left["high_s"].real() * 1e6);
  stragglers_ = left["stragglers"].number();
}

std::string ProgressMeter::left_text(bool signs) const {
  if (left_high_us_ == 0 || counts_.finished() == counts_.total()) return {};
  // Seconds, and minutes once there are some: more would only look exact.
  const auto shown = [](std::int64_t duration_us) {
    const std::int64_t unit_us = duration_us >= 600'000'000 ? 60'000'000 : 1'000'000;
    return format_duration(std::max<std::int64_t>(1, (duration_us + unit_us / 2) / unit_us) * unit_us);
  };
  const std::string low = shown(left_low_us_);
  const std::string high = shown(left_high_us_);
  std::string text = join_text("about ", low, low == high ? "" : join_text(signs ? "–" : "-", high), " left");
  if (stragglers_ > 0) text += join_text(", ", stragglers_, stragglers_ == 1 ? " straggler" : " stragglers");
  return text;
}

std::optional<double> ProgressMeter::rate() const {
  if (samples_.empty()) return std::nullopt;
  const Sample& first = samples_.front();
  const std::int64_t span_us = now_mono_us_ - first.mono_us;
  if (span_us < 1'000'000) return std::nullopt;
  return static_cast<double>(counts_.finished() - first.finished) * 1e6 / static_cast<double>(span_us);
}

std::string ProgressMeter::live_line(const Terminal& terminal) const {
  const bool signs = terminal.signs;
  std::vector<Part> parts;
  parts.push_back({escape_text(label_), 4});
  parts.push_back({bar(counts_.percent(), signs), 9, Tone::good});
  parts.push_back({join_text(counts_.percent(), " %"), 0, Tone::strong});
  parts.push_back({join_text(counts_.finished(), '/', counts_.total()), 3});
  if (counts_.running > 0) parts.push_back({join_text(signs ? "▶ " : "> ", counts_.running), 5, Tone::busy});
  if (counts_.failed > 0) parts.push_back({join_text(signs ? "✗ " : "x ", counts_.failed), 1, Tone::bad});
  if (counts_.cancelled > 0) parts.push_back({join_text(counts_.cancelled, " cancelled"), 6, Tone::dim});
  if (counts_.held > 0) parts.push_back({join_text(counts_.held, " held"), 2, Tone::warning});
  if (const auto per_second = rate()) parts.push_back({rate_text(*per_second), 7});
  if (std::string left = left_text(signs); !left.empty()) parts.push_back({std::move(left), 3});
  parts.push_back({format_duration((now_mono_us_ - begin_mono_us_) / 1'000'000 * 1'000'000), 8, Tone::dim});
  return join_parts(std::move(parts), terminal);
}

std::optional<std::string> ProgressMeter::plain_line() {
  const int tenth = static_cast<int>(counts_.percent() / 10);
  if (tenth <= plain_tenth_ && now_mono_us_ - plain_mono_us_ < kPlainEvery_us) return std::nullopt;
  plain_tenth_ = std::max(plain_tenth_, tenth);
  plain_mono_us_ = now_mono_us_;
  std::string line = join_text(escape_text(label_), ": ", counts_.percent(), " % ", counts_.finished(), '/',
                               counts_.total(), " done");
  if (counts_.failed > 0) line += join_text(", ", counts_.failed, " failed");
  if (counts_.cancelled > 0) line += join_text(", ", counts_.cancelled, " cancelled");
  if (counts_.held > 0) line += join_text(", ", counts_.held, " held");
  if (counts_.running > 0) line += join_text(", ", counts_.running, " running");
  if (const auto per_second = rate()) line += join_text(", ", rate_text(*per_second));
  if (const std::string left = left_text(false); !left.empty()) line += join_text(", ", left);
  line += join_text(", ", format_duration((now_mono_us_ - begin_mono_us_) / 1'000'000 * 1'000'000));
  return line;
}

}  // namespace muster::cli
