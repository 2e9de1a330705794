// Leading, losing the lead, and finding out what became of a commit whose answer never came.
// Must hold: what commit() returned from is in the database; a term that is over writes nothing, whoever holds a connection.
#include "store/postgres/postgres_store.h"

#include <time.h>

#include "core/check.h"
#include "core/escape.h"
#include "core/failpoint.h"
#include "store/migrations/schema.h"
#include "store/postgres/loader.h"
#include "store/postgres/schema.h"

namespace muster::store {

using postgres::Connection;
using postgres::Deposed;
using postgres::Parameters;
using postgres::PostgresError;
using postgres::Queries;
using postgres::Query;

namespace {

constexpr Micros kPause_us = 100'000;
constexpr const char* kDiskFullState = "53100";

Micros mono_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<Micros>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

void pause() {
  const timespec length{0, kPause_us * 1000};
  nanosleep(&length, nullptr);
}

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

}  // namespace

// ---- connections

PostgresStore::PostgresStore(std::string url, PostgresOptions options)
    : url_(std::move(url)), options_(std::move(options)) {}

PostgresStore::~PostgresStore() {
  try {
    if (writer_ != nullptr && !write_connection_->is_lost()) writer_->mark_closed();
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
    // An unclean end is all that the next start sees, and a database that cannot be reached looks the same.
  }
}

postgres::ConnectionOptions PostgresStore::connection_options(bool writes) const {
  // A plan that reads a whole table was made when the table was small; it must not stay when the table is large.
  std::string settings = "SET search_path TO " + quoted(options_.schema) +
                         ", pg_catalog; SET statement_timeout = '30s'; SET lock_timeout = '10s';"
                         "SET enable_seqscan = off; SET jit = off; SET client_min_messages = error;";
  if (writes) {
    const std::string silent = "'" + std::to_string(options_.silent_seconds) + "s'";
    settings +=
        "SET synchronous_commit = on; SET enable_hashjoin = off; SET enable_mergejoin = off;"
        "SET idle_session_timeout = " +
        silent + "; SET idle_in_transaction_session_timeout = " + silent;
  } else {
    settings += "SET default_transaction_read_only = on";
  }
  return {.url = url_, .settings = std::move(settings)};
}

void PostgresStore::connect_writer() {
  writer_.reset();
  has_lock_ = false;
  write_connection_.reset();
  write_connection_ = std::make_unique<Connection>(connection_options(true));
}

// The lock belongs to the session: who gets it knows that the session of the one before, and its last transaction, are over.
bool PostgresStore::take_lock() {
  if (has_lock_) return true;
  Query got(write_connection_->query("SELECT pg_try_advisory_lock($1::bigint::int, hashtext($2::text))::int",
                                     Parameters(kApplicationId, options_.schema)));
  has_lock_ = got.next() && got.flag();
  return has_lock_;
}

bool PostgresStore::try_lead() {
  const std::lock_guard lock(write_mutex_);
  try {
    if (write_connection_ == nullptr || write_connection_->is_lost()) connect_writer();
    if (take_lock()) return true;
    Query meta(write_connection_->query("SELECT leader FROM meta"));
    if (meta.next()) leader_ = meta.text();
    return false;
  } catch (const PostgresError& error) {
    write_connection_.reset();
    throw StoreUnknown(error.what());
  }
}

std::string PostgresStore::leader() {
  const std::lock_guard lock(write_mutex_);
  return leader_;
}

// ---- leading

// Not part of the truth: if it is lost, standbys name no leader, or an older one.
void PostgresStore::announce(const std::string& url) {
  const std::lock_guard lock(write_mutex_);
  require_lead();
  try {
    write_connection_->query("UPDATE meta SET leader = $2 WHERE incarnation = $1", Parameters(term_, url));
  } catch (const PostgresError& error) {
    if (error.lost) take_back_lead();
  }
}

void PostgresStore::require_lead() const {
  MUSTER_CHECK(term_ != 0, "a store is loaded before it is written");
  if (writer_ == nullptr) throw StoreUnknown("the fate of an earlier commit is not known: load first");
}

// A connection and the lock again, for the term that was ours; gives up when it is not ours any more, or after the patience.
void PostgresStore::take_back_lead() {
  const Micros until_us = mono_us() + options_.patience_us;
  std::string why = "the database did not answer";
  for (;; pause()) {
    try {
      connect_writer();
      Query meta(write_connection_->query("SELECT incarnation FROM meta"));
      if (!meta.next() || meta.integer<Incarnation>() != term_)
        throw Deposed("another server has taken over");
      if (take_lock()) {
        // Between the two questions another one may have come and gone.
        Query again(write_connection_->query("SELECT incarnation FROM meta"));
        if (!again.next() || again.integer<Incarnation>() != term_)
          throw Deposed("another server has taken over");
        writer_ = std::make_unique<postgres::Writer>(*write_connection_, term_, options_.young_batches);
        return;
      }
      why = "another session has the lock of the leader";
    } catch (const PostgresError& error) {
      why = error.what();
    } catch (const Deposed& deposed) {
      writer_.reset();
      throw StoreUnknown(deposed.what());
    }
    if (mono_us() > until_us) {
      writer_.reset();
      throw StoreUnknown(why);
    }
  }
}

// Runs `work` on the writing side, and tells a full disk from everything else.
template <class Work>
auto PostgresStore::lead(const Work& work) {
  require_lead();
  try {
    return work(*writer_);
  } catch (const PostgresError& error) {
    if (error.lost) throw;
    if (error.state == kDiskFullState) throw StoreFull(error.what());
    writer_.reset();
    throw StoreUnknown(error.what());
  } catch (const Deposed& deposed) {
    writer_.reset();
    throw StoreUnknown(deposed.what());
  }
}

StoreSnapshot PostgresStore::load() {
  const std::lock_guard lock(write_mutex_);
  const Micros until_us = mono_us() + options_.patience_us;
  for (;; pause()) {
    try {
      if (write_connection_ == nullptr || write_connection_->is_lost()) connect_writer();
      if (take_lock()) {
        writer_.reset();
        Query counted(
            write_connection_->query("UPDATE meta SET incarnation = incarnation + 1, closed_cleanly = 0, "
                                     "last_commit = 0 RETURNING incarnation"));
        MUSTER_CHECK(counted.next(), "meta has its one row");
        term_ = counted.integer<Incarnation>();
        failpoint("postgres.incarnation.begun");
        StoreSnapshot snapshot = postgres::load_snapshot(*write_connection_);
        snapshot.incarnation = term_;
        writer_ = std::make_unique<postgres::Writer>(*write_connection_, term_, options_.young_batches);
        return snapshot;
      }
      if (mono_us() > until_us) throw StoreUnknown("another server leads");
    } catch (const PostgresError& error) {
      if (!error.lost || mono_us() > until_us) throw StoreUnknown(error.what());
      write_connection_.reset();
      has_lock_ = false;
    }
  }
}

void PostgresStore::commit(const Changes& changes) {
  const std::lock_guard lock(write_mutex_);
  if (changes.empty()) return;
  const auto once = [&] { lead([&](postgres::Writer& writer) { writer.write(changes); }); };
  std::uint64_t number = writer_ == nullptr ? 0 : writer_->last_commit() + 1;
  constexpr int kTries = 5;
  for (int tries = 1;; ++tries) {
    try {
      return once();
    } catch (const PostgresError& error) {
      // The answer never came. With the lock in hand nobody writes, and the number says whether it was written.
      take_back_lead();
      if (writer_->last_commit() == number) return;
      if (tries == kTries) {
        writer_.reset();
        throw StoreUnknown(error.what());
      }
      number = writer_->last_commit() + 1;
    }
  }
}

std::optional<BatchSnapshot> PostgresStore::load_batch(BatchId id) {
  const std::lock_guard lock(write_mutex_);
  require_lead();
  for (bool again = false;; again = true) {
    try {
      return postgres::load_batch(*write_connection_, id);
    } catch (const PostgresError& error) {
      if (again || !error.lost) throw StoreUnknown(error.what());
      take_back_lead();
    }
  }
}

void PostgresStore::keep_alive() {
  const std::lock_guard lock(write_mutex_);
  require_lead();
  try {
    Query meta(write_connection_->query("SELECT incarnation FROM meta"));
    if (meta.next() && meta.integer<Incarnation>() == term_) return;
    writer_.reset();
    throw StoreUnknown("another server has taken over");
  } catch (const PostgresError& error) {
    if (!error.lost) throw StoreUnknown(error.what());
    take_back_lead();
  }
}

// ---- History and access

template <class Work>
auto PostgresStore::read(const Work& work) {
  const std::lock_guard lock(read_mutex_);
  const Micros until_us = mono_us() + options_.patience_us;
  for (;; pause()) {
    try {
      if (read_connection_ == nullptr || read_connection_->is_lost()) {
        read_connection_ = std::make_unique<Connection>(connection_options(false));
      }
      Queries queries(*read_connection_);
      return work(queries);
    } catch (const PostgresError& error) {
      if (!error.lost || mono_us() > until_us) throw StoreUnknown(error.what());
      read_connection_.reset();
    }
  }
}

std::optional<BatchRow> PostgresStore::batch(BatchId id) {
  return read([&](Queries& queries) { return queries.batch(id); });
}
std::optional<BatchId> PostgresStore::newest_batch_named(const std::string& project, const std::string& name,
                                                         Closed closed) {
  return read([&](Queries& queries) { return queries.newest_batch_named(project, name, closed); });
}
std::optional<BatchId> PostgresStore::newest_batch(const std::string& project) {
  return read([&](Queries& queries) { return queries.newest_batch(project); });
}
std::optional<std::pair<BatchId, Position>> PostgresStore::task_of_number(TaskNumber number) {
  return read([&](Queries& queries) { return queries.task_of_number(number); });
}
std::vector<BatchRow> PostgresStore::batches(const Page& page) {
  return read([&](Queries& queries) { return queries.batches(page); });
}
std::vector<BatchRow> PostgresStore::batches_of(const std::string& project, const Page& page) {
  return read([&](Queries& queries) { return queries.batches_of(project, page); });
}
std::vector<SegmentRow> PostgresStore::segments(BatchId id) {
  return read([&](Queries& queries) { return queries.segments(id); });
}
std::vector<OverrideRow> PostgresStore::overrides(BatchId id) {
  return read([&](Queries& queries) { return queries.overrides(id); });
}
std::vector<StateRunRow> PostgresStore::state_runs(BatchId id) {
  return read([&](Queries& queries) { return queries.state_runs(id); });
}
std::shared_ptr<const TaskTemplate> PostgresStore::task_template(TemplateId id) {
  return read([&](Queries& queries) { return queries.task_template(id); });
}
std::vector<std::string> PostgresStore::item(BatchId batch, std::uint32_t segment, std::uint64_t item) {
  return read([&](Queries& queries) { return queries.item(batch, segment, item); });
}
std::vector<TaskRow> PostgresStore::tasks(const TaskFilter& filter, const Page& page) {
  return read([&](Queries& queries) { return queries.tasks(filter, page); });
}
std::vector<AttemptRow> PostgresStore::attempts(BatchId batch, Position position) {
  return read([&](Queries& queries) { return queries.attempts(batch, position); });
}
std::vector<Flavor> PostgresStore::flavors() {
  return read([&](Queries& queries) { return queries.flavors(); });
}
std::vector<LimitRow> PostgresStore::limits() {
  return read([&](Queries& queries) { return queries.limits(); });
}

std::vector<WorkerRow> PostgresStore::workers() {
  return read([&](Queries& queries) { return queries.workers(); });
}
std::vector<EventRow> PostgresStore::events(const std::string& project, BatchId batch, const Page& page) {
  return read([&](Queries& queries) { return queries.events(project, batch, page); });
}
std::optional<KeyRow> PostgresStore::key(const std::string& project, const std::string& key) {
  return read([&](Queries& queries) { return queries.key(project, key); });
}
TaskCounts PostgresStore::total_counts(const std::string& project) {
  return read([&](Queries& queries) { return queries.total_counts(project); });
}
std::vector<TokenRow> PostgresStore::tokens() {
  return read([&](Queries& queries) { return queries.tokens(); });
}

std::vector<UserRow> PostgresStore::users() {
  return read([&](Queries& queries) { return queries.users(); });
}
std::vector<ProjectRow> PostgresStore::projects() {
  return read([&](Queries& queries) { return queries.projects(); });
}
std::vector<SecretRow> PostgresStore::secrets() {
  return read([&](Queries& queries) { return queries.secrets(); });
}
std::vector<AuditRow> PostgresStore::audit(const Page& page) {
  return read([&](Queries& queries) { return queries.audit(page); });
}
std::optional<AuditRow> PostgresStore::newest_audit() {
  return read([&](Queries& queries) { return queries.newest_audit(); });
}

}  // namespace muster::store
