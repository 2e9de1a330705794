// The whole store as values in memory: for the simulator, for tests, and as the oracle that other stores are compared with.
// Must hold: a copy is a snapshot that shares nothing visible and costs a pointer per batch; the same changes give the same content.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "ports/store.h"
#include "store/memory/copy_on_write.h"

namespace muster::store {

class MemoryStore final : public Store, public History, public AccessStore {
 public:
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

  // ---- for simulator and tests
  // The store as it is now; later changes of either are not seen by the other.
  MemoryStore snapshot() const { return *this; }
  // What load() would give, without counting the incarnation up.
  StoreSnapshot look() const;
  Incarnation incarnation() const { return incarnation_; }
  // Equal content, templates and items by value.
  friend bool operator==(const MemoryStore& left, const MemoryStore& right);

 private:
  struct Batch {
    std::optional<BatchRow> row;
    std::map<std::uint32_t, SegmentRow> segments;
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::shared_ptr<const ItemBlock>>
        item_blocks;  // segment, first item
    std::map<std::uint32_t, OverrideRow> overrides;
    std::map<Position, StateRunRow> state_runs;
    std::map<Position, TaskRow> tasks;
    std::map<std::pair<Position, std::uint32_t>, AttemptRow> attempts;
  };
  // What is found by something else than its batch.
  struct Shared {
    std::map<std::pair<std::string, std::string>, std::set<BatchId>> batches_of_name;  // project, name
    std::map<std::string, std::set<BatchId>> batches_of_project;
    std::map<TaskNumber, std::pair<BatchId, std::uint32_t>> segment_of_number;  // by its first number
    std::map<TemplateId, std::shared_ptr<const TaskTemplate>> templates;
    std::map<WorkerId, WorkerRow> workers;
    std::map<std::pair<LimitScope, std::string>, LimitRow> limits;
    std::map<FlavorKey, Flavor> flavors;
    std::map<std::uint64_t, EventRow> events;
    std::map<std::pair<std::string, std::string>, KeyRow> keys;
    std::map<std::uint64_t, TokenRow> tokens;
    std::map<std::string, UserRow> users;
    std::map<std::string, ProjectRow> projects;
    std::map<std::pair<std::string, std::string>, SecretRow> secrets;  // project, name
    std::map<std::uint64_t, AuditRow> audit;
    std::map<std::string, TaskCounts> total_counts;  // by project
    std::set<BatchId> loaded;                        // by load(), without those they depend on
  };
  using Batches = std::map<BatchId, CopyOnWrite<Batch>>;

  static bool same(const Batch& left, const Batch& right);
  static bool same(const Shared& left, const Shared& right);
  static bool same(const Batches& left, const Batches& right);
  void put_batch(const BatchRow& row);
  void put_segment(const SegmentRow& row);
  void put_state_runs(const Changes& changes);
  void put_access(const Changes& changes);
  BatchSnapshot snapshot_of(const Batch& batch) const;
  const Batch* find(BatchId id) const;

  Incarnation incarnation_ = 0;
  Sequences sequences_;
  CopyOnWrite<Batches> batches_;
  CopyOnWrite<Shared> shared_;
};

}  // namespace muster::store
