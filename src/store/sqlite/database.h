// One connection to a SQLite file, its prepared statements, and errors as exceptions.
// Must hold: a connection and its statements are used by one thread at a time; a Query is gone before its statement runs again.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "ports/store.h"
#include "store/tables/values.h"

namespace muster::store::sqlite {

// What SQLite said, with its extended code; damage is StoreDamaged instead.
struct SqliteError : std::runtime_error {
  SqliteError(int extended_code, int system_errno, const std::string& what)
      : std::runtime_error(what), code(extended_code), system_error(system_errno) {}
  int code;
  int system_error;
  // The disk, or a quota, takes no more; what was to be written is not.
  bool is_full() const;
  // The same while a file is opened, where its index may find no room either.
  bool is_full_at_open() const { return is_full() || code == SQLITE_IOERR_SHMSIZE; }
};

[[noreturn]] void throw_error(sqlite3* handle, int code, std::string_view doing);

enum class OpenMode : std::uint8_t {
  create,      // a new file
  read_write,  // an existing one
  read_only,
  frozen,  // read only, promised not to change, and without its log: leaves no file beside it
};

class Database {
 public:
  Database(const std::string& path, OpenMode mode);

  sqlite3* handle() const { return handle_.get(); }
  void execute(const std::string& sql);
  // The first value of the first row; 0 without one.
  std::int64_t integer(const std::string& sql);
  std::string text(const std::string& sql);

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

using tables::Blob;
using tables::Null;

class Statement {
 public:
  Statement(const Database& database, std::string_view sql);

  // Binds from ?1 on, runs to the end, leaves the statement ready.
  template <class... Values>
  void run(const Values&... values) {
    bind_all(values...);
    finish();
  }

  template <class... Values>
  void bind_all(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
  }
  template <class Value>
  void bind(int index, const Value& value) {
    if constexpr (std::is_same_v<Value, Null>) {
      check(sqlite3_bind_null(handle_.get(), index));
    } else if constexpr (std::is_same_v<Value, Blob>) {
      // An empty view may have no address, which would bind NULL.
      const char* data = value.bytes.empty() ? "" : value.bytes.data();
      check(sqlite3_bind_blob64(handle_.get(), index, data, value.bytes.size(), SQLITE_STATIC));
    } else if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
      const std::string_view text = value;
      const char* data = text.empty() ? "" : text.data();
      check(sqlite3_bind_text64(handle_.get(), index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
    } else {
      check(sqlite3_bind_int64(handle_.get(), index, static_cast<std::int64_t>(value)));
    }
  }
  // Runs to the end with what is bound.
  void finish();
  bool step();
  void reset() noexcept { sqlite3_reset(handle_.get()); }
  sqlite3_stmt* handle() const { return handle_.get(); }

 private:
  void check(int code) {
    if (code != SQLITE_OK) fail(code);
  }
  [[noreturn]] void fail(int code);

  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// Binds one value after the other, from ?index on; what is bound lives until the statement has run.
class Binder {
 public:
  explicit Binder(Statement& statement, int index = 1) : statement_(statement), index_(index) {}
  template <class Value>
  void add(const Value& value) {
    statement_.bind(index_++, value);
  }

 private:
  Statement& statement_;
  int index_;
};

// One pass over the rows of a statement; columns are taken from left to right.
class Query {
 public:
  template <class... Values>
  explicit Query(Statement& statement, const Values&... values) : statement_(statement) {
    statement_.bind_all(values...);
  }
  ~Query() { statement_.reset(); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  bool next() {
    column_ = 0;
    return statement_.step();
  }
  bool next_is_null() const { return sqlite3_column_type(statement_.handle(), column_) == SQLITE_NULL; }
  void skip(int columns) { column_ += columns; }
  template <class Integer = std::int64_t>
  Integer integer() {
    return static_cast<Integer>(sqlite3_column_int64(statement_.handle(), column_++));
  }
  bool flag() { return integer() != 0; }
  // An enumerator below `count`; anything else is damage.
  template <class Enum>
  Enum enumerator(std::size_t count) {
    const auto number = integer<std::uint64_t>();
    if (number >= count) throw StoreDamaged("a state in the database is not one of ours");
    return static_cast<Enum>(number);
  }
  // Text or blob; valid until the next step.
  std::string_view bytes() {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.handle(), column_));
    const int size = sqlite3_column_bytes(statement_.handle(), column_++);
    return {data == nullptr ? "" : data, static_cast<std::size_t>(size)};
  }
  std::string text() { return std::string(bytes()); }

 private:
  Statement& statement_;
  int column_ = 0;
};

}  // namespace muster::store::sqlite
