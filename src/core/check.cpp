// The end of a process that broke a promise of its own: one line for whoever reads the log, then abort.
// Nothing may be allocated here: the heap may be what is broken.
#include "core/check.h"

#include <cstdio>
#include <cstdlib>

namespace muster {

void check_failed(const char* expression, const char* file, int line, const char* why) {
  std::fprintf(stderr, "muster: broken promise at %s:%d: %s (%s)\n", file, line, why, expression);
  std::abort();
}

}  // namespace muster
