// Everything that is read for people, on a connection of its own: History without locking and without patience.
// Must hold: each call is one statement, so it sees one state; rows come in the order ports/store.h promises.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ports/store.h"
#include "store/postgres/connection.h"

namespace muster::store::postgres {

class Queries {
 public:
  // `connection` has the schema and outlives this.
  explicit Queries(Connection& connection) : connection_(connection) {}

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

 private:
  Connection& connection_;
};

}  // namespace muster::store::postgres
