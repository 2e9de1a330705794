// Nothing: no environment, no option and no file makes a place of this program do anything.
// A file of its own, so that a program for tests can be linked with another one instead.
#include "core/failpoint.h"

namespace muster {

void failpoint(const char*) {}

}  // namespace muster
