// What may go wrong in one run, and how often; what people ask for, and what their tasks are like.
// Must hold: each run draws only some of the faults, because one that is always there hides what another would show.
#pragma once

#include <array>
#include <cstdint>

#include "core/ids.h"
#include "sim/random.h"

namespace muster::sim {

enum class Fault : std::uint8_t {
  server_crash,   // kill -9 of the server
  server_reboot,  // the same, and its monotonic clock starts anew
  server_freeze,  // SIGSTOP, a suspended machine
  agent_crash,
  worker_crash,  // agent and keepers at once; the machine stays
  keeper_crash,
  reboot,  // a worker's machine: everything dead, a new boot id, the last records missing
  worker_freeze,
  wall_jump,  // of the server or a worker
  cut,        // a connection breaks
  partition,  // a worker is out of reach for a while
  stall,      // messages of one direction are held up, the connection lasts
  disk_low,
  shut_down,    // `muster down`, and up again later
  upgrade,      // another keeper beside the one there is
  new_facts,    // the machine of a worker has other resources than before
  folder_lost,  // a worker comes back as a new one
};
inline constexpr std::size_t kFaults = 17;

struct Rules {
  int workers = 1;
  Micros busy_us = 0;                             // how long people ask for things and things go wrong
  std::array<Micros, kFaults> mean_between_us{};  // 0: does not happen

  // Connections between agents and server.
  bool in_order = true;  // as TCP: nothing lost, doubled or overtaken while a connection lasts
  std::uint64_t loss_permille = 0;
  std::uint64_t double_permille = 0;
  std::uint64_t slow_permille = 0;  // a message that takes up to `slow_us`
  Micros slow_us = 0;
  Micros absence_us = 1;   // the longest partition, freeze or time that a server is down
  Micros delay_us = 1000;  // an ordinary message, at most
  std::uint64_t reply_loss_permille = 0;

  // The server's disk and its loop.
  std::uint64_t refused_permille = 0;  // of commits
  std::uint64_t unknown_permille = 0;
  std::uint64_t crash_at_commit_permille = 0;
  bool merges_messages = true;  // of one group to one session; else each turn speaks for itself

  // Work.
  std::uint64_t submits = 1;
  std::uint64_t tasks_max = 1;  // of one submission
  std::uint64_t changes = 0;    // cancel, hold, release, retry, set
  Micros task_us = 1;           // the longest
  std::uint64_t fail_permille = 0;
  std::uint64_t launch_fail_permille = 0;
  std::uint64_t shape_permille = 0;  // tasks that need more than one CPU slot
  std::uint64_t dependency_permille = 0;
  std::uint64_t rerun_never_permille = 0;
  std::uint64_t fleet_permille =
      0;              // of changes and shapes: verbs on workers, labels, offers, limits, whole workers
  bool logs = false;  // tasks write, and ends wait for their logs

  Micros mean(Fault fault) const { return mean_between_us[static_cast<std::size_t>(fault)]; }
};

Rules draw_rules(Random& random, Micros lease_us);

}  // namespace muster::sim
