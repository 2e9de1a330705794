// Everything of one simulated run in one place: time, chance, server, workers, people, what goes wrong, and what has to hold.
// Must hold: one thread, one generator; whatever happens follows from the seed and the menu drawn from it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/faults.h"
#include "sim/limits.h"
#include "sim/link.h"
#include "sim/machine.h"
#include "sim/mutant.h"
#include "sim/people.h"
#include "sim/random.h"
#include "sim/rules.h"
#include "sim/schedule.h"
#include "sim/server.h"
#include "sim/trace.h"
#include "sim/truth.h"

namespace muster::sim {

struct World {
  World(std::uint64_t seed, Mutant planted, TraceText text);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Random random;
  Schedule schedule;
  Trace trace;
  Mutant mutant;
  Limits limits;
  Rules rules;
  bool healed = false;
  Truth truth;
  std::vector<std::unique_ptr<Link>> links;
  Server server;
  std::vector<std::unique_ptr<Machine>> machines;
  People people;
  Faults faults;

  Micros now_us() const { return schedule.now_us(); }
  // The whole run; throws Broken.
  void run();

 private:
  void heal();
  void take_back();
  void look_again();
  bool at_rest() const;
  void check_end();
  bool taken_back_ = false;
};

}  // namespace muster::sim
