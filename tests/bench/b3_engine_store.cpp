// B3, second half: durable life cycles (submit one by one, grant, done) through the engine and SQLite, without HTTP.
// Groups of 32: what arrives while one group is committed is the next. Goal: >= 60,000 life cycles per second.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "engine_cycles.h"
#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"

using namespace muster;
using namespace muster::bench;

int main() {
  const char* asked = std::getenv("MUSTER_BENCH_TASKS");
  const int life_cycles = asked != nullptr ? std::atoi(asked) : 200'000;
  std::vector<double> durable;
  std::vector<double> volatile_rate;
  std::vector<double> ratios;
  std::vector<double> cpu;
  std::vector<double> p99;
  for (int round = 0; round < 5; ++round) {
    store::MemoryStore memory;
    const Figures reference = run_life_cycles(memory, life_cycles);
    char folder[] = "muster-b3-XXXXXX";
    if (mkdtemp(folder) == nullptr) return 1;
    {
      auto lock = store::FolderLock::take(folder);
      if (!lock) return 1;
      auto opened = store::open_sqlite_store(*lock);
      if (!opened) return 1;
      const Figures figures = run_life_cycles(**opened, life_cycles);
      durable.push_back(figures.per_second);
      cpu.push_back(figures.cpu_us);
      p99.push_back(figures.p99_ms);
      volatile_rate.push_back(reference.per_second);
      ratios.push_back(figures.per_second / reference.per_second);
    }
    std::filesystem::remove_all(folder);
  }
  std::printf("B3.engine %.0f life_cycles/s (goal 60000, memory store %.0f, %.3f)\n", median(durable),
              median(volatile_rate), median(ratios));
  std::printf("B3.engine.cpu %.2f us (goal 16.7, %.3f)\n", median(cpu), median(cpu) / 16.7);
  std::printf("B3.engine.p99 %.2f ms (goal 10, %.3f)\n", median(p99), median(p99) / 10);
  return 0;
}
