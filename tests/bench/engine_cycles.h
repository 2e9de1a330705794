// Life cycles (submit one by one, grant, done) through the engine and a store, in groups, and what they cost.
// Groups of 32: what arrives while one group is committed is the next.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "core/command.h"
#include "engine/engine.h"
#include "ports/store.h"
#include "simulated_agent.h"

namespace muster::bench {

using Clock = std::chrono::steady_clock;

inline constexpr int kGroup = 32;

inline double cpu_seconds() {
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

inline Figures run_life_cycles(Store& store, int life_cycles) {
  engine::Engine engine;
  Now now{1'000'000, 1'700'000'000'000'000};
  engine.restore(store.load(), now);
  SimulatedAgent agent(1);
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

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace muster::bench
