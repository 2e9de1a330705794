// The soft limit alone: the hard one stays, so that it can be given back.
// PR_SET_DUMPABLE would do more, but would hide from `muster up` and `down` of the same user what the process has open.
#include "runtime/core_dumps.h"

#include <optional>

namespace muster::runtime {
namespace {

std::optional<rlim_t> before;  // set while dumps are forbidden

void set_soft(rlim_t soft) {
  rlimit limit{};
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_cur = soft;
  setrlimit(RLIMIT_CORE, &limit);
}

}  // namespace

void forbid_core_dumps() {
  rlimit limit{};
  if (before || getrlimit(RLIMIT_CORE, &limit) != 0) return;
  before = limit.rlim_cur;
  set_soft(0);
}

CoreDumpsOfChildren::CoreDumpsOfChildren() {
  if (before) set_soft(*before);
}

CoreDumpsOfChildren::~CoreDumpsOfChildren() {
  if (before) set_soft(0);
}

}  // namespace muster::runtime
