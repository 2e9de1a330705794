// The end of a process that broke a promise of its own: one line for whoever reads the log, then abort.
// Nothing may be allocated here: the heap may be what is broken.
#include "core/check.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace muster {

namespace {

CheckHandler handler_of_tests = nullptr;

}  // namespace

CheckHandler set_check_handler(CheckHandler handler) { return std::exchange(handler_of_tests, handler); }

void check_failed(const char* expression, const char* file, int line, const char* why) {
  if (handler_of_tests != nullptr) handler_of_tests(expression, file, line, why);
  std::fprintf(stderr, "muster: broken promise at %s:%d: %s (%s)\n", file, line, why, expression);
  std::abort();
}

}  // namespace muster
