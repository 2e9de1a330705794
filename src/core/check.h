// A promise of our own code, verified in every build: a broken one stops the process before it can write a wrong state.
// Never used for input from outside; that is a Result (core/error.h).
#pragma once

namespace muster {

[[noreturn]] void check_failed(const char* expression, const char* file, int line, const char* why);

// For the simulator and for tests, which go on after a broken promise: called first; it may throw, and else the process ends.
using CheckHandler = void (*)(const char* expression, const char* file, int line, const char* why);
// Gives the one before; null: none.
CheckHandler set_check_handler(CheckHandler handler);

}  // namespace muster

#define MUSTER_CHECK(condition, why) \
  (static_cast<bool>(condition) ? void(0) : ::muster::check_failed(#condition, __FILE__, __LINE__, why))

#define MUSTER_UNREACHABLE(why) ::muster::check_failed("unreachable", __FILE__, __LINE__, why)
