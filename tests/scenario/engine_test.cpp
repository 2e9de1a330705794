// The engine as scripts of messages: what goes in, what has to come out, and that nothing else was sent.
// Must hold: after each turn the audit is empty, and an engine restored from the store equals the live one.
#include "script.h"

namespace muster::engine {
namespace {

// ---- submit

TEST_F(Script, SubmitGivesNumbersAndWaitsForAWorker) {
  tell(tasks(3));
  const ReplyBody reply = answer();
  const Submitted& done = std::get<Submitted>(reply);
  EXPECT_EQ(done.batch, 1U);
  EXPECT_EQ(done.first_index, 1U);
  EXPECT_EQ(done.last_index, 3U);
  EXPECT_EQ(done.count, 3U);
  EXPECT_EQ(done.first_number, 1U);
  EXPECT_EQ(last.effects.size(), 1U);
  EXPECT_EQ(state({1, 1}), TaskState::ready);
  EXPECT_EQ(engine.task({1, 1})->reason, "no-worker");
}

TEST_F(Script, SubmitIsRefusedWithItsCode) {
  tell(tasks(1));
  Submit missing = tasks(1);
  missing.batch = 9;
  tell(missing);
  EXPECT_EQ(code(), kNoSuchThing);
  Submit used = tasks(1);
  used.batch = 1;
  tell(used);
  EXPECT_EQ(code(), kIndexUsed);
  Submit barrier = tasks(1);
  barrier.batch = 1;
  barrier.series = {{5, 5, 1}};
  barrier.dependencies = {{DependencyKind::batch, false, 1, 0}};
  tell(barrier);
  EXPECT_EQ(code(), kDependencyCycle);
  Submit no_task = tasks(1);
  no_task.dependencies = {{DependencyKind::task, false, 1, 77}};
  tell(no_task);
  EXPECT_EQ(code(), kNoSuchThing);
  Submit no_index = tasks(2);
  no_index.dependencies = {{DependencyKind::index, false, 1, 0}};
  tell(no_index);
  EXPECT_EQ(code(), kMalformedValue);
  EXPECT_EQ(engine.live_batches(), std::vector<BatchId>{1});
}

TEST_F(Script, SubmitIsRefusedWhenNothingCanEverRunIt) {
  connect(1, "a", 2);
  auto large = body();
  large->resources.mem_mb = 5000;
  tell(tasks(1, large));
  EXPECT_EQ(code(), kInfeasible);
}

TEST_F(Script, SubmitIntoClosedOrCancellingBatchIsRefused) {
  connect(1, "a", 1);
  Submit closed = tasks(1);
  closed.closed = true;
  tell(closed);
  Submit more = tasks(1);
  more.batch = 1;
  more.series = {{2, 2, 1}};
  tell(more);
  EXPECT_EQ(code(), kBatchClosed);
  tell(tasks(1));
  ends(1, {1, 1, 1, 1}, AttemptState::succeeded);
  tell(change(ChangeVerb::cancel, 2));
  more.batch = 2;
  tell(more);
  EXPECT_EQ(code(), kWrongState);
}

TEST_F(Script, AFullDiskRefusesNewWorkAndRecordsWhatEnds) {
  connect(1, "a", 1);
  tell(tasks(1));
  tell(DiskSpace{SpaceState::low});
  tell(tasks(1));
  EXPECT_EQ(code(), kDiskFull);
  ends(1, {1, 1, 1, 1}, AttemptState::succeeded);
  EXPECT_EQ(state({1, 1}), TaskState::succeeded);
  tell(DiskSpace{SpaceState::plenty});
  tell(tasks(1));
  EXPECT_EQ(code(), "");
}

TEST_F(Script, TheSameKeyGivesTheSameAnswer) {
  Submit keyed = tasks(4);
  keyed.key = "k";
  keyed.body_hash = "h";
  tell(keyed);
  tell(keyed);
  const ReplyBody reply = answer();
  EXPECT_TRUE(std::get<Submitted>(reply).replayed);
  EXPECT_EQ(std::get<Submitted>(reply).count, 4U);
  restart();
  keyed.known_key = store.key("default", "k");
  tell(keyed);
  const ReplyBody after = answer();
  EXPECT_EQ(std::get<Submitted>(after).batch, 1U);
  keyed.body_hash = "other";
  tell(keyed);
  EXPECT_EQ(code(), kKeyReused);
}

// ---- grants

TEST_F(Script, GrantsAreRangesAndFillTheSlots) {
  connect(1, "a", 3);
  tell(tasks(5));
  const auto messages = said(1);
  ASSERT_EQ(messages.size(), 1U);
  ASSERT_EQ(messages[0].grants.size(), 1U);
  EXPECT_EQ(messages[0].grants[0].first_index, 1U);
  EXPECT_EQ(messages[0].grants[0].count, 3U);
  EXPECT_EQ(messages[0].templates.size(), 1U);
  EXPECT_EQ(last.effects.size(), 2U);
  EXPECT_EQ(state({1, 4}), TaskState::ready);
}

TEST_F(Script, PrefetchFollowsWhatAWorkerEnds) {
  connect(1, "a", 1);
  tell(tasks(50));
  ends(1, {1, 1, 1, 1}, AttemptState::succeeded);
  EXPECT_EQ(granted(1).size(), 2U);  // its slot, and one ahead
}

TEST_F(Script, MaxRunningHolds) {
  connect(1, "a", 4);
  Submit limited = tasks(4);
  limited.max_running = 2;
  tell(limited);
  EXPECT_EQ(granted(1).size(), 2U);
  SetBatch more;
  more.batch = 1;
  more.max_running = 3;
  tell(more);
  EXPECT_EQ(granted(1).size(), 1U);
}

TEST_F(Script, GpuTasksTakeGpuSlotsOnly) {
  connect(1, "a", 1);
  auto gpu = body();
  gpu->resources.cpu_slots = 0;
  gpu->resources.gpu_slots = 1;
  tell(tasks(3, gpu));
  EXPECT_EQ(granted(1).size(), 2U);
  tell(tasks(1));
  EXPECT_EQ(granted(1).size(), 1U);
}

TEST_F(Script, SlotsChangeLive) {
  connect(1, "a", 1);
  tell(tasks(5));
  SetWorker roomy;
  roomy.worker = 1;
  roomy.settings.cpu_slots = 3;
  tell(roomy);
  EXPECT_EQ(granted(1).size(), 2U);
  EXPECT_EQ(said(1).at(0).cpu_slots, 3U);
}

// ---- ends

TEST_F(Script, AResultIsForgottenAfterItsCommitAndRefusedWhenLate) {
  connect(1, "a", 1);
  auto retried = body();
  retried->retries = 1;
  tell(tasks(1, retried));
  const AttemptRef first{1, 1, 1, 1};
  ends(1, first, AttemptState::failed, Cause::exit, 3);
  EXPECT_EQ(said(1).at(0).forget, std::vector<AttemptRef>{first});
  EXPECT_EQ(state({1, 1}), TaskState::waiting);
  EXPECT_EQ(engine.task({1, 1})->reason, "backoff");
  wait(kSecond);
  EXPECT_EQ(granted(1), (std::vector<AttemptRef>{{1, 1, 2, 1}}));
  ends(1, first, AttemptState::succeeded);
  EXPECT_EQ(state({1, 1}), TaskState::running);
  ASSERT_EQ(last.changes.events.size(), 1U);
  EXPECT_EQ(last.changes.events[0].kind, EventKind::late_result_refused);
}

TEST_F(Script, RetriesEndAndBackOffDoubles) {
  connect(1, "a", 1);
  auto retried = body();
  retried->retries = 2;
  tell(tasks(1, retried));
  ends(1, {1, 1, 1, 1}, AttemptState::failed, Cause::exit, 1);
  wait(kSecond);
  ends(1, {1, 1, 2, 1}, AttemptState::failed, Cause::signal);
  wait(kSecond);
  EXPECT_EQ(state({1, 1}), TaskState::waiting);
  wait(kSecond);
  EXPECT_EQ(state({1, 1}), TaskState::running);
  ends(1, {1, 1, 3, 1}, AttemptState::failed, Cause::timeout);
  EXPECT_EQ(state({1, 1}), TaskState::failed);
}

TEST_F(Script, ALostWorkerCostsNoRetryAndThreeOfThemAreAPoison) {
  options.lease_us = 60 * kSecond;
  restart();
  connect(1, "a", 1);
  tell(tasks(1));
  for (std::uint32_t number = 1; number <= 3; ++number) {
    const SessionId session = number * 10;
    if (number > 1) connect(session, "a", 1);
    EXPECT_EQ(engine.task({1, 1})->attempts, number);
    wait(61 * kSecond);
  }
  EXPECT_EQ(state({1, 1}), TaskState::failed);
  const auto events = store.events("default", 1, Page{});
  EXPECT_TRUE(std::any_of(events.begin(), events.end(),
                          [](const EventRow& e) { return e.kind == EventKind::task_poisoned; }));
}

TEST_F(Script, RerunNeverIsNotGrantedAgainOnceItMayHaveRun) {
  options.lease_us = 60 * kSecond;
  restart();
  connect(1, "a", 1);
  auto once = body();
  once->rerun = Rerun::never;
  once->retries = 5;
  tell(tasks(1, once));
  ends(1, {1, 1, 1, 2}, AttemptState::refused);  // never started: it may have another
  EXPECT_EQ(granted(1), (std::vector<AttemptRef>{{1, 1, 2, 2}}));
  wait(61 * kSecond);
  EXPECT_EQ(state({1, 1}), TaskState::failed);
  EXPECT_EQ(engine.task({1, 1})->attempts, 2U);
}

TEST_F(Script, ALaunchFailureGoesToAnotherWorkerAndEndsWhenThereIsNone) {
  connect(1, "a", 1);
  tell(tasks(1));
  ends(1, {1, 1, 1, 1}, AttemptState::failed, Cause::launch);
  EXPECT_EQ(state({1, 1}), TaskState::failed);
  connect(2, "b", 1);
  tell(tasks(1));
  const SessionId first = granted(1).empty() ? 2 : 1;
  ends(first, {2, 1, 1, 1}, AttemptState::failed, Cause::launch);
  EXPECT_EQ(granted(3 - first), (std::vector<AttemptRef>{{2, 1, 2, 1}}));
}

TEST_F(Script, ALaunchFailureDoesNotWaitForAWorkerThatIsGone) {
  connect(1, "a", 1);
  connect(2, "b", 1);
  tell(AgentGone{2});
  tell(tasks(1));
  ends(1, {1, 1, 1, 1}, AttemptState::failed, Cause::launch);
  EXPECT_EQ(state({1, 1}), TaskState::waiting);
  wait(kSecond);
  EXPECT_EQ(granted(1), (std::vector<AttemptRef>{{1, 1, 2, 1}}));
}

// ---- healing

TEST_F(Script, ALostGrantIsSaidAgainWithItsTemplate) {
  connect(1, "a", 1);
  tell(tasks(1));
  full(1, {});
  ASSERT_EQ(said(1).size(), 1U);
  EXPECT_EQ(granted(1), (std::vector<AttemptRef>{{1, 1, 1, 1}}));
  EXPECT_EQ(said(1)[0].templates.size(), 1U);
}

TEST_F(Script, AGrantOnItsWayIsNotMissed) {
  connect(1, "a", 1);
  tell(tasks(1));
  seen = 1;
  full(1, {});
  EXPECT_TRUE(granted(1).empty());
}

TEST_F(Script, ARebootIsAProofEvenWhenTheServerDiesBeforeItIsUsed) {
  connect(1, "a", 1);
  tell(tasks(1));
  tell(AgentConnected{2, hello("a", 1, "boot2")});
  restart();  // before the first full message
  tell(AgentConnected{3, hello("a", 1, "boot2")});
  full(3, {});
  EXPECT_EQ(granted(3), (std::vector<AttemptRef>{{1, 1, 2, 2}}));
}

TEST_F(Script, SilenceAtTheStartIsNotALoss) {
  connect(1, "a", 1);
  tell(tasks(1));
  restart();
  wait(options.lease_us / 2);
  EXPECT_EQ(state({1, 1}), TaskState::running);
  tell(AgentConnected{5, hello("a", 1)});
  full(5, {{{1, 1, 1, 1}, AttemptState::executing}});
  EXPECT_TRUE(granted(5).empty());
  ends(5, {1, 1, 1, 1}, AttemptState::succeeded);
  EXPECT_EQ(state({1, 1}), TaskState::succeeded);
}

TEST_F(Script, ALeaseThatIsOverClosesTheConnection) {
  options.lease_us = 60 * kSecond;
  restart();
  connect(1, "a", 1);
  tell(tasks(1));
  wait(61 * kSecond);
  const bool closed = std::any_of(last.effects.begin(), last.effects.end(), [](const Effect& effect) {
    const auto* close = std::get_if<CloseSession>(&effect);
    return close != nullptr && close->session == 1;
  });
  EXPECT_TRUE(closed);
  full(1, {{{1, 1, 1, 2}, AttemptState::executing}});  // what it said before comes too late
  EXPECT_TRUE(last.effects.empty());
}

TEST_F(Script, ADoubledMessageChangesNothing) {
  connect(1, "a", 1);
  AgentMessage old = message(1);
  old.seq = 1;
  tell(AgentSaid{old});
  EXPECT_TRUE(last.effects.empty());
  EXPECT_TRUE(last.changes.empty());
}

// ---- dependencies

TEST_F(Script, ABarrierOpensWithSuccessAndCancelsWithFailure) {
  connect(1, "a", 4);
  tell(tasks(1));
  Submit after = tasks(2);
  after.dependencies = {{DependencyKind::batch, false, 1, 0}};
  tell(after);
  EXPECT_EQ(engine.task({2, 1})->reason, "dependency");
  ends(1, {1, 1, 1, 1}, AttemptState::failed, Cause::exit, 1);
  EXPECT_EQ(state({2, 1}), TaskState::cancelled);
  EXPECT_TRUE(engine.batch(2)->row.revivable);
  tell(change(ChangeVerb::retry, 1));
  EXPECT_EQ(state({2, 2}), TaskState::waiting);
  ends(1, {1, 1, 2, 1}, AttemptState::succeeded);
  EXPECT_EQ(state({2, 1}), TaskState::running);
}

TEST_F(Script, AnyEndIsGoodEnoughWhenAsked) {
  connect(1, "a", 4);
  tell(tasks(1));
  Submit after = tasks(1);
  after.dependencies = {{DependencyKind::task, true, 1, 1}};
  tell(after);
  ends(1, {1, 1, 1, 1}, AttemptState::failed, Cause::exit, 1);
  EXPECT_EQ(state({2, 1}), TaskState::running);
}

TEST_F(Script, TwoPrerequisitesIndexByIndex) {
  connect(1, "a", 8);
  tell(tasks(3));
  tell(tasks(3));
  Submit each = tasks(3);
  each.dependencies = {{DependencyKind::index, false, 1, 0}, {DependencyKind::index, false, 2, 0}};
  tell(each);
  ends(1, {1, 2, 1, 1}, AttemptState::succeeded);
  EXPECT_EQ(state({3, 2}), TaskState::waiting);
  ends(1, {2, 2, 1, 1}, AttemptState::succeeded);
  EXPECT_EQ(state({3, 2}), TaskState::running);
  EXPECT_EQ(state({3, 1}), TaskState::waiting);
  EXPECT_EQ(state({3, 3}), TaskState::waiting);
}

TEST_F(Script, AnIndexThatCannotComeIsNotHiddenByAPendingBarrier) {
  connect(1, "a", 1);
  tell(tasks(2));
  tell(tasks(1));
  Submit after = tasks(2);
  after.dependencies = {{DependencyKind::batch, false, 2, 0}, {DependencyKind::index, false, 1, 0}};
  tell(after);
  tell(change(ChangeVerb::cancel, 1, {{2, 2}}));
  EXPECT_EQ(state({3, 2}), TaskState::cancelled);
  EXPECT_EQ(state({3, 1}), TaskState::waiting);
}

TEST_F(Script, APersonsCancelOutlivesTheDependency) {
  connect(1, "a", 1);
  tell(tasks(1));
  Submit after = tasks(1);
  after.dependencies = {{DependencyKind::batch, false, 1, 0}};
  tell(after);
  ends(1, {1, 1, 1, 1}, AttemptState::failed, Cause::exit, 1);
  tell(change(ChangeVerb::cancel, 2));
  EXPECT_FALSE(engine.batch(2)->row.revivable);
  tell(change(ChangeVerb::retry, 1));
  ends(1, {1, 1, 2, 1}, AttemptState::succeeded);
  EXPECT_EQ(state({2, 1}), TaskState::cancelled);
}

TEST_F(Script, AnOldBatchIsLoadedWithWhatItWaitsFor) {
  options.final_batches_kept = 0;
  restart();
  connect(1, "a", 1);
  tell(tasks(1));
  ends(1, {1, 1, 1, 2}, AttemptState::failed, Cause::exit, 1);
  Submit after = tasks(1);
  store.commit(engine.handle(LoadedBatch{*store.load_batch(1)}, now).changes);  // same group as what follows
  after.dependencies = {{DependencyKind::batch, true, 1, 0}};
  tell(after);
  ends(1, {2, 1, 1, 2}, AttemptState::failed, Cause::exit, 1);
  restart();
  EXPECT_EQ(engine.missing_for(2), std::vector<BatchId>{2});
  const Decision loaded = engine.handle(LoadedBatch{*store.load_batch(2)}, now);
  store.commit(loaded.changes);
  EXPECT_EQ(engine.missing_for(2), std::vector<BatchId>{1});
  Change early = change(ChangeVerb::retry, 2);
  last = engine.handle(early, now);
  EXPECT_EQ(code(), kBusy);
  store.commit(engine.handle(LoadedBatch{*store.load_batch(1)}, now).changes);
  tell(change(ChangeVerb::retry, 2));
  EXPECT_EQ(state({2, 1}), TaskState::ready);
}

TEST_F(Script, ABatchWhoseAddedTasksAreCancelledAtOnceIsNotSucceeded) {
  connect(1, "a", 1);
  tell(tasks(1));
  ends(1, {1, 1, 1, 1}, AttemptState::failed, Cause::exit, 1);
  tell(tasks(1));
  ends(1, {2, 1, 1, 1}, AttemptState::succeeded);
  EXPECT_EQ(engine.batch(2)->row.state, BatchState::succeeded);
  Submit more = tasks(1);
  more.batch = 2;
  more.series = {{2, 2, 1}};
  more.dependencies = {{DependencyKind::batch, false, 1, 0}};
  tell(more);
  EXPECT_EQ(engine.batch(2)->row.state, BatchState::ended);
}

// ---- verbs

TEST_F(Script, HoldAndReleaseOfABatchAndOfTasks) {
  tell(tasks(3));
  tell(change(ChangeVerb::hold, 1, {{2, 2}}));
  EXPECT_EQ(state({1, 2}), TaskState::held);
  tell(change(ChangeVerb::hold, 1));
  connect(1, "a", 3);
  EXPECT_TRUE(granted(1).empty());
  tell(change(ChangeVerb::release, 1));
  const ReplyBody reply = answer();
  EXPECT_EQ(std::get<Changed>(reply).count, 3U);
  EXPECT_EQ(std::get<Changed>(reply).skipped, 0U);
  EXPECT_EQ(granted(1).size(), 3U);
}

TEST_F(Script, CancelStopsWhatRunsAndSurvivesARestart) {
  connect(1, "a", 1);
  auto retried = body();
  retried->retries = 3;
  tell(tasks(2, retried));
  tell(change(ChangeVerb::cancel, 1));
  ASSERT_EQ(said(1).size(), 1U);
  ASSERT_EQ(said(1)[0].stops.size(), 1U);
  EXPECT_EQ(said(1)[0].stops[0].reason, StopReason::cancel);
  EXPECT_EQ(state({1, 2}), TaskState::cancelled);
  restart();
  tell(AgentConnected{2, hello("a", 1)});
  full(2, {{{1, 1, 1, 1}, AttemptState::executing}});
  ASSERT_EQ(said(2).size(), 1U);
  EXPECT_EQ(said(2)[0].stops.size(), 1U);
  ends(2, {1, 1, 1, 1}, AttemptState::failed, Cause::signal);
  EXPECT_EQ(state({1, 1}), TaskState::cancelled);
  EXPECT_EQ(engine.has_batch(1) ? engine.batch(1)->row.state : store.batch(1)->state, BatchState::cancelled);
}

TEST_F(Script, RetryChangesOptionsAndRefusesTheImpossible) {
  connect(1, "a", 1);
  tell(tasks(1));
  ends(1, {1, 1, 1, 1}, AttemptState::failed, Cause::oom);
  EXPECT_EQ(state({1, 1}), TaskState::failed);
  Change larger = change(ChangeVerb::retry, 1);
  larger.options.mem_mb = 100'000;
  tell(larger);
  EXPECT_EQ(code(), kInfeasible);
  EXPECT_EQ(state({1, 1}), TaskState::failed);
  larger.options.mem_mb = 2048;
  tell(larger);
  EXPECT_EQ(granted(1), (std::vector<AttemptRef>{{1, 1, 2, 1}}));
  EXPECT_EQ(said(1).at(0).templates.at(0).body.resources.mem_mb, 2048U);
}

TEST_F(Script, DryRunsChangeNothing) {
  tell(tasks(2));
  for (const ChangeVerb verb :
       {ChangeVerb::cancel, ChangeVerb::hold, ChangeVerb::release, ChangeVerb::retry}) {
    Change probe = change(verb, 1);
    probe.dry_run = true;
    tell(probe);
    EXPECT_TRUE(last.changes.empty());
  }
}

// ---- shutdown

TEST_F(Script, ShutDownStopsTasksAndAnswersWhenNothingRuns) {
  connect(1, "a", 1);
  tell(tasks(2));
  tell(ShutDown{++request, {}, StopTasks::stop});
  EXPECT_EQ(said(1).at(0).stops.at(0).reason, StopReason::shutdown);
  full(1, {{{1, 1, 1, 1}, AttemptState::executing}});
  EXPECT_EQ(said(1).at(0).stops.size(), 1U) << "a stop that may have been lost is said again";
  ends(1, {1, 1, 1, 1}, AttemptState::refused);
  EXPECT_TRUE(std::holds_alternative<ShutDownDone>(answer()));
  EXPECT_TRUE(granted(1).empty());
  EXPECT_EQ(state({1, 1}), TaskState::ready);
}

TEST_F(Script, ShutDownIsAnsweredWhenTheLastBusyWorkerLeaves) {
  connect(1, "a", 1);
  tell(tasks(1));
  tell(ShutDown{++request, {}, StopTasks::stop});
  tell(AgentGone{1});
  EXPECT_TRUE(std::holds_alternative<ShutDownDone>(answer()));
}

TEST_F(Script, ShutDownThatKeepsTasksAnswersAtOnce) {
  connect(1, "a", 1);
  tell(tasks(1));
  tell(ShutDown{++request, {}, StopTasks::keep_running});
  EXPECT_TRUE(std::holds_alternative<ShutDownDone>(answer()));
  EXPECT_TRUE(said(1).empty());
}

}  // namespace
}  // namespace muster::engine
