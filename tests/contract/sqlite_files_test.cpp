// What happens to files: locks, versions, upgrades, truncation, garbage, copies of a database in use.
// Must hold: a refused file keeps every byte.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "store/sqlite/sqlite_store.h"
#include "store_fixtures.h"
#include "store_samples.h"

namespace muster::store {
namespace {

namespace fs = std::filesystem;
using sqlite::Integrity;

SqliteOptions small_options() {
  SqliteOptions options;
  options.reserve = {.ballast_bytes = 1 << 16, .low_bytes = 1 << 16};
  return options;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

void execute(const std::string& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
  sqlite3_close(handle);
}

class SqliteFiles : public testing::Test {
 protected:
  Result<std::unique_ptr<SqliteStore>> open() { return open_sqlite_store(lock_, small_options()); }
  Result<std::unique_ptr<SqliteStore>> open(const SchemaPlan& plan) {
    return open_sqlite_store(lock_, small_options(), plan);
  }
  std::string code_of_open() {
    const auto opened = open();
    return opened ? "" : opened.error().code;
  }
  // A database with some content, closed.
  void fill(std::uint64_t tasks = 300) {
    auto store = open().value();
    store->load();
    Changes changes = submit_changes(1, tasks, 1);
    for (Position i = 0; i < tasks; ++i) changes.tasks.push_back(sample_finished(1, i));
    store->commit(changes);
  }

  TemporaryFolder folder_;
  FolderLock lock_ = FolderLock::take(folder_.path()).value();
  const std::string path_ = folder_.path() + "/muster.db";
};

TEST_F(SqliteFiles, AnOrderlyEndLeavesOneFileAndNeedsNoCheck) {
  fill();
  EXPECT_TRUE(fs::exists(path_));
  EXPECT_FALSE(fs::exists(path_ + "-wal"));
  EXPECT_EQ(open().value()->integrity().state, Integrity::not_needed);
}

TEST_F(SqliteFiles, ANewerSchemaIsRefusedUntouched) {
  fill();
  execute(path_, "UPDATE meta SET schema = 2");
  const std::string before = bytes_of(path_);
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, kDatabaseNewer);
  EXPECT_NE(opened.error().what.find("schema 2"), std::string::npos);
  EXPECT_FALSE(opened.error().next.empty());
  EXPECT_EQ(bytes_of(path_), before);
  EXPECT_FALSE(fs::exists(path_ + "-wal"));
}

TEST_F(SqliteFiles, ANewerSchemaThatIsStillInTheLogIsRefusedUntouched) {
  TemporaryFolder other;
  fill();
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(handle, "UPDATE meta SET schema = 7", nullptr, nullptr, nullptr), SQLITE_OK);
  for (const char* ending : {"", "-wal"}) fs::copy_file(path_ + ending, other.path() + "/muster.db" + ending);
  sqlite3_close(handle);
  const std::string before = bytes_of(other.path() + "/muster.db");
  const std::string log_before = bytes_of(other.path() + "/muster.db-wal");
  const FolderLock lock = FolderLock::take(other.path()).value();
  const auto opened = open_sqlite_store(lock, small_options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, kDatabaseNewer);
  EXPECT_EQ(bytes_of(other.path() + "/muster.db"), before);
  EXPECT_EQ(bytes_of(other.path() + "/muster.db-wal"), log_before);
}

SchemaPlan next_plan(const std::string& sql) {
  SchemaPlan plan = current_schema();
  plan.number = 3;
  plan.steps = {{.to = 2, .sql = "ALTER TABLE batches ADD COLUMN note TEXT NOT NULL DEFAULT 'none';"},
                {.to = 3, .sql = sql}};
  return plan;
}

TEST_F(SqliteFiles, AnOlderSchemaIsBroughtForwardAfterACopy) {
  fill(20);
  const SchemaPlan plan =
      next_plan("CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT; INSERT INTO more VALUES (5);");
  {
    auto store = open(plan).value();
    EXPECT_EQ(store->load().batches.size(), 1u);
    EXPECT_EQ(store->tasks({.batch = 1, .states = {}}, {}).size(), 20u);
  }
  sqlite::Database upgraded(path_, sqlite::OpenMode::read_only);
  EXPECT_EQ(upgraded.integer("SELECT schema FROM meta"), 3);
  EXPECT_EQ(upgraded.integer("SELECT id FROM more"), 5);
  EXPECT_EQ(upgraded.text("SELECT note FROM batches"), "none");
  const sqlite::Database copy(path_ + ".schema-1", sqlite::OpenMode::read_only);
  EXPECT_EQ(
      sqlite::Database(path_ + ".schema-1", sqlite::OpenMode::read_only).integer("SELECT schema FROM meta"),
      1);
  // The older program refuses what it does not know.
  EXPECT_EQ(code_of_open(), kDatabaseNewer);
  EXPECT_TRUE(open(plan));
}

TEST_F(SqliteFiles, AStepThatFailsLeavesTheStepsBeforeIt) {
  fill(20);
  EXPECT_THROW((void)open(next_plan("CREATE TABLE more (id INTEGER); SELECT no_such_function();")),
               sqlite::SqliteError);
  {
    sqlite::Database database(path_, sqlite::OpenMode::read_only);
    EXPECT_EQ(database.integer("SELECT schema FROM meta"), 2);
    EXPECT_EQ(database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'more'"), 0);
  }
  EXPECT_TRUE(open(next_plan("CREATE TABLE more (id INTEGER);")));
}

TEST_F(SqliteFiles, AnyTruncatedDatabaseIsRefusedUntouched) {
  fill();
  const std::string whole = bytes_of(path_);
  ASSERT_GT(whole.size(), 20u * 4096);
  std::vector<std::size_t> sizes = {0, 1, 50, 99, 100, 4095, 4096, whole.size() - 4096, whole.size() - 1};
  std::mt19937_64 random(3);
  for (int i = 0; i < 40; ++i) sizes.push_back(random() % whole.size());
  for (const std::size_t size : sizes) {
    const std::string cut = whole.substr(0, size);
    write_file(path_, cut);
    const auto opened = open();
    ASSERT_FALSE(opened) << size;
    EXPECT_EQ(opened.error().code, kDatabaseDamaged) << size;
    EXPECT_NE(opened.error().what.find("muster.db"), std::string::npos);
    EXPECT_FALSE(opened.error().next.empty());
    EXPECT_EQ(bytes_of(path_), cut) << size;
    EXPECT_FALSE(fs::exists(path_ + "-wal")) << size;
  }
}

TEST_F(SqliteFiles, WhatIsNoDatabaseOfOursIsRefusedUntouched) {
  write_file(path_, std::string(10'000, 'x'));
  EXPECT_EQ(code_of_open(), kDatabaseDamaged);
  EXPECT_EQ(bytes_of(path_), std::string(10'000, 'x'));
  fs::remove(path_);
  execute(path_, "CREATE TABLE meta (schema INTEGER); INSERT INTO meta VALUES (1)");
  EXPECT_EQ(code_of_open(), kDatabaseDamaged);
  fs::remove(path_);
  execute(path_, "PRAGMA application_id = " + std::to_string(kApplicationId) + "; CREATE TABLE other (a)");
  EXPECT_EQ(code_of_open(), kDatabaseDamaged);
}

TEST_F(SqliteFiles, ALogWithoutItsDatabaseIsRefused) {
  write_file(path_ + "-wal", "something");
  EXPECT_EQ(code_of_open(), kDatabaseDamaged);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(SqliteFiles, StatesOfAnotherMeaningAreRefused) {
  fill(1);
  execute(path_, "UPDATE names SET name = 'resting' WHERE cycle = 'task' AND number = 1");
  EXPECT_EQ(code_of_open(), kDatabaseDamaged);
}

TEST_F(SqliteFiles, AnUnfinishedNewDatabaseIsMadeAnew) {
  write_file(path_ + ".new", "cut off");
  EXPECT_EQ(code_of_open(), "");
  EXPECT_FALSE(fs::exists(path_ + ".new"));
}

// Bytes overwritten anywhere: refused, or thrown as damage, or found by the check, or without effect; never anything else.
TEST_F(SqliteFiles, OverwrittenPagesAreFoundOrHarmless) {
  fill(2000);
  const std::string whole = bytes_of(path_);
  std::mt19937_64 random(11);
  int found = 0;
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    std::string damaged = whole;
    const std::size_t page = random() % (damaged.size() / 4096);
    for (std::size_t i = 0; i < 64; ++i) damaged[page * 4096 + i] = static_cast<char>(random());
    write_file(path_, damaged);
    fs::remove(path_ + "-wal");
    fs::remove(path_ + "-shm");
    try {
      auto opened = open();
      if (!opened) {
        EXPECT_EQ(opened.error().code, kDatabaseDamaged);
        EXPECT_EQ(bytes_of(path_), damaged);
        ++found;
        continue;
      }
      (*opened)->load();
      for (Position at = 0; at < 2000; at += 1000)
        (void)(*opened)->tasks({.batch = 1, .states = {}}, {.after = at, .limit = 1000});
    } catch (const StoreDamaged&) {
      ++found;
    }
  }
  EXPECT_GT(found, kRounds / 2);
}

// The files of a running store, copied as a crash would leave them.
TEST_F(SqliteFiles, ACopyOfADatabaseInUseIsTakenOverAndChecked) {
  TemporaryFolder other;
  auto store = open().value();
  store->load();
  Changes changes = submit_changes(1, 100, 1);
  changes.tasks = {sample_running(1, 0)};
  store->commit(changes);
  for (const char* ending : {"", "-wal"}) fs::copy_file(path_ + ending, other.path() + "/muster.db" + ending);
  const FolderLock lock = FolderLock::take(other.path()).value();
  auto copy = open_sqlite_store(lock, small_options()).value();
  EXPECT_EQ(copy->load().batches.size(), 1u);
  EXPECT_EQ(copy->tasks({.batch = 1, .states = {}}, {}), changes.tasks);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (copy->integrity().state == Integrity::checking && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(copy->integrity().state, Integrity::sound);
}

// A log cut anywhere gives the state after some commit, never half of one.
TEST_F(SqliteFiles, ACutLogGivesAPrefixOfTheCommits) {
  auto store = open().value();
  store->load();
  store->commit(submit_changes(1, 100, 1));
  for (Position i = 0; i < 30; ++i) {
    Changes changes;
    changes.tasks = {sample_running(1, 2 * i), sample_running(1, 2 * i + 1)};
    store->commit(changes);
  }
  const std::string file = bytes_of(path_);
  const std::string log = bytes_of(path_ + "-wal");
  std::mt19937_64 random(5);
  for (int round = 0; round < 30; ++round) {
    TemporaryFolder other;
    write_file(other.path() + "/muster.db", file);
    write_file(other.path() + "/muster.db-wal", log.substr(0, random() % log.size()));
    const FolderLock lock = FolderLock::take(other.path()).value();
    auto opened = open_sqlite_store(lock, small_options());
    ASSERT_TRUE(opened);
    (*opened)->load();
    const auto tasks = (*opened)->tasks({.batch = 1, .states = {}}, {});
    EXPECT_EQ(tasks.size() % 2, 0u);
    for (std::size_t i = 0; i < tasks.size(); ++i) EXPECT_EQ(tasks[i], sample_running(1, i));
  }
}

}  // namespace
}  // namespace muster::store
