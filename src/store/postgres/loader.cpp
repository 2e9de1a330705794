// The wanted batches are a list of numbers in the statement; long answers come in parts, through a cursor.
// Must hold: a million finished batches cost nothing, and a million rows no more memory than one part of them.
#include "store/postgres/loader.h"

#include <algorithm>
#include <map>
#include <memory>

#include "store/tables/columns.h"
#include "store/tables/packed.h"
#include "store/tables/row_readers.h"

namespace muster::store::postgres {

using namespace tables;

namespace {

constexpr const char* kPart = "FETCH 20000 FROM rows_to_load";

// Calls `take` for each row; inside a transaction.
template <class Take>
void for_each(Connection& connection, const std::string& sql, const Take& take) {
  connection.execute("DECLARE rows_to_load NO SCROLL CURSOR FOR " + sql);
  for (;;) {
    Query part(connection.query_once(kPart));
    if (part.rows() == 0) break;
    while (part.next()) take(part);
  }
  connection.execute("CLOSE rows_to_load");
}

class Load {
 public:
  Load(Connection& connection, const std::vector<BatchId>& wanted) : connection_(connection) {
    for (const BatchId id : wanted) list_ += (list_.empty() ? "" : ",") + std::to_string(id);
  }

  std::vector<BatchSnapshot> run() {
    if (list_.empty()) return {};
    for_each(
        connection_,
        "SELECT " + batch_columns() + " FROM batches WHERE id = ANY('{" + list_ + "}'::bigint[]) ORDER BY id",
        [this](Query& query) { batches_.emplace_back().batch = read_batch(query); });
    load_segments();
    load_rows();
    load_templates();
    load_tasks();
    return std::move(batches_);
  }

 private:
  // Calls `take` with the batch each row belongs to; both are in the order of ids.
  template <class Take>
  void of_wanted(std::string_view columns, const std::string& table, const std::string& order,
                 const Take& take) {
    auto batch = batches_.begin();
    for_each(connection_,
             "SELECT batch AS of_batch, " + std::string(columns) + " FROM " + table +
                 " WHERE batch = ANY('{" + list_ + "}'::bigint[]) ORDER BY batch, " + order,
             [&](Query& query) {
               const auto id = query.integer<BatchId>();
               while (batch != batches_.end() && batch->batch.id < id) ++batch;
               if (batch != batches_.end() && batch->batch.id == id) take(*batch, query);
             });
  }

  void load_segments() {
    of_wanted(kSegmentColumns, "segments", "ordinal",
              [](BatchSnapshot& batch, Query& query) { batch.segments.push_back(read_segment(query)); });
    of_wanted("segment, kind, any_end, on_batch, on_index", "dependencies", "segment, ordinal",
              [](BatchSnapshot& batch, Query& query) {
                const auto ordinal = query.integer<std::uint32_t>();
                for (SegmentRow& segment : batch.segments) {
                  if (segment.ordinal == ordinal) segment.dependencies.push_back(read_dependency(query));
                }
              });
  }

  void load_rows() {
    of_wanted("segment, first_item, body", "item_blocks", "segment, first_item",
              [](BatchSnapshot& batch, Query& query) {
                ItemBlockRow& row = batch.item_blocks.emplace_back();
                row.batch = batch.batch.id;
                row.segment = query.integer<std::uint32_t>();
                row.first_item = query.integer<std::uint64_t>();
                row.items = read_item_block(query.bytes());
              });
    of_wanted(kOverrideColumns, "overrides", "ordinal",
              [](BatchSnapshot& batch, Query& query) { batch.overrides.push_back(read_override(query)); });
    of_wanted(kStateRunColumns, "state_runs", "first",
              [](BatchSnapshot& batch, Query& query) { batch.state_runs.push_back(read_state_run(query)); });
  }

  // Batches that name the same template share its body.
  void load_templates() {
    std::map<TemplateId, std::shared_ptr<const TaskTemplate>> bodies;
    for (const BatchSnapshot& batch : batches_) {
      for (const SegmentRow& segment : batch.segments) bodies[segment.template_id];
      for (const OverrideRow& row : batch.overrides) bodies[row.template_id];
    }
    std::string list;
    for (const auto& [id, ignored] : bodies) list += (list.empty() ? "" : ",") + std::to_string(id);
    for_each(connection_, "SELECT id, body FROM templates WHERE id = ANY('{" + list + "}'::bigint[])",
             [&](Query& query) {
               const auto id = query.integer<TemplateId>();
               bodies[id] = read_template(query.bytes());
             });
    for (BatchSnapshot& batch : batches_) {
      std::map<TemplateId, std::shared_ptr<const TaskTemplate>> named;
      for (const SegmentRow& segment : batch.segments)
        named[segment.template_id] = bodies[segment.template_id];
      for (const OverrideRow& row : batch.overrides) named[row.template_id] = bodies[row.template_id];
      for (const auto& [id, body] : named) {
        if (body != nullptr) batch.templates.push_back({id, body});
      }
    }
  }

  void load_tasks() {
    of_wanted(kTaskHeadColumns, "tasks", "position",
              [](BatchSnapshot& batch, Query& query) { batch.tasks.push_back(read_task_head(query)); });
  }

  Connection& connection_;
  std::string list_;
  std::vector<BatchSnapshot> batches_;
};

// One state for all tables. A failure leaves the transaction to the next ROLLBACK, or to the end of the connection.
template <class Work>
auto in_snapshot(Connection& connection, const Work& work) {
  connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    auto result = work();
    connection.execute("COMMIT");
    return result;
  } catch (...) {
    if (!connection.is_lost()) connection.execute("ROLLBACK");
    throw;
  }
}

}  // namespace

StoreSnapshot load_snapshot(Connection& connection) {
  return in_snapshot(connection, [&] {
    StoreSnapshot snapshot;
    Query meta(connection.query("SELECT " + std::string(kSequenceColumns) + " FROM meta"));
    if (meta.next()) snapshot.sequences = read_sequences(meta);
    Query workers(connection.query("SELECT " + std::string(kWorkerColumns) + " FROM workers ORDER BY id"));
    while (workers.next()) snapshot.workers.push_back(read_worker(workers));
    Query limits(
        connection.query("SELECT " + std::string(kLimitColumns) +
                         " FROM limits ORDER BY scope = 'label', scope = 'project', name COLLATE \"C\""));
    while (limits.next()) snapshot.limits.push_back(read_limit(limits));
    Query flavors(connection.query(
        "SELECT " + std::string(kFlavorColumns) +
        " FROM flavors ORDER BY provider COLLATE \"C\", region COLLATE \"C\", name COLLATE \"C\""));
    while (flavors.next()) snapshot.flavors.push_back(read_flavor(flavors));
    std::vector<BatchId> wanted;
    Query ids(
        connection.query("SELECT batch FROM batches_to_load UNION SELECT d.on_batch FROM dependencies AS d "
                         "JOIN batches_to_load AS l ON d.batch = l.batch ORDER BY 1"));
    while (ids.next()) wanted.push_back(ids.integer<BatchId>());
    snapshot.batches = Load(connection, wanted).run();
    return snapshot;
  });
}

std::optional<BatchSnapshot> load_batch(Connection& connection, BatchId id) {
  std::vector<BatchSnapshot> batches = in_snapshot(connection, [&] { return Load(connection, {id}).run(); });
  if (batches.empty()) return std::nullopt;
  return std::move(batches.front());
}

}  // namespace muster::store::postgres
