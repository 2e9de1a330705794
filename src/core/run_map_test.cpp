// RunMap against a plain vector.
// Whatever is assigned, both say the same, and no two neighbouring runs are equal.
#include "core/run_map.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace muster {
namespace {

TEST(RunMap, AMillionEqualValuesAreOneRun) {
  RunMap<int> runs;
  runs.append(0, 999'999, 1);
  EXPECT_EQ(runs.run_count(), 1u);
  runs.assign(500, 500, 2);
  EXPECT_EQ(runs.run_count(), 3u);
  runs.assign(500, 500, 1);
  EXPECT_EQ(runs.run_count(), 1u);
  EXPECT_EQ(runs.size(), 1'000'000u);
}

TEST(RunMap, FindClipsAtItsStart) {
  RunMap<int> runs;
  runs.append(0, 9, 1);
  runs.append(10, 19, 2);
  const auto found = runs.find(13, [](int value) { return value == 2; });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->first, 13u);
  EXPECT_EQ(found->last, 19u);
  EXPECT_FALSE(runs.find(13, [](int value) { return value == 1; }).has_value());
}

RC_GTEST_PROP(RunMap, AgreesWithAVector, ()) {
  const auto size = *rc::gen::inRange<Position>(1, 60);
  std::vector<int> model(size, 0);
  RunMap<int> runs;
  runs.append(0, size - 1, 0);
  const auto steps = *rc::gen::inRange(0, 40);
  for (int step = 0; step < steps; ++step) {
    const auto first = *rc::gen::inRange<Position>(0, size);
    const auto last = *rc::gen::inRange<Position>(first, size);
    const auto value = *rc::gen::inRange(0, 3);
    runs.assign(first, last, value);
    for (Position i = first; i <= last; ++i) model[i] = value;
    int previous = -1;
    Position covered = 0;
    runs.for_each(0, size - 1, [&](Position a, Position b, int run_value) {
      RC_ASSERT(a == covered);
      RC_ASSERT(run_value != previous);
      for (Position i = a; i <= b; ++i) RC_ASSERT(model[i] == run_value);
      previous = run_value;
      covered = b + 1;
    });
    RC_ASSERT(covered == size);
  }
}

}  // namespace
}  // namespace muster
