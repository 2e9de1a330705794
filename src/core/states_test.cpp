// Every pair of state and event of the four life cycles: the listed ones lead where they say, all others nowhere.
// Must hold: the expected rows are written out here by hand, so that a row changed by mistake is seen.
#include "core/states.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>

namespace muster {
namespace {

template <class Cycle>
std::set<std::string> rows_of(const Cycle& cycle) {
  using State = decltype(cycle.states[0].state);
  using Event = decltype(cycle.table[0].event);
  std::set<std::string> rows;
  for (std::size_t s = 0; s < cycle.states.size(); ++s) {
    for (std::size_t e = 0; e < cycle.events.size(); ++e) {
      const auto to =
          cycle.find(static_cast<std::remove_cvref_t<State>>(s), static_cast<std::remove_cvref_t<Event>>(e));
      if (to)
        rows.insert(std::string(cycle.states[s].name) + " " + std::string(cycle.events[e]) + " " +
                    std::string(cycle.text(*to)));
    }
  }
  return rows;
}

TEST(TaskCycle, HasTheseWaysAndNoOthers) {
  const std::set<std::string> expected = {
      "waiting unblock ready",    "waiting hold held",     "waiting cancel cancelled",
      "waiting fail failed",      "held release waiting",  "held cancel cancelled",
      "ready block waiting",      "ready hold held",       "ready grant running",
      "ready cancel cancelled",   "ready fail failed",     "running succeed succeeded",
      "running fail failed",      "running retry waiting", "running give_back ready",
      "running cancel cancelled", "failed reopen waiting", "cancelled reopen waiting"};
  EXPECT_EQ(rows_of(kTaskCycle), expected);
}

TEST(BatchCycle, HasTheseWaysAndNoOthers) {
  const std::set<std::string> expected = {"waiting test trial",
                                          "waiting start running",
                                          "waiting all_final ended",
                                          "waiting cancel cancelling",
                                          "trial pass running",
                                          "trial break broken",
                                          "trial all_succeeded succeeded",
                                          "trial all_final ended",
                                          "trial cancel cancelling",
                                          "running all_succeeded succeeded",
                                          "running all_final ended",
                                          "running cancel cancelling",
                                          "cancelling all_stopped cancelled",
                                          "cancelling all_succeeded succeeded",
                                          "succeeded reopen waiting",
                                          "ended reopen waiting",
                                          "broken reopen waiting",
                                          "cancelled reopen waiting"};
  EXPECT_EQ(rows_of(kBatchCycle), expected);
}

TEST(AttemptCycle, FinalStatesAreLeftByNothing) {
  const std::set<AttemptState> finals = {AttemptState::succeeded, AttemptState::failed,
                                         AttemptState::cancelled, AttemptState::lost, AttemptState::refused};
  for (std::size_t s = 0; s < kAttemptStates; ++s) {
    const auto state = static_cast<AttemptState>(s);
    EXPECT_EQ(is_final(state), finals.contains(state));
    for (std::size_t e = 0; e < kAttemptEvents; ++e) {
      if (is_final(state)) {
        EXPECT_FALSE(kAttemptCycle.find(state, static_cast<AttemptEvent>(e)));
      }
    }
    // Whatever is alive can be lost: a machine may die at any moment.
    if (!is_final(state)) {
      EXPECT_EQ(kAttemptCycle.find(state, AttemptEvent::lose), AttemptState::lost);
    }
  }
  EXPECT_EQ(rows_of(kAttemptCycle).size(), kAttemptCycle.table.size());
}

TEST(WorkerCycle, SilenceNeverLosesAWorkerAndOnlyDeclarationDoes) {
  for (std::size_t s = 0; s < kWorkerStates; ++s) {
    const auto state = static_cast<WorkerState>(s);
    const auto silent = kWorkerCycle.find(state, WorkerEvent::silence);
    if (silent && state != WorkerState::lost) {
      EXPECT_NE(*silent, WorkerState::lost);
    }
    for (std::size_t e = 0; e < kWorkerEvents; ++e) {
      const auto event = static_cast<WorkerEvent>(e);
      const auto to = kWorkerCycle.find(state, event);
      if (to == WorkerState::lost && state != WorkerState::lost) {
        EXPECT_EQ(event, WorkerEvent::declare_lost);
      }
      if (state == WorkerState::removed) {
        EXPECT_FALSE(to);
      }
    }
  }
  EXPECT_EQ(rows_of(kWorkerCycle).size(), kWorkerCycle.table.size());
}

TEST(Names, GoBothWays) {
  for (const auto& info : kTaskCycle.states) EXPECT_EQ(kTaskCycle.from_text(info.name), info.state);
  for (const auto& info : kAttemptCycle.states) EXPECT_EQ(kAttemptCycle.from_text(info.name), info.state);
  for (const auto& info : kBatchCycle.states) EXPECT_EQ(kBatchCycle.from_text(info.name), info.state);
  for (const auto& info : kWorkerCycle.states) EXPECT_EQ(kWorkerCycle.from_text(info.name), info.state);
  EXPECT_FALSE(kTaskCycle.from_text("asleep"));
}

TEST(LifeCycle, AnEventThatIsNotListedStopsTheProcess) {
  EXPECT_DEATH(static_cast<void>(kTaskCycle.next(TaskState::succeeded, TaskEvent::grant)), "broken promise");
}

}  // namespace
}  // namespace muster
