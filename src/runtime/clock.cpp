// Reading the clocks of the kernel.
// Neither call can fail with these arguments.
#include "runtime/clock.h"

#include <time.h>

namespace muster::runtime {
namespace {

Micros read_us(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<Micros>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

}  // namespace

Micros mono_now_us() { return read_us(CLOCK_BOOTTIME); }
Micros wall_now_us() { return read_us(CLOCK_REALTIME); }
Now clock_now() { return {mono_now_us(), wall_now_us()}; }

}  // namespace muster::runtime
