// Who is killed after a keeper's death, and above all who is not: a stranger that got a recycled process id.
// The last test does it with real processes of its own.
#include "runtime/agent/survivors.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace muster::runtime {
namespace {

constexpr auto kNoMark = [](const ProcessLine&) { return false; };

std::vector<std::int64_t> ids(const std::vector<ProcessLine>& lines) {
  std::vector<std::int64_t> result;
  for (const ProcessLine& line : lines) result.push_back(line.process_id);
  return result;
}

TEST(Survivors, reads_a_stat_line_whatever_the_name_is) {
  const auto line = parse_process_stat(
      "4242 (a) b (c) S 1 77 78 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 20 184467 1 1 0 0 0 0 0");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->process_id, 4242);
  EXPECT_EQ(line->group, 77);
  EXPECT_EQ(line->session, 78);
  EXPECT_EQ(line->start_ticks, 987654U);
  EXPECT_FALSE(line->ended);
  EXPECT_FALSE(parse_process_stat("4242 (x) S 1 2").has_value());
  EXPECT_FALSE(parse_process_stat("").has_value());
}

TEST(Survivors, takes_the_leader_and_its_session_of_the_right_time) {
  const AttemptLeader leaders[] = {{{1, 2, 1, 1}, 100, 5000}};
  const ProcessLine all[] = {
      {100, 5000, 100, 100, false},  // the leader itself
      {101, 5001, 100, 100, false},  // its child
      {102, 5002, 102, 100, false},  // another group of its session
      {103, 5003, 103, 103, false},  // a session of its own, no mark
      {104, 5004, 100, 100, true},   // a zombie
      {105, 4999, 100, 100, false},  // older than the leader: of an earlier owner of the number
      {106, 9001, 100, 100, false},  // after the keeper's death: of a later owner
  };
  EXPECT_EQ(ids(survivors_of(all, leaders, 9000, kNoMark)), (std::vector<std::int64_t>{100, 101, 102}));
}

TEST(Survivors, a_recycled_id_is_a_stranger) {
  const AttemptLeader leaders[] = {{{1, 2, 1, 1}, 100, 5000}};
  const ProcessLine all[] = {{100, 9500, 100, 100, false}, {101, 9501, 100, 100, false}};
  EXPECT_TRUE(survivors_of(all, leaders, 9000, kNoMark).empty());
}

TEST(Survivors, the_mark_finds_what_left_the_session) {
  const AttemptLeader leaders[] = {{{1, 2, 3, 9}, 100, 5000}};
  using namespace std::string_literals;
  const std::string ours = "PATH=/bin\0MUSTER_TASK_ID=1.2\0MUSTER_ATTEMPT=3\0MUSTER_SPOOL_ID=abc\0"s;
  EXPECT_TRUE(names_attempt(ours, "abc", leaders));
  EXPECT_FALSE(names_attempt(ours, "abd", leaders)) << "another worker's folder";
  EXPECT_FALSE(names_attempt("MUSTER_TASK_ID=1.2\0MUSTER_ATTEMPT=4\0MUSTER_SPOOL_ID=abc\0"s, "abc", leaders));
  EXPECT_FALSE(names_attempt("MUSTER_TASK_ID=1.22\0MUSTER_ATTEMPT=3\0MUSTER_SPOOL_ID=abc\0"s, "abc", leaders));
  EXPECT_FALSE(names_attempt("MUSTER_TASK_ID=1.2\0MUSTER_ATTEMPT=3\0"s, "", leaders));
  EXPECT_FALSE(names_attempt("", "abc", leaders));
}

class RealProcess {
 public:
  explicit RealProcess(const char* variable) {
    std::string words[] = {"sleep", "1000"};
    char* arguments[] = {words[0].data(), words[1].data(), nullptr};
    std::string mark = variable;
    std::string task = "MUSTER_TASK_ID=77.5";
    std::string number = "MUSTER_ATTEMPT=1";
    char* environment[] = {mark.data(), task.data(), number.data(), nullptr};
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    posix_spawn(&process_id, "/bin/sleep", nullptr, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    // The environment is the new program's once its name is.
    while (read_process(process_id) && !runs_sleep()) usleep(1000);
  }
  ~RealProcess() {
    if (process_id == 0) return;
    kill(process_id, SIGKILL);
    waitpid(process_id, nullptr, 0);
  }
  int wait() {
    int status = 0;
    waitpid(std::exchange(process_id, 0), &status, 0);
    return status;
  }
  bool runs_sleep() const {
    char target[64] = {};
    const ssize_t got = readlink(("/proc/" + std::to_string(process_id) + "/exe").c_str(), target, sizeof target - 1);
    return got > 0 && std::string(target).find("sleep") != std::string::npos;
  }
  pid_t process_id = 0;
};

TEST(Survivors, kills_real_processes_by_mark_and_leaves_others) {
  RealProcess ours("MUSTER_SPOOL_ID=survivors-test-1");
  RealProcess stranger("MUSTER_SPOOL_ID=survivors-test-2");
  // A leader that is gone; only the mark says whose the first one is.
  const AttemptLeader leaders[] = {{{77, 5, 1, 1}, 4'000'001, 1}};
  EXPECT_FALSE(kill_survivors(leaders, 0, "survivors-test-1"));
  EXPECT_EQ(WTERMSIG(ours.wait()), SIGKILL);
  EXPECT_TRUE(kill_survivors(leaders, 0, "survivors-test-1"));
  const auto line = read_process(stranger.process_id);
  ASSERT_TRUE(line.has_value());
  EXPECT_TRUE(is_running(stranger.process_id, line->start_ticks));
  EXPECT_FALSE(is_running(stranger.process_id, line->start_ticks + 1)) << "a process with another start time is another one";
}

TEST(Survivors, ticks_now_is_the_unit_of_start_times) {
  const auto self = read_process(getpid());
  ASSERT_TRUE(self.has_value());
  EXPECT_LE(self->start_ticks, ticks_now());
  EXPECT_LT(ticks_now() - self->start_ticks, 100U * 3600);
}

}  // namespace
}  // namespace muster::runtime
