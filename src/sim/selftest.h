// `muster selftest`: so many simulated runs from so many seeds; a seed that breaks a promise is printed with what happened.
// Must hold: the same seed gives the same run, on every machine and in every build.
#pragma once

#include <cstdint>
#include <string>

#include "sim/mutant.h"

namespace muster::sim {

struct SelftestOptions {
  std::uint64_t seeds = 1000;
  std::uint64_t first_seed = 1;
  bool trace = false;  // print all that happened, of each seed
  Mutant mutant = Mutant::none;
  std::uint64_t repeat_every = 16;  // each so manieth seed is run twice, and the traces compared; 0: none
};

struct RunResult {
  std::string broken;  // empty: all promises held
  std::uint64_t steps = 0;
  std::uint64_t hash = 0;  // of the trace
  Micros simulated_us = 0;
  std::string trace;  // if asked for
};

// One run.
enum class WithTrace : std::uint8_t { no, yes };
RunResult run_seed(std::uint64_t seed, Mutant mutant, WithTrace with_trace);

// The first seed of the range that breaks a promise; 0: none does.
std::uint64_t first_broken_seed(std::uint64_t first_seed, std::uint64_t seeds, Mutant mutant);

// Prints to stdout; 0 when all promises held, else 1.
int run_selftest(const SelftestOptions& options);

}  // namespace muster::sim
