// B3, second half: durable life cycles (submit one by one, grant, done) through the engine and SQLite, without HTTP.
// Groups of 32: what arrives while one group is committed is the next. Goal: >= 60,000 life cycles per second.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "core/command.h"
#include "engine/engine.h"
#include "simulated_agent.h"
#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"

namespace {

using namespace muster;
using Clock = std::chrono::steady_clock;

constexpr int kGroup = 32;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& value) {
    return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Figures {
  double per_second = 0;
  double cpu_us = 0;
  double p99_ms = 0;
};

Figures run(Store& store, int life_cycles) {
  engine::Engine engine;
  Now now{1'000'000, 1'700'000'000'000'000};
  engine.restore(store.load(), now);
  bench::SimulatedAgent agent(1);
  const auto commit = [&](Changes&& changes) {
    if (!changes.empty()) store.commit(changes);
  };
  commit(engine.handle(agent.connect(64), now).changes);
  commit(engine.handle(agent.full(now), now).changes);
  auto body = std::make_shared<TaskTemplate>();
  body->name = "true";
  body->command = *compile_command({"/bin/true"}, std::nullopt, {}, ItemSource::none);
  body->cwd = "/";
  Submit submit;
  submit.request = 1;
  submit.principal.user = "bench";
  submit.body = body;
  std::vector<double> delays_ms;
  const double cpu = cpu_seconds();
  const auto start = Clock::now();
  for (int done = 0; done < life_cycles; done += kGroup) {
    const auto group_start = Clock::now();
    Changes group;
    now.mono_us += 500;
    now.wall_us += 500;
    const AgentSaid said = agent.message(now);
    const auto turn = [&](const Input& input) {
      Decision decision = engine.handle(input, now);
      agent.take(decision);
      group.merge(std::move(decision.changes));
    };
    turn(said);
    for (int i = 0; i < kGroup; ++i) turn(submit);
    commit(std::move(group));
    delays_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - group_start).count());
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::sort(delays_ms.begin(), delays_ms.end());
  return {life_cycles / seconds, (cpu_seconds() - cpu) / life_cycles * 1e6,
          delays_ms[delays_ms.size() * 99 / 100]};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

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
    const Figures reference = run(memory, life_cycles);
    char folder[] = "muster-b3-XXXXXX";
    if (mkdtemp(folder) == nullptr) return 1;
    {
      auto lock = store::FolderLock::take(folder);
      if (!lock) return 1;
      auto opened = store::open_sqlite_store(*lock);
      if (!opened) return 1;
      const Figures figures = run(**opened, life_cycles);
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
