// When the agent is told what happened: at once when it may have nothing else to do, else together with what follows.
// Every report wakes a process on another processor, which costs more than a short task's bookkeeping.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/ids.h"

namespace muster::keeper {

class ReportPacer {
 public:
  static constexpr Micros kInterval_us = 2000;

  void note(Micros now_us) {
    if (count_++ == 0) oldest_us_ = now_us;
  }
  void note_at_once() { at_once_ = true; }
  void sent(Micros now_us) {
    count_ = 0;
    at_once_ = false;
    last_sent_us_ = now_us;
  }
  // `waiting` in the run queue, `running` now.
  Micros due_us(std::size_t waiting, std::size_t running) const {
    if (at_once_) return 0;
    if (count_ == 0) return INT64_MAX;
    if (waiting == 0 && running == 0) return 0;
    const bool has_plenty = waiting > 2 * count_ + running;
    return std::max(has_plenty ? oldest_us_ + kInterval_us : oldest_us_, last_sent_us_ + kInterval_us);
  }

 private:
  std::size_t count_ = 0;
  bool at_once_ = false;
  Micros oldest_us_ = 0;
  Micros last_sent_us_ = 0;
};

}  // namespace muster::keeper
