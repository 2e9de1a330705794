// The wanted batches stand in a temporary table; each table is read once, in the order of batches.
// Must hold: the outer loop is always `wanted`, so a million finished batches cost nothing.
#include "store/sqlite/loader.h"

#include "store/tables/columns.h"
#include "store/tables/packed.h"
#include "store/tables/row_readers.h"

namespace muster::store::sqlite {

using namespace tables;

namespace {

// "SELECT wanted.id, COLUMNS FROM wanted CROSS JOIN TABLE ON TABLE.batch = wanted.id ORDER BY wanted.id, ORDER"
std::string of_wanted(std::string_view columns, const std::string& table, const std::string& order) {
  return "SELECT wanted.id, " + std::string(columns) + " FROM wanted CROSS JOIN " + table + " ON " + table +
         ".batch = wanted.id ORDER BY wanted.id, " + order;
}

// Calls `take` with the batch each row belongs to; both are in the order of ids.
template <class Take>
void for_each_row(Database& database, std::vector<BatchSnapshot>& batches, const std::string& sql,
                  const Take& take) {
  Statement statement(database, sql);
  auto batch = batches.begin();
  for (Query query(statement); query.next();) {
    const auto id = query.integer<BatchId>();
    while (batch != batches.end() && batch->batch.id < id) ++batch;
    if (batch == batches.end()) return;
    if (batch->batch.id == id) take(*batch, query);
  }
}

}  // namespace

Loader::Loader(Database& database) : database_(database) {
  database.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (id INTEGER PRIMARY KEY)");
}

StoreSnapshot Loader::load() {
  StoreSnapshot snapshot;
  Statement meta(database_, "SELECT " + std::string(kSequenceColumns) + " FROM meta");
  if (Query query(meta); query.next()) snapshot.sequences = read_sequences(query);
  Statement workers(database_, "SELECT " + std::string(kWorkerColumns) + " FROM workers ORDER BY id");
  for (Query query(workers); query.next();) snapshot.workers.push_back(read_worker(query));
  Statement limits(database_, "SELECT " + std::string(kLimitColumns) +
                                  " FROM limits ORDER BY scope = 'label', scope = 'project', name");
  for (Query query(limits); query.next();) snapshot.limits.push_back(read_limit(query));
  Statement flavors(
      database_, "SELECT " + std::string(kFlavorColumns) + " FROM flavors ORDER BY provider, region, name");
  for (Query query(flavors); query.next();) snapshot.flavors.push_back(read_flavor(query));
  database_.execute(
      "DELETE FROM wanted; INSERT INTO wanted SELECT batch FROM batches_to_load;"
      "INSERT OR IGNORE INTO wanted SELECT d.on_batch FROM wanted AS l CROSS JOIN dependencies AS d ON "
      "d.batch = l.id");
  snapshot.batches = load_wanted();
  return snapshot;
}

std::optional<BatchSnapshot> Loader::load_batch(BatchId id) {
  database_.execute("DELETE FROM wanted; INSERT INTO wanted VALUES (" +
                    std::to_string(static_cast<std::int64_t>(id)) + ")");
  std::vector<BatchSnapshot> batches = load_wanted();
  if (batches.empty()) return std::nullopt;
  return std::move(batches.front());
}

std::vector<BatchSnapshot> Loader::load_wanted() {
  std::vector<BatchSnapshot> batches;
  Statement rows(database_, "SELECT " + batch_columns() +
                                " FROM wanted CROSS JOIN batches USING (id) ORDER BY wanted.id");
  for (Query query(rows); query.next();) batches.emplace_back().batch = read_batch(query);
  load_segments(batches);
  load_rows(batches);
  load_templates(batches);
  load_tasks(batches);
  return batches;
}

void Loader::load_segments(std::vector<BatchSnapshot>& batches) {
  for_each_row(database_, batches, of_wanted(kSegmentColumns, "segments", "ordinal"),
               [](BatchSnapshot& batch, Query& query) { batch.segments.push_back(read_segment(query)); });
  for_each_row(database_, batches,
               of_wanted("segment, kind, any_end, on_batch, on_index", "dependencies", "segment, ordinal"),
               [](BatchSnapshot& batch, Query& query) {
                 const auto ordinal = query.integer<std::uint32_t>();
                 for (SegmentRow& segment : batch.segments) {
                   if (segment.ordinal == ordinal) segment.dependencies.push_back(read_dependency(query));
                 }
               });
}

void Loader::load_rows(std::vector<BatchSnapshot>& batches) {
  for_each_row(database_, batches,
               of_wanted("segment, first_item, body", "item_blocks", "segment, first_item"),
               [](BatchSnapshot& batch, Query& query) {
                 ItemBlockRow& row = batch.item_blocks.emplace_back();
                 row.batch = batch.batch.id;
                 row.segment = query.integer<std::uint32_t>();
                 row.first_item = query.integer<std::uint64_t>();
                 row.items = read_item_block(query.bytes());
               });
  for_each_row(database_, batches, of_wanted(kOverrideColumns, "overrides", "ordinal"),
               [](BatchSnapshot& batch, Query& query) { batch.overrides.push_back(read_override(query)); });
  for_each_row(database_, batches, of_wanted(kStateRunColumns, "state_runs", "first"),
               [](BatchSnapshot& batch, Query& query) { batch.state_runs.push_back(read_state_run(query)); });
}

// Batches that name the same template share its body.
void Loader::load_templates(std::vector<BatchSnapshot>& batches) {
  Statement body(database_, "SELECT body FROM templates WHERE id = ?");
  std::map<TemplateId, std::shared_ptr<const TaskTemplate>> bodies;
  for (BatchSnapshot& batch : batches) {
    std::map<TemplateId, std::shared_ptr<const TaskTemplate>> named;
    for (const SegmentRow& segment : batch.segments) named[segment.template_id];
    for (const OverrideRow& row : batch.overrides) named[row.template_id];
    for (const auto& [id, ignored] : named) {
      const auto [entry, is_new] = bodies.try_emplace(id);
      if (is_new) {
        Query query(body, id);
        if (query.next()) entry->second = read_template(query.bytes());
      }
      if (entry->second != nullptr) batch.templates.push_back({id, entry->second});
    }
  }
}

void Loader::load_tasks(std::vector<BatchSnapshot>& batches) {
  for (BatchSnapshot& batch : batches) {
    const TaskCounts& counts = batch.batch.counts;
    batch.tasks.reserve(counts[static_cast<std::size_t>(TaskState::running)] +
                        counts[static_cast<std::size_t>(TaskState::succeeded)] +
                        counts[static_cast<std::size_t>(TaskState::failed)]);
  }
  for_each_row(database_, batches, of_wanted(kTaskHeadColumns, "tasks", "position"),
               [](BatchSnapshot& batch, Query& query) { batch.tasks.push_back(read_task_head(query)); });
}

}  // namespace muster::store::sqlite
