// Everything that is read for people, on one connection: History without the locking.
// Must hold: each call is one statement, so it sees one state; rows come in the order ports/store.h promises.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ports/store.h"
#include "store/sqlite/database.h"

namespace muster::store::sqlite {

class Queries {
 public:
  // `database` has the tables and outlives this.
  explicit Queries(const Database& database);

  std::optional<BatchRow> batch(BatchId id);
  std::optional<BatchId> newest_batch_named(const std::string& project, const std::string& name,
                                            History::Closed closed);
  std::optional<BatchId> newest_batch(const std::string& project);
  std::optional<std::pair<BatchId, Position>> task_of_number(TaskNumber number);
  std::vector<BatchRow> batches(const Page& page);
  std::vector<BatchRow> batches_of(const std::string& project, const Page& page);
  std::vector<SegmentRow> segments(BatchId id);
  std::vector<OverrideRow> overrides(BatchId id);
  std::vector<StateRunRow> state_runs(BatchId id);
  std::shared_ptr<const TaskTemplate> task_template(TemplateId id);
  std::vector<std::string> item(BatchId batch, std::uint32_t segment, std::uint64_t item);
  std::vector<TaskRow> tasks(const TaskFilter& filter, const Page& page);
  std::vector<AttemptRow> attempts(BatchId batch, Position position);
  std::vector<WorkerRow> workers();
  std::vector<LimitRow> limits();
  std::vector<Flavor> flavors();
  std::vector<EventRow> events(const std::string& project, BatchId batch, const Page& page);
  std::optional<KeyRow> key(const std::string& project, const std::string& key);
  TaskCounts total_counts(const std::string& project);
  std::vector<TokenRow> tokens();
  std::vector<UserRow> users();
  std::vector<ProjectRow> projects();
  std::vector<SecretRow> secrets();
  std::vector<AuditRow> audit(const Page& page);
  std::optional<AuditRow> newest_audit();

  // Blocks of items were written: what is kept of them may be out of date.
  void forget_items() { last_block_.items = nullptr; }

 private:
  Statement batch_, newest_named_, newest_open_named_, newest_, number_, batches_, segments_, overrides_,
      state_runs_;
  Statement template_, item_block_, tasks_, failed_tasks_, attempts_, workers_, limits_, events_,
      events_of_batch_, key_, totals_;
  Statement batches_of_, tokens_, users_, projects_, secrets_, flavors_, audit_, newest_audit_;
  // Items are read one after the other, so the block read last is kept.
  struct {
    BatchId batch = 0;
    std::uint32_t segment = 0;
    std::uint64_t first_item = 0;
    std::uint64_t item_count = 0;
    std::shared_ptr<const ItemBlock> items;
  } last_block_;
};

}  // namespace muster::store::sqlite
