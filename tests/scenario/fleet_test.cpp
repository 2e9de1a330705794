// Many workers as scripts of messages: verbs on workers, what tasks may ask for, limits, shares, bad workers, taking back.
// Must hold: nothing here costs a task one of its user's retries.
#include "script.h"

namespace muster::engine {
namespace {

class Fleet : public Script {
 protected:
  void verb(WorkerId worker, WorkerVerb verb, const std::string& reason = {}) {
    ChangeWorker input;
    input.request = ++request;
    input.worker = worker;
    input.verb = verb;
    input.reason = reason;
    tell(input);
  }
  void set(WorkerId worker, WorkerSettings settings) {
    SetWorker input;
    input.request = ++request;
    input.worker = worker;
    input.settings = std::move(settings);
    tell(input);
  }
  void limit(LimitScope scope, const std::string& name, std::optional<std::uint64_t> running,
             std::uint32_t weight = 1) {
    SetLimit input;
    input.request = ++request;
    input.limit = {scope, name, running, {}, weight};
    tell(input);
  }
  Submit of_user(const std::string& user, std::uint64_t count) {
    Submit submit = tasks(count);
    submit.principal.user = user;
    return submit;
  }
  static std::shared_ptr<TaskTemplate> needing(Resources resources) {
    auto one = body();
    one->resources = std::move(resources);
    return one;
  }
  WorkerView worker(WorkerId id) const {
    for (WorkerView& view : engine.workers()) {
      if (view.row.id == id) return view;
    }
    return {};
  }
  std::vector<Stop> stops(SessionId session) const {
    std::vector<Stop> all;
    for (const ServerMessage& message : said(session))
      all.insert(all.end(), message.stops.begin(), message.stops.end());
    return all;
  }
  std::string closed(SessionId session) const {
    for (const Effect& effect : last.effects) {
      const auto* close = std::get_if<CloseSession>(&effect);
      if (close != nullptr && close->session == session) return close->why;
    }
    return {};
  }
  std::uint64_t running(BatchId batch) const {
    return engine.batch(batch)->row.counts[static_cast<std::size_t>(TaskState::running)];
  }
  bool has_event(EventKind kind) {
    for (const EventRow& row : store.events("default", 0, Page{0, 1000})) {
      if (row.kind == kind) return true;
    }
    return false;
  }
};

// ---- verbs

TEST_F(Fleet, ADeclaredWorkerIsTakenOverByTheAgentOfItsName) {
  CreateWorker create;
  create.request = ++request;
  create.settings.name = "big";
  create.settings.cpu_slots = 2;
  create.settings.labels = Labels{{"storage", "lustre"}};
  tell(create);
  EXPECT_EQ(worker(1).row.state, WorkerState::offline);
  tell(create);
  EXPECT_EQ(code(), kWrongState);
  connect(1, "big", 8);
  ASSERT_EQ(engine.workers().size(), 1U);
  EXPECT_EQ(worker(1).row.spool_id, "big");
  EXPECT_EQ(worker(1).capacity.cpu_slots, 2U);
  Resources wanted;
  wanted.labels = {{"storage", "lustre"}};
  tell(tasks(3, needing(wanted)));
  EXPECT_EQ(granted(1).size(), 2U);
}

TEST_F(Fleet, TwoAgentsUnderOneNameAreNotBothTaken) {
  connect(1, "a", 1);
  AgentHello other = hello("a", 1);
  other.spool_id = "another folder";
  tell(AgentConnected{2, other});
  EXPECT_NE(closed(2).find("already"), std::string::npos) << closed(2);
  EXPECT_EQ(engine.workers().size(), 1U);
  tell(tasks(1));
  EXPECT_EQ(granted(1).size(), 1U);
  // Silent, with an attempt that may still run: still not free. A person's word makes it so.
  tell(AgentGone{1});
  tell(AgentConnected{3, other});
  EXPECT_NE(closed(3), "");
  verb(1, WorkerVerb::lost);
  tell(AgentConnected{4, other});
  EXPECT_EQ(closed(4), "");
  EXPECT_EQ(worker(1).row.spool_id, "another folder");
}

TEST_F(Fleet, PauseTakesBackWhatWasNotStartedAndResumeGivesAgain) {
  connect(1, "a", 2);
  connect(2, "b", 2);
  tell(tasks(4));
  full(1, {{{1, 1, 1, 1}, AttemptState::executing}, {{1, 2, 1, 1}, AttemptState::assigned}});
  verb(1, WorkerVerb::pause, "disk swap");
  ASSERT_EQ(stops(1).size(), 1U);
  EXPECT_EQ(stops(1)[0].reason, StopReason::recall);
  EXPECT_EQ(worker(1).row.state, WorkerState::paused);
  EXPECT_EQ(worker(1).row.reason, "disk swap");
  const AttemptRef recalled = stops(1)[0].attempt;
  ends(1, recalled, AttemptState::refused);
  EXPECT_TRUE(granted(1).empty());
  EXPECT_EQ(state(recalled.task()), TaskState::ready);
  EXPECT_EQ(engine.task(recalled.task())->reason, "busy");
  verb(1, WorkerVerb::resume);
  EXPECT_EQ(worker(1).row.state, WorkerState::online);
  EXPECT_EQ(granted(1).size(), 1U);
}

TEST_F(Fleet, ALostWorkersTasksRunElsewhereAtNoCost) {
  connect(1, "a", 1);
  tell(tasks(1));
  connect(2, "b", 1);
  full(1, {{{1, 1, 1, 1}, AttemptState::executing}});
  verb(1, WorkerVerb::remove);
  EXPECT_EQ(code(), kWrongState);
  verb(1, WorkerVerb::lost);
  EXPECT_NE(closed(1), "");
  EXPECT_EQ(worker(1).row.state, WorkerState::lost);
  ASSERT_EQ(granted(2).size(), 1U);
  ends(2, granted(2)[0], AttemptState::failed, Cause::exit, 1);
  EXPECT_EQ(state({1, 1}), TaskState::failed);  // no retry was asked for, and none was used up by the loss
  const auto attempts = store.attempts(1, 0);
  ASSERT_GE(attempts.size(), 1U);
  EXPECT_EQ(attempts[0].attempt.state, AttemptState::lost);
  EXPECT_NE(attempts[0].attempt.end.started_wall_us, 0);
  verb(1, WorkerVerb::remove);
  EXPECT_EQ(worker(1).row.state, WorkerState::removed);
  tell(AgentConnected{9, hello("a", 1)});
  EXPECT_NE(closed(9).find("removed"), std::string::npos);
}

TEST_F(Fleet, WhatWasSaidOfALostWorkerCountsWhenItComesBack) {
  SessionId session = 1;
  for (const auto& [said, wanted] :
       {std::pair(WorkerVerb::pause, WorkerState::paused), {WorkerVerb::drain, WorkerState::draining}}) {
    connect(session, "a", 1);
    verb(1, said, "disk swap");
    verb(1, WorkerVerb::lost);
    EXPECT_EQ(worker(1).row.state, WorkerState::lost);
    restart();
    connect(++session, "a", 1);
    EXPECT_EQ(worker(1).row.state, wanted);
    verb(1, WorkerVerb::resume);
    EXPECT_EQ(worker(1).row.state, WorkerState::online);
    tell(AgentGone{session++});
  }
  connect(session, "a", 1);
  verb(1, WorkerVerb::lost);
  connect(++session, "a", 1);
  EXPECT_EQ(worker(1).row.state, WorkerState::online);
}

TEST_F(Fleet, ALossOfWhatNeverStartedIsNoPoison) {
  connect(1, "a", 1);
  tell(tasks(1));
  for (std::uint32_t number = 1; number <= 5; ++number) {
    const SessionId session = number * 10;
    if (number > 1) connect(session, "a", 1);
    ASSERT_EQ(engine.task({1, 1})->attempts, number);
    full(number > 1 ? session : 1, {{{1, 1, number, 1}, AttemptState::assigned}});
    verb(1, WorkerVerb::lost);
  }
  EXPECT_EQ(state({1, 1}), TaskState::ready);
  EXPECT_EQ(store.attempts(1, 0)[0].attempt.end.started_wall_us, 0);
}

TEST_F(Fleet, AVerbInTheWrongStateSaysWhatToDo) {
  connect(1, "a", 1);
  verb(1, WorkerVerb::remove);
  EXPECT_EQ(code(), kWrongState);
  verb(1, WorkerVerb::resume);
  EXPECT_EQ(code(), kWrongState);
  verb(7, WorkerVerb::drain);
  EXPECT_EQ(code(), kNoSuchThing);
  verb(1, WorkerVerb::drain);
  EXPECT_EQ(worker(1).row.state, WorkerState::draining);
  restart();
  EXPECT_EQ(worker(1).row.state, WorkerState::draining);
  connect(5, "a", 1);
  tell(tasks(1));
  EXPECT_TRUE(granted(5).empty());
  EXPECT_EQ(engine.task({1, 1})->reason, "draining");
}

// ---- what tasks ask for

TEST_F(Fleet, NamedResourcesAreCounted) {
  connect(1, "a", 8);
  WorkerSettings offers;
  offers.offers = NamedAmounts{{"license", 3}};
  set(1, offers);
  EXPECT_EQ(said(1).at(0).named, (NamedAmounts{{"license", 3}}));
  Resources two;
  two.named = {{"license", 2}};
  tell(tasks(2, needing(two)));
  EXPECT_EQ(granted(1).size(), 1U);
  Resources four;
  four.named = {{"license", 4}};
  tell(tasks(1, needing(four)));
  EXPECT_EQ(code(), kInfeasible);
}

TEST_F(Fleet, ALabelThatNobodyCarriesIsImpossible) {
  connect(1, "a", 8);
  Resources wanted;
  wanted.labels = {{"storage", "lustre"}};
  tell(tasks(1, needing(wanted)));
  EXPECT_EQ(code(), kInfeasible);
  WorkerSettings labels;
  labels.labels = Labels{{"storage", "lustre"}};
  set(1, labels);
  tell(tasks(1, needing(wanted)));
  EXPECT_EQ(granted(1).size(), 1U);
  set(1, {.cpu_slots = {},
          .gpu_slots = {},
          .labels = Labels{},
          .offers = {},
          .serves = {},
          .lease_us = {},
          .name = {}});
  ends(1, {1, 1, 1, 1}, AttemptState::refused);
  EXPECT_EQ(engine.task({1, 1})->reason, "no-label");
}

TEST_F(Fleet, AWorkerThatServesOneBatchTakesNoOther) {
  connect(1, "a", 1);
  connect(2, "b", 1);
  WorkerSettings serves;
  serves.serves = "align";
  set(1, serves);
  Submit other = tasks(3);
  other.batch_name = "other";
  tell(other);
  EXPECT_TRUE(granted(1).empty());
  EXPECT_EQ(granted(2).size(), 1U);
  Submit align = tasks(2);
  align.batch_name = "align";
  tell(align);
  EXPECT_EQ(granted(1).size(), 1U);
}

TEST_F(Fleet, AnExclusiveTaskIsAlone) {
  connect(1, "a", 4);
  Resources whole;
  whole.sharing = Sharing::exclusive;
  tell(tasks(2, needing(whole)));
  EXPECT_EQ(granted(1).size(), 1U);
  tell(tasks(1));
  EXPECT_TRUE(granted(1).empty());
  EXPECT_EQ(engine.task({2, 1})->reason, "busy");
  ends(1, {1, 1, 1, 1}, AttemptState::succeeded);
  EXPECT_EQ(granted(1).size(), 1U);
}

TEST_F(Fleet, AWorkerIsKeptFreeForWhatFindsNoRoom) {
  options.reserve_after_us = 5 * kSecond;
  options.prefetch_max = 0;
  restart();
  connect(1, "a", 2);
  tell(tasks(2));
  Resources whole;
  whole.sharing = Sharing::exclusive;
  tell(tasks(1, needing(whole)));
  tell(tasks(20));
  ends(1, {1, 1, 1, 2}, AttemptState::succeeded);
  ASSERT_EQ(granted(1).size(), 1U);
  const AttemptRef small = granted(1)[0];
  EXPECT_EQ(small.batch, 3U);  // the whole worker is not kept for anybody yet
  wait(6 * kSecond);
  ends(1, {1, 2, 1, 2}, AttemptState::succeeded);
  EXPECT_TRUE(granted(1).empty());
  ends(1, small, AttemptState::succeeded);
  EXPECT_EQ(state({2, 1}), TaskState::running);
}

// ---- spreading, taking back, shares, limits

TEST_F(Fleet, TasksAreSpread) {
  for (SessionId session = 1; session <= 4; ++session)
    connect(session, std::string(1, static_cast<char>('a' + session)), 4);
  tell(tasks(8));
  for (SessionId session = 1; session <= 4; ++session) EXPECT_EQ(granted(session).size(), 2U) << session;
}

TEST_F(Fleet, WhatWasGrantedAheadIsTakenBackWhenOthersAreIdle) {
  connect(1, "a", 1);
  tell(tasks(40));
  std::uint64_t next = 1;
  for (; next <= 8; ++next) ends(1, {1, next, 1, 1}, AttemptState::succeeded);
  const std::uint64_t held = running(1);
  ASSERT_GT(held, 2U);  // it was fast: it holds some ahead
  full(1, {{{1, next, 1, 1}, AttemptState::executing}});
  connect(2, "b", 40);
  wait(kSecond);  // and now it is slow
  const std::vector<Stop> back = stops(1);
  ASSERT_FALSE(back.empty());
  for (const Stop& stop : back) {
    EXPECT_EQ(stop.reason, StopReason::recall);
    ends(1, stop.attempt, AttemptState::refused);
    EXPECT_EQ(granted(2).size(), 1U);
  }
}

TEST_F(Fleet, UsersShareByWeight) {
  limit(LimitScope::user, "bob", {}, 3);
  tell(of_user("ann", 100));
  tell(of_user("bob", 100));
  connect(1, "a", 8);
  EXPECT_EQ(running(1), 2U);
  EXPECT_EQ(running(2), 6U);
}

TEST_F(Fleet, AQuotaHoldsAcrossBatchesAndRestarts) {
  limit(LimitScope::user, "ann", 3);
  connect(1, "a", 8);
  tell(of_user("ann", 2));
  tell(of_user("ann", 5));
  EXPECT_EQ(running(1) + running(2), 3U);
  EXPECT_EQ(engine.task({2, 5})->reason, "quota");
  EXPECT_EQ(engine.why({2, 5})->limit, "user:ann, max-running 3");
  tell(of_user("bob", 2));
  EXPECT_EQ(running(3), 2U);
  restart();
  connect(2, "a", 8);
  full(2, {{{1, 1, 1, 1}, AttemptState::executing},
           {{1, 2, 1, 1}, AttemptState::executing},
           {{2, 1, 1, 1}, AttemptState::executing},
           {{3, 1, 1, 1}, AttemptState::executing},
           {{3, 2, 1, 1}, AttemptState::executing}});
  EXPECT_EQ(running(1) + running(2), 3U);
  limit(LimitScope::user, "ann", {});
  EXPECT_EQ(running(1) + running(2), 6U);
}

TEST_F(Fleet, ALimitOnALabelHoldsOverAllItsWorkers) {
  connect(1, "a", 8);
  connect(2, "b", 8);
  connect(3, "c", 1);
  WorkerSettings lustre;
  lustre.labels = Labels{{"storage", "lustre"}};
  set(1, lustre);
  set(2, lustre);
  limit(LimitScope::label, "storage=lustre", 5);
  tell(tasks(20));
  EXPECT_EQ(granted(1).size() + granted(2).size(), 5U);
  EXPECT_EQ(granted(3).size(), 1U);
  EXPECT_EQ(engine.task({1, 20})->reason, "busy");
  ends(3, granted(3)[0], AttemptState::failed, Cause::exit, 1);
  const auto live = engine.live_attempts(1);
  for (const LiveAttempt& one : live) {
    if (one.worker != 1) continue;
    ends(1, one.attempt, AttemptState::succeeded);
    EXPECT_EQ(engine.limits().at(0).running, 5U);
  }
}

// ---- bad workers

TEST_F(Fleet, AWorkerThatSpoilsTasksIsSetAsideAndTriedAgain) {
  connect(1, "bad", 1);
  connect(2, "good", 4);
  tell(tasks(100));
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(worker(1).row.state, WorkerState::online) << i;
    const auto live = engine.live_attempts(1);
    const auto here = std::find_if(live.begin(), live.end(), [](const auto& one) { return one.worker == 1; });
    ASSERT_NE(here, live.end());
    ends(1, here->attempt, AttemptState::failed, Cause::exit, 1);
  }
  EXPECT_EQ(worker(1).row.state, WorkerState::quarantined);
  EXPECT_TRUE(has_event(EventKind::worker_quarantined));
  EXPECT_FALSE(worker(1).row.reason.empty());
  restart();
  connect(11, "bad", 4);
  EXPECT_TRUE(granted(11).empty());
  wait(61 * kSecond);
  ASSERT_EQ(granted(11).size(), 1U);  // one task may try
  ends(11, granted(11)[0], AttemptState::succeeded);
  EXPECT_EQ(worker(1).row.state, WorkerState::online);
  EXPECT_GE(granted(11).size(), 4U);
}

TEST_F(Fleet, ABatchThatFailsEverywhereIsNotTheWorkersFault) {
  connect(1, "a", 2);
  connect(2, "b", 2);
  tell(tasks(40));
  for (int round = 0; round < 8; ++round) {
    for (const LiveAttempt& one : engine.live_attempts(1)) {
      ends(one.worker == 1 ? 1 : 2, one.attempt, AttemptState::failed, Cause::exit, 1);
    }
  }
  EXPECT_EQ(worker(1).row.state, WorkerState::online);
  EXPECT_EQ(worker(2).row.state, WorkerState::online);
}

TEST_F(Fleet, APersonLiftsAQuarantine) {
  connect(1, "bad", 1);
  connect(2, "good", 4);
  tell(tasks(100));
  for (int i = 0; i < 3; ++i) {
    for (const LiveAttempt& one : engine.live_attempts(1)) {
      if (one.worker == 1) ends(1, one.attempt, AttemptState::failed, Cause::launch);
    }
  }
  ASSERT_EQ(worker(1).row.state, WorkerState::quarantined);
  EXPECT_EQ(engine.batch(1)->row.counts[static_cast<std::size_t>(TaskState::failed)],
            0U);  // they go to the other one
  verb(1, WorkerVerb::resume);
  EXPECT_EQ(worker(1).row.state, WorkerState::online);
  EXPECT_EQ(granted(1).size(), 1U);
}

// ---- leases

TEST_F(Fleet, ALeaseIsShorterElsewhereAndWhatWasPromisedCountsAfterARestart) {
  options.lease_us = 24 * 3600 * kSecond;
  options.lease_elsewhere_us = 3600 * kSecond;
  restart();
  tell(AgentConnected{1, hello("far", 1), WorkerPlace::elsewhere});
  full(1, {});
  EXPECT_EQ(said(1).back().lease_us, 3600 * kSecond);
  tell(AgentConnected{2, hello("near", 1), WorkerPlace::here});
  full(2, {});
  EXPECT_EQ(said(2).back().lease_us, 24 * 3600 * kSecond);
  EXPECT_EQ(worker(1).row.promised_us, 3600 * kSecond);
  tell(tasks(2));
  // Both are silent from here on; the server's own restart gives each its own lease anew.
  restart();
  wait(3590 * kSecond);
  EXPECT_NE(worker(1).row.state, WorkerState::lost);
  wait(20 * kSecond);
  EXPECT_EQ(worker(1).row.state, WorkerState::lost);
  EXPECT_NE(worker(2).row.state, WorkerState::lost);
}

TEST_F(Fleet, AShorterLeaseCountsWhenTheLongerOneIsOver) {
  options.lease_us = 1000 * kSecond;
  restart();
  connect(1, "a", 1);
  tell(tasks(1));
  ASSERT_EQ(granted(1).size(), 1U);
  WorkerSettings shorter;
  shorter.lease_us = 10 * kSecond;
  set(1, shorter);
  full(1, {});
  EXPECT_EQ(said(1).back().lease_us, 10 * kSecond);
  EXPECT_EQ(worker(1).row.promised_us, 1000 * kSecond);
  restart();
  wait(990 * kSecond);
  EXPECT_NE(worker(1).row.state, WorkerState::lost);
  // Heard of after the longer one is over: only the shorter one is out there.
  connect(2, "a", 1);
  wait(8 * kSecond);
  full(2, {});
  EXPECT_EQ(worker(1).row.promised_us, 1000 * kSecond);
  wait(5 * kSecond);
  full(2, {});
  EXPECT_EQ(worker(1).row.promised_us, 10 * kSecond);
  // A longer one counts from the moment it is said, not from the next word of the agent.
  WorkerSettings longer;
  longer.lease_us = 500 * kSecond;
  set(1, longer);
  tell(change(ChangeVerb::cancel, 1));
  EXPECT_EQ(said(2).back().lease_us, 500 * kSecond);
  wait(100 * kSecond);
  EXPECT_NE(worker(1).row.state, WorkerState::lost);
}

// ---- whose tasks

TEST_F(Fleet, AWorkerWhoseTasksAreRootsServesTheUserWhoLetItInAlone) {
  AgentHello root = hello("a", 1);
  root.facts.tasks_are_root = true;
  tell(AgentConnected{1, root, WorkerPlace::here, "lead"});
  full(1, {});
  tell(of_user("ada", 1));
  EXPECT_EQ(code(), kInfeasible);
  EXPECT_NE(std::get<Error>(answer()).what.find("worker a are root's"), std::string::npos);
  // Another worker would do; while it is away nothing of hers goes to the first.
  connect(2, "b", 1);
  tell(AgentGone{2});
  tell(of_user("ada", 1));
  EXPECT_TRUE(granted(1).empty());
  const auto waiting = engine.explain({1, 1});
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->reason, "no-worker");
  EXPECT_EQ(waiting->ever, 1U);
  verb(2, WorkerVerb::drain);
  verb(2, WorkerVerb::remove);
  const auto stuck = engine.explain({1, 1});
  ASSERT_TRUE(stuck);
  EXPECT_EQ(stuck->ever, 0U);
  ASSERT_EQ(stuck->nearest.size(), 1U);
  ASSERT_EQ(stuck->nearest[0].shortages.size(), 1U);
  EXPECT_EQ(stuck->nearest[0].shortages[0].what, "user");
  EXPECT_EQ(stuck->nearest[0].shortages[0].label, "lead");
  tell(of_user("lead", 1));
  EXPECT_EQ(granted(1).size(), 1U);
  // Whose it is is not forgotten while it is away.
  restart();
  EXPECT_EQ(worker(1).row.let_in_by, "lead");
  EXPECT_TRUE(worker(1).row.facts.tasks_are_root);
}

// ---- a million edges

TEST_F(Fleet, ABarrierOverAMillionTasksIsNoMillionRows) {
  tell(tasks(1'000'000));
  Submit after = tasks(1'000'000);
  after.dependencies = {{DependencyKind::batch, false, 1, 0}};
  tell(after);
  EXPECT_EQ(last.changes.segments.size(), 1U);
  EXPECT_TRUE(last.changes.tasks.empty());
  EXPECT_TRUE(last.changes.state_runs.empty());
  EXPECT_EQ(state({2, 1'000'000}), TaskState::waiting);
  tell(change(ChangeVerb::cancel, 1));
  EXPECT_EQ(state({2, 1'000'000}), TaskState::cancelled);
  EXPECT_LE(last.changes.state_runs.size(), 2U);
  EXPECT_TRUE(last.changes.tasks.empty());
  tell(change(ChangeVerb::retry, 1));
  EXPECT_EQ(state({2, 7}), TaskState::waiting);
  EXPECT_TRUE(last.changes.tasks.empty());
  EXPECT_EQ(engine.state_runs(2).size(), 1U);
}

}  // namespace
}  // namespace muster::engine
