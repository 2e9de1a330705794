// One connection to PostgreSQL: prepared statements with binary values, pipelines, and errors as exceptions.
// Must hold: every call ends within its time, also when the other side is frozen; used by one thread at a time.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/ids.h"
#include "ports/store.h"
#include "store/postgres/text_form.h"
#include "store/tables/values.h"

namespace muster::store::postgres {

// What PostgreSQL said. After `lost` the connection is of no more use, and what it was asked for last may have been done.
struct PostgresError : std::runtime_error {
  PostgresError(std::string sql_state, bool is_lost, const std::string& what)
      : std::runtime_error(what), state(std::move(sql_state)), lost(is_lost) {}
  std::string state;  // SQLSTATE; empty when none came
  bool lost;
};

// Values of $1, $2, … in binary.
class Parameters {
 public:
  template <class... Values>
  explicit Parameters(const Values&... values) {
    (add(values), ...);
  }

  template <class Value>
  void add(const Value& value) {
    if constexpr (std::is_same_v<Value, tables::Null>) {
      lengths_.push_back(-1);
    } else if constexpr (std::is_same_v<Value, tables::Blob>) {
      add_bytes(value.bytes);
    } else if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
      const std::size_t before = bytes_.size();
      append_to_postgres(std::string_view(value), bytes_);
      lengths_.push_back(static_cast<int>(bytes_.size() - before));
    } else {
      const auto number = __builtin_bswap64(static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
      add_bytes({reinterpret_cast<const char*>(&number), sizeof number});
    }
  }
  void add_bytes(std::string_view bytes) {
    bytes_.append(bytes);
    lengths_.push_back(static_cast<int>(bytes.size()));
  }
  int send(PGconn* connection, const char* statement) const;

 private:
  std::string bytes_;
  std::vector<int> lengths_;
};

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, FreeResult>;

struct ConnectionOptions {
  std::string url;
  std::string settings;         // SQL, run once when connected
  Micros call_us = 40'000'000;  // after this long without an answer the connection is given up
  int connect_seconds = 5;
};

class Connection {
 public:
  explicit Connection(const ConnectionOptions& options);

  PGconn* handle() const { return handle_.get(); }
  // One or more statements without values.
  void execute(const std::string& sql);
  // Prepares what it has not seen before.
  Answer query(const std::string& sql, const Parameters& parameters = Parameters());
  // Without preparing it, and without values.
  Answer query_once(const std::string& sql);
  // The name of the statement, prepared.
  const std::string& prepare(const std::string& sql);

  // What is sent after begin_pipeline() goes out together; end_pipeline() waits for all answers and throws the first error.
  void begin_pipeline();
  void send(const std::string& prepared, const Parameters& parameters);
  // Gives the command tag of the last statement.
  std::string end_pipeline();
  bool is_lost() const { return PQstatus(handle()) != CONNECTION_OK; }

 private:
  Answer next_answer(Micros until_us);
  Answer only_answer(std::string_view doing);
  void flush_and_wait(Micros until_us, bool for_answer);
  [[noreturn]] void fail(const PGresult* answer, std::string_view doing);
  [[noreturn]] void give_up(std::string_view why);

  struct Close {
    void operator()(PGconn* handle) const { PQfinish(handle); }
  };
  std::unique_ptr<PGconn, Close> handle_;
  Micros call_us_;
  std::map<std::string, std::string, std::less<>> prepared_;
};

// One pass over the rows of an answer; columns are taken from left to right.
class Query {
 public:
  explicit Query(Answer answer) : answer_(std::move(answer)), rows_(PQntuples(answer_.get())) {}

  bool next() {
    column_ = 0;
    return ++row_ < rows_;
  }
  int rows() const { return rows_; }
  bool next_is_null() const { return PQgetisnull(answer_.get(), row_, column_) != 0; }
  Oid next_type() const { return PQftype(answer_.get(), column_); }
  void skip(int columns) { column_ += columns; }
  template <class Integer = std::int64_t>
  Integer integer() {
    const std::string_view bytes = this->bytes();
    if (bytes.empty()) return Integer{};
    // Two, four or eight bytes, the highest first.
    auto value = static_cast<std::int64_t>(
        static_cast<signed char>(bytes[0]));  // NOLINT(bugprone-signed-char-misuse): the sign is meant
    for (const char c : bytes.substr(1)) value = value << 8 | static_cast<unsigned char>(c);
    return static_cast<Integer>(value);
  }
  bool flag() { return integer() != 0; }
  template <class Enum>
  Enum enumerator(std::size_t count) {
    const auto number = integer<std::uint64_t>();
    if (number >= count) throw StoreDamaged("a state in the database is not one of ours");
    return static_cast<Enum>(number);
  }
  // Blob, or text that needs no other form; valid as long as this.
  std::string_view bytes() {
    const char* data = PQgetvalue(answer_.get(), row_, column_);
    const int size = PQgetlength(answer_.get(), row_, column_++);
    return {data, static_cast<std::size_t>(size)};
  }
  // Of a column of bytes `text` would be wrong; the type says which it is.
  std::string text() {
    constexpr Oid kBytes = 17;
    const bool is_blob = PQftype(answer_.get(), column_) == kBytes;
    const std::string_view value = bytes();
    return is_blob ? std::string(value) : from_postgres(value);
  }

 private:
  Answer answer_;
  int rows_;
  int row_ = -1;
  int column_ = 0;
};

}  // namespace muster::store::postgres
