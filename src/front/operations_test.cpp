// Operations that go on are found however many have ended; others see none of another project.
// What has ended long ago is forgotten.
#include "front/operations.h"

#include <gtest/gtest.h>

namespace muster::front {
namespace {

TEST(Operations, what_goes_on_is_kept_and_what_ended_is_forgotten_at_last) {
  Operations operations;
  const OperationPtr long_one = operations.begin("task.retry", "ada", "atlas", 1);
  const OperationPtr first = operations.begin("task.hold", "ada", "atlas", 2);
  operations.end(*first, 200, "{}", 3);
  EXPECT_EQ(operations.find(first->id, "atlas"), first);
  EXPECT_EQ(operations.find(first->id, "default"), nullptr);
  for (int i = 0; i < 600; ++i)
    operations.end(*operations.begin("task.hold", "ada", "atlas", 4), 200, "{}", 5);
  EXPECT_EQ(operations.find(first->id, "atlas"), nullptr);
  EXPECT_EQ(operations.find(long_one->id, "atlas"), long_one);
}

}  // namespace
}  // namespace muster::front
