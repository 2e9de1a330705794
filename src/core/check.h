// A promise of our own code, verified in every build: a broken one stops the process before it can write a wrong state.
// Never used for input from outside; that is a Result (core/error.h).
#pragma once

namespace muster {

[[noreturn]] void check_failed(const char* expression, const char* file, int line, const char* why);

}  // namespace muster

#define MUSTER_CHECK(condition, why) \
  (static_cast<bool>(condition) ? void(0) : ::muster::check_failed(#condition, __FILE__, __LINE__, why))

#define MUSTER_UNREACHABLE(why) ::muster::check_failed("unreachable", __FILE__, __LINE__, why)
