// Ends that somebody wanted: TERM and KILL, time limits, the lease; and what tries to get away.
// Real processes; a task says through a fifo when it is ready to be stopped.
#include <gtest/gtest.h>

#include "keeper/keeper_test_client.h"

namespace muster::keeper {
namespace {

using blobs::Stream;

class KeeperStop : public ::testing::Test, protected KeeperSetup {
 protected:
  // Runs until stopped, after it has said that it can be.
  pid_t begin_ready(std::uint64_t index, const std::string& trap, Micros time_limit_us = 0) {
    const std::string fifo = make_fifo("ready" + std::to_string(index));
    KeeperStart start =
        start_of(index, {"sh", "-c", trap + "; echo go >" + fifo + "; while :; do sleep 1000 & wait; done"});
    start.time_limit_us = time_limit_us;
    start.grace_us = 200'000;
    client.start(start);
    EXPECT_EQ(read_fifo(fifo), "go\n");
    client.until_started(start.attempt);
    return static_cast<pid_t>(client.started[start.attempt].process_id);
  }
  KeeperEnd end_of(std::uint64_t index) {
    const AttemptRef attempt{7, index, 1, 1};
    EXPECT_TRUE(client.until([&] { return client.ends.contains(attempt); }));
    return client.ends[attempt];
  }
};

Micros far_us() { return mono_now_us() + 3600LL * 1'000'000; }

TEST_F(KeeperStop, TermIsAskedFirst) {
  begin_ready(1, "trap 'echo bye; exit 4' TERM");
  client.stop({7, 1, 1, 1}, 60'000'000);
  const KeeperEnd end = end_of(1);
  EXPECT_EQ(end.kind, EndKind::exited);
  EXPECT_EQ(end.by, EndedBy::stop);
  EXPECT_EQ(end.exit_code, 4);
  EXPECT_EQ(logged(1, Stream::out), "bye\n");
}

TEST_F(KeeperStop, KillFollowsWhenTermIsIgnored) {
  begin_ready(1, "trap '' TERM");
  client.stop({7, 1, 1, 1}, 200'000);
  const KeeperEnd end = end_of(1);
  EXPECT_EQ(end.kind, EndKind::signalled);
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_EQ(end.by, EndedBy::stop);
  EXPECT_GE(end.usage.wall_us, 200'000);
}

TEST_F(KeeperStop, ASecondStopMayShortenTheGrace) {
  begin_ready(1, "trap '' TERM");
  client.stop({7, 1, 1, 1}, 3600LL * 1'000'000);
  client.stop({7, 1, 1, 1}, 100'000);
  EXPECT_EQ(end_of(1).signal, SIGKILL);
  begin_ready(2, "trap '' TERM");
  client.stop({7, 2, 1, 1}, 3600LL * 1'000'000);
  client.stop({7, 2, 1, 1}, 0);
  EXPECT_EQ(end_of(2).signal, SIGKILL);
}

TEST_F(KeeperStop, StoppedProcessesNoticeToo) {
  const pid_t process = begin_ready(1, "trap 'exit 6' TERM");
  ::kill(-process, SIGSTOP);
  client.stop({7, 1, 1, 1}, 60'000'000);
  EXPECT_EQ(end_of(1).exit_code, 6);
}

TEST_F(KeeperStop, AStopRightAfterAStartIsObeyed) {
  for (std::uint64_t i = 1; i <= 200; ++i) {
    KeeperRequest request;
    request.starts.push_back(start_of(i, {"sleep", "1000"}));
    request.stops.push_back({{7, i, 1, 1}, i % 2 == 0 ? 0 : 60'000'000});
    client.send(request);
  }
  ASSERT_TRUE(client.until_ended(200));
  for (const auto& [attempt, end] : client.ends) {
    EXPECT_EQ(end.kind, EndKind::signalled);
    EXPECT_EQ(end.by, EndedBy::stop);
  }
}

TEST_F(KeeperStop, StopsOfTheUnknownAndTheEndedAreIgnored) {
  shell(1, "true");
  client.stop({7, 1, 1, 1}, 0);
  client.stop({9, 9, 9, 9}, 0);
  EXPECT_EQ(client.inventory().ended.size(), 1U);
}

TEST_F(KeeperStop, ATimeLimitIsTermGraceKill) {
  begin_ready(1, "trap 'exit 7' TERM", 150'000);
  KeeperEnd end = end_of(1);
  EXPECT_EQ(end.by, EndedBy::time_limit);
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_GE(end.usage.wall_us, 150'000);
  begin_ready(2, "trap '' TERM", 150'000);
  end = end_of(2);
  EXPECT_EQ(end.by, EndedBy::time_limit);
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_GE(end.usage.wall_us, 350'000);
}

TEST_F(KeeperStop, TheLeaseEndsEverything) {
  const pid_t stubborn = begin_ready(1, "trap '' TERM");
  KeeperStart queued = start_of(2, {"true"});
  queued.when = StartWhen::in_run_queue;
  KeeperRequest request;
  request.run_queue_width = 0;
  request.starts = {queued};
  request.deadline_mono_us = mono_now_us() + 200'000;
  client.send(request);
  EXPECT_EQ(end_of(1).by, EndedBy::lease);
  EXPECT_EQ(end_of(1).signal, SIGKILL);
  EXPECT_FALSE(process_stat(stubborn).has_value());
  EXPECT_EQ(end_of(2).kind, EndKind::never_started);
  EXPECT_EQ(end_of(2).by, EndedBy::lease);
  client.start(start_of(3, {"true"}));
  EXPECT_EQ(end_of(3).kind, EndKind::never_started);
  // A renewed lease, and work with it.
  KeeperRequest renewed;
  renewed.deadline_mono_us = far_us();
  renewed.starts = {start_of(4, {"true"})};
  client.send(renewed);
  EXPECT_EQ(end_of(4).kind, EndKind::exited);
  // It never moves back.
  KeeperRequest earlier;
  earlier.deadline_mono_us = mono_now_us();
  earlier.starts = {start_of(5, {"true"})};
  client.send(earlier);
  EXPECT_EQ(end_of(5).kind, EndKind::exited);
}

TEST_F(KeeperStop, WithoutAnybodyLeftTheLeaseEndsTheKeeperToo) {
  begin_ready(1, "trap '' TERM");
  KeeperRequest request;
  request.deadline_mono_us = mono_now_us() + 200'000;
  client.send(request);
  client.close();
  const int status = keeper.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  const auto records = read_records(folder.path());
  ASSERT_EQ(records->ended.size(), 1U);
  EXPECT_EQ(records->ended[0].by, EndedBy::lease);
}

// ---- what tries to get away

TEST_F(KeeperStop, TheRestOfTheGroupIsKilledWithTheTask) {
  const KeeperEnd end = shell(1, "sleep 1000 & echo $!");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_LT(end.usage.wall_us, 60'000'000);
  EXPECT_TRUE(wait_until_dead(std::stoi(logged(1, Stream::out))));
}

TEST_F(KeeperStop, ASessionOfItsOwnDoesNotHelp) {
  const std::string fifo = make_fifo("born");
  // The child leaves session and group, keeps the pipes, says its number, and is left behind.
  const KeeperEnd end = shell(1, "setsid sh -c 'echo $$ >" + fifo + "; exec sleep 1000' & cat " + fifo);
  EXPECT_EQ(end.exit_code, 0);
  const pid_t escaped = std::stoi(logged(1, Stream::out));
  EXPECT_TRUE(wait_until_dead(escaped));
}

TEST_F(KeeperStop, AnOrphanOfARunningAttemptIsLeftAloneUntilItIsOver) {
  const std::string born = make_fifo("born");
  const std::string gate = make_fifo("gate");
  begin_shell(1, "(setsid sh -c 'echo $$ >" + born + "; exec sleep 1000' &) ; cat " + gate);
  const pid_t orphan = std::stoi(read_fifo(born));
  // Another task ends, so that orphans are looked for; a second one a second later, so that they are certainly looked at.
  shell(2, "sleep 1.1");
  shell(3, "sleep 1.1");
  EXPECT_FALSE(wait_until_dead(orphan, 0));
  write_fifo(gate);
  ASSERT_TRUE(client.until_ended(3));
  EXPECT_TRUE(wait_until_dead(orphan));
}

TEST_F(KeeperStop, WithoutItsNameAnOrphanLivesUntilNothingRuns) {
  const std::string born = make_fifo("born");
  const KeeperEnd end = shell(
      1, "env -i /usr/bin/setsid /bin/sh -c 'echo $$ >" + born + "; exec /bin/sleep 1000' & cat " + born);
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_TRUE(wait_until_dead(std::stoi(logged(1, Stream::out))));
}

}  // namespace
}  // namespace muster::keeper
