// One run: a busy time in which people ask and things go wrong, then peace, in which everything accepted has to end.
// Must hold: the end comes within a bound that follows from leases, back-offs and the length of tasks.
#include "sim/world.h"

#include <algorithm>

namespace muster::sim {

World::World(std::uint64_t seed, Mutant planted, TraceText text)
    : random(seed),
      trace(text),
      mutant(planted),
      limits(draw_limits(random)),
      rules(draw_rules(random, limits.lease_us)),
      server(*this),
      people(*this),
      faults(*this) {}

void World::run() {
  for (int i = 0; i < rules.workers; ++i)
    machines.push_back(std::make_unique<Machine>(*this, machines.size()));
  server.start();
  for (const auto& machine : machines) machine->start_agent();
  people.begin();
  faults.begin();
  while (schedule.step(rules.busy_us)) {
  }
  heal();
  // Longest: a lease to wait for, then all back-offs of the most patient task, each at most five minutes.
  const Micros bound_us = now_us() + 2 * limits.lease_us + 3'600'000'000;
  while (!at_rest()) {
    for (int i = 0; i < 50 && schedule.now_us() < bound_us; ++i) schedule.step(bound_us);
    if (now_us() >= bound_us) break;
  }
  check_end();
}

void World::heal() {
  healed = true;
  trace.note(now_us(), "healed");
  faults.heal();
  schedule.after(1'000'000, [this] { take_back(); });  // what they asked before has arrived then
}

// When the server is back and its workers with it, people take back what holds up their tasks.
void World::take_back() {
  const bool back = server.up() && std::all_of(machines.begin(), machines.end(), [](const auto& machine) {
                      return machine->link() != nullptr;
                    });
  if (!back) return schedule.after(100'000, [this] { take_back(); });
  people.heal();
  taken_back_ = true;
  schedule.after(5'000'000, [this] { look_again(); });
}

void World::look_again() {
  if (at_rest()) return;
  people.give_up_the_impossible();
  schedule.after(60'000'000, [this] { look_again(); });
}

bool World::at_rest() const {
  if (!server.up() || !people.content() || !taken_back_) return false;
  const bool idle =
      std::all_of(machines.begin(), machines.end(), [](const auto& machine) { return machine->idle(); });
  if (!idle || truth.running() > 0) return false;
  return std::all_of(server.ledger().batches().begin(), server.ledger().batches().end(),
                     [](const auto& entry) { return is_final(entry.second.row.state); });
}

void World::check_end() {
  if (!server.up()) throw Broken{"the server did not come back"};
  if (!people.content()) throw Broken{"a person never got an answer"};
  for (const auto& [id, batch] : server.ledger().batches()) {
    if (is_final(batch.row.state)) continue;
    for (Position position = 0; position < batch.tasks.size(); ++position) {
      const TaskState state = server.ledger().state_of(batch, position);
      if (is_final(state)) continue;
      throw Broken{"task " + describe(TaskRef{id, Ledger::index_of(batch, position)}) +
                   " never ended: " + std::string(to_text(state)) + " (" +
                   server.engine().task({id, Ledger::index_of(batch, position)})->reason + ")"};
    }
    throw Broken{"batch " + std::to_string(id) + " never ended"};
  }
  if (truth.running() > 0) throw Broken{"something runs that nobody waits for"};
  for (const auto& machine : machines) {
    if (!machine->idle())
      throw Broken{"worker " + std::to_string(machine->number()) + " still remembers attempts"};
  }
  server.compare_with_store();
  people.check_promises();
}

}  // namespace muster::sim
