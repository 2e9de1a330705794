// What PostgreSQL alone can do to a leader: end its session, die at a commit, give its lock to another server.
// Must hold: what commit() returned from is there once; what a deposed leader tries is not there at all.
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "postgres_fixture.h"
#include "store/migrations/schema.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/text_form.h"
#include "store_fixtures.h"
#include "store_samples.h"

namespace muster::store {
namespace {

using postgres::append_to_postgres;
using postgres::from_postgres;

class PostgresFaults : public testing::Test {
 protected:
  void SetUp() override {
    const std::string missing = why_missing(StoreKind::postgres);
    if (!missing.empty()) GTEST_SKIP() << missing;
  }
  void TearDown() override {
    if (why_missing(StoreKind::postgres).empty()) database().drop(options_.schema);
  }
  static PrivatePostgres& database() { return PrivatePostgres::instance(); }
  std::unique_ptr<PostgresStore> open() { return open_postgres_store(database().url(), options_).value(); }
  static void end_all_sessions() {
    database().ask(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'muster'");
  }
  std::string count(const std::string& table) {
    return database().ask("SELECT count(*) FROM " + options_.schema + "." + table);
  }

  PostgresOptions options_{.schema = database().fresh_name(), .patience_us = 8'000'000};
};

TEST_F(PostgresFaults, ASessionThatWasEndedCostsNothing) {
  const auto store = open();
  store->load();
  store->commit(submit_changes(1, 5, 1));
  end_all_sessions();
  store->commit(submit_changes(2, 5, 10));
  end_all_sessions();
  EXPECT_TRUE(store->batch(2).has_value());
  store->keep_alive();
  end_all_sessions();
  EXPECT_TRUE(store->load_batch(1).has_value());
  EXPECT_EQ(count("batches"), "2");
}

TEST_F(PostgresFaults, SessionsEndedAtAnyMomentOfACommitLoseAndDoubleNothing) {
  const auto store = open();
  store->load();
  std::jthread hunter([](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      end_all_sessions();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  const std::uint64_t commits = getenv("MUSTER_TEST_LONG") != nullptr ? 2000 : 20;
  std::uint64_t given_up = 0;
  for (std::uint64_t i = 1; i <= commits; ++i) {
    try {
      store->commit(submit_changes(i, 1, i));
    } catch (const StoreUnknown&) {
      // Five times in a row: as the server would, it loads anew and says it again.
      hunter.request_stop();
      hunter.join();
      store->load();
      store->commit(submit_changes(i, 1, i));
      ++given_up;
    }
  }
  if (hunter.joinable()) {
    hunter.request_stop();
    hunter.join();
  }
  EXPECT_EQ(count("batches"), std::to_string(commits));
  EXPECT_LE(given_up, 1u);
  EXPECT_EQ(store->total_counts("default")[static_cast<std::size_t>(TaskState::ready)], commits);
}

TEST_F(PostgresFaults, ADatabaseThatDiesIsWaitedFor) {
  const auto store = open();
  store->load();
  store->commit(submit_changes(1, 5, 1));
  database().crash();
  std::jthread later([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    database().restart();
  });
  store->commit(submit_changes(2, 5, 10));
  later.join();
  EXPECT_EQ(count("batches"), "2");
}

TEST_F(PostgresFaults, TheSecondServerWaitsAndADeposedOneWritesNothing) {
  const auto first = open();
  first->load();
  first->commit(submit_changes(1, 5, 1));
  const auto second = open();
  EXPECT_FALSE(second->try_lead());
  end_all_sessions();
  // The first one does not know yet.
  const auto leads = [&] {
    try {
      return second->try_lead();
    } catch (const StoreUnknown&) {
      return false;  // its own session was ended, too
    }
  };
  while (!leads()) std::this_thread::yield();
  const StoreSnapshot taken = second->load();
  EXPECT_EQ(taken.incarnation, 2u);
  EXPECT_EQ(taken.batches.size(), 1u);
  EXPECT_THROW(first->commit(submit_changes(2, 5, 10)), StoreUnknown);
  EXPECT_THROW(first->commit(submit_changes(2, 5, 10)), StoreUnknown);
  EXPECT_THROW(first->keep_alive(), StoreUnknown);
  EXPECT_FALSE(first->try_lead());
  second->commit(submit_changes(3, 5, 20));
  EXPECT_EQ(count("batches"), "2");
}

// The term alone stops it, too: a session that lost its lock and does not know.
TEST_F(PostgresFaults, ATermThatIsOverIsRefusedByTheTransactionItself) {
  const auto store = open();
  store->load();
  database().ask("UPDATE " + options_.schema + ".meta SET incarnation = incarnation + 1");
  EXPECT_THROW(store->commit(submit_changes(1, 5, 1)), StoreUnknown);
  EXPECT_EQ(count("batches"), "0");
}

TEST_F(PostgresFaults, ALeaderThatSaysNothingLosesItsLock) {
  options_.silent_seconds = 1;
  const auto frozen = open();
  frozen->load();
  const auto standby = open();
  const auto start = std::chrono::steady_clock::now();
  while (!standby->try_lead()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
  standby->load();
  EXPECT_THROW(frozen->commit(submit_changes(1, 5, 1)), StoreUnknown);
}

TEST_F(PostgresFaults, TablesAreBroughtForwardAllStepsOrNoneWhileNobodyLeads) {
  auto older = open();
  older->load();
  older->commit(submit_changes(1, 5, 1));
  SchemaPlan later = current_schema();
  const int number = later.number;
  later.steps.push_back({number + 1, "ALTER TABLE batches ADD COLUMN size INTEGER NOT NULL DEFAULT 7;"});
  later.steps.push_back({number + 2, "CREATE TABLE extra (id INTEGER PRIMARY KEY, body BLOB) STRICT;"});
  later.number = number + 2;
  PostgresOptions options = options_;
  options.plan = &later;
  const auto open_later = [&] { return open_postgres_store(database().url(), options); };
  const auto kept = [&] { return database().ask("SELECT schema FROM " + options_.schema + ".meta"); };
  // While a server of the older version leads.
  auto refused = open_later();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, kBusy);
  EXPECT_EQ(kept(), std::to_string(number));
  older.reset();
  // A step that fails takes those before it with it.
  later.steps[static_cast<std::size_t>(number)].sql = "CREATE TABLE meta (id INTEGER);";
  EXPECT_FALSE(open_later());
  EXPECT_EQ(kept(), std::to_string(number));
  EXPECT_EQ(database().ask("SELECT count(*) FROM information_schema.columns WHERE table_schema = '" +
                           options_.schema + "' AND column_name = 'size'"),
            "0");
  later.steps[static_cast<std::size_t>(number)].sql =
      "CREATE TABLE extra (id INTEGER PRIMARY KEY, body BLOB) STRICT;";
  auto newer = open_later();
  ASSERT_TRUE(newer) << newer.error().what;
  EXPECT_EQ(kept(), std::to_string(number + 2));
  EXPECT_EQ(database().ask("SELECT size FROM " + options_.schema + ".batches"), "7");
  EXPECT_EQ(count("extra"), "0");
  *newer = nullptr;
  // An older program does not touch it.
  const auto old_program = open_postgres_store(database().url(), options_);
  ASSERT_FALSE(old_program);
  EXPECT_EQ(old_program.error().code, kDatabaseNewer);
}

TEST(PostgresText, AnyBytesComeBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const std::string& text :
       {std::string("plain"), std::string("größer ☃ 𝄞"), all, std::string("\xf4\x8f\xbc\x80"),
        std::string("a\0b", 3), std::string("\xed\xa0\x80"), std::string("\xc0\x80"),
        std::string("\xe2\x98")}) {
    std::string stored;
    append_to_postgres(text, stored);
    EXPECT_EQ(from_postgres(stored), text);
    EXPECT_EQ(stored.find('\0'), std::string::npos);
  }
  std::string stored;
  append_to_postgres("größer ☃ 𝄞", stored);
  EXPECT_EQ(stored, "größer ☃ 𝄞");
}

}  // namespace
}  // namespace muster::store
