// The clocks of one machine: monotonic since its start, a little fast or slow, and a wall clock that may jump.
// Must hold: the rates of two machines differ by less than the lease margin covers.
#pragma once

#include "core/ids.h"
#include "sim/random.h"

namespace muster::sim {

class MachineClock {
 public:
  explicit MachineClock(Random& random)
      : rate_ppm_(random.between(-5000, 5000)),
        wall_us_(kWallStart_us + random.between(-1'000'000, 1'000'000)) {}

  Now at(Micros world_us) const { return {mono_us(world_us), wall_us_ + world_us}; }
  Micros mono_us(Micros world_us) const {
    const Micros since = world_us - started_us_;
    return kMonoStart_us + since + since * rate_ppm_ / 1'000'000;
  }
  // The first instant at which the monotonic clock shows `mono_us` or more.
  Micros world_us(Micros mono_us) const {
    const Micros since = mono_us - kMonoStart_us;
    Micros guess = started_us_ + since - since * rate_ppm_ / (1'000'000 + rate_ppm_) - 2;
    while (this->mono_us(guess) < mono_us) ++guess;
    return guess;
  }
  void jump_wall(Micros by_us) { wall_us_ += by_us; }
  void restart(Micros world_us) { started_us_ = world_us; }

 private:
  static constexpr Micros kWallStart_us = 1'700'000'000'000'000;
  static constexpr Micros kMonoStart_us = 7'000'000;  // a machine takes a while to start
  Micros rate_ppm_;
  Micros wall_us_;
  Micros started_us_ = 0;
};

}  // namespace muster::sim
