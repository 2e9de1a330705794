// Named places on the way of a task where tests kill the process: before and after everything that is written or said.
// Must hold: in the program that people get a place does nothing (failpoint.cpp); tests link another one (tests/failing/).
#pragma once

namespace muster {

// `name` is a literal, "process.place": tests find all of them in the sources.
void failpoint(const char* name);

}  // namespace muster
