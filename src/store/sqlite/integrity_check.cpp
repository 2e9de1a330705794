// PRAGMA quick_check, table by table.
// Must hold: a page that cannot be read is damage; being interrupted, or short of memory, is not.
#include "store/sqlite/integrity_check.h"

#include <sys/resource.h>

#include <vector>

#include "store/sqlite/database.h"

namespace muster::store::sqlite {

namespace {

std::vector<std::string> tables_of(const Database& database) {
  std::vector<std::string> names;
  Statement statement(database, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  for (Query query(statement); query.next();) names.push_back(query.text());
  return names;
}

}  // namespace

void IntegrityCheck::start(const std::string& path) {
  stop();
  set(Integrity::checking, {});
  thread_ = std::jthread([this, path](const std::stop_token& stop) { run(path, stop); });
}

IntegrityReport IntegrityCheck::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

void IntegrityCheck::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void IntegrityCheck::run(const std::string& path, const std::stop_token& stop) {
  constexpr int kLowPriority = 10;
  setpriority(PRIO_PROCESS, 0, kLowPriority);  // of this thread alone, on Linux
  try {
    Database database(path, OpenMode::read_only);
    const std::stop_callback interrupt(stop, [&] { sqlite3_interrupt(database.handle()); });
    for (const std::string& table : tables_of(database)) {
      if (stop.stop_requested()) break;
      const std::string found = database.text("PRAGMA quick_check('" + table + "')");
      if (found != "ok") throw StoreDamaged("table " + table + ": " + found);
    }
    set(stop.stop_requested() ? Integrity::not_needed : Integrity::sound, {});
  } catch (const StoreDamaged& damage) {
    set(Integrity::damaged, damage.what());
  } catch (const SqliteError& error) {
    const bool unreadable = (error.code & 0xff) == SQLITE_IOERR;
    set(unreadable ? Integrity::damaged : Integrity::not_needed, unreadable ? error.what() : "");
  }
}

void IntegrityCheck::set(Integrity state, const std::string& what) {
  const std::lock_guard lock(mutex_);
  report_ = {state, what};
}

}  // namespace muster::store::sqlite
