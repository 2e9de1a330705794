// Agents come and go, keepers are killed: who knows what afterwards, and who lives.
// Real kills; the death of a process is waited for by its descriptor.
#include <gtest/gtest.h>

#include <sstream>

#include "keeper/keeper_test_client.h"

namespace muster::keeper {
namespace {

using blobs::Stream;

class KeeperRecovery : public ::testing::Test, protected KeeperSetup {};

TEST_F(KeeperRecovery, ANewAgentFindsEverything) {
  const std::string gate = make_fifo("gate");
  KeeperRequest request;
  request.run_queue_width = 0;
  KeeperStart queued = start_of(3, {"true"});
  queued.when = StartWhen::in_run_queue;
  queued.note = "cpu 1";
  KeeperStart running = start_of(1, {"sleep", "1000"});
  running.note = "gpu 0";
  request.starts = {running, start_of(2, {"sh", "-c", "cat " + gate + "; exit 9"}), queued};
  client.send(request);
  ASSERT_TRUE(client.until_started({7, 2, 1, 1}));
  const auto ending = static_cast<pid_t>(client.started[(AttemptRef{7, 2, 1, 1})].process_id);
  client.close();
  write_fifo(gate);
  ASSERT_TRUE(wait_until_dead(ending));

  TestClient next(folder.path());
  KeeperReport inventory = next.inventory();
  // The end may be taken in just after the inventory: then it is told by itself.
  ASSERT_TRUE(next.until_ended(1));
  EXPECT_EQ(next.ends.begin()->second.exit_code, 9);
  inventory = next.inventory();
  ASSERT_EQ(inventory.started.size(), 1U);
  EXPECT_EQ(inventory.started[0].attempt.index, 1U);
  EXPECT_EQ(inventory.started[0].note, "gpu 0");
  EXPECT_EQ(process_stat(static_cast<pid_t>(inventory.started[0].process_id))->start_ticks,
            inventory.started[0].process_start_ticks);
  ASSERT_EQ(inventory.queued.size(), 1U);
  EXPECT_EQ(inventory.queued[0], (KeeperQueued{{7, 3, 1, 1}, "cpu 1"}));
  ASSERT_EQ(inventory.ended.size(), 1U);
  EXPECT_EQ(inventory.ended[0].attempt.index, 2U);
  KeeperRequest forget;
  forget.forget = {{7, 2, 1, 1}, {7, 1, 1, 1}, {9, 9, 9, 9}};  // what runs or is unknown is not forgotten
  next.send(forget);
  inventory = next.inventory();
  EXPECT_TRUE(inventory.ended.empty());
  EXPECT_EQ(inventory.started.size(), 1U);
}

TEST_F(KeeperRecovery, ANewAgentTakesThePlaceOfTheOld) {
  begin_shell(1, "sleep 1000");
  TestClient next(folder.path());
  EXPECT_EQ(next.inventory().started.size(), 1U);
  EXPECT_TRUE(client.hung_up());
  EXPECT_EQ(next.inventory().started.size(), 1U);
}

TEST_F(KeeperRecovery, TheRunQueueGoesOnWithoutAnAgent) {
  const std::string gate = make_fifo("gate");
  const std::string done = make_fifo("done");
  KeeperRequest request;
  request.run_queue_width = 1;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    KeeperStart start = start_of(i, {"true"});
    if (i == 1) start.arguments = {"cat", gate};
    if (i == 5) start.arguments = {"sh", "-c", "echo done >" + done};
    start.when = StartWhen::in_run_queue;
    request.starts.push_back(start);
  }
  client.send(request);
  ASSERT_TRUE(client.until_started({7, 1, 1, 1}));
  client.close();
  write_fifo(gate);
  EXPECT_EQ(read_fifo(done), "done\n");
  TestClient next(folder.path());
  next.inventory();
  EXPECT_TRUE(next.until_ended(5) || next.inventory().ended.size() == 5);
}

TEST_F(KeeperRecovery, NonsenseIsHungUpOnAndHarmsNobody) {
  begin_shell(1, "sleep 1000");
  TestClient foreign(folder.path(), 'G');
  EXPECT_TRUE(foreign.hung_up());
  for (const std::string& nonsense :
       {std::string("\xff\xff\xff\xff"), std::string("\x02\x00\x00\x00\x0a\x7f", 6)}) {
    TestClient bad(folder.path());
    ASSERT_EQ(::send(bad.descriptor(), nonsense.data(), nonsense.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(nonsense.size()));
    EXPECT_TRUE(bad.hung_up());
  }
  TestClient good(folder.path());
  EXPECT_EQ(good.inventory().started.size(), 1U);
}

TEST_F(KeeperRecovery, LeavesWhenToldAndEmpty) {
  const std::string gate = make_fifo("gate");
  begin_shell(1, "cat " + gate);
  KeeperRequest leave;
  leave.leave_when_empty = true;
  client.send(leave);
  EXPECT_EQ(client.inventory().started.size(), 1U);
  write_fifo(gate);
  ASSERT_TRUE(client.until_ended(1));
  EXPECT_EQ(client.inventory().ended.size(), 1U);
  KeeperRequest forget;
  forget.forget = {{7, 1, 1, 1}};
  client.send(forget);
  const int status = keeper.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(KeeperRecovery, TermEndsTasksPolitelyAndThenTheKeeper) {
  const std::string ready = make_fifo("ready");
  KeeperRequest request;
  request.run_queue_width = 0;
  KeeperStart queued = start_of(2, {"true"});
  queued.when = StartWhen::in_run_queue;
  KeeperStart polite = start_of(
      1, {"sh", "-c", "trap 'exit 8' TERM; echo go >" + ready + "; while :; do sleep 1000 & wait; done"});
  polite.grace_us = 60'000'000;
  request.starts = {polite, queued};
  client.send(request);
  read_fifo(ready);
  keeper.signal(SIGTERM);
  const int status = keeper.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(client.hung_up());
  EXPECT_EQ(client.ends[(AttemptRef{7, 1, 1, 1})].exit_code, 8);
  EXPECT_EQ(client.ends[(AttemptRef{7, 1, 1, 1})].by, EndedBy::stop);
  EXPECT_EQ(client.ends[(AttemptRef{7, 2, 1, 1})].kind, EndKind::never_started);
  EXPECT_EQ(read_records(folder.path())->ended.size(), 2U);
}

TEST_F(KeeperRecovery, NothingIsLeftBehindByAKeeperThatLeaves) {
  const std::string born = make_fifo("born");
  const KeeperEnd end = shell(1, "env -i /usr/bin/setsid /bin/sh -c '/bin/sleep 1000 & (echo $$; echo $!) >" +
                                     born + "; wait' & cat " + born);
  EXPECT_EQ(end.exit_code, 0);
  keeper.signal(SIGTERM);
  EXPECT_TRUE(WIFEXITED(keeper.wait()));
  std::istringstream numbers(logged(1, Stream::out));
  for (pid_t process = 0; numbers >> process;) EXPECT_TRUE(wait_until_dead(process, 0)) << process;
}

TEST_F(KeeperRecovery, ASecondTermDoesNotWait) {
  const std::string ready = make_fifo("ready");
  KeeperStart stubborn =
      start_of(1, {"sh", "-c", "trap '' TERM; echo go >" + ready + "; while :; do sleep 1000 & wait; done"});
  stubborn.grace_us = 3600LL * 1'000'000;
  client.start(stubborn);
  read_fifo(ready);
  keeper.signal(SIGTERM);
  client.start(start_of(2, {"true"}));
  ASSERT_TRUE(client.until_ended(1));
  EXPECT_EQ(client.ends[(AttemptRef{7, 2, 1, 1})].kind, EndKind::never_started);
  keeper.signal(SIGTERM);
  const int status = keeper.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// ---- killed

TEST_F(KeeperRecovery, AKilledKeeperTakesItsTasksWithIt) {
  const KeeperIdentity identity = *read_identity(folder.path());
  EXPECT_TRUE(is_alive(identity));
  EXPECT_EQ(identity.process_id, keeper.process());
  shell(1, "echo kept; exit 2");
  shell(2, "true");
  KeeperRequest forget;
  forget.forget = {{7, 2, 1, 1}};
  client.send(forget);
  const pid_t process = begin_shell(3, "exec sleep 1000");
  keeper.signal(SIGKILL);
  EXPECT_TRUE(wait_until_dead(process));
  keeper.wait();
  EXPECT_FALSE(is_alive(identity));
  const auto records = read_records(folder.path());
  ASSERT_TRUE(records.has_value());
  ASSERT_EQ(records->started.size(), 1U);
  EXPECT_EQ(records->started[0].attempt.index, 3U);
  EXPECT_EQ(records->started[0].process_id, process);
  EXPECT_EQ(records->started[0].process_start_ticks,
            client.started[(AttemptRef{7, 3, 1, 1})].process_start_ticks);
  ASSERT_EQ(records->ended.size(), 1U);
  EXPECT_EQ(records->ended[0], (client.ends[{7, 1, 1, 1}]));
  EXPECT_EQ(logged(1, Stream::out), "kept\n");
}

TEST_F(KeeperRecovery, AStartThatMustBeKnownIsWrittenFirst) {
  KeeperStart start = start_of(1, {"sh", "-c", "kill -KILL $PPID"});
  start.records_first = true;
  client.start(start);
  keeper.wait();
  const auto records = read_records(folder.path());
  ASSERT_EQ(records->started.size(), 1U);
  EXPECT_EQ(records->started[0].attempt, start.attempt);
}

// Killed at a moment of the machine's choosing, in the middle of many quick tasks: every one of them is ended, or started and not
// ended, or was never begun; and nothing of them runs any more.
TEST(KeeperKilled, AtAnyInstantTheRecordsAreSound) {
  for (int round = 0; round < 10; ++round) {
    KeeperSetup setup;
    const std::string echo = make_tiny_echo(setup.folder.file("echo"));
    KeeperRequest request;
    request.run_queue_width = 3;
    for (std::uint64_t i = 1; i <= 3000; ++i) {
      KeeperStart start = start_of(i, {echo, "x"});
      start.when = StartWhen::in_run_queue;
      request.starts.push_back(start);
    }
    setup.client.send(request);
    setup.client.until_ended(static_cast<std::size_t>(round) * 20 + 1);
    setup.keeper.signal(SIGKILL);
    setup.keeper.wait();
    while (setup.client.next()) {
    }
    const auto records = read_records(setup.folder.path());
    ASSERT_TRUE(records.has_value());
    std::set<AttemptRef> ended;
    for (const KeeperEnd& end : records->ended) EXPECT_TRUE(ended.insert(end.attempt).second);
    for (const KeeperStarted& started : records->started) {
      EXPECT_FALSE(ended.contains(started.attempt));
      const auto stat = process_stat(static_cast<pid_t>(started.process_id));
      EXPECT_TRUE(!stat || stat->start_ticks != started.process_start_ticks ||
                  wait_until_dead(stat->process));
    }
    EXPECT_LE(records->started.size(), 3U);
    for (const auto& [attempt, end] : setup.client.ends) EXPECT_TRUE(ended.contains(attempt));
    // What was told of the log is in the log.
    const auto log = read_log(setup.folder.path());
    for (const auto& [attempt, end] : setup.client.ends) EXPECT_EQ(log.at({attempt, Stream::out}).text, "x");
  }
}

}  // namespace
}  // namespace muster::keeper
