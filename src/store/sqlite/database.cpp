// Opening, running, and telling a full disk, damage and other errors apart.
// Must hold: SQLITE_CORRUPT and SQLITE_NOTADB never come out as an ordinary error.
#include "store/sqlite/database.h"

#include <cerrno>
#include <new>

namespace muster::store::sqlite {

namespace {

// A path as a URI, so that options can follow it.
std::string uri_of(const std::string& path, std::string_view options) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string uri = "file:";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '.' || c == '-' || c == '_';
    if (plain) {
      uri += c;
    } else {
      uri += '%';
      uri += kHex[byte >> 4];
      uri += kHex[byte & 15];
    }
  }
  uri += options;
  return uri;
}

int flags_of(OpenMode mode) {
  constexpr int kAlways = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
  switch (mode) {
    case OpenMode::create:
      return kAlways | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case OpenMode::read_write:
      return kAlways | SQLITE_OPEN_READWRITE;
    case OpenMode::read_only:
    case OpenMode::frozen:
      return kAlways | SQLITE_OPEN_READONLY;
  }
  return 0;
}

}  // namespace

bool SqliteError::is_full() const {
  if ((code & 0xff) == SQLITE_FULL) return true;
  return code == SQLITE_IOERR_WRITE &&
         (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG);
}

void throw_error(sqlite3* handle, int code, std::string_view doing) {
  const int primary = code & 0xff;
  if (primary == SQLITE_NOMEM) throw std::bad_alloc();
  std::string what = "SQLite: ";
  what += handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  what += " (" + std::to_string(code) + ") in: " + std::string(doing.substr(0, 200));
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) throw StoreDamaged(what);
  throw SqliteError(code, handle != nullptr ? sqlite3_system_errno(handle) : 0, what);
}

Database::Database(const std::string& path, OpenMode mode) {
  // Nobody asks for SQLite's own statistics of memory; keeping them takes a lock for every allocation.
  static const int statistics_off = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(statistics_off);
  sqlite3* handle = nullptr;
  const std::string uri = uri_of(path, mode == OpenMode::frozen ? "?immutable=1" : "");
  const int code = sqlite3_open_v2(uri.c_str(), &handle, flags_of(mode), nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) throw_error(handle, code, "opening " + path);
  // Somebody with a shell of SQLite may hold the file for a moment.
  sqlite3_busy_timeout(handle, 10'000);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
}

void Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw_error(handle(), code, sql);
}

std::int64_t Database::integer(const std::string& sql) {
  Statement statement(*this, sql);
  Query query(statement);
  return query.next() ? query.integer() : 0;
}

std::string Database::text(const std::string& sql) {
  Statement statement(*this, sql);
  Query query(statement);
  return query.next() ? query.text() : std::string();
}

Statement::Statement(const Database& database, std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) throw_error(database.handle(), code, sql);
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(code);
  return false;
}

void Statement::finish() {
  const int code = sqlite3_step(handle_.get());
  if (code != SQLITE_DONE && code != SQLITE_ROW) fail(code);
  sqlite3_reset(handle_.get());
}

// What is thrown says what happened now, so the message is made before the statement is ready again.
void Statement::fail(int code) {
  struct Ready {
    sqlite3_stmt* handle;
    ~Ready() { sqlite3_reset(handle); }
  } const ready{handle_.get()};
  throw_error(sqlite3_db_handle(handle_.get()), code, sqlite3_sql(handle_.get()));
}

}  // namespace muster::store::sqlite
