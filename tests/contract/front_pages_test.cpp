// Pages of tasks against a plain model: whatever happened, every task is on exactly one page, in its state, in order.
// The same batch is asked for twice: while the engine holds it, and from the store alone.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "front/task_pages.h"
#include "front_world.h"

namespace muster {
namespace {

using front::Layout;
using front::ListedTask;
using front::StateSet;
using front::TaskPage;
using test::FrontWorld;

std::vector<ListedTask> all_pages(FrontWorld& world, BatchId id, const std::vector<IndexSpan>& ranges,
                                  const StateSet& states, std::size_t limit) {
  const std::optional<BatchRow> batch = front::find_batch(world, "default", id);
  const Layout layout = Layout::of(world, id);
  std::vector<ListedTask> tasks;
  Position from = 0;
  for (;;) {
    const TaskPage page = front::task_page(world, *batch, layout.intervals(ranges), states, from, limit);
    EXPECT_LE(page.tasks.size(), limit);
    tasks.insert(tasks.end(), page.tasks.begin(), page.tasks.end());
    if (!page.next) return tasks;
    EXPECT_GT(*page.next + 1, from + 1);  // it goes on
    from = *page.next;
  }
}

class Random {
 public:
  explicit Random(unsigned seed) : generator_(seed) {}
  std::uint64_t below(std::uint64_t end) {
    return std::uniform_int_distribution<std::uint64_t>(0, end - 1)(generator_);
  }

 private:
  std::mt19937 generator_;
};

std::shared_ptr<const TaskTemplate> body() {
  static const auto made = [] {
    auto one = std::make_shared<TaskTemplate>();
    one->name = "t";
    one->command = *compile_command({"true"}, std::nullopt, {}, ItemSource::none);
    one->cwd = "/";
    return one;
  }();
  return made;
}

BatchId submit(FrontWorld& world, std::vector<IndexSeries> series, BatchId into = 0) {
  Submit input;
  input.request = 1;
  input.principal.user = "ada";
  input.body = body();
  input.series = std::move(series);
  input.batch = into;
  return std::get<Submitted>(*world.turn(input)).batch;
}

void change(FrontWorld& world, ChangeVerb verb, BatchId batch, std::vector<IndexSpan> ranges) {
  Change input;
  input.request = 1;
  input.verb = verb;
  input.targets = {{batch, std::move(ranges)}};
  world.turn(input);
}

// One thing that can happen to the batch.
void happen(FrontWorld& world, Random& random, BatchId batch) {
  const TaskIndex first = 1 + random.below(120);
  const IndexSpan span{first, first + random.below(20)};
  switch (random.below(8)) {
    case 0:
      return change(world, ChangeVerb::cancel, batch, {span});
    case 1:
      return change(world, ChangeVerb::hold, batch, {span});
    case 2:
      return change(world, ChangeVerb::release, batch, {span});
    case 3:
      return change(world, ChangeVerb::retry, batch, {span});
    default:
      break;
  }
  if (world.granted.empty()) return;
  const std::size_t at = random.below(world.granted.size());
  const AttemptRef attempt = world.granted[at];
  if (random.below(5) == 0) return world.execute(attempt);
  world.granted.erase(world.granted.begin() + static_cast<std::ptrdiff_t>(at));
  world.end(attempt, random.below(4) == 0 ? 1 : 0);
}

// Everything the engine says, task by task.
std::map<Position, TaskState> truth(const FrontWorld& world, const Layout& layout, BatchId batch) {
  std::map<Position, TaskState> states;
  for (const SegmentRow& segment : layout.segments()) {
    for (std::uint64_t k = 0; k < segment.count; ++k) {
      const auto view = world.engine().task({batch, segment.first_index + k * segment.step});
      states[segment.first_position + k] = view->state;
    }
  }
  return states;
}

void compare(FrontWorld& world, Random& random, BatchId batch, const std::map<Position, TaskState>& states,
             const Layout& layout) {
  StateSet wanted;
  for (std::size_t i = 0; i < kTaskStates; ++i) {
    if (random.below(3) == 0) wanted.add(static_cast<TaskState>(i));
  }
  std::vector<IndexSpan> ranges;
  if (random.below(2) == 0) {
    const TaskIndex first = 1 + random.below(60);
    ranges = {{first, first + random.below(30)}, {first + 40, first + 40 + random.below(50)}};
  }
  std::vector<std::pair<Position, TaskState>> expected;
  for (const auto& [position, state] : states) {
    const TaskIndex index = layout.index_of(position);
    const bool selected =
        ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [index](const IndexSpan& span) {
          return index >= span.first && index <= span.last;
        });
    if (selected && wanted.holds(state)) expected.emplace_back(position, state);
  }
  std::vector<std::pair<Position, TaskState>> found;
  for (const ListedTask& task : all_pages(world, batch, ranges, wanted, 1 + random.below(40))) {
    found.emplace_back(task.position, task.state);
    if (task.row) {
      EXPECT_EQ(task.row->position, task.position);
    } else {
      EXPECT_NE(task.state, TaskState::succeeded);
    }
  }
  EXPECT_EQ(found, expected);
  TaskCounts counts{};
  for (const auto& [position, state] : states) {
    const TaskIndex index = layout.index_of(position);
    for (const IndexSpan& span : ranges)
      counts[static_cast<std::size_t>(state)] += index >= span.first && index <= span.last;
  }
  if (!ranges.empty()) {
    EXPECT_EQ(
        front::count_states(world, *front::find_batch(world, "default", batch), layout.intervals(ranges)),
        counts);
  }
}

constexpr const char* kFilters[] = {
    "state=failed exit=1",
    "state=failed,cancelled",
    "attempts=1+ -state=running",
    "-exit=0",
    "worker=w1",
    "reason=busy",
    "index=20..60 -state=succeeded",
    "name=t mem=..1G",
    "name=other",
    "attempts=2+",
    "cause=exit",
    "phase=executing",
    "-label.study=x state=ready",
    "label.study=x",
    "owner=ada batch=1",
    "owner=eve",
    "ended=1970-01-01+",
    "command~true exit=0,1",
};

// What walks over runs and skips what cannot match finds what asking every single task finds.
void compare_filters(FrontWorld& world, Random& random, BatchId id) {
  const std::optional<BatchRow> batch = front::find_batch(world, "default", id);
  const Layout layout = Layout::of(world, id);
  const std::vector<ListedTask> all = all_pages(world, id, {}, {}, 1000);
  for (const char* text : kFilters) {
    SCOPED_TRACE(text);
    const Result<Filter> filter = parse_filter(FilterObject::task, text, world.now_.wall_us);
    ASSERT_TRUE(filter.has_value());
    front::TaskMatcher matcher(world, *batch, layout, *filter);
    std::vector<Position> expected;
    for (const ListedTask& task : all) {
      if (matcher.holds(task)) expected.push_back(task.position);
    }
    std::vector<Position> found;
    const std::size_t limit = 1 + random.below(40);
    for (Position from = 0;;) {
      const TaskPage page = front::task_page(world, *batch, layout.intervals({}), {}, from, limit, &matcher);
      for (const ListedTask& task : page.tasks) found.push_back(task.position);
      if (!page.next) break;
      from = *page.next;
    }
    EXPECT_EQ(found, expected);
    std::vector<Position> spanned;
    for (std::optional<Position> from = 0; from;) {
      const front::SpanPage page = front::matching_spans(world, *batch, layout.intervals({}), *from, matcher);
      for (const PositionSpan& span : page.spans) {
        for (Position position = span.first; position <= span.last; ++position) spanned.push_back(position);
      }
      from = page.next;
    }
    EXPECT_EQ(spanned, expected);
  }
}

TEST(TaskPages, HoldEveryTaskOnceInMemoryAndOnDisk) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    FrontWorld world;
    world.connect(static_cast<std::uint32_t>(1 + random.below(40)));
    const BatchId batch = submit(world, {{1, 40, 1}});
    submit(world, {{50, 90, 2}, {100, 130, 1}}, batch);
    const Layout layout = Layout::of(world, batch);
    for (int step = 0; step < 150; ++step) {
      happen(world, random, batch);
      world.now_.mono_us += 1'000'000;
      world.now_.wall_us += 1'000'000;
      if (step % 10 == 0) {
        world.turn(Tick{});
        compare(world, random, batch, truth(world, layout, batch), layout);
        compare_filters(world, random, batch);
      }
    }
    // Brought to an end, it leaves memory with the next start.
    change(world, ChangeVerb::cancel, batch, {});
    while (!world.granted.empty()) {
      const AttemptRef attempt = world.granted.back();
      world.granted.pop_back();
      world.end(attempt, 0);
    }
    if (!is_final(world.engine().batch(batch)->row.state)) continue;
    const auto states = truth(world, layout, batch);
    FrontWorld later(world.store_);
    ASSERT_FALSE(later.engine().has_batch(batch));
    for (int i = 0; i < 10; ++i) compare(later, random, batch, states, layout);
    compare_filters(later, random, batch);
  }
}

TEST(TaskPages, ABatchThatIsHeldShowsItsTasksAsHeld) {
  FrontWorld world;
  const BatchId batch = submit(world, {{1, 10, 1}});
  change(world, ChangeVerb::hold, batch, {});
  const std::optional<BatchRow> row = front::find_batch(world, "default", batch);
  StateSet held;
  held.add(TaskState::held);
  EXPECT_EQ(all_pages(world, batch, {}, held, 3).size(), 10U);
  StateSet ready;
  ready.add(TaskState::ready);
  EXPECT_TRUE(all_pages(world, batch, {}, ready, 3).empty());
  const TaskCounts counts = front::shown_counts(*row);
  EXPECT_EQ(counts[static_cast<std::size_t>(TaskState::held)], 10U);
  EXPECT_EQ(counts[static_cast<std::size_t>(TaskState::ready)], 0U);
}

TEST(Layout, PositionsIndexesAndNumbersBelongTogether) {
  FrontWorld world;
  submit(world, {{1, 5, 1}});
  const BatchId batch = submit(world, {{10, 30, 10}});
  submit(world, {{40, 41, 1}}, batch);
  const Layout layout = Layout::of(world, batch);
  EXPECT_EQ(layout.position_of(10), 0U);
  EXPECT_EQ(layout.position_of(30), 2U);
  EXPECT_EQ(layout.position_of(41), 4U);
  EXPECT_FALSE(layout.position_of(11));
  EXPECT_FALSE(layout.position_of(31));
  EXPECT_FALSE(layout.position_of(42));
  for (Position position = 0; position < 5; ++position) {
    EXPECT_EQ(layout.position_of(layout.index_of(position)), position);
    EXPECT_EQ(layout.number_of(position), 6 + position);
  }
  const auto intervals = layout.intervals({{15, 40}});
  ASSERT_EQ(intervals.size(), 1U);
  EXPECT_EQ(intervals[0].first, 1U);
  EXPECT_EQ(intervals[0].last, 3U);
  EXPECT_TRUE(layout.intervals({{11, 19}}).empty());
  EXPECT_EQ(layout.intervals({}).front().last, 4U);
}

}  // namespace
}  // namespace muster
