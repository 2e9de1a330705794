// What the system says of this process and of a file system, for /metrics.
// Must hold: reading never fails the caller; what cannot be read is 0.
#pragma once

#include <string>

#include "front/meters.h"

namespace muster::runtime {

front::ProcessMeters process_meters();
// Free for this user on the file system of `path`.
std::uint64_t free_bytes_of(const std::string& path);

}  // namespace muster::runtime
