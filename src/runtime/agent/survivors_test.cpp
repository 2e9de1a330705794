// Who is killed after a keeper's death, and above all who is not: a stranger that got a recycled process id.
// The last test does it with real processes of its own.
#include "runtime/agent/survivors.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace muster::runtime {
namespace {

using keeper::ProcessStat;

bool no_mark(const ProcessStat&) { return false; }

ProcessStat process(pid_t id, std::uint64_t start_ticks, pid_t group, pid_t session, char state = 'S') {
  ProcessStat stat;
  stat.process = id;
  stat.state = state;
  stat.group = group;
  stat.session = session;
  stat.start_ticks = start_ticks;
  return stat;
}

KeeperStarted leader(std::int64_t id, std::uint64_t start_ticks) {
  return {{1, 2, 3, 9}, id, start_ticks, 0, {}};
}

std::vector<pid_t> ids(const std::vector<ProcessStat>& found) {
  std::vector<pid_t> result;
  for (const ProcessStat& one : found) result.push_back(one.process);
  return result;
}

TEST(Survivors, are_the_leader_and_its_session_of_the_right_time) {
  const KeeperStarted started[] = {leader(100, 5000)};
  const ProcessStat all[] = {
      process(100, 5000, 100, 100),       // the leader itself
      process(101, 5001, 100, 100),       // its child
      process(102, 5002, 102, 100),       // another group of its session
      process(103, 5003, 103, 103),       // a session of its own, no mark
      process(104, 5004, 100, 100, 'Z'),  // ended already
      process(105, 4999, 100, 100),       // older than the leader: of an earlier owner of the number
      process(106, 9001, 100, 100),       // after the keeper's death: of a later owner
  };
  EXPECT_EQ(ids(survivors_of(all, started, 9000, no_mark)), (std::vector<pid_t>{100, 101, 102}));
}

TEST(Survivors, do_not_include_a_stranger_with_a_recycled_id) {
  const KeeperStarted started[] = {leader(100, 5000), leader(0, 0)};
  const ProcessStat all[] = {process(100, 9500, 100, 100), process(101, 9501, 100, 100), process(1, 1, 0, 0)};
  EXPECT_TRUE(survivors_of(all, started, 9000, no_mark).empty());
}

TEST(Survivors, are_known_by_the_mark_when_they_left_the_session) {
  const KeeperStarted started[] = {leader(100, 5000)};
  const auto names = [&](std::vector<std::string> environment, std::string_view spool_id) {
    return names_attempt(environment, spool_id, started);
  };
  const std::vector<std::string> ours = {"PATH=/bin", "MUSTER_TASK_ID=1.2", "MUSTER_ATTEMPT=3",
                                         "MUSTER_SPOOL_ID=abc"};
  EXPECT_TRUE(names(ours, "abc"));
  EXPECT_FALSE(names(ours, "abd")) << "another worker's folder";
  EXPECT_FALSE(names({"MUSTER_TASK_ID=1.2", "MUSTER_ATTEMPT=4", "MUSTER_SPOOL_ID=abc"}, "abc"));
  EXPECT_FALSE(names({"MUSTER_TASK_ID=1.22", "MUSTER_ATTEMPT=3", "MUSTER_SPOOL_ID=abc"}, "abc"));
  EXPECT_FALSE(names({"MUSTER_TASK_ID=1.2", "MUSTER_ATTEMPT=3"}, ""));
  EXPECT_FALSE(names({}, "abc"));
}

class RealProcess {
 public:
  explicit RealProcess(const char* spool_mark) {
    std::string words[] = {"sleep", "1000"};
    char* arguments[] = {words[0].data(), words[1].data(), nullptr};
    std::string marks[] = {spool_mark, "MUSTER_TASK_ID=77.5", "MUSTER_ATTEMPT=1"};
    char* environment[] = {marks[0].data(), marks[1].data(), marks[2].data(), nullptr};
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    posix_spawn(&id, "/bin/sleep", nullptr, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    // A moment after it became the program its environment can be read.
    while (keeper::environment_of(id).empty()) usleep(1000);
  }
  ~RealProcess() {
    if (id == 0) return;
    kill(id, SIGKILL);
    waitpid(id, nullptr, 0);
  }
  int wait() {
    int status = 0;
    waitpid(std::exchange(id, 0), &status, 0);
    return status;
  }
  pid_t id = 0;
};

TEST(Survivors, are_killed_by_mark_and_others_are_left) {
  RealProcess ours("MUSTER_SPOOL_ID=survivors-test-1");
  RealProcess stranger("MUSTER_SPOOL_ID=survivors-test-2");
  // A leader that is gone; only the mark says whose the first one is.
  const KeeperStarted started[] = {{{77, 5, 1, 1}, 4'000'001, 1, 0, {}}};
  EXPECT_FALSE(kill_survivors(started, 0, "survivors-test-1"));
  EXPECT_EQ(WTERMSIG(ours.wait()), SIGKILL);
  EXPECT_TRUE(kill_survivors(started, 0, "survivors-test-1"));
  EXPECT_EQ(kill(stranger.id, 0), 0);
}

TEST(Survivors, are_killed_by_session_whatever_their_environment) {
  RealProcess ours("NOTHING=");
  const auto stat = keeper::process_stat(ours.id);
  ASSERT_TRUE(stat.has_value());
  // The one with another start time is another process.
  const KeeperStarted recycled[] = {{{77, 5, 1, 1}, ours.id, stat->start_ticks + 1, 0, {}}};
  EXPECT_TRUE(kill_survivors(recycled, ticks_now(), "survivors-test-1"));
  const KeeperStarted started[] = {{{77, 5, 1, 1}, ours.id, stat->start_ticks, 0, {}}};
  EXPECT_FALSE(kill_survivors(started, 0, "survivors-test-1"));
  EXPECT_EQ(WTERMSIG(ours.wait()), SIGKILL);
}

TEST(Survivors, time_is_counted_as_processes_are) {
  const auto self = keeper::process_stat(getpid());
  ASSERT_TRUE(self.has_value());
  EXPECT_LE(self->start_ticks, ticks_now());
  EXPECT_LT(ticks_now() - self->start_ticks, 100U * 3600);
}

}  // namespace
}  // namespace muster::runtime
