// Opening, committing, checkpointing, and what follows when the disk does not do its part.
// Must hold: what commit() returned from is on disk; StoreFull means nothing of it was written; anything else is StoreUnknown.
#include "store/sqlite/sqlite_store.h"

#include <sys/stat.h>

#include "core/check.h"
#include "core/escape.h"
#include "core/failpoint.h"
#include "store/migrations/migrate.h"

namespace muster::store {

using sqlite::Database;
using sqlite::OpenMode;
using sqlite::SqliteError;

namespace {

constexpr const char* kDatabaseName = "muster.db";

// The log is cut back to this after a large transaction made it longer.
constexpr int kLogBytesKept = 8 << 20;

int count_log_pages(void* pages, sqlite3*, const char*, int in_log) {
  *static_cast<int*>(pages) = in_log;
  return SQLITE_OK;
}

Database open_for_writing(const std::string& path) {
  Database database(path, OpenMode::read_write);
  database.execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
      "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;"
      "PRAGMA journal_size_limit = " +
      std::to_string(kLogBytesKept));
  return database;
}

Database open_for_reading(const std::string& path) {
  Database database(path, OpenMode::read_only);
  database.execute("PRAGMA query_only = 1; PRAGMA mmap_size = 0; PRAGMA cache_size = -4096");
  return database;
}

bool exists(const std::string& path) {
  struct stat found{};
  return stat(path.c_str(), &found) == 0;
}

// New work is refused when the disk is full; the ballast is for the end of old work.
bool may_use_ballast(const Changes& changes) { return changes.item_blocks.empty(); }

}  // namespace

SqliteStore::WriteSide::WriteSide(const std::string& path, BatchId young_batches)
    : database(open_for_writing(path)), writer(database, young_batches), loader(database) {}

SqliteStore::ReadSide::ReadSide(const std::string& path)
    : database(open_for_reading(path)), queries(database) {}

SqliteStore::SqliteStore(std::string path, const DiskReserve& reserve, const SqliteOptions& options)
    : path_(std::move(path)), options_(options), reserve_(reserve) {
  open_sides();
  if (write_side_->database.integer("SELECT closed_cleanly FROM meta") == 0) check_.start(path_);
}

void SqliteStore::open_sides() {
  write_side_ = std::make_unique<WriteSide>(path_, options_.young_batches);
  read_side_ = std::make_unique<ReadSide>(path_);
  sqlite3_wal_hook(write_side_->database.handle(), count_log_pages, &log_pages_);
  next_checkpoint_ = options_.checkpoint_pages;
}

SqliteStore::~SqliteStore() {
  check_.stop();
  read_side_.reset();
  if (write_side_ != nullptr && must_reload_) {
    // Pages the disk has not taken are still in the log; closing must not pretend otherwise.
    sqlite3_db_config(write_side_->database.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return;
  }
  try {
    if (loaded_ && write_side_ != nullptr) write_side_->writer.mark_closed();
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
    // The next start looks through the file, which is all that is lost.
  }
}

// ---- Store

// Runs `work` on the writing side. A full disk costs the ballast first, if `work` may have it.
template <class Work>
auto SqliteStore::write(const Work& work) {
  MUSTER_CHECK(loaded_, "a store is loaded before it is written");
  if (must_reload_) throw StoreUnknown("the fate of an earlier commit is not known: load first");
  try {
    return work(write_side_->writer);
  } catch (const SqliteError& error) {
    if (error.is_full()) throw StoreFull(error.what());
    must_reload_ = true;
    throw StoreUnknown(error.what());
  } catch (const StoreDamaged&) {
    must_reload_ = true;
    throw;
  }
}

StoreSnapshot SqliteStore::load() {
  const std::lock_guard lock(write_mutex_);
  if (must_reload_) reopen();
  loaded_ = true;
  const auto begin = [this] {
    return write([](sqlite::Writer& writer) { return writer.begin_incarnation(); });
  };
  Incarnation incarnation = 0;
  try {
    incarnation = begin();
    failpoint("server.incarnation.begun");
  } catch (const StoreFull&) {
    if (!reserve_.release()) throw;
    incarnation = begin();
  }
  StoreSnapshot snapshot = write_side_->loader.load();
  snapshot.incarnation = incarnation;
  return snapshot;
}

void SqliteStore::commit(const Changes& changes) {
  const std::lock_guard lock(write_mutex_);
  if (changes.empty()) return;
  const auto once = [&] { write([&](sqlite::Writer& writer) { writer.write(changes); }); };
  try {
    once();
  } catch (const StoreFull&) {
    if (!may_use_ballast(changes) || !reserve_.release()) throw;
    once();
  }
  if (!changes.item_blocks.empty()) {
    const std::lock_guard read_lock(read_mutex_);
    read_side_->queries.forget_items();
  }
  checkpoint_if_due();
}

std::optional<BatchSnapshot> SqliteStore::load_batch(BatchId id) {
  const std::lock_guard lock(write_mutex_);
  if (must_reload_) throw StoreUnknown("the fate of a commit is not known: load first");
  return write_side_->loader.load_batch(id);
}

// All connections go, so that the log is read anew and every page of it is copied again: what an earlier copy left in the
// memory of a disk that failed is not trusted.
void SqliteStore::reopen() {
  check_.stop();
  const std::lock_guard lock(read_mutex_);
  read_side_.reset();
  if (write_side_ != nullptr) {
    sqlite3_db_config(write_side_->database.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    write_side_.reset();
  }
  try {
    open_sides();
  } catch (const SqliteError& error) {
    if (!error.is_full_at_open() || !reserve_.release()) throw;
    open_sides();
  }
  must_reload_ = false;
}

// ---- checkpoints

void SqliteStore::checkpoint_if_due() {
  if (log_pages_ < next_checkpoint_) return;
  try {
    checkpoint();
  } catch (const SqliteError& error) {
    // The commit stands: it is in the log. A full disk is tried again later; after anything else the file is opened anew.
    if (error.is_full()) {
      reserve_.release();
      next_checkpoint_ = log_pages_ + options_.checkpoint_pages;
    } else {
      must_reload_ = true;
    }
  }
}

void SqliteStore::checkpoint() {
  int in_log = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(write_side_->database.handle(), "main",
                                             SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  if (code != SQLITE_OK && code != SQLITE_BUSY) {
    sqlite::throw_error(write_side_->database.handle(), code, "copying the log into the file");
  }
  // A reader that still needs the log keeps it from starting over; the next try comes as much later.
  next_checkpoint_ = copied < in_log ? in_log + options_.checkpoint_pages : options_.checkpoint_pages;
}

// ---- History and access

template <class Work>
auto SqliteStore::read(const Work& work) {
  const std::lock_guard lock(read_mutex_);
  if (read_side_ == nullptr) throw StoreUnknown("the database could not be opened again: load first");
  return work(read_side_->queries);
}

std::optional<BatchRow> SqliteStore::batch(BatchId id) {
  return read([&](sqlite::Queries& queries) { return queries.batch(id); });
}
std::optional<BatchId> SqliteStore::newest_batch_named(const std::string& project, const std::string& name,
                                                       Closed closed) {
  return read([&](sqlite::Queries& queries) { return queries.newest_batch_named(project, name, closed); });
}
std::optional<BatchId> SqliteStore::newest_batch(const std::string& project) {
  return read([&](sqlite::Queries& queries) { return queries.newest_batch(project); });
}
std::optional<std::pair<BatchId, Position>> SqliteStore::task_of_number(TaskNumber number) {
  return read([&](sqlite::Queries& queries) { return queries.task_of_number(number); });
}
std::vector<BatchRow> SqliteStore::batches(const Page& page) {
  return read([&](sqlite::Queries& queries) { return queries.batches(page); });
}
std::vector<BatchRow> SqliteStore::batches_of(const std::string& project, const Page& page) {
  return read([&](sqlite::Queries& queries) { return queries.batches_of(project, page); });
}
std::vector<SegmentRow> SqliteStore::segments(BatchId id) {
  return read([&](sqlite::Queries& queries) { return queries.segments(id); });
}
std::vector<OverrideRow> SqliteStore::overrides(BatchId id) {
  return read([&](sqlite::Queries& queries) { return queries.overrides(id); });
}
std::vector<StateRunRow> SqliteStore::state_runs(BatchId id) {
  return read([&](sqlite::Queries& queries) { return queries.state_runs(id); });
}
std::shared_ptr<const TaskTemplate> SqliteStore::task_template(TemplateId id) {
  return read([&](sqlite::Queries& queries) { return queries.task_template(id); });
}
std::vector<std::string> SqliteStore::item(BatchId batch, std::uint32_t segment, std::uint64_t item) {
  return read([&](sqlite::Queries& queries) { return queries.item(batch, segment, item); });
}
std::vector<TaskRow> SqliteStore::tasks(const TaskFilter& filter, const Page& page) {
  return read([&](sqlite::Queries& queries) { return queries.tasks(filter, page); });
}
std::vector<AttemptRow> SqliteStore::attempts(BatchId batch, Position position) {
  return read([&](sqlite::Queries& queries) { return queries.attempts(batch, position); });
}
std::vector<Flavor> SqliteStore::flavors() {
  return read([&](sqlite::Queries& queries) { return queries.flavors(); });
}
std::vector<LimitRow> SqliteStore::limits() {
  return read([&](sqlite::Queries& queries) { return queries.limits(); });
}

std::vector<WorkerRow> SqliteStore::workers() {
  return read([&](sqlite::Queries& queries) { return queries.workers(); });
}
std::vector<EventRow> SqliteStore::events(const std::string& project, BatchId batch, const Page& page) {
  return read([&](sqlite::Queries& queries) { return queries.events(project, batch, page); });
}
std::optional<KeyRow> SqliteStore::key(const std::string& project, const std::string& key) {
  return read([&](sqlite::Queries& queries) { return queries.key(project, key); });
}
TaskCounts SqliteStore::total_counts(const std::string& project) {
  return read([&](sqlite::Queries& queries) { return queries.total_counts(project); });
}
std::vector<TokenRow> SqliteStore::tokens() {
  return read([&](sqlite::Queries& queries) { return queries.tokens(); });
}

std::vector<UserRow> SqliteStore::users() {
  return read([&](sqlite::Queries& queries) { return queries.users(); });
}
std::vector<ProjectRow> SqliteStore::projects() {
  return read([&](sqlite::Queries& queries) { return queries.projects(); });
}
std::vector<SecretRow> SqliteStore::secrets() {
  return read([&](sqlite::Queries& queries) { return queries.secrets(); });
}
std::vector<AuditRow> SqliteStore::audit(const Page& page) {
  return read([&](sqlite::Queries& queries) { return queries.audit(page); });
}
std::optional<AuditRow> SqliteStore::newest_audit() {
  return read([&](sqlite::Queries& queries) { return queries.newest_audit(); });
}

SpaceState SqliteStore::space() {
  const std::lock_guard lock(write_mutex_);
  return reserve_.look();
}

// ---- opening

namespace {

Result<void> make_or_upgrade(const std::string& path, const SchemaPlan& plan) {
  if (!exists(path)) {
    if (exists(path + "-wal")) {
      return std::unexpected(damaged_database(path, "it is missing, but its log is there"));
    }
    create_database(path, plan);
    return {};
  }
  const Result<int> number = schema_number_of(path, plan);
  if (!number) return std::unexpected(number.error());
  return migrate_database(path, *number, plan);
}

Result<std::unique_ptr<SqliteStore>> open_with(const std::string& path, const DiskReserve& reserve,
                                               const SqliteOptions& options, const SchemaPlan& plan) {
  try {
    if (Result<void> ready = make_or_upgrade(path, plan); !ready) return std::unexpected(ready.error());
    if (!names_match(path)) {
      return std::unexpected(damaged_database(path, "its states are not those of this version"));
    }
    return std::make_unique<SqliteStore>(path, reserve, options);
  } catch (const StoreDamaged& damage) {
    return std::unexpected(damaged_database(path, damage.what()));
  }
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> open_sqlite_store(const FolderLock& folder, const SqliteOptions& options,
                                                       const SchemaPlan& plan) {
  const std::string path = folder.folder() + "/" + kDatabaseName;
  DiskReserve reserve(folder.folder(), options.reserve);
  do {
    try {
      return open_with(path, reserve, options, plan);
    } catch (const SqliteError& error) {
      if (!error.is_full_at_open()) throw;
    }
  } while (reserve.release());
  return refuse(ErrorKind::temporary, kDiskFull, "there is no room to open the database " + escape_text(path),
                "free some space, and start again");
}

Result<std::unique_ptr<SqliteStore>> open_sqlite_store(const FolderLock& folder,
                                                       const SqliteOptions& options) {
  return open_sqlite_store(folder, options, current_schema());
}

}  // namespace muster::store
