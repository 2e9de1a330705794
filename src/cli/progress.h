// How far the work is, from counts over time: one live line for a terminal, a plain line now and then for a log.
// Pure: the time is an argument, and nothing is printed here.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "cli/terminal.h"
#include "client/json.h"

namespace muster::cli {

struct Counts {
  std::uint64_t waiting = 0;
  std::uint64_t held = 0;
  std::uint64_t ready = 0;
  std::uint64_t running = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;

  std::uint64_t finished() const { return succeeded + failed + cancelled; }
  std::uint64_t total() const { return finished() + waiting + held + ready + running; }
  unsigned percent() const { return total() == 0 ? 100 : static_cast<unsigned>(finished() * 100 / total()); }
};
// The "counts" member of a document.
Counts counts_of(const client::Json& counts);

class ProgressMeter {
 public:
  explicit ProgressMeter(std::string label) : label_(std::move(label)) {}

  void observe(std::int64_t mono_us, const Counts& counts);
  const Counts& counts() const { return counts_; }
  // The "left" member of a document: how long the rest will take, as a range; null: not known.
  void expect(const client::Json& left);

  // Tasks finished per second over the last half minute; nothing before there is a second to look at.
  std::optional<double> rate() const;

  // Fits the terminal's width; the least important parts go first. No newline.
  std::string live_line(const Terminal& terminal) const;

  // A line when a further tenth is done or a minute has passed since the last one; otherwise nothing.
  std::optional<std::string> plain_line();

 private:
  std::string left_text(bool signs) const;
  struct Sample {
    std::int64_t mono_us = 0;
    std::uint64_t finished = 0;
  };
  std::string label_;
  Counts counts_;
  std::deque<Sample> samples_;
  std::int64_t begin_mono_us_ = 0;
  std::int64_t now_mono_us_ = 0;
  std::int64_t plain_mono_us_ = 0;
  int plain_tenth_ = -1;
  std::int64_t left_low_us_ = 0;
  std::int64_t left_high_us_ = 0;  // 0: not known
  std::uint64_t stragglers_ = 0;
};

}  // namespace muster::cli
