// Running seeds, one after the other, and telling people of those that broke something.
// Must hold: a broken check() of the engine or agent counts as found, and does not end the other runs.
#include "sim/selftest.h"

#include <chrono>
#include <cstdio>

#include "core/check.h"
#include "sim/world.h"

namespace muster::sim {

namespace {

[[noreturn]] void throw_broken(const char* expression, const char* file, int line, const char* why) {
  throw Broken{"broken promise at " + std::string(file) + ":" + std::to_string(line) + ": " + why + " (" +
               expression + ")"};
}

// While it lives, a broken check() is an exception of this run.
class ChecksThrow {
 public:
  ChecksThrow() : before_(set_check_handler(&throw_broken)) {}
  ~ChecksThrow() { set_check_handler(before_); }
  ChecksThrow(const ChecksThrow&) = delete;
  ChecksThrow& operator=(const ChecksThrow&) = delete;

 private:
  CheckHandler before_;
};

std::string text_of(const Trace& trace) {
  std::string text;
  for (const std::string& line : trace.lines()) text += line + "\n";
  return text;
}

constexpr std::size_t kLinesOfFailure = 80;

void print_failure(std::uint64_t seed, const SelftestOptions& options, const RunResult& result) {
  std::printf("seed %llu: %s (step %llu, simulated second %lld)\n", static_cast<unsigned long long>(seed),
              result.broken.c_str(), static_cast<unsigned long long>(result.steps),
              static_cast<long long>(result.simulated_us / 1'000'000));
  if (options.trace) return;
  const std::string trace = run_seed(seed, options.mutant, WithTrace::yes).trace;
  std::size_t from = trace.size();
  for (std::size_t lines = 0; lines <= kLinesOfFailure && from > 0; ++lines) {
    const std::size_t newline = trace.rfind('\n', from - 1);
    if (newline == std::string::npos) {
      from = 0;
      break;
    }
    from = newline;
  }
  std::printf("%s\nall of it: muster selftest --seeds 1 --seed %llu --trace\n", trace.c_str() + from,
              static_cast<unsigned long long>(seed));
}

}  // namespace

RunResult run_seed(std::uint64_t seed, Mutant mutant, WithTrace with_trace) {
  const ChecksThrow checks_throw;
  RunResult result;
  World world(seed, mutant, with_trace == WithTrace::yes ? TraceText::kept : TraceText::dropped);
  try {
    world.run();
  } catch (const Broken& broken) {
    result.broken = broken.what;
    world.trace.say(world.now_us(), "BROKEN: " + broken.what);
  }
  result.steps = world.schedule.steps();
  result.hash = world.trace.hash();
  result.simulated_us = world.now_us();
  result.trace = text_of(world.trace);
  return result;
}

std::uint64_t first_broken_seed(std::uint64_t first_seed, std::uint64_t seeds, Mutant mutant) {
  for (std::uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    if (!run_seed(seed, mutant, WithTrace::no).broken.empty()) return seed;
  }
  return 0;
}

int run_selftest(const SelftestOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t failures = 0;
  std::uint64_t steps = 0;
  Micros simulated_us = 0;
  for (std::uint64_t seed = options.first_seed; seed < options.first_seed + options.seeds; ++seed) {
    RunResult result = run_seed(seed, options.mutant, options.trace ? WithTrace::yes : WithTrace::no);
    if (options.trace) std::printf("%s", result.trace.c_str());
    if (options.repeat_every != 0 && seed % options.repeat_every == 0 && result.broken.empty()) {
      const RunResult again = run_seed(seed, options.mutant, WithTrace::no);
      if (again.hash != result.hash || again.steps != result.steps)
        result.broken = "two runs of the same seed differ";
    }
    steps += result.steps;
    simulated_us += result.simulated_us;
    if (result.broken.empty()) continue;
    ++failures;
    if (failures <= 5) print_failure(seed, options, result);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("%llu seeds, %llu broken; %.1f s, %.0f runs/s, %llu steps, %.1f simulated hours\n",
              static_cast<unsigned long long>(options.seeds), static_cast<unsigned long long>(failures),
              seconds, static_cast<double>(options.seeds) / seconds, static_cast<unsigned long long>(steps),
              static_cast<double>(simulated_us) / 3.6e9);
  return failures == 0 ? 0 : 1;
}

}  // namespace muster::sim
