// No core dumps of server and agent: their memory holds secrets, or what opens them.
// What it starts gets the limit back, because a task's core dump is its owner's.
#pragma once

#include <sys/resource.h>

namespace muster::runtime {

void forbid_core_dumps();

// While one lives, a process that is started may dump as before forbid_core_dumps().
class CoreDumpsOfChildren {
 public:
  CoreDumpsOfChildren();
  ~CoreDumpsOfChildren();
  CoreDumpsOfChildren(const CoreDumpsOfChildren&) = delete;
  CoreDumpsOfChildren& operator=(const CoreDumpsOfChildren&) = delete;
};

}  // namespace muster::runtime
