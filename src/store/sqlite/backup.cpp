// SQLite's own copier, reading beside the writer: in one read transaction, so that the writer's log grows meanwhile.
// Must hold: the copy is looked through before it gets its name.
#include "store/sqlite/backup.h"

#include <unistd.h>

#include "core/escape.h"
#include "store/migrations/migrate.h"
#include "store/sqlite/database.h"

namespace muster::store {

using sqlite::Database;
using sqlite::OpenMode;
using sqlite::Query;
using sqlite::SqliteError;
using sqlite::Statement;

namespace {

void remove_database(const std::string& path) {
  for (const char* ending : {"", "-journal", "-wal", "-shm"}) unlink((path + ending).c_str());
}

void copy_pages(const std::string& from, const std::string& to) {
  Database source(from, OpenMode::read_only);
  Database target(to, OpenMode::create);
  target.execute("PRAGMA synchronous = OFF");  // it is synced whole before it gets its name
  sqlite3_backup* backup = sqlite3_backup_init(target.handle(), "main", source.handle(), "main");
  if (backup == nullptr)
    sqlite::throw_error(target.handle(), sqlite3_extended_errcode(target.handle()), "copying");
  constexpr int kEverything = -1;
  sqlite3_backup_step(backup, kEverything);
  const int code = sqlite3_backup_finish(backup);
  if (code != SQLITE_OK) sqlite::throw_error(target.handle(), code, "copying to " + to);
}

Result<RowCounts> make_copy(const std::string& from, const std::string& to, Incarnations incarnations) {
  copy_pages(from, to);
  Database copy(to, OpenMode::read_write);
  if (const std::string fault = copy.text("PRAGMA quick_check(1)"); fault != "ok") {
    return std::unexpected(damaged_database(from, fault));
  }
  copy.execute("UPDATE meta SET closed_cleanly = 1");
  if (incarnations == Incarnations::jumped) {
    copy.execute("UPDATE meta SET incarnation = incarnation + " + std::to_string(kRestoredIncarnations));
  }
  // A log beside it would be half of the copy.
  copy.execute("PRAGMA journal_mode = DELETE");
  return count_rows(to);
}

}  // namespace

RowCounts count_rows(const std::string& path) {
  const Database database(path, OpenMode::read_only);
  RowCounts counts;
  Statement tables(
      database,
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> "
      "'names'");
  for (Query query(tables); query.next();) {
    const std::string name = query.text();
    Statement count(database, "SELECT count(*) FROM \"" + name + "\"");
    Query one(count);
    if (one.next()) counts[name] = one.integer<std::uint64_t>();
  }
  return counts;
}

Result<RowCounts> copy_database(const std::string& from, const std::string& to, Incarnations incarnations) {
  if (access(to.c_str(), F_OK) == 0) {
    return refuse(ErrorKind::wrong_state, kWrongState, escape_text(to) + " exists already",
                  "choose another name, or move it away");
  }
  const std::string unfinished = to + ".new";
  try {
    const Result<int> number = schema_number_of(from, current_schema());
    if (!number) return std::unexpected(number.error());
    remove_database(unfinished);
    Result<RowCounts> counts = make_copy(from, unfinished, incarnations);
    if (!counts) {
      remove_database(unfinished);
      return counts;
    }
    rename_durably(unfinished, to);
    return counts;
  } catch (const SqliteError& error) {
    remove_database(unfinished);
    if (!error.is_full())
      return refuse(ErrorKind::temporary, kInternal, error.what(), "look at the disk, and try again");
    return refuse(ErrorKind::temporary, kDiskFull, "there is no room for " + escape_text(to),
                  "make room, or choose another disk");
  } catch (const StoreDamaged& damage) {
    remove_database(unfinished);
    return std::unexpected(damaged_database(from, damage.what()));
  } catch (const std::system_error& error) {
    remove_database(unfinished);
    return refuse(ErrorKind::usage, kMalformedValue, error.what(), "choose another place");
  }
}

}  // namespace muster::store
