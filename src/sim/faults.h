// What goes wrong, and when: each kind of fault comes at random intervals while people are busy, and stops then.
// Must hold: everything that was broken is mended again in the end; what is gone for good is known to be gone.
#pragma once

#include "sim/rules.h"

namespace muster::sim {

struct World;
class Machine;

class Faults {
 public:
  explicit Faults(World& world) : world_(world) {}
  void begin();
  void heal();

 private:
  void plan(Fault fault);
  void strike(Fault fault);
  Micros absence();
  void strike_server(Fault fault);
  void strike_worker(Fault fault);
  void stall(Machine& machine);

  World& world_;
};

}  // namespace muster::sim
