// What any store promises: the same suite for the ones in memory, in SQLite and in PostgreSQL.
// Must hold: nothing here knows how a store keeps its rows.
#include <gtest/gtest.h>

#include <algorithm>

#include "store_fixtures.h"
#include "store_samples.h"

namespace muster::store {
namespace {

class AnyStore : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    const std::string missing = why_missing(GetParam());
    if (!missing.empty()) GTEST_SKIP() << missing;
    subject_ = make_subject(GetParam());
    subject_->store().load();
  }
  Store& store() { return subject_->store(); }
  History& history() { return subject_->history(); }
  AccessStore& access() { return subject_->access(); }
  // As after a restart of the server; gives what it finds.
  StoreSnapshot restart() {
    subject_->reopen();
    return store().load();
  }

  std::unique_ptr<StoreSubject> subject_;
};

std::string name_of(const testing::TestParamInfo<StoreKind>& tested) {
  return tested.param == StoreKind::memory   ? "memory"
         : tested.param == StoreKind::sqlite ? "sqlite"
                                             : "postgres";
}

INSTANTIATE_TEST_SUITE_P(Stores, AnyStore,
                         testing::Values(StoreKind::memory, StoreKind::sqlite, StoreKind::postgres), name_of);

TEST_P(AnyStore, ANewOneIsEmpty) {
  EXPECT_TRUE(history().batches({}).empty());
  EXPECT_TRUE(history().workers().empty());
  EXPECT_TRUE(history().events("default", 0, {}).empty());
  EXPECT_TRUE(access().tokens().empty());
  EXPECT_EQ(history().batch(1), std::nullopt);
  EXPECT_EQ(history().newest_batch("default"), std::nullopt);
  EXPECT_EQ(history().newest_batch_named("default", "x", History::Closed::included), std::nullopt);
  EXPECT_EQ(history().task_of_number(1), std::nullopt);
  EXPECT_EQ(history().key("default", "k"), std::nullopt);
  EXPECT_EQ(history().task_template(1), nullptr);
  EXPECT_TRUE(history().item(1, 0, 0).empty());
  EXPECT_EQ(history().total_counts("default"), TaskCounts{});
  EXPECT_EQ(store().load_batch(1), std::nullopt);
}

TEST_P(AnyStore, EveryLoadIsANewIncarnation) {
  const StoreSnapshot second = restart();
  EXPECT_EQ(second.incarnation, 2u);
  EXPECT_EQ(second.sequences, Sequences{});
  EXPECT_TRUE(second.batches.empty());
  EXPECT_EQ(restart().incarnation, 3u);
  EXPECT_EQ(store().load().incarnation, 4u);
}

TEST_P(AnyStore, AnEmptyCommitChangesNothing) {
  store().commit({});
  EXPECT_EQ(restart().incarnation, 2u);
}

TEST_P(AnyStore, RowsComeBackWithEveryField) {
  Changes changes = submit_changes(1, 50, 100);
  changes.batches[0].revivable = true;
  changes.segments.push_back(sample_segment(1, 1, 50, 10, 500));
  changes.tasks = {sample_finished(1, 3, TaskState::failed), sample_running(1, 7)};
  changes.attempts = {{.batch = 1, .position = 3, .attempt = sample_finished(1, 3).attempt}};
  changes.attempts[0].attempt.number = 9;
  changes.overrides = {{.batch = 1, .ordinal = 2, .first = 3, .last = 4, .template_id = 1}};
  changes.state_runs = {
      {.batch = 1, .first = 8, .last = 9, .state = TaskState::cancelled, .by_dependency = true}};
  changes.item_blocks = {sample_items(1, 0, 0, 5)};
  changes.workers = {sample_worker(4)};
  changes.limits = {sample_limit(LimitScope::user, "ada"), sample_limit(LimitScope::project, "default"),
                    sample_limit(LimitScope::label, "storage=lustre")};
  changes.events = {sample_event(12, 1)};
  changes.keys = {sample_key("k", 1)};
  store().commit(changes);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(history().batch(1), changes.batches[0]);
    EXPECT_EQ(history().segments(1), changes.segments);
    EXPECT_EQ(*history().task_template(1), *changes.templates[0].body);
    EXPECT_EQ(history().tasks({.batch = 1, .states = {}}, {}), changes.tasks);
    EXPECT_EQ(history().attempts(1, 3), changes.attempts);
    EXPECT_EQ(history().overrides(1), changes.overrides);
    EXPECT_EQ(history().state_runs(1), changes.state_runs);
    EXPECT_EQ(history().item(1, 0, 4), (std::vector<std::string>{"4", "/data/0"}));
    EXPECT_EQ(history().workers(), changes.workers);
    EXPECT_EQ(history().limits(), changes.limits);
    EXPECT_EQ(history().events("default", 0, {}), changes.events);
    EXPECT_EQ(history().key("default", "k"), changes.keys[0]);
    restart();
  }
}

TEST_P(AnyStore, AnEndIsKeptOnlyWithAFinalStateAndSaysTheSame) {
  TaskRow row = sample_finished(1, 0);
  row.attempt.end.attempt = {.batch = 1, .index = 5, .number = 1, .incarnation = 1};
  row.attempt.end.outcome = AttemptState::lost;
  TaskRow live = sample_finished(1, 1);
  live.attempt.state = AttemptState::executing;
  Changes changes = submit_changes(1, 2, 1);
  changes.tasks = {row, live};
  store().commit(changes);
  const std::vector<TaskRow> rows = history().tasks({.batch = 1, .states = {}}, {});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].attempt.end.attempt, AttemptRef{});
  EXPECT_EQ(rows[0].attempt.end.outcome, AttemptState::succeeded);
  EXPECT_EQ(rows[0].attempt.end.message, row.attempt.end.message);
  EXPECT_EQ(rows[1].attempt.end, Finished{});
}

TEST_P(AnyStore, TheLastRowOfAKeyWins) {
  Changes changes = submit_changes(1, 5, 1);
  changes.tasks = {sample_running(1, 0), sample_finished(1, 0), sample_running(1, 0, 2)};
  BatchRow renamed = changes.batches[0];
  renamed.name = "renamed";
  renamed.project = "other";
  changes.batches.push_back(renamed);
  store().commit(changes);
  EXPECT_EQ(history().tasks({.batch = 1, .states = {}}, {}), (std::vector<TaskRow>{sample_running(1, 0, 2)}));
  EXPECT_EQ(history().batch(1)->name, "renamed");
  EXPECT_EQ(history().newest_batch_named("other", "renamed", History::Closed::excluded), 1u);
  EXPECT_EQ(history().newest_batch_named("default", "batch 1", History::Closed::excluded), std::nullopt);
  EXPECT_EQ(history().newest_batch("default"), std::nullopt);
  renamed.name = "again";
  Changes more;
  more.batches.push_back(renamed);
  store().commit(more);
  EXPECT_EQ(history().newest_batch_named("other", "again", History::Closed::excluded), 1u);
  EXPECT_EQ(history().newest_batch_named("other", "renamed", History::Closed::excluded), std::nullopt);
}

TEST_P(AnyStore, ASegmentIsReplacedWithItsDependencies) {
  Changes changes = submit_changes(1, 5, 1);
  changes.segments[0].dependencies = {{.batch = 2}, {.batch = 3}};
  store().commit(changes);
  changes.segments[0].dependencies = {{.kind = DependencyKind::index, .batch = 4}};
  store().commit(changes);
  EXPECT_EQ(history().segments(1), changes.segments);
  EXPECT_EQ(store().load_batch(1)->segments, changes.segments);
}

TEST_P(AnyStore, ClearedStateRunsGoBeforeTheNewOnesAreWritten) {
  Changes changes = submit_changes(1, 50, 1);
  changes.state_runs = {{.batch = 1, .first = 0, .last = 4},
                        {.batch = 1, .first = 9, .last = 9},
                        {.batch = 2, .first = 0, .last = 1}};
  store().commit(changes);
  Changes next;
  next.cleared_state_runs = {1};
  next.state_runs = {{.batch = 1, .first = 2, .last = 3}};
  store().commit(next);
  EXPECT_EQ(history().state_runs(1), next.state_runs);
  EXPECT_EQ(history().state_runs(2).size(), 1u);
}

TEST_P(AnyStore, LoadGivesWhatLivesAndWhatThatDependsOn) {
  for (BatchId id = 1; id <= 5; ++id) {
    Changes changes = submit_changes(id, 2, 10 * id);
    if (id != 3) changes.batches[0].state = BatchState::succeeded;
    if (id == 3) changes.segments[0].dependencies = {{.batch = 1}, {.batch = 9}};
    if (id == 5) changes.batches[0].state = BatchState::ended, changes.batches[0].revivable = true;
    changes.tasks = {sample_finished(id, 0)};
    store().commit(changes);
  }
  const StoreSnapshot snapshot = restart();
  ASSERT_EQ(snapshot.batches.size(), 3u);
  EXPECT_EQ(snapshot.batches[0].batch.id, 1u);
  EXPECT_EQ(snapshot.batches[1].batch.id, 3u);
  EXPECT_EQ(snapshot.batches[2].batch.id, 5u);
  for (const BatchSnapshot& batch : snapshot.batches) {
    EXPECT_EQ(batch.templates.size(), 1u);
    ASSERT_EQ(batch.tasks.size(), 1u);
    EXPECT_EQ(batch.tasks[0].state, TaskState::succeeded);
    EXPECT_EQ(batch.tasks[0].attempt_state, AttemptState::succeeded);
    EXPECT_EQ(batch.tasks[0].retries, sample_finished(1, 0).retries);
  }
  EXPECT_EQ(snapshot.sequences.next_batch, 6u);
  EXPECT_EQ(store().load_batch(2)->tasks.size(), 1u);
}

TEST_P(AnyStore, ABatchThatEndsIsNotLoadedAndOneThatIsReopenedIs) {
  Changes changes = submit_changes(1, 2, 1);
  store().commit(changes);
  changes.batches[0].state = BatchState::succeeded;
  store().commit(changes);
  EXPECT_TRUE(restart().batches.empty());
  changes.batches[0].state = BatchState::waiting;
  store().commit(changes);
  EXPECT_EQ(restart().batches.size(), 1u);
}

TEST_P(AnyStore, TasksArePagedByPositionAndFiltered) {
  Changes changes = submit_changes(1, 2000, 1);
  for (Position i = 0; i < 1500; ++i) {
    changes.tasks.push_back(i % 100 == 7 ? sample_finished(1, i, TaskState::failed) : sample_finished(1, i));
  }
  store().commit(changes);
  const auto page = history().tasks({.batch = 1, .states = {}}, {.after = 30, .limit = 5});
  ASSERT_EQ(page.size(), 5u);
  EXPECT_EQ(page.front().position, 30u);
  EXPECT_EQ(history().tasks({.batch = 1, .states = {}}, {.limit = 100'000}).size(), 1000u);
  EXPECT_EQ(history().tasks({.batch = 1, .states = {TaskState::failed}}, {.limit = 1000}).size(), 15u);
  EXPECT_EQ(
      history().tasks({.batch = 1, .first = 100, .last = 207, .states = {TaskState::failed}}, {}).size(), 2u);
  EXPECT_EQ(history().tasks({.batch = 1, .first = 1400, .last = 1450, .states = {}}, {.after = 1440}).size(),
            11u);
  EXPECT_TRUE(history().tasks({.batch = 1, .states = {TaskState::held}}, {}).empty());
  EXPECT_TRUE(history().tasks({.batch = 2, .states = {}}, {}).empty());
}

TEST_P(AnyStore, BatchesAndEventsArePagedNewestFirst) {
  Changes changes;
  for (std::uint64_t i = 1; i <= 30; ++i) {
    changes.batches.push_back(sample_batch(i));
    changes.events.push_back(sample_event(i, i % 3));
  }
  store().commit(changes);
  const auto first = history().batches({.limit = 10});
  ASSERT_EQ(first.size(), 10u);
  EXPECT_EQ(first.front().id, 30u);
  const auto second = history().batches({.after = first.back().id, .limit = 100});
  ASSERT_EQ(second.size(), 20u);
  EXPECT_EQ(second.front().id, 20u);
  EXPECT_EQ(history().events("default", 0, {.limit = 1}).front().seq, 30u);
  EXPECT_EQ(history().events("default", 0, {.after = 5}).size(), 4u);
  const auto of_batch = history().events("default", 2, {.after = 20, .limit = 2});
  ASSERT_EQ(of_batch.size(), 2u);
  EXPECT_EQ(of_batch[0].seq, 17u);
  EXPECT_EQ(of_batch[1].seq, 14u);
}

TEST_P(AnyStore, TheNewestBatchOfANameMayHaveToBeOpen) {
  for (BatchId id = 1; id <= 4; ++id) {
    Changes changes = submit_changes(id, 1, id);
    changes.batches[0].name = id == 4 ? "other" : "nightly";
    changes.batches[0].closed = id == 3;
    store().commit(changes);
  }
  EXPECT_EQ(history().newest_batch_named("default", "nightly", History::Closed::included), 3u);
  EXPECT_EQ(history().newest_batch_named("default", "nightly", History::Closed::excluded), 2u);
  EXPECT_EQ(history().newest_batch_named("elsewhere", "nightly", History::Closed::excluded), std::nullopt);
  EXPECT_EQ(history().newest_batch("default"), 4u);
}

TEST_P(AnyStore, ANumberNamesABatchAndAPosition) {
  Changes changes = submit_changes(1, 10, 100);
  changes.segments.push_back(sample_segment(1, 1, 10, 5, 200));
  store().commit(changes);
  store().commit(submit_changes(2, 10, 150));
  using Place = std::pair<BatchId, Position>;
  EXPECT_EQ(history().task_of_number(100), Place(1, 0));
  EXPECT_EQ(history().task_of_number(109), Place(1, 9));
  EXPECT_EQ(history().task_of_number(110), std::nullopt);
  EXPECT_EQ(history().task_of_number(151), Place(2, 1));
  EXPECT_EQ(history().task_of_number(204), Place(1, 14));
  EXPECT_EQ(history().task_of_number(99), std::nullopt);
  EXPECT_EQ(history().task_of_number(UINT64_MAX), std::nullopt);
}

TEST_P(AnyStore, ItemsAreFoundInTheirBlocks) {
  Changes changes = submit_changes(1, 100, 1);
  changes.item_blocks = {sample_items(1, 0, 0, 40), sample_items(1, 0, 40, 60), sample_items(1, 2, 0, 1)};
  store().commit(changes);
  EXPECT_EQ(history().item(1, 0, 39)[0], "39");
  EXPECT_EQ(history().item(1, 0, 40)[0], "40");
  EXPECT_EQ(history().item(1, 0, 99)[0], "99");
  EXPECT_TRUE(history().item(1, 0, 100).empty());
  EXPECT_TRUE(history().item(1, 1, 0).empty());
  EXPECT_EQ(history().item(1, 2, 0)[1], "/data/2");
  EXPECT_EQ(store().load_batch(1)->item_blocks.size(), 3u);
}

TEST_P(AnyStore, AReplacedBlockIsReadAnew) {
  Changes changes = submit_changes(1, 100, 1);
  changes.item_blocks = {sample_items(1, 0, 0, 40)};
  store().commit(changes);
  EXPECT_EQ(history().item(1, 0, 5)[0], "5");
  auto other = std::make_shared<ItemBlock>(*sample_items(1, 0, 100, 40).items);
  changes.item_blocks = {{1, 0, 0, other}};
  store().commit(changes);
  EXPECT_EQ(history().item(1, 0, 5)[0], "105");
}

TEST_P(AnyStore, TotalsFollowEveryBatchOfAnyAge) {
  store().commit(submit_changes(1, 10, 1));
  Changes ended = submit_changes(2, 5, 11);
  ended.batches[0].state = BatchState::succeeded;
  ended.batches[0].counts = {0, 0, 0, 0, 5, 0, 0};
  store().commit(ended);
  EXPECT_EQ(history().total_counts("default"), (TaskCounts{0, 0, 10, 0, 5, 0, 0}));
  restart();
  EXPECT_EQ(history().total_counts("default"), (TaskCounts{0, 0, 10, 0, 5, 0, 0}));
  ended.batches[0].counts = {0, 0, 1, 0, 4, 0, 0};
  store().commit(ended);
  EXPECT_EQ(history().total_counts("default"), (TaskCounts{0, 0, 11, 0, 4, 0, 0}));
}

TEST_P(AnyStore, UsersAndProjectsComeAndGo) {
  Changes changes;
  changes.users = {sample_user("mel"), sample_user("ada"), sample_user("bob")};
  changes.projects = {sample_project("genome"), sample_project("atlas")};
  store().commit(changes);
  Changes later;
  later.users = {sample_user("bob"), sample_user("none")};
  for (UserRow& row : later.users) row.removed = true;
  later.projects = {sample_project("atlas")};
  later.projects[0].removed = true;
  store().commit(later);
  restart();
  EXPECT_EQ(access().users(), (std::vector<UserRow>{sample_user("ada"), sample_user("mel")}));
  EXPECT_EQ(access().projects(), std::vector<ProjectRow>{sample_project("genome")});
}

TEST_P(AnyStore, SecretsAreKeptByProjectAndName) {
  SecretRow other = sample_secret("db");
  other.project = "default";
  Changes changes;
  changes.secrets = {sample_secret("db"), sample_secret("aws"), other, sample_secret("old")};
  store().commit(changes);
  SecretRow changed = sample_secret("db");
  changed.sealed = std::string("\0\1", 2);
  changed.changed_wall_us = 9;
  Changes later;
  later.secrets = {sample_secret("old"), changed, sample_secret("none")};
  later.secrets[0].removed = true;
  later.secrets[2].removed = true;
  store().commit(later);
  restart();
  EXPECT_EQ(access().secrets(), (std::vector<SecretRow>{sample_secret("aws"), changed, other}));
}

TEST_P(AnyStore, FlavorsAreKeptByProviderRegionAndName) {
  FlavorRow elsewhere = sample_flavor("t2-90");
  elsewhere.flavor.key.region = "BHS";
  FlavorRow plain;  // nothing is known but its key
  plain.flavor.key = {"azure", "eastasia", "D16s"};
  Changes changes;
  changes.flavors = {sample_flavor("t2-90"), elsewhere, plain, sample_flavor("old")};
  store().commit(changes);
  FlavorRow changed = sample_flavor("t2-90");
  changed.flavor.gpu_mem_mb.reset();
  changed.flavor.eviction_percent.reset();
  Changes later;
  later.flavors = {sample_flavor("old"), changed, sample_flavor("none")};
  later.flavors[0].removed = true;
  later.flavors[2].removed = true;
  store().commit(later);
  const std::vector<Flavor> expected = {plain.flavor, elsewhere.flavor, changed.flavor};
  EXPECT_EQ(history().flavors(), expected);
  EXPECT_EQ(restart().flavors, expected);
}

TEST_P(AnyStore, AnAuditRowIsNeverReplaced) {
  Changes changes;
  changes.audit = {sample_audit(1), sample_audit(2)};
  store().commit(changes);
  Changes forged;
  forged.audit = {sample_audit(2)};
  forged.audit[0].who = "nobody";
  forged.users = {sample_user("mel")};
  EXPECT_THROW(store().commit(forged), StoreUnknown);
  restart();
  EXPECT_EQ(access().audit({}), changes.audit);
  EXPECT_TRUE(access().users().empty());
}

TEST_P(AnyStore, AuditRowsAreReadFromTheOldest) {
  EXPECT_EQ(access().newest_audit(), std::nullopt);
  Changes changes;
  for (std::uint64_t seq = 1; seq <= 5; ++seq) changes.audit.push_back(sample_audit(seq));
  store().commit(changes);
  restart();
  EXPECT_EQ(access().audit({}), changes.audit);
  EXPECT_EQ(access().audit({.after = 2, .limit = 2}), (std::vector{sample_audit(3), sample_audit(4)}));
  EXPECT_TRUE(access().audit({.after = 5}).empty());
  EXPECT_EQ(access().newest_audit(), sample_audit(5));
}

TEST_P(AnyStore, AProjectSeesOnlyItsOwnBatchesEventsAndCounts) {
  for (const auto& [id, project] :
       {std::pair<BatchId, const char*>(1, "default"), {2, "atlas"}, {3, "atlas"}}) {
    Changes changes = submit_changes(id, 10 * id, 100 * id);
    changes.batches[0].project = project;
    changes.events = {sample_event(id, id)};
    store().commit(changes);
  }
  Changes changes;
  changes.events = {sample_event(4, 0), sample_event(5, 99)};
  store().commit(changes);
  restart();
  const auto ids = [](const auto& rows) {
    std::vector<std::uint64_t> found;
    for (const auto& row : rows) {
      if constexpr (requires { row.seq; }) found.push_back(row.seq);
      if constexpr (requires { row.task_count; }) found.push_back(row.id);
    }
    return found;
  };
  using Ids = std::vector<std::uint64_t>;
  EXPECT_EQ(ids(history().batches_of("atlas", {})), (Ids{3, 2}));
  EXPECT_EQ(ids(history().batches_of("atlas", {.after = 3})), (Ids{2}));
  EXPECT_EQ(ids(history().batches_of("default", {})), (Ids{1}));
  EXPECT_TRUE(history().batches_of("none", {}).empty());
  EXPECT_EQ(ids(history().events("atlas", 0, {})), (Ids{4, 3, 2}));
  EXPECT_EQ(ids(history().events("default", 0, {})), (Ids{4, 1}));
  EXPECT_EQ(ids(history().events("atlas", 2, {})), (Ids{2}));
  EXPECT_TRUE(history().events("default", 2, {}).empty());
  EXPECT_EQ(history().total_counts("atlas")[static_cast<std::size_t>(TaskState::ready)], 50U);
  EXPECT_EQ(history().total_counts("default")[static_cast<std::size_t>(TaskState::ready)], 10U);
  EXPECT_EQ(history().total_counts("none"), TaskCounts{});
}

TEST_P(AnyStore, TokensAreDurableAndReplacedByNumber) {
  Changes changes;
  changes.tokens = {sample_token(7), sample_token(2)};
  store().commit(changes);
  TokenRow revoked = sample_token(7);
  revoked.revoked_wall_us = 99;
  revoked.last_used_wall_us = 0;
  changes.tokens = {sample_token(7), revoked};
  store().commit(changes);
  restart();
  EXPECT_EQ(access().tokens(), (std::vector<TokenRow>{sample_token(2), revoked}));
}

}  // namespace
}  // namespace muster::store
