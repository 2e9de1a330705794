// What is known of the tasks of a batch that ended: how long they took and how
// much memory they used, as histograms. Kept as commits pass by; of a batch
// that was there before the server, or left memory, the rows are read a piece
// at a time, each task counted once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "core/log_histogram.h"
#include "core/rows.h"
#include "core/time_left.h"
#include "front/backend.h"
#include "wire/native/json_writer.h"

namespace muster::front {

struct BatchFigures {
  LogHistogram times;  // microseconds of tasks that succeeded or failed
  LogHistogram peaks;  // bytes
};

// What measured peaks say about --mem; nothing when too little is known.
struct RightSize {
  std::uint64_t peak_mb = 0;       // 95 of 100 tasks used no more
  std::uint64_t suggested_mb = 0;  // 0: what is asked for is about right
};
std::optional<RightSize> right_size(const LogHistogram& peaks, std::uint64_t asked_mb);

class Statistics {
 public:
  explicit Statistics(Backend& backend) : backend_(backend) {}

  void committed(const Changes& changes);
  // Null for a batch with too few tasks to say anything of.
  const BatchFigures* of(const BatchRow& batch);
  // Reads on where rows from before are still to be looked at.
  void every_second();
  // Worked out at most every two seconds for a batch, and for a few batches a
  // second.
  std::optional<TimeLeft> time_left(const BatchRow& batch);

 private:
  struct Entry {
    BatchFigures figures;
    // Rows below were looked at, and their ends are counted as they are committed; the others are still to be read.
    Position read_to = 0;
    bool read_all = false;
    bool asked = false;  // somebody wants to know
    Micros estimated_us = 0;
    std::optional<TimeLeft> left;
    std::uint64_t used = 0;  // for dropping the one that was not asked for the longest
  };
  Entry* entry_of(BatchId id);
  static void note_fresh(const Changes& changes, const std::map<BatchId, Entry*>& worth);
  void read_on(BatchId id, Entry& entry);
  void ask_for(BatchId id, Entry& entry);
  static void add(Entry& entry, const TaskRow& row);

  Backend& backend_;
  std::map<BatchId, std::unique_ptr<Entry>> entries_;
  std::uint64_t uses_ = 0;
  Micros second_us_ = 0;  // in which so many estimates were made
  unsigned estimates_ = 0;
};

// {"low_s":…,"middle_s":…,"high_s":…,"stragglers":…,"places":…}, or null.
void write_time_left(wire::JsonWriter& out, const std::optional<TimeLeft>& left);

}  // namespace muster::front
