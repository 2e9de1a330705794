// Where the truth is kept. Narrow on purpose: the engine decides in memory, a store writes rows by key and reads them back.
// One process, one thread writes; `commit` returns when the rows are on disk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/rows.h"

namespace muster {

// The disk refuses to take more; nothing of the transaction was written. The caller may try a smaller or later one.
struct StoreFull : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// Whether the transaction was written is not known: drop the working set and reload. Commits are refused until then.
struct StoreUnknown : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// What is stored contradicts itself: stop, and say E105. Thrown by anything that reads.
struct StoreDamaged : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Store {
 public:
  virtual ~Store() = default;

  // Counts the incarnation up (durably) and reads what is not final. Before anything else, and again after StoreUnknown.
  virtual StoreSnapshot load() = 0;

  // One transaction, durable on return. Throws StoreFull or StoreUnknown.
  virtual void commit(const Changes& changes) = 0;

  // A batch of any age, for a retry or a dependency; nothing if there is no such batch.
  virtual std::optional<BatchSnapshot> load_batch(BatchId id) = 0;
};

struct Page {
  std::uint64_t after = 0;    // position, sequence number or id of the last row seen; 0: from the start
  std::uint32_t limit = 100;  // 1..1000
};

struct TaskFilter {
  BatchId batch = 0;
  Position first = 0;
  Position last = UINT64_MAX;
  std::vector<TaskState> states;  // empty: all
};

// Reading for people; never used to decide. Sees what is committed.
class History {
 public:
  virtual ~History() = default;
  virtual std::optional<BatchRow> batch(BatchId id) = 0;
  // The newest batch of that name in a project that is not closed; with `closed_too`, the newest of that name.
  enum class Closed : std::uint8_t { excluded, included };
  virtual std::optional<BatchId> newest_batch_named(const std::string& project, const std::string& name,
                                                    Closed closed) = 0;
  virtual std::optional<BatchId> newest_batch(const std::string& project) = 0;
  // The batch whose block of global numbers holds `number`, and the position in it.
  virtual std::optional<std::pair<BatchId, Position>> task_of_number(TaskNumber number) = 0;
  // Newest first; `page.after` is the smallest id seen so far (0: start with the newest).
  virtual std::vector<BatchRow> batches(const Page& page) = 0;
  virtual std::vector<BatchRow> batches_of(const std::string& project, const Page& page) = 0;
  virtual std::vector<SegmentRow> segments(BatchId id) = 0;
  virtual std::vector<OverrideRow> overrides(BatchId id) = 0;
  virtual std::vector<StateRunRow> state_runs(BatchId id) = 0;
  virtual std::shared_ptr<const TaskTemplate> task_template(TemplateId id) = 0;
  // Row `item` of a segment's items; empty if it has none.
  virtual std::vector<std::string> item(BatchId batch, std::uint32_t segment, std::uint64_t item) = 0;
  // Rows that exist (see TaskRow), by position, from position page.after (inclusive).
  virtual std::vector<TaskRow> tasks(const TaskFilter& filter, const Page& page) = 0;
  virtual std::vector<AttemptRow> attempts(BatchId batch, Position position) = 0;  // older ones, by number
  virtual std::vector<WorkerRow> workers() = 0;
  virtual std::vector<LimitRow> limits() = 0;  // by scope, name
  virtual std::vector<Flavor> flavors() = 0;   // by key: provider, region, name
  // Newest first, before seq page.after (0: the newest); batch 0: those of the project's batches, and of no batch.
  virtual std::vector<EventRow> events(const std::string& project, BatchId batch, const Page& page) = 0;
  virtual std::optional<KeyRow> key(const std::string& project, const std::string& key) = 0;
  // State counts over all batches of a project, final ones included; kept, not counted.
  virtual TaskCounts total_counts(const std::string& project) = 0;
};

// Who may come in and what they did: read at a start, and written with everything else.
class AccessStore {
 public:
  virtual ~AccessStore() = default;
  virtual std::vector<TokenRow> tokens() = 0;      // by id
  virtual std::vector<UserRow> users() = 0;        // by name
  virtual std::vector<ProjectRow> projects() = 0;  // by name
  virtual std::vector<SecretRow> secrets() = 0;    // by project, name
  // From the oldest: rows behind seq page.after.
  virtual std::vector<AuditRow> audit(const Page& page) = 0;
  virtual std::optional<AuditRow> newest_audit() = 0;
};

}  // namespace muster
