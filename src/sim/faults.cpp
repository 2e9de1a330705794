// How each fault is done to the world.
// Must hold: a fault that cannot happen now (the agent is down already) does nothing.
#include "sim/faults.h"

#include "sim/world.h"

namespace muster::sim {

void Faults::begin() {
  for (std::size_t i = 0; i < kFaults; ++i) plan(static_cast<Fault>(i));
}

void Faults::plan(Fault fault) {
  const Micros mean_us = world_.rules.mean(fault);
  if (mean_us == 0) return;
  const Micros when_us = world_.now_us() + world_.random.between(1, 2 * mean_us);
  if (when_us >= world_.rules.busy_us) return;
  world_.schedule.at(when_us, [this, fault] {
    if (world_.healed) return;
    strike(fault);
    plan(fault);
  });
}

void Faults::strike(Fault fault) {
  switch (fault) {
    case Fault::server_crash:
    case Fault::server_reboot:
    case Fault::server_freeze:
    case Fault::disk_low:
    case Fault::shut_down:
      return strike_server(fault);
    case Fault::wall_jump: {
      const Micros by_us = world_.random.between(-400LL * 86400 * 1'000'000, 400LL * 86400 * 1'000'000);
      if (world_.random.one_in(2)) return world_.server.jump_wall(by_us);
      return world_.random.pick(world_.machines)->jump_wall(by_us);
    }
    default:
      return strike_worker(fault);
  }
}

Micros Faults::absence() {
  Random& random = world_.random;
  return random.one_in(3) ? random.spread(1000, world_.rules.absence_us)
                          : random.between(1000, world_.rules.absence_us);
}

void Faults::strike_server(Fault fault) {
  Random& random = world_.random;
  Server& server = world_.server;
  if (!server.up()) return;
  if (fault == Fault::server_crash) {
    if (random.one_in(2)) server.compare_with_store();
    server.crash(absence());
  } else if (fault == Fault::server_reboot) {
    server.reboot();
  } else if (fault == Fault::server_freeze) {
    server.freeze(absence());
  } else if (fault == Fault::disk_low) {
    server.set_space(server.disk_is_low() ? SpaceState::plenty : SpaceState::low);
  } else {
    world_.people.shut_down();
    // Whoever typed it does not wait for ever.
    world_.schedule.after(random.spread(1'000'000, 20'000'000), [this, life = server.life()] {
      if (world_.server.life() == life) world_.server.crash(1'000'000);
    });
  }
}

void Faults::strike_worker(Fault fault) {
  Random& random = world_.random;
  Machine& machine = *random.pick(world_.machines);
  switch (fault) {
    case Fault::agent_crash:
      return machine.crash_agent();
    case Fault::worker_crash:
      return machine.crash_all();
    case Fault::keeper_crash:
      return machine.crash_keeper();
    case Fault::reboot:
      return machine.reboot();
    case Fault::worker_freeze:
      return machine.freeze(absence());
    case Fault::cut:
      return machine.break_link();
    case Fault::partition:
      return machine.partition(absence());
    case Fault::stall:
      return stall(machine);
    case Fault::upgrade:
      return machine.add_keeper();
    case Fault::new_facts:
      return machine.change_facts();
    case Fault::folder_lost:
      return machine.lose_folder();
    default:
      return;
  }
}

// One direction after the other: what was said before the first is heard long after the other has begun.
void Faults::stall(Machine& machine) {
  Random& random = world_.random;
  const Way first = random.one_in(3) ? Way::to_server : Way::to_agent;
  const Way second = first == Way::to_server ? Way::to_agent : Way::to_server;
  const Micros first_us = absence();
  machine.stall(first, first_us);
  if (random.one_in(3)) return;
  world_.schedule.after(random.between(0, first_us), [this, &machine, second, for_us = absence()] {
    if (!world_.healed) machine.stall(second, for_us);
  });
}

void Faults::heal() {
  world_.server.thaw();
  world_.server.set_space(SpaceState::plenty);
  for (const auto& machine : world_.machines) machine->heal();
}

}  // namespace muster::sim
