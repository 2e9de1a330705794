// What a report says of a batch, gathered from its attempts as they pass: counts, a timeline, causes, the slowest, resources.
// Memory grows with numbers only, a few per attempt; texts are kept for what is shown.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "client/json.h"

namespace muster::cli {

inline constexpr std::size_t kTimelineSteps = 120;

struct TimelineStep {
  double running = 0;  // on average
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;  // and cancelled, lost
};

struct Timeline {
  std::int64_t begin_wall_us = 0;
  std::int64_t end_wall_us = 0;
  std::array<TimelineStep, kTimelineSteps> steps{};
};

struct CauseGroup {
  std::uint64_t attempts = 0;
  std::string message;               // of one of them
  std::vector<std::string> samples;  // ids
};

struct SlowTask {
  double wall_s = 0;
  std::string id;
  std::string state;
  std::string worker;
  double peak_memory_mb = 0;
};

struct WorkerShare {
  std::uint64_t attempts = 0;
  std::uint64_t failed = 0;
  double wall_s = 0;
};

// Quantiles of what was measured; empty when nothing was.
struct Spread {
  std::vector<float> values;
  double sum = 0;
  void add(double value);
  void sort();
  // 0 … 1; 0 when there is nothing.
  double at(double fraction) const;
};

struct Figures {
  std::uint64_t attempts = 0;
  Timeline timeline;
  std::map<std::string, CauseGroup> causes;  // "exit 1", "oom"
  std::vector<SlowTask> slowest;             // the slowest first
  std::map<std::string, WorkerShare> workers;
  Spread wall_s;
  Spread peak_memory_mb;
  double cpu_s = 0;
  double read_bytes = 0;
  double written_bytes = 0;
};

class FigureCollector {
 public:
  // Of the batch's document: when the timeline begins and ends (the latest by `now_wall_us`).
  FigureCollector(const client::Json& batch, std::int64_t now_wall_us);
  void add(const client::Json& attempt);
  Figures finish();

 private:
  void add_to_timeline(const client::Json& attempt, std::string_view state);
  void add_cause(const client::Json& attempt);
  void add_measures(const client::Json& attempt, std::string_view state);
  Figures figures_;
  std::int64_t now_wall_us_;
};

}  // namespace muster::cli
