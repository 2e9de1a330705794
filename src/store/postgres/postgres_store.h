// The store in a PostgreSQL database: for a server that has standbys. One of them leads, by an advisory lock of its session.
// Must hold: the incarnation is the leader's term, and every transaction asks for it; calls may come from any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/error.h"
#include "ports/store.h"
#include "store/postgres/connection.h"
#include "store/postgres/queries.h"
#include "store/postgres/writer.h"

namespace muster::store {

struct SchemaPlan;

struct PostgresOptions {
  std::string schema = "muster";
  BatchId young_batches = tables::kYoungBatches;
  // A lost connection is made again for so long; then the store gives up.
  Micros patience_us = 15'000'000;
  // PostgreSQL ends the session of a leader that says nothing for so long, and with it its lock. keep_alive() comes more often.
  int silent_seconds = 5;
  // What the tables are brought forward to; null: those of this version.
  const SchemaPlan* plan = nullptr;
};

class PostgresStore final : public Store, public History, public AccessStore {
 public:
  PostgresStore(std::string url, PostgresOptions options);
  // An orderly end, if it leads.
  ~PostgresStore() override;

  // ---- Store. load() takes the lock if it is free within the patience; StoreUnknown when another server has it.
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
  // Takes the lock if nobody has it. False: another server leads. Throws StoreUnknown when the database cannot be asked.
  bool try_lead();
  // Where the leader answers, as it has announced; known after try_lead().
  std::string leader();
  void announce(const std::string& url);
  // About once a second while it leads: says that this server lives, and makes a lost connection again. Throws StoreUnknown
  // when it does not lead any more.
  void keep_alive();

 private:
  postgres::ConnectionOptions connection_options(bool writes) const;
  void connect_writer();
  bool take_lock();
  void take_back_lead();
  void write_again(const Changes& changes, const std::string& why);
  void require_lead() const;
  template <class Work>
  auto lead(const Work& work);
  template <class Work>
  auto read(const Work& work);

  const std::string url_;
  const PostgresOptions options_;

  std::mutex write_mutex_;
  std::unique_ptr<postgres::Connection> write_connection_;
  std::unique_ptr<postgres::Writer> writer_;
  bool has_lock_ = false;
  std::string leader_;
  Incarnation term_ = 0;  // 0: not loaded

  std::mutex read_mutex_;
  std::unique_ptr<postgres::Connection> read_connection_;
};

// Connects, makes the tables if there are none, and looks whether they are ours and of this version.
// Errors: kNoDatabase, kDatabaseNewer, kDatabaseDamaged.
Result<std::unique_ptr<PostgresStore>> open_postgres_store(const std::string& url,
                                                           const PostgresOptions& options = {});

// The URL without its password, for messages.
std::string without_password(const std::string& url);

}  // namespace muster::store
