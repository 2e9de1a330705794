// Joining changes: the later row of a key wins, whatever way it came in, and nothing else is lost.
// The names of events can be read back.
#include "core/rows.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace muster {
namespace {

TaskRow task(BatchId batch, Position position, TaskState state) {
  TaskRow row;
  row.batch = batch;
  row.position = position;
  row.state = state;
  return row;
}

template <class Row>
Row named(std::uint64_t id, const char* name) {
  Row row;
  row.id = id;
  row.name = name;
  return row;
}

EventRow event(std::uint64_t seq) {
  EventRow row;
  row.seq = seq;
  return row;
}

SegmentRow segment(std::uint32_t ordinal) {
  SegmentRow row;
  row.batch = 1;
  row.ordinal = ordinal;
  return row;
}

TEST(Changes, IsEmptyOnlyWithoutAnyRow) {
  EXPECT_TRUE(Changes{}.empty());
  Changes changes;
  changes.sequences = Sequences{};
  EXPECT_FALSE(changes.empty());
  changes = {};
  changes.cleared_state_runs.push_back(1);
  EXPECT_FALSE(changes.empty());
}

TEST(Changes, MergeKeepsTheLaterRowOfAKey) {
  Changes first;
  first.tasks = {task(1, 0, TaskState::running), task(1, 1, TaskState::running),
                 task(1, 0, TaskState::ready)};
  first.batches.push_back(named<BatchRow>(1, "old"));
  first.workers.push_back(named<WorkerRow>(7, "old"));
  first.sequences = Sequences{.next_batch = 2};
  Changes second;
  second.tasks = {task(1, 1, TaskState::succeeded), task(2, 1, TaskState::running),
                  task(1, 1, TaskState::failed)};
  second.batches.push_back(named<BatchRow>(1, "new"));
  second.batches.push_back(named<BatchRow>(2, "other"));
  second.workers.push_back(named<WorkerRow>(7, "new"));
  second.sequences = Sequences{.next_batch = 3};
  first.merge(std::move(second));

  ASSERT_EQ(first.tasks.size(), 3u);
  std::map<std::pair<BatchId, Position>, TaskState> states;
  for (const TaskRow& row : first.tasks) states[{row.batch, row.position}] = row.state;
  EXPECT_EQ((states[{1, 0}]), TaskState::ready);
  EXPECT_EQ((states[{1, 1}]), TaskState::failed);
  EXPECT_EQ((states[{2, 1}]), TaskState::running);
  ASSERT_EQ(first.batches.size(), 2u);
  EXPECT_EQ(first.batches[0].name, "new");
  ASSERT_EQ(first.workers.size(), 1u);
  EXPECT_EQ(first.workers[0].name, "new");
  EXPECT_EQ(first.sequences->next_batch, 3u);
}

TEST(Changes, MergeKeepsSequencesWhenTheLaterHasNone) {
  Changes first;
  first.sequences = Sequences{.next_batch = 9};
  first.merge(Changes{});
  EXPECT_EQ(first.sequences->next_batch, 9u);
}

TEST(Changes, AppendedRowsOfOtherKindsStayInOrder) {
  Changes first;
  first.events.push_back(event(1));
  first.segments.push_back(segment(0));
  Changes second;
  second.events.push_back(event(2));
  second.segments.push_back(segment(1));
  first.merge(std::move(second));
  ASSERT_EQ(first.events.size(), 2u);
  EXPECT_EQ(first.events[1].seq, 2u);
  ASSERT_EQ(first.segments.size(), 2u);
  EXPECT_EQ(first.segments[1].ordinal, 1u);
}

TEST(Changes, ALaterClearingTakesEarlierRunsOfItsBatchOnly) {
  Changes first;
  first.state_runs = {{.batch = 1, .first = 0, .last = 4}, {.batch = 2, .first = 0, .last = 9}};
  Changes second;
  second.cleared_state_runs = {1, 1};
  second.state_runs = {{.batch = 1, .first = 3, .last = 3, .state = TaskState::cancelled}};
  first.merge(std::move(second));
  EXPECT_EQ(first.cleared_state_runs, (std::vector<BatchId>{1}));
  EXPECT_EQ(first.state_runs,
            (std::vector<StateRunRow>{{.batch = 1, .first = 3, .last = 3, .state = TaskState::cancelled},
                                      {.batch = 2, .first = 0, .last = 9}}));
}

TEST(Changes, OfTwoRunsWithOneKeyTheLaterStays) {
  Changes first;
  first.state_runs = {{.batch = 1, .first = 5, .last = 6}, {.batch = 1, .first = 0, .last = 2}};
  Changes second;
  second.state_runs = {{.batch = 1, .first = 5, .last = 8}};
  first.merge(std::move(second));
  EXPECT_EQ(first.state_runs, (std::vector<StateRunRow>{{.batch = 1, .first = 0, .last = 2},
                                                        {.batch = 1, .first = 5, .last = 8}}));
}

// Many merges, with rows pushed directly in between and the whole moved away now and then, against a plain map.
TEST(Changes, ManyMergesEqualWritingOneAfterTheOther) {
  std::mt19937 random(42);
  Changes pending;
  std::map<Position, std::uint32_t> expected;
  std::uint32_t stamp = 0;
  const auto next = [&] {
    TaskRow row = task(3, random() % 200, TaskState::running);
    row.attempt.number = ++stamp;
    expected[row.position] = stamp;
    return row;
  };
  for (int round = 0; round < 2000; ++round) {
    Changes later;
    for (std::uint32_t i = 0; i < 1 + random() % 5; ++i) later.tasks.push_back(next());
    pending.merge(std::move(later));
    EXPECT_TRUE(later.empty());
    ASSERT_EQ(pending.tasks.size(), expected.size());
    if (round % 7 == 0) {
      pending.tasks.push_back(next());
      Changes one;
      one.tasks.push_back(next());
      pending.merge(std::move(one));
    }
    if (round % 100 == 99) {
      const Changes taken = std::move(pending);
      pending = Changes{};
      std::map<Position, std::uint32_t> found;
      for (const TaskRow& row : taken.tasks)
        ASSERT_TRUE(found.emplace(row.position, row.attempt.number).second);
      ASSERT_EQ(found, expected);
      expected.clear();
    }
  }
}

TEST(Changes, AMovedFromValueCanBeFilledAndMergedAgain) {
  Changes pending;
  Changes later;
  for (Position i = 0; i < 50; ++i) later.tasks.push_back(task(1, i, TaskState::running));
  pending.merge(std::move(later));
  const Changes taken = std::move(pending);
  EXPECT_EQ(taken.tasks.size(), 50u);
  for (Position i = 0; i < 60; ++i) pending.tasks.push_back(task(1, i, TaskState::running));
  Changes more;
  for (Position i = 0; i < 60; ++i) more.tasks.push_back(task(1, i, TaskState::succeeded));
  pending.merge(std::move(more));
  EXPECT_EQ(pending.tasks.size(), 60u);
}

TEST(EventKind, EveryNameReadsBackAndIsItsOwn) {
  for (int i = 0; i <= static_cast<int>(EventKind::disk_has_space); ++i) {
    const auto kind = static_cast<EventKind>(i);
    EXPECT_EQ(event_kind_from_text(to_text(kind)), kind);
  }
  EXPECT_EQ(to_text(EventKind::late_result_refused), "late_result_refused");
  EXPECT_EQ(event_kind_from_text("no such kind"), std::nullopt);
}

}  // namespace
}  // namespace muster
