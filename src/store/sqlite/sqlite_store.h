// The store in a SQLite file: the default of a server, and the only one that needs nothing installed.
// Must hold: one connection writes and checkpoints, every other one only reads (docs/decisions/0003); calls may come from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/error.h"
#include "core/inputs.h"
#include "ports/store.h"
#include "store/disk_reserve.h"
#include "store/folder_lock.h"
#include "store/migrations/schema.h"
#include "store/sqlite/integrity_check.h"
#include "store/sqlite/loader.h"
#include "store/sqlite/queries.h"
#include "store/sqlite/writer.h"

namespace muster::store {

struct SqliteOptions {
  DiskReserveOptions reserve;
  // Pages of 4 KiB in the log before they are copied into the file; every copy is a pause of one commit.
  int checkpoint_pages = 1000;
  // How many of the newest batches a start looks through; older ones that it loads are listed.
  BatchId young_batches = tables::kYoungBatches;
};

class SqliteStore final : public Store, public History, public AccessStore {
 public:
  SqliteStore(std::string path, const DiskReserve& reserve, const SqliteOptions& options);
  // An orderly end, unless a commit of unknown fate came before.
  ~SqliteStore() override;

  // ---- Store
  StoreSnapshot load() override;
  void commit(const Changes& changes) override;
  std::optional<BatchSnapshot> load_batch(BatchId id) override;

  // ---- History
  std::optional<BatchRow> batch(BatchId id) override;
  std::optional<BatchId> newest_batch_named(const std::string& project, const std::string& name,
                                            Closed closed) override;
  std::optional<BatchId> newest_batch(const std::string& project) override;
  std::optional<std::pair<BatchId, Position>> task_of_number(TaskNumber number) override;
  std::vector<BatchRow> batches(const Page& page) override;
  std::vector<BatchRow> batches_of(const std::string& project, const Page& page) override;
  std::vector<SegmentRow> segments(BatchId id) override;
  std::vector<OverrideRow> overrides(BatchId id) override;
  std::vector<StateRunRow> state_runs(BatchId id) override;
  std::shared_ptr<const TaskTemplate> task_template(TemplateId id) override;
  std::vector<std::string> item(BatchId batch, std::uint32_t segment, std::uint64_t item) override;
  std::vector<TaskRow> tasks(const TaskFilter& filter, const Page& page) override;
  std::vector<AttemptRow> attempts(BatchId batch, Position position) override;
  std::vector<WorkerRow> workers() override;
  std::vector<LimitRow> limits() override;
  std::vector<Flavor> flavors() override;
  std::vector<EventRow> events(const std::string& project, BatchId batch, const Page& page) override;
  std::optional<KeyRow> key(const std::string& project, const std::string& key) override;
  TaskCounts total_counts(const std::string& project) override;

  // ---- AccessStore
  std::vector<TokenRow> tokens() override;
  std::vector<UserRow> users() override;
  std::vector<ProjectRow> projects() override;
  std::vector<SecretRow> secrets() override;
  std::vector<AuditRow> audit(const Page& page) override;
  std::optional<AuditRow> newest_audit() override;

  // ---- of this store alone
  // Asks the file system, and puts the ballast back when there is room again. Cheap; once a second is plenty.
  SpaceState space();
  // Of the look through the file that follows a disorderly end.
  sqlite::IntegrityReport integrity() const { return check_.report(); }
  const std::string& path() const { return path_; }

 private:
  // One connection that writes, with everything prepared on it.
  struct WriteSide {
    WriteSide(const std::string& path, BatchId young_batches);
    sqlite::Database database;
    sqlite::Writer writer;
    sqlite::Loader loader;
  };
  struct ReadSide {
    explicit ReadSide(const std::string& path);
    sqlite::Database database;
    sqlite::Queries queries;
  };

  template <class Work>
  auto write(const Work& work);
  template <class Work>
  auto read(const Work& work);
  void open_sides();
  void reopen();
  void checkpoint_if_due();
  void checkpoint();

  const std::string path_;
  const SqliteOptions options_;
  sqlite::IntegrityCheck check_;

  mutable std::mutex write_mutex_;
  DiskReserve reserve_;
  std::unique_ptr<WriteSide> write_side_;
  bool loaded_ = false;
  bool must_reload_ = false;  // the fate of a commit is not known
  int log_pages_ = 0;         // in the log after the last commit
  int next_checkpoint_ = 0;   // at so many pages

  mutable std::mutex read_mutex_;
  std::unique_ptr<ReadSide> read_side_;
};

// Opens `FOLDER/muster.db`, or makes it; upgrades an older one after a copy. `folder` outlives the store.
// Errors: kDatabaseNewer, kDatabaseDamaged (the file is not changed), kDiskFull (no room for a copy or for a new database).
Result<std::unique_ptr<SqliteStore>> open_sqlite_store(const FolderLock& folder,
                                                       const SqliteOptions& options = {});
// The same with another plan: for the tests of migrations.
Result<std::unique_ptr<SqliteStore>> open_sqlite_store(const FolderLock& folder, const SqliteOptions& options,
                                                       const SchemaPlan& plan);

}  // namespace muster::store
