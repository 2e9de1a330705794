// New files are made aside and renamed; old ones are looked at read-only before anything is opened for writing.
// Must hold: a refused file, and the log beside it, keep every byte.
#include "store/migrations/migrate.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <system_error>

#include "core/cause.h"
#include "core/escape.h"
#include "core/states.h"
#include "store/sqlite/database.h"

namespace muster::store {

using sqlite::Database;
using sqlite::OpenMode;
using sqlite::Query;
using sqlite::SqliteError;
using sqlite::Statement;

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void sync_path(const std::string& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) fail("cannot open " + path);
  const int result = fsync(file);
  const int error = errno;
  close(file);
  if (result != 0) throw std::system_error(error, std::generic_category(), "cannot sync " + path);
}

void remove_database(const std::string& path) {
  for (const char* ending : {"", "-journal", "-wal", "-shm"}) unlink((path + ending).c_str());
}

// With its log if it has one; else in a way that makes none.
OpenMode mode_to_look_at(const std::string& path) {
  struct stat log{};
  const bool has_log = stat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0;
  return has_log ? OpenMode::read_only : OpenMode::frozen;
}

// SQLite rounds the end of a file up to a whole page, and takes nothing at all for a new database.
std::string fault_of_size(const std::string& path, const std::array<char, 100>& header) {
  struct stat file{};
  if (stat(path.c_str(), &file) != 0) fail("cannot look at " + path);
  const auto high = static_cast<unsigned char>(header[16]);
  const auto low = static_cast<unsigned char>(header[17]);
  // 65536 is written as 1.
  const off_t page = high == 0 && low == 1 ? 65536 : high * 256 + low;
  const bool has_log = mode_to_look_at(path) == OpenMode::read_only;
  // A copy of the log that was cut off may have left a part of a page; the log has it whole.
  return page > 0 && (has_log || file.st_size % page == 0) ? "" : "it ends in the middle of a page";
}

std::string fault_of_header(const std::string& path) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail("cannot open " + path);
  std::array<char, 100> header{};
  const ssize_t size = pread(file, header.data(), header.size(), 0);
  close(file);
  if (size < static_cast<ssize_t>(header.size())) return "it ends before the end of its header";
  if (std::string_view(header.data(), kMagic.size()) != kMagic) return "it is no SQLite file";
  return fault_of_size(path, header);
}

Result<int> read_number(const std::string& path, const SchemaPlan& plan) {
  const Database database(path, mode_to_look_at(path));
  Statement application(database, "PRAGMA application_id");
  Query id(application);
  if (!id.next() || id.integer() != kApplicationId) {
    return std::unexpected(damaged_database(path, "it was not made by Muster"));
  }
  Statement schema(database, "SELECT schema FROM meta");
  Query row(schema);
  if (!row.next()) return std::unexpected(damaged_database(path, "it has no schema number"));
  const int number = row.integer<int>();
  if (number > plan.number) {
    return refuse(ErrorKind::wrong_state, kDatabaseNewer,
                  "the database " + escape_text(path) + " has schema " + std::to_string(number) +
                      ", this version knows " + std::to_string(plan.number),
                  "start a newer version of muster");
  }
  return number;
}

void copy_database(const std::string& from, const std::string& to) {
  Database source(from, mode_to_look_at(from));
  Database target(to, OpenMode::create);
  sqlite3_backup* backup = sqlite3_backup_init(target.handle(), "main", source.handle(), "main");
  if (backup == nullptr)
    sqlite::throw_error(target.handle(), sqlite3_extended_errcode(target.handle()), "copying");
  constexpr int kEverything = -1;
  sqlite3_backup_step(backup, kEverything);
  const int code = sqlite3_backup_finish(backup);
  if (code != SQLITE_OK) sqlite::throw_error(target.handle(), code, "copying to " + to);
}

Result<void> keep_copy(const std::string& path, int number) {
  const std::string copy = path + ".schema-" + std::to_string(number);
  const std::string unfinished = copy + ".new";
  remove_database(unfinished);
  try {
    copy_database(path, unfinished);
  } catch (const SqliteError& error) {
    remove_database(unfinished);
    if (!error.is_full()) throw;
    return refuse(ErrorKind::temporary, kDiskFull,
                  "there is no room for a copy of " + escape_text(path) + " before its upgrade",
                  "free as much space as the file has, and start again");
  }
  rename_durably(unfinished, copy);
  return {};
}

template <class Cycle>
void add_names(StateNames& names, const Cycle& cycle) {
  for (std::size_t i = 0; i < cycle.states.size(); ++i) {
    names[{std::string(cycle.name), static_cast<std::int64_t>(i)}] = cycle.states[i].name;
  }
}

}  // namespace

void rename_durably(const std::string& from, const std::string& to) {
  sync_path(from, O_RDONLY);
  if (rename(from.c_str(), to.c_str()) != 0) fail("cannot rename " + from);
  const std::string folder = std::filesystem::path(to).parent_path().string();
  sync_path(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
}

Error damaged_database(const std::string& path, const std::string& what) {
  return {ErrorKind::wrong_state, kDatabaseDamaged,
          "the database " + escape_text(path) + " is damaged: " + escape_text(what),
          "it was not changed; put back a copy of it, or save what can be read with: sqlite3 FILE .recover"};
}

void create_database(const std::string& path, const SchemaPlan& plan) {
  const std::string unfinished = path + ".new";
  remove_database(unfinished);
  {
    Database database(unfinished, OpenMode::create);
    database.execute("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; BEGIN;" + plan.create + "COMMIT;");
  }
  rename_durably(unfinished, path);
}

Result<int> schema_number_of(const std::string& path, const SchemaPlan& plan) {
  const std::string fault = fault_of_header(path);
  if (!fault.empty()) return std::unexpected(damaged_database(path, fault));
  try {
    return read_number(path, plan);
  } catch (const StoreDamaged& damage) {
    return std::unexpected(damaged_database(path, damage.what()));
  } catch (const SqliteError& error) {
    // A missing table; everything else is not the file's fault.
    if (error.code != SQLITE_ERROR) throw;
    return std::unexpected(damaged_database(path, error.what()));
  }
}

Result<void> migrate_database(const std::string& path, int number, const SchemaPlan& plan) {
  if (number == plan.number) return {};
  if (Result<void> copied = keep_copy(path, number); !copied) return copied;
  Database database(path, OpenMode::read_write);
  database.execute("PRAGMA synchronous = FULL");
  for (const Migration& step : plan.steps) {
    if (step.to <= number) continue;
    database.execute("BEGIN IMMEDIATE");
    try {
      database.execute(step.sql);
      database.execute("UPDATE meta SET schema = " + std::to_string(step.to) + "; COMMIT");
    } catch (...) {
      if (sqlite3_get_autocommit(database.handle()) == 0) database.execute("ROLLBACK");
      throw;
    }
  }
  return {};
}

StateNames state_names() {
  StateNames names;
  add_names(names, kTaskCycle);
  add_names(names, kAttemptCycle);
  add_names(names, kBatchCycle);
  add_names(names, kWorkerCycle);
  for (std::size_t i = 0; i < kCauses; ++i) {
    names[{"cause", static_cast<std::int64_t>(i)}] = to_text(static_cast<Cause>(i));
  }
  return names;
}

bool names_match(const std::string& path) {
  const Database database(path, mode_to_look_at(path));
  StateNames theirs;
  Statement names(database, "SELECT cycle, number, name FROM names");
  for (Query query(names); query.next();) {
    std::string cycle = query.text();
    const std::int64_t number = query.integer();
    theirs[{std::move(cycle), number}] = query.text();
  }
  return state_names() == theirs;
}

}  // namespace muster::store
