// The agent as scripts: what server and keepers say, what it has to answer, and that nothing else was said.
// Must hold: after each input the audit is empty.
#include "agent/agent.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/lease.h"

namespace muster::agent {
namespace {

constexpr Micros kSecond = 1'000'000;
constexpr Micros kLease = 100 * kSecond;

class Script : public testing::Test {
 protected:
  Script() { start({4, 2, 8, 4096, 4096}); }

  void start(Capacity capacity) {
    AgentOptions options;
    options.facts.capacity = capacity;
    options.environment = {{"PATH", "/bin"}};
    options.work_folder = "/w";
    options.run_queue_depth = 2;
    agent.emplace(options);
  }
  const AgentDecision& tell(const Input& input) {
    now.mono_us += 10;
    last = agent->handle(input, now);
    EXPECT_EQ(agent->audit(), std::vector<std::string>{});
    return last;
  }
  void connect(SessionId to) {
    session = to;
    seq = 0;
    tell(Connected{to});
  }
  ServerMessage message() {
    ServerMessage one;
    one.session = session;
    one.seq = ++seq;
    one.lease_us = kLease;
    one.sync_interval_us = 5 * kSecond;
    one.echo_sent_mono_us = now.mono_us;
    return one;
  }
  static TaskTemplate body() {
    TaskTemplate one;
    one.command.words = {{Piece{PieceKind::literal, 0, "true"}}};
    one.cwd = "/";
    return one;
  }
  ServerMessage granting(TaskIndex first, std::uint64_t count, const TaskTemplate& of = body()) {
    ServerMessage one = message();
    one.templates = {{7, of}};
    Grant grant;
    grant.template_id = 7;
    grant.batch = 1;
    grant.first_index = first;
    grant.count = count;
    grant.first_number = 100;
    grant.incarnation = 1;
    one.grants = {grant};
    return one;
  }
  static AttemptRef ref(TaskIndex index) { return {1, index, 1, 1}; }
  // One keeper, one connection, a lease.
  void settle() {
    tell(KeeperJoined{1, inventory()});
    connect(1);
    tell(ServerSaid{message()});
  }
  static KeeperReport inventory() {
    KeeperReport report;
    report.inventory = true;
    return report;
  }
  void started(KeeperId keeper, const AttemptRef& attempt) {
    KeeperReport report;
    report.started.push_back({attempt, 50, 1, now.wall_us, ""});
    tell(KeeperSaid{keeper, report});
  }
  void ended(KeeperId keeper, KeeperEnd end) {
    KeeperReport report;
    report.ended.push_back(std::move(end));
    tell(KeeperSaid{keeper, report});
  }
  static KeeperEnd end_of(const AttemptRef& attempt) {
    KeeperEnd end;
    end.attempt = attempt;
    end.started_wall_us = 1;
    return end;
  }
  KeeperRequest asked(KeeperId keeper) const {
    for (const ToKeeper& one : last.to_keepers) {
      if (one.keeper == keeper) return one.request;
    }
    return {};
  }
  std::vector<Finished> finished() const {
    std::vector<Finished> all;
    for (const AgentMessage& one : last.to_server)
      all.insert(all.end(), one.finished.begin(), one.finished.end());
    return all;
  }
  std::string variable(const KeeperStart& start, std::string_view name) const {
    for (const auto& [key, value] : start.environment) {
      if (key == name) return value;
    }
    return "-";
  }

  std::optional<Agent> agent;
  Now now{1000 * kSecond, 5000 * kSecond};
  AgentDecision last;
  SessionId session = 0;
  std::uint64_t seq = 0;
};

TEST_F(Script, SaysEverythingWhenConnected) {
  tell(KeeperJoined{1, inventory()});
  EXPECT_TRUE(last.to_server.empty());
  connect(4);
  ASSERT_EQ(last.to_server.size(), 1U);
  EXPECT_TRUE(last.to_server[0].full);
  EXPECT_EQ(last.to_server[0].seq, 1U);
  EXPECT_EQ(last.to_server[0].sent_mono_us, now.mono_us);
}

TEST_F(Script, StartsPlainTasksThroughTheRunQueueUpToItsDepth) {
  settle();
  tell(ServerSaid{granting(1, 10)});
  EXPECT_EQ(asked(1).starts.size(), 6U);  // four slots, two ahead
  EXPECT_EQ(asked(1).starts[0].when, StartWhen::in_run_queue);
  EXPECT_EQ(variable(asked(1).starts[2], "MUSTER_TASK_ID"), "1.3");
  EXPECT_EQ(variable(asked(1).starts[2], "MUSTER_TASK_NUMBER"), "102");
  ended(1, end_of(ref(1)));
  EXPECT_EQ(asked(1).starts.size(), 1U);
}

TEST_F(Script, ADoubledOrOldMessageIsDropped) {
  settle();
  const ServerMessage grant = granting(1, 1);
  tell(ServerSaid{grant});
  tell(ServerSaid{grant});
  EXPECT_TRUE(last.to_keepers.empty());
  ServerMessage again = granting(1, 1);
  tell(ServerSaid{again});
  EXPECT_TRUE(asked(1).starts.empty()) << "an attempt it has is not started again";
}

TEST_F(Script, NothingStartsWithoutALease) {
  tell(KeeperJoined{1, inventory()});
  connect(1);
  ServerMessage early = granting(1, 1);
  early.echo_sent_mono_us = 0;
  tell(ServerSaid{early});
  EXPECT_TRUE(asked(1).starts.empty());
  // A lease that comes later is not for what was granted before it.
  tell(ServerSaid{message()});
  EXPECT_TRUE(asked(1).starts.empty());
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].outcome, AttemptState::refused);
}

TEST_F(Script, TheLeaseCountsFromSending) {
  settle();
  ServerMessage answer = message();
  answer.echo_sent_mono_us = now.mono_us - 30 * kSecond + 50 * kSecond;
  const Micros sent = answer.echo_sent_mono_us;
  now.mono_us += 40 * kSecond;
  tell(ServerSaid{answer});
  EXPECT_EQ(asked(1).deadline_mono_us, agent_deadline_us(sent, kLease));
  ServerMessage older = message();
  older.echo_sent_mono_us = sent - 10 * kSecond;
  tell(ServerSaid{older});
  EXPECT_EQ(asked(1).deadline_mono_us, -1) << "a deadline never moves back";
}

TEST_F(Script, ALateGrantIsNotStarted) {
  settle();
  ServerMessage late = granting(1, 1);
  now.mono_us += 200 * kSecond;
  tell(ServerSaid{late});
  EXPECT_TRUE(asked(1).starts.empty());
}

TEST_F(Script, AnEndIsToldUntilItIsForgotten) {
  settle();
  tell(ServerSaid{granting(1, 1)});
  KeeperEnd end = end_of(ref(1));
  end.exit_code = 3;
  ended(1, end);
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_EQ(finished()[0].cause, Cause::exit);
  EXPECT_EQ(finished()[0].exit_code, 3);
  now.mono_us += 6 * kSecond;
  tell(Tick{});
  EXPECT_EQ(finished().size(), 1U);
  ServerMessage forget = message();
  forget.forget = {ref(1)};
  tell(ServerSaid{forget});
  EXPECT_EQ(asked(1).forget, std::vector<AttemptRef>{ref(1)});
  EXPECT_EQ(agent->size(), 0U);
}

TEST_F(Script, CausesOfEnds) {
  settle();
  tell(ServerSaid{granting(1, 6)});
  const auto cause_of = [&](TaskIndex index, EndKind kind, EndedBy by) {
    KeeperEnd end = end_of(ref(index));
    end.kind = kind;
    end.by = by;
    ended(1, end);
    return finished().empty() ? Cause::none : finished()[0].cause;
  };
  EXPECT_EQ(cause_of(1, EndKind::signalled, EndedBy::itself), Cause::signal);
  EXPECT_EQ(cause_of(2, EndKind::signalled, EndedBy::time_limit), Cause::timeout);
  EXPECT_EQ(cause_of(3, EndKind::signalled, EndedBy::memory_limit), Cause::oom);
  EXPECT_EQ(cause_of(4, EndKind::launch_failed, EndedBy::itself), Cause::launch);
  EXPECT_EQ(cause_of(5, EndKind::signalled, EndedBy::lease), Cause::worker_lost);
  cause_of(6, EndKind::never_started, EndedBy::lease);
  EXPECT_EQ(finished()[0].outcome, AttemptState::refused) << "what never started was not lost";
}

TEST_F(Script, GpusAreDistinctAndComeBack) {
  settle();
  TaskTemplate gpu = body();
  gpu.resources.cpu_slots = 0;
  gpu.resources.gpu_slots = 1;
  tell(ServerSaid{granting(1, 3, gpu)});
  ASSERT_EQ(asked(1).starts.size(), 2U);
  EXPECT_EQ(variable(asked(1).starts[0], "CUDA_VISIBLE_DEVICES"), "0");
  EXPECT_EQ(variable(asked(1).starts[1], "CUDA_VISIBLE_DEVICES"), "1");
  ended(1, end_of(ref(2)));
  ASSERT_EQ(asked(1).starts.size(), 1U);
  EXPECT_EQ(variable(asked(1).starts[0], "CUDA_VISIBLE_DEVICES"), "1");
}

TEST_F(Script, ATaskThatNeedsMoreWaitsAndIsNotPassed) {
  settle();
  tell(ServerSaid{granting(1, 3)});
  TaskTemplate wide = body();
  wide.resources.cpu_slots = 3;
  tell(ServerSaid{granting(10, 1, wide)});
  EXPECT_TRUE(asked(1).starts.empty());
  tell(ServerSaid{granting(20, 1)});
  EXPECT_TRUE(asked(1).starts.empty());
  ended(1, end_of(ref(1)));
  ended(1, end_of(ref(2)));
  ASSERT_GE(asked(1).starts.size(), 1U);
  EXPECT_EQ(asked(1).starts[0].attempt, ref(10));
  EXPECT_EQ(asked(1).run_queue_width, 1);
}

TEST_F(Script, StopsByReason) {
  settle();
  tell(ServerSaid{granting(1, 3)});
  started(1, ref(1));
  ServerMessage stop = message();
  stop.stops = {{ref(1), StopReason::cancel}, {ref(2), StopReason::shutdown}, {ref(3), StopReason::stale}};
  tell(ServerSaid{stop});
  ASSERT_EQ(asked(1).stops.size(), 3U);
  EXPECT_EQ(asked(1).stops[0].grace_us, body().grace_us);
  EXPECT_EQ(asked(1).stops[2].grace_us, 0);
  KeeperEnd killed = end_of(ref(1));
  killed.kind = EndKind::signalled;
  killed.by = EndedBy::stop;
  ended(1, killed);
  EXPECT_EQ(finished().at(0).outcome, AttemptState::cancelled);
  killed.attempt = ref(2);
  ended(1, killed);
  EXPECT_EQ(finished().at(0).outcome, AttemptState::refused);
  killed.attempt = ref(3);
  ended(1, killed);
  EXPECT_TRUE(finished().empty()) << "what is stale is not told";
  EXPECT_EQ(asked(1).forget, std::vector<AttemptRef>{ref(3)});
}

TEST_F(Script, ANewAgentTakesOverWhatRuns) {
  TaskTemplate gpu = body();
  gpu.resources.cpu_slots = 0;
  gpu.resources.gpu_slots = 1;
  settle();
  tell(ServerSaid{granting(1, 1, gpu)});
  const std::string note = asked(1).starts.at(0).note;
  start({4, 2, 8, 4096, 4096});
  KeeperReport report = inventory();
  report.started.push_back({ref(1), 50, 1, now.wall_us, note});
  tell(KeeperJoined{1, report});
  connect(2);
  ASSERT_EQ(last.to_server.at(0).have.size(), 1U);
  EXPECT_EQ(last.to_server[0].have[0].phase, AttemptState::executing);
  EXPECT_EQ(asked(1).run_queue_width, -1) << "the operator's slots are not known yet";
  ServerMessage more = granting(2, 1, gpu);
  tell(ServerSaid{more});
  EXPECT_EQ(variable(asked(1).starts.at(0), "CUDA_VISIBLE_DEVICES"), "1");
}

TEST_F(Script, WhenAKeeperDiesItsTasksAreLostAndItsQueueIsGivenBack) {
  settle();
  tell(ServerSaid{granting(1, 3)});
  started(1, ref(1));
  tell(KeeperDied{1, {ref(1)}, {end_of(ref(2))}});
  const std::vector<Finished> ends = finished();
  ASSERT_EQ(ends.size(), 3U);
  std::map<TaskIndex, AttemptState> outcome;
  for (const Finished& end : ends) outcome[end.attempt.index] = end.outcome;
  EXPECT_EQ(outcome[1], AttemptState::lost);
  EXPECT_EQ(outcome[2], AttemptState::succeeded);
  EXPECT_EQ(outcome[3], AttemptState::refused);
  EXPECT_TRUE(agent->remembers(1));
  ServerMessage forget = message();
  forget.forget = {ref(1), ref(2), ref(3)};
  tell(ServerSaid{forget});
  EXPECT_FALSE(agent->remembers(1));
}

TEST_F(Script, TheQueueOfAnOlderKeeperGoesOn) {
  start({1, 0, 1, 1024, 1024});
  settle();
  tell(ServerSaid{granting(1, 1)});
  started(1, ref(1));
  tell(KeeperJoined{2, inventory()});
  EXPECT_EQ(asked(2).run_queue_width, 0) << "the one slot is taken on the older keeper";
  tell(ServerSaid{granting(2, 1)});
  EXPECT_EQ(asked(2).starts.size(), 1U);
  tell(KeeperJoined{3, inventory()});
  ended(1, end_of(ref(1)));
  EXPECT_EQ(asked(2).run_queue_width, 1);
  EXPECT_EQ(asked(3).run_queue_width, -1) << "the slot is not given twice";
  ended(2, end_of(ref(2)));
  EXPECT_EQ(asked(3).run_queue_width, 1);
}

TEST_F(Script, AnEndWaitsForItsLogOrItsPatience) {
  settle();
  tell(ServerSaid{granting(1, 2)});
  KeeperEnd end = end_of(ref(1));
  end.stdout_bytes = 10;
  end.log_segment = 1;
  end.log_offset = 10;
  ended(1, end);
  EXPECT_TRUE(finished().empty());
  tell(LogsTaken{1, 1, 10});
  ASSERT_EQ(finished().size(), 1U);
  EXPECT_FALSE(finished()[0].log_cut);
  end.attempt = ref(2);
  end.log_offset = 20;
  ended(1, end);
  now.mono_us = agent->next_due_us();
  tell(Tick{});
  now.mono_us += 5 * kSecond;
  tell(Tick{});
  ASSERT_FALSE(finished().empty());
  EXPECT_TRUE(finished().back().log_cut);
}

TEST_F(Script, FactsAreToldUntilTheyAreAnswered) {
  settle();
  WorkerFacts facts;
  facts.capacity = {2, 0, 2, 1024, 1024};
  tell(FactsChanged{facts});
  ASSERT_EQ(last.to_server.size(), 1U);
  EXPECT_TRUE(last.to_server[0].facts.has_value());
  const Micros sent = last.to_server[0].sent_mono_us;
  now.mono_us += 6 * kSecond;
  tell(Tick{});
  EXPECT_TRUE(last.to_server.at(0).facts.has_value()) << "the first may be lost";
  ServerMessage answer = message();
  answer.echo_sent_mono_us = sent;
  tell(ServerSaid{answer});
  now.mono_us += 6 * kSecond;
  tell(Tick{});
  EXPECT_FALSE(last.to_server.at(0).facts.has_value());
}

TEST_F(Script, IsSilentWithoutAConnection) {
  settle();
  tell(Disconnected{});
  EXPECT_EQ(agent->next_due_us(), std::numeric_limits<Micros>::max());
  tell(Tick{});
  EXPECT_TRUE(last.to_server.empty());
}

}  // namespace
}  // namespace muster::agent
