// Who waits for something to happen: long polls, answered when what they look at has changed or their time is over.
// A look is taken at most once in its pause, so that a batch of a million tasks is not counted a million times.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "core/ids.h"

namespace muster::front {

enum class Look : std::uint8_t {
  changed,  // something may have happened
  over,     // the time is up: answer now
  closing,  // the server ends: answer now
};

struct Wait {
  std::vector<BatchId> batches;  // what it looks at
  Micros deadline_mono_us = 0;
  Micros pause_us = 0;  // between two looks
  // True: it has answered and is dropped. After `over` and `closing` it is dropped anyway.
  std::function<bool(Look)> look;
};

class Waiters {
 public:
  void add(Wait wait, Micros now_mono_us);
  void touched(BatchId batch, Micros now_mono_us);
  void tick(Micros now_mono_us);
  void close();
  Micros next_due_us() const;
  std::size_t size() const { return waits_.size(); }

 private:
  using Id = std::uint64_t;
  struct Entry {
    Wait wait;
    Micros last_look_us = std::numeric_limits<Micros>::min() / 2;
    Micros due_us = 0;  // its place in due_
  };
  void set_due(Id id, Entry& entry, Micros due_us);
  void look(Id id, Look why, Micros now_mono_us);
  void drop(Id id);

  Id next_ = 1;
  std::map<Id, Entry> waits_;
  std::set<std::pair<BatchId, Id>> by_batch_;
  std::set<std::pair<Micros, Id>> due_;
};

}  // namespace muster::front
