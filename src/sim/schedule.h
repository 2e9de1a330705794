// Simulated time: a queue of actions, the earliest first, those of one instant in the order in which they were planned.
// Must hold: time moves only here, and only forward.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/ids.h"

namespace muster::sim {

class Schedule {
 public:
  using Action = std::move_only_function<void()>;

  Micros now_us() const { return now_us_; }
  std::uint64_t steps() const { return steps_; }
  std::size_t size() const { return heap_.size(); }

  void at(Micros when_us, Action action) {
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(actions_.size());
      actions_.push_back(std::move(action));
    } else {
      slot = free_.back();
      free_.pop_back();
      actions_[slot] = std::move(action);
    }
    heap_.push_back({std::max(when_us, now_us_), planned_++, slot});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  void after(Micros delay_us, Action action) { at(now_us_ + delay_us, std::move(action)); }

  // Performs the next action if it is due by `until_us`; else moves the time there and returns false.
  bool step(Micros until_us) {
    if (heap_.empty() || heap_.front().when_us > until_us) {
      now_us_ = std::max(now_us_, until_us);
      return false;
    }
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Planned next = heap_.back();
    heap_.pop_back();
    now_us_ = next.when_us;
    ++steps_;
    Action action = std::move(actions_[next.slot]);
    actions_[next.slot] = nullptr;
    free_.push_back(next.slot);
    action();
    return true;
  }

 private:
  struct Planned {
    Micros when_us;
    std::uint64_t order;
    std::uint32_t slot;
  };
  static bool later(const Planned& left, const Planned& right) {
    return left.when_us != right.when_us ? left.when_us > right.when_us : left.order > right.order;
  }

  Micros now_us_ = 0;
  std::uint64_t planned_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<Planned> heap_;
  std::vector<Action> actions_;
  std::vector<std::uint32_t> free_;
};

}  // namespace muster::sim
