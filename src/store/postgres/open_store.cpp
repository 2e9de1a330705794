// Making the tables, and looking at those that are there before anything is written to them.
// Must hold: two servers that open an empty database at once make its tables once; a refused one is not changed; the tables are brought
// forward by one server, while nobody leads, all steps or none.
#include <optional>

#include "core/escape.h"
#include "store/migrations/migrate.h"
#include "store/migrations/schema.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/schema.h"

namespace muster::store {

using postgres::Connection;
using postgres::Parameters;
using postgres::PostgresError;
using postgres::Query;

namespace {

Error unreachable(const std::string& url, const std::string& what) {
  return {ErrorKind::temporary, kNoDatabase,
          "the database " + escape_text(without_password(url)) + " cannot be used: " + escape_text(what),
          "try it with psql, and see 'muster help E111'"};
}

Error damaged(const std::string& url, const std::string& what) {
  return {ErrorKind::wrong_state, kDatabaseDamaged,
          "the database " + escape_text(without_password(url)) +
              " is not what it should be: " + escape_text(what),
          "it was not changed; restore a backup into an empty database"};
}

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

bool has_tables(Connection& connection, const std::string& schema) {
  Query found(
      connection.query("SELECT count(*) FROM pg_tables WHERE schemaname = $1::text AND tablename = 'meta'",
                       Parameters(schema)));
  return found.next() && found.flag();
}

void make_tables(Connection& connection, const std::string& schema) {
  connection.execute("BEGIN");
  connection.query("SELECT pg_advisory_xact_lock($1::bigint::int, hashtext('make ' || $2::text))::text",
                   Parameters(kApplicationId, schema));
  if (!has_tables(connection, schema)) {
    const std::string name = quoted(schema);
    connection.execute("CREATE SCHEMA IF NOT EXISTS " + name + "; SET LOCAL search_path TO " + name + ";" +
                       postgres::create_schema());
  }
  connection.execute("COMMIT");
}

// The number of the tables, as they are; nothing when they have none.
std::optional<int> number_of(Connection& connection) {
  Query meta(connection.query("SELECT schema FROM meta"));
  if (!meta.next()) return std::nullopt;
  return meta.integer<int>();
}

// PostgreSQL takes back what a transaction did to tables, too: whatever ends it leaves them as they were.
Result<void> bring_forward(Connection& connection, const std::string& url, const std::string& schema,
                           const SchemaPlan& plan) {
  connection.execute("BEGIN");
  // The lock of leaders, for as long as this takes: an older server that leads would write into tables it does not know.
  Query got(connection.query("SELECT pg_try_advisory_xact_lock($1::bigint::int, hashtext($2::text))::int",
                             Parameters(kApplicationId, schema)));
  const bool alone = got.next() && got.flag();
  const int number = number_of(connection).value_or(plan.number);
  if (!alone && number < plan.number) {
    connection.execute("ROLLBACK");
    return refuse(ErrorKind::temporary, kBusy,
                  "the database " + escape_text(without_password(url)) +
                      " has the tables of an older version, "
                      "and a server of it leads",
                  "end that server and its standbys (muster down --keep-running), then start this one");
  }
  try {
    for (const Migration& step : plan.steps) {
      if (step.to <= number) continue;
      connection.execute(postgres::in_postgres(step.sql));
      connection.execute("UPDATE meta SET schema = " + std::to_string(step.to));
    }
    connection.execute("COMMIT");
  } catch (const PostgresError& error) {
    if (!error.lost) connection.execute("ROLLBACK");
    throw;
  }
  return {};
}

Result<void> look_at(Connection& connection, const std::string& url, const std::string& schema,
                     const SchemaPlan& plan) {
  const std::optional<int> number = number_of(connection);
  if (!number) return std::unexpected(damaged(url, "it has no schema number"));
  if (*number > plan.number) {
    return refuse(ErrorKind::wrong_state, kDatabaseNewer,
                  "the database " + escape_text(without_password(url)) + " has schema " +
                      std::to_string(*number) + ", this version knows " + std::to_string(plan.number),
                  "start a newer version of muster");
  }
  if (*number < plan.number) {
    if (Result<void> done = bring_forward(connection, url, schema, plan); !done) return done;
  }
  StateNames names;
  Query rows(connection.query("SELECT cycle, number, name FROM names"));
  while (rows.next()) {
    std::string cycle = rows.text();
    const std::int64_t state = rows.integer();
    names[{std::move(cycle), state}] = rows.text();
  }
  if (names != state_names())
    return std::unexpected(damaged(url, "its states are not those of this version"));
  return {};
}

}  // namespace

std::string without_password(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t at = url.find('@');
  if (scheme == std::string::npos || at == std::string::npos) return url;
  const std::size_t colon = url.find(':', scheme + 3);
  if (colon == std::string::npos || colon > at) return url;
  return url.substr(0, colon) + ":***" + url.substr(at);
}

Result<std::unique_ptr<PostgresStore>> open_postgres_store(const std::string& url,
                                                           const PostgresOptions& options) {
  const SchemaPlan& plan = options.plan != nullptr ? *options.plan : current_schema();
  try {
    Connection connection(
        {.url = url,
         .settings = "SET search_path TO " + quoted(options.schema) +
                     ", pg_catalog; SET client_min_messages = error; SET lock_timeout = '30s'"});
    Query encoding(connection.query("SELECT current_setting('server_encoding')"));
    if (!encoding.next() || encoding.text() != "UTF8") {
      return std::unexpected(unreachable(url, "its encoding is not UTF8"));
    }
    if (!has_tables(connection, options.schema)) make_tables(connection, options.schema);
    if (Result<void> fine = look_at(connection, url, options.schema, plan); !fine)
      return std::unexpected(fine.error());
    return std::make_unique<PostgresStore>(url, options);
  } catch (const PostgresError& error) {
    return std::unexpected(unreachable(url, error.what()));
  } catch (const StoreDamaged& damage) {
    return std::unexpected(damaged(url, damage.what()));
  }
}

}  // namespace muster::store
