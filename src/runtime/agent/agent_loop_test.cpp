// What surrounds the loop and can be said without one: the environment of tasks, the pauses between two tries.
// The loop itself is shown by the tests with real processes.
#include "runtime/agent/agent_loop.h"

#include <gtest/gtest.h>

namespace muster::runtime {
namespace {

using Environment = std::vector<std::pair<std::string, std::string>>;

TEST(TaskEnvironment, passes_on_what_says_who_and_where_and_nothing_else) {
  const Environment given = task_environment(
      {"HOME=/h", "SECRET=x", "LC_TIME=C", "PATH=/bin=/sbin", "MUSTER_TOKEN=t", "broken"}, "id");
  EXPECT_EQ(given, (Environment{
                       {"HOME", "/h"}, {"LC_TIME", "C"}, {"PATH", "/bin=/sbin"}, {"MUSTER_SPOOL_ID", "id"}}));
}

TEST(TaskEnvironment, has_a_path_in_any_case) {
  const Environment given = task_environment({}, "id");
  ASSERT_EQ(given.size(), 2U);
  EXPECT_EQ(given[0].first, "PATH");
  EXPECT_NE(given[0].second.find("/usr/bin"), std::string::npos);
}

TEST(ReconnectPause, grows_to_its_limit_and_is_spread_evenly) {
  EXPECT_EQ(reconnect_pause_us(0, 30'000'000, 0.0), 0);
  EXPECT_EQ(reconnect_pause_us(0, 30'000'000, 0.5), 25'000);
  EXPECT_EQ(reconnect_pause_us(3, 30'000'000, 1.0), 400'000);
  EXPECT_EQ(reconnect_pause_us(20, 30'000'000, 1.0), 30'000'000);
  EXPECT_EQ(reconnect_pause_us(3, 30'000'000, 0.5, 1'000'000), 4'000'000);
  EXPECT_EQ(reconnect_pause_us(4'000'000'000U, 1'000'000, 0.25), 250'000);
}

}  // namespace
}  // namespace muster::runtime
