// How the faults and the work of one run are drawn.
// Must hold: about one run in ten is calm, so that what only shows without faults is seen too.
#include "sim/rules.h"

#include <iterator>

namespace muster::sim {

namespace {

constexpr Micros kSecond = 1'000'000;

std::uint64_t sometimes(Random& random, std::uint64_t chance_permille, std::uint64_t most_permille) {
  return random.chance(chance_permille)
             ? static_cast<std::uint64_t>(random.spread(1, static_cast<Micros>(most_permille)))
             : 0;
}

void draw_faults(Random& random, Rules& rules, Micros lease_us) {
  if (random.one_in(10)) return;
  const std::uint64_t share = random.pick(std::vector<std::uint64_t>{70, 150, 300, 500});
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (random.chance(share)) rules.mean_between_us[i] = random.between(2 * kSecond, 40 * kSecond);
  }
  auto& lost = rules.mean_between_us[static_cast<std::size_t>(Fault::folder_lost)];
  // What a lost folder held is known to be dead only when its lease is over.
  if (lease_us > 120 * kSecond) lost = 0;
  rules.in_order = !random.chance(400);
  if (!rules.in_order) {
    rules.loss_permille = sometimes(random, 600, 300);
    rules.double_permille = sometimes(random, 500, 300);
  }
  rules.slow_permille = sometimes(random, 500, 100);
  rules.slow_us = random.between(kSecond, 2 * (lease_us < 120 * kSecond ? lease_us : 40 * kSecond));
  // An answer that is later than the margin of a lease is what tells a lease counted from its receipt.
  if (random.one_in(4)) rules.slow_permille = static_cast<std::uint64_t>(random.between(100, 400));
  rules.absence_us = random.between(kSecond, 2 * (lease_us < 120 * kSecond ? lease_us : 40 * kSecond));
  rules.delay_us = random.spread(50, 200'000);
  rules.merges_messages = !random.one_in(4);
  rules.reply_loss_permille = sometimes(random, 500, 300);
  rules.refused_permille = sometimes(random, 300, 100);
  rules.unknown_permille = sometimes(random, 300, 100);
  rules.crash_at_commit_permille = sometimes(random, 300, 100);
  if (!random.one_in(6)) return;
  // Machines that go down before the server has heard what they had begun: what only a boot id tells.
  rules.mean_between_us[static_cast<std::size_t>(Fault::reboot)] = random.between(kSecond, 8 * kSecond);
  rules.in_order = false;
  rules.loss_permille = static_cast<std::uint64_t>(random.between(100, 300));
  rules.slow_permille = static_cast<std::uint64_t>(random.between(200, 500));
}

void draw_work(Random& random, Rules& rules) {
  rules.submits = static_cast<std::uint64_t>(random.spread(1, 12));
  rules.tasks_max = static_cast<std::uint64_t>(random.spread(1, 40));
  rules.changes = random.chance(700) ? static_cast<std::uint64_t>(random.spread(0, 20)) : 0;
  static constexpr Micros kLongest_us[] = {1000,         100'000,      kSecond,     5 * kSecond,
                                           20 * kSecond, 60 * kSecond, 60 * kSecond};
  rules.task_us = kLongest_us[random.below(std::size(kLongest_us))];
  rules.fail_permille = sometimes(random, 700, 500);
  rules.launch_fail_permille = sometimes(random, 300, 300);
  rules.shape_permille = sometimes(random, 500, 1000);
  rules.dependency_permille = sometimes(random, 600, 1000);
  rules.rerun_never_permille = sometimes(random, 500, 1000);
  rules.logs = random.chance(500);
  rules.fleet_permille = sometimes(random, 400, 500);
}

}  // namespace

Rules draw_rules(Random& random, Micros lease_us) {
  Rules rules;
  rules.workers = static_cast<int>(random.one_in(16) ? random.between(6, 16) : random.between(1, 5));
  rules.busy_us = random.between(10 * kSecond, 60 * kSecond);
  draw_faults(random, rules, lease_us);
  draw_work(random, rules);
  return rules;
}

}  // namespace muster::sim
