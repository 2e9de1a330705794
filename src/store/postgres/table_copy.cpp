// Value by value, by the types of the columns; the tables are those of a new file, so none can be forgotten.
// Must hold: `names` is what the program says it is, and is not copied.
#include "store/postgres/table_copy.h"

#include <unistd.h>

#include "core/escape.h"
#include "store/migrations/migrate.h"
#include "store/sqlite/database.h"

namespace muster::store {

using postgres::Connection;
using postgres::Parameters;
using postgres::PostgresError;
using sqlite::Database;
using sqlite::OpenMode;
using sqlite::SqliteError;

namespace {

struct Table {
  std::string name;
  std::vector<std::string> columns;
  std::string list() const {
    std::string text;
    for (const std::string& column : columns) text += (text.empty() ? "\"" : ", \"") + column + "\"";
    return text;
  }
  // "($1, $2)" or "(?1, ?2)"
  std::string places(char sign) const {
    std::string text = "(";
    for (std::size_t i = 1; i <= columns.size(); ++i)
      text += (i > 1 ? ", " : "") + std::string(1, sign) + std::to_string(i);
    return text + ")";
  }
};

std::vector<Table> tables_of(const Database& file) {
  std::vector<Table> tables;
  sqlite::Statement columns(
      file,
      "SELECT t.name, c.name FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c WHERE "
      "t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'names' ORDER BY t.name, c.cid");
  for (sqlite::Query query(columns); query.next();) {
    std::string table = query.text();
    if (tables.empty() || tables.back().name != table) tables.push_back({std::move(table), {}});
    tables.back().columns.push_back(query.text());
  }
  return tables;
}

Connection connect(const std::string& url, const PostgresOptions& options) {
  return Connection({.url = url,
                     .settings = "SET search_path TO \"" + options.schema +
                                 "\", pg_catalog; SET client_min_messages = error",
                     .call_us = 600'000'000});
}

// ---- out of PostgreSQL

std::uint64_t read_table(Connection& connection, Database& file, const Table& table) {
  file.execute("DELETE FROM \"" + table.name + "\"");
  sqlite::Statement insert(
      file, "INSERT INTO \"" + table.name + "\" (" + table.list() + ") VALUES " + table.places('?'));
  connection.execute("DECLARE all_rows NO SCROLL CURSOR FOR SELECT " + table.list() + " FROM \"" +
                     table.name + "\"");
  std::uint64_t rows = 0;
  for (;;) {
    constexpr Oid kInteger = 20;
    constexpr Oid kBytes = 17;
    postgres::Query row(connection.query_once("FETCH 5000 FROM all_rows"));
    if (row.rows() == 0) break;
    while (row.next()) {
      std::vector<std::string> texts;
      texts.reserve(table.columns.size());
      for (int column = 0; column < static_cast<int>(table.columns.size()); ++column) {
        const Oid type = row.next_type();
        if (row.next_is_null()) {
          row.skip(1);
          insert.bind(column + 1, tables::Null{});
        } else if (type == kInteger) {
          insert.bind(column + 1, row.integer());
        } else if (type == kBytes) {
          insert.bind(column + 1, tables::Blob{texts.emplace_back(row.text())});
        } else {
          insert.bind(column + 1, texts.emplace_back(row.text()));
        }
      }
      insert.finish();
      ++rows;
    }
  }
  connection.execute("CLOSE all_rows");
  return rows;
}

RowCounts read_all(Connection& connection, const std::string& path, Incarnations incarnations) {
  create_database(path, current_schema());
  Database file(path, OpenMode::read_write);
  file.execute("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; BEGIN");
  connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  RowCounts counts;
  for (const Table& table : tables_of(file)) counts[table.name] = read_table(connection, file, table);
  connection.execute("COMMIT");
  file.execute("UPDATE meta SET closed_cleanly = 1");
  if (incarnations == Incarnations::jumped) {
    file.execute("UPDATE meta SET incarnation = incarnation + " + std::to_string(kRestoredIncarnations));
  }
  file.execute("COMMIT");
  return counts;
}

// ---- into PostgreSQL

Result<void> require_empty(Connection& connection, const std::vector<Table>& tables,
                           const PostgresOptions& options) {
  postgres::Query got(
      connection.query("SELECT pg_try_advisory_lock($1::bigint::int, hashtext($2::text))::int",
                       Parameters(kApplicationId, options.schema)));
  if (!got.next() || !got.flag()) {
    return refuse(ErrorKind::wrong_state, kWrongState, "a server runs on that database",
                  "stop it first: muster down");
  }
  for (const Table& table : tables) {
    postgres::Query count(connection.query_once("SELECT count(*) FROM \"" + table.name + "\""));
    const std::uint64_t most = table.name == "meta" ? 1 : 0;
    if (count.next() && count.integer<std::uint64_t>() > most) {
      return refuse(
          ErrorKind::wrong_state, kWrongState, "that database is not empty: it has rows in " + table.name,
          "choose another one, or remove what is there: DROP SCHEMA " + options.schema + " CASCADE");
    }
  }
  return {};
}

void write_table(Connection& connection, Database& file, const Table& table) {
  if (table.name == "meta") connection.execute("DELETE FROM meta");
  const std::string insert = connection.prepare("INSERT INTO \"" + table.name + "\" (" + table.list() +
                                                ") VALUES " + table.places('$'));
  sqlite::Statement all(file, "SELECT " + table.list() + " FROM \"" + table.name + "\"");
  constexpr int kTogether = 500;
  int waiting = 0;
  while (all.step()) {
    if (waiting == 0) connection.begin_pipeline();
    Parameters values;
    for (int column = 0; column < static_cast<int>(table.columns.size()); ++column) {
      const auto* data = static_cast<const char*>(sqlite3_column_blob(all.handle(), column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(all.handle(), column));
      switch (sqlite3_column_type(all.handle(), column)) {
        case SQLITE_NULL:
          values.add(tables::Null{});
          break;
        case SQLITE_INTEGER:
          values.add(sqlite3_column_int64(all.handle(), column));
          break;
        case SQLITE_BLOB:
          values.add(tables::Blob{{data == nullptr ? "" : data, size}});
          break;
        default:
          values.add(std::string_view(data == nullptr ? "" : data, size));
      }
    }
    connection.send(insert, values);
    if (++waiting < kTogether) continue;
    connection.end_pipeline();
    waiting = 0;
  }
  if (waiting > 0) connection.end_pipeline();
}

Result<RowCounts> write_all(Connection& connection, Database& file, const std::vector<Table>& tables,
                            Incarnations incarnations) {
  RowCounts counts;
  connection.execute("BEGIN");
  for (const Table& table : tables) {
    write_table(connection, file, table);
    postgres::Query count(connection.query_once("SELECT count(*) FROM \"" + table.name + "\""));
    count.next();
    counts[table.name] = count.integer<std::uint64_t>();
    const auto there =
        static_cast<std::uint64_t>(file.integer("SELECT count(*) FROM \"" + table.name + "\""));
    if (counts[table.name] != there) {
      connection.execute("ROLLBACK");
      return refuse(ErrorKind::wrong_state, kInternal,
                    table.name + " has " + std::to_string(there) + " rows here and " +
                        std::to_string(counts[table.name]) + " there",
                    "nothing was written; report this");
    }
  }
  if (incarnations == Incarnations::jumped) {
    connection.execute("UPDATE meta SET incarnation = incarnation + " +
                       std::to_string(kRestoredIncarnations));
  }
  connection.execute("COMMIT");
  return counts;
}

Error failed(const std::string& what) {
  return {ErrorKind::temporary, kNoDatabase, "the database failed: " + escape_text(what),
          "nothing was written; try again"};
}

}  // namespace

Result<RowCounts> copy_from_postgres(const std::string& url, const PostgresOptions& options,
                                     const std::string& file, Incarnations incarnations) {
  if (access(file.c_str(), F_OK) == 0) {
    return refuse(ErrorKind::wrong_state, kWrongState, escape_text(file) + " exists already",
                  "choose another name, or move it away");
  }
  // Looks whether it is ours and of this version.
  if (auto looked = open_postgres_store(url, options); !looked) return std::unexpected(looked.error());
  const std::string unfinished = file + ".part";
  unlink(unfinished.c_str());
  try {
    Connection connection = connect(url, options);
    RowCounts counts = read_all(connection, unfinished, incarnations);
    rename_durably(unfinished, file);
    return counts;
  } catch (const PostgresError& error) {
    unlink(unfinished.c_str());
    return std::unexpected(failed(error.what()));
  } catch (const SqliteError& error) {
    unlink(unfinished.c_str());
    if (error.is_full()) {
      return refuse(ErrorKind::temporary, kDiskFull, "there is no room for " + escape_text(file),
                    "make room, or choose another disk");
    }
    return refuse(ErrorKind::usage, kMalformedValue, error.what(), "choose another place");
  } catch (const std::system_error& error) {
    return refuse(ErrorKind::usage, kMalformedValue, error.what(), "choose another place");
  }
}

Result<RowCounts> copy_to_postgres(const std::string& file, const std::string& url,
                                   const PostgresOptions& options, Incarnations incarnations) {
  try {
    const Result<int> number = schema_number_of(file, current_schema());
    if (!number) return std::unexpected(number.error());
    if (*number != current_schema().number) {
      return refuse(ErrorKind::wrong_state, kWrongState, escape_text(file) + " is of an older version",
                    "start this version on it once, then try again");
    }
    if (auto looked = open_postgres_store(url, options); !looked) return std::unexpected(looked.error());
    Connection connection = connect(url, options);
    Database source(file, OpenMode::read_only);
    const std::vector<Table> tables = tables_of(source);
    if (Result<void> empty = require_empty(connection, tables, options); !empty)
      return std::unexpected(empty.error());
    return write_all(connection, source, tables, incarnations);
  } catch (const PostgresError& error) {
    return std::unexpected(failed(error.what()));
  } catch (const SqliteError& error) {
    return refuse(ErrorKind::usage, kMalformedValue, error.what(), "name a file that 'muster backup' made");
  } catch (const std::system_error& error) {
    return refuse(ErrorKind::usage, kMalformedValue, error.what(), "name a file that 'muster backup' made");
  }
}

}  // namespace muster::store
