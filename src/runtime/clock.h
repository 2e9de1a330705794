// The two clocks of this machine; everything else is given the time.
// mono_us goes on while the machine sleeps and never jumps; wall_us may.
#pragma once

#include "core/ids.h"

namespace muster::runtime {

Micros mono_now_us();  // CLOCK_BOOTTIME
Micros wall_now_us();  // since 1970 UTC
Now clock_now();

}  // namespace muster::runtime
