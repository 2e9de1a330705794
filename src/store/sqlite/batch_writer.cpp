// One statement for a batch as long as its names stay as they are.
// Must hold: a batch below first_young_ that a start loads has its row in `loaded_batches`, any other has none.
#include "store/sqlite/batch_writer.h"

#include <algorithm>

#include "core/check.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/row_readers.h"
#include "store/stored_form.h"

namespace muster::store::sqlite {

namespace {

// batch_live_columns() from ?index on; gives the next free index.
int bind_batch_live(Statement& statement, int index, const BatchRow& row) {
  statement.bind(index++, row.state);
  statement.bind(index++, row.held);
  statement.bind(index++, row.closed);
  statement.bind(index++, row.priority);
  statement.bind(index++, row.max_running);
  statement.bind(index++, row.task_count);
  for (const std::uint64_t count : row.counts) statement.bind(index++, count);
  statement.bind(index++, row.created_wall_us);
  statement.bind(index++, row.started_wall_us);
  statement.bind(index++, row.ended_wall_us);
  statement.bind(index++, row.revivable);
  statement.bind(index++, row.reason);
  return index;
}

void bind_batch(Statement& statement, const BatchRow& row) {
  statement.bind_all(row.id, row.project, row.name, row.owner);
  bind_batch_live(statement, 5, row);
}

}  // namespace

BatchWriter::BatchWriter(Database& database, BatchId young_batches)
    : database_(database),
      young_batches_(young_batches),
      insert_(database, insert_into("batches", batch_columns())),
      replace_(database, replace_into("batches", batch_columns())),
      update_(database, "UPDATE batches SET " + assignments(batch_live_columns()) +
                            " WHERE id = ? AND project = ? AND name = ? AND owner = ?"),
      read_(database, "SELECT state, revivable, " + task_count_columns() + " FROM batches WHERE id = ?"),
      insert_loaded_(database, "INSERT OR IGNORE INTO loaded_batches VALUES (?)"),
      delete_loaded_(database, "DELETE FROM loaded_batches WHERE batch = ?"),
      update_first_young_(database, "UPDATE meta SET first_young_batch = ?") {
  Statement meta(database, "SELECT first_young_batch, " + task_count_columns() + " FROM meta");
  Query counters(meta);
  MUSTER_CHECK(counters.next(), "meta has its one row");
  first_young_ = counters.integer<BatchId>();
  totals_ = read_task_counts(counters);
  highest_ = static_cast<BatchId>(database.integer("SELECT max(id) FROM batches"));
  Statement loaded(database, "SELECT id, " + task_count_columns() +
                                 " FROM batches_to_load CROSS JOIN batches ON id = batch");
  for (Query batch(loaded); batch.next();) {
    const auto id = batch.integer<BatchId>();
    known_[id] = {read_task_counts(batch), true};
  }
}

void BatchWriter::begin() {
  before_.clear();
  totals_before_ = totals_;
  highest_before_ = highest_;
  first_young_before_ = first_young_;
}

void BatchWriter::keep() {
  for (const auto& [id, ignored] : before_) {
    const auto known = known_.find(id);
    if (known != known_.end() && !known->second.loaded) known_.erase(known);
  }
}

void BatchWriter::take_back() noexcept {
  for (auto entry = before_.rbegin(); entry != before_.rend(); ++entry) {
    if (entry->second) {
      known_[entry->first] = *entry->second;
    } else {
      known_.erase(entry->first);
    }
  }
  totals_ = totals_before_;
  highest_ = highest_before_;
  first_young_ = first_young_before_;
}

std::optional<BatchWriter::Known> BatchWriter::known_of(BatchId id) {
  if (id > highest_) return std::nullopt;
  const auto found = known_.find(id);
  if (found != known_.end()) return found->second;
  Query query(read_, id);
  if (!query.next()) return std::nullopt;
  Known known;
  const auto state = query.enumerator<BatchState>(kBatchStates);
  known.loaded = is_loaded(state, query.flag());
  known.counts = read_task_counts(query);
  return known;
}

void BatchWriter::write(const BatchRow& row) {
  const std::optional<Known> old = known_of(row.id);
  before_.emplace_back(row.id, known_.contains(row.id) ? old : std::nullopt);
  if (old) {
    for (std::size_t i = 0; i < kTaskStates; ++i) totals_[i] -= old->counts[i];
    rewrite(row);
  } else {
    insert(row);
  }
  for (std::size_t i = 0; i < kTaskStates; ++i) totals_[i] += row.counts[i];
  const bool loaded = is_loaded(row.state, row.revivable);
  const bool was_loaded = old && old->loaded;
  if (row.id < first_young_ && loaded != was_loaded) (loaded ? insert_loaded_ : delete_loaded_).run(row.id);
  known_[row.id] = {row.counts, loaded};
  highest_ = std::max(highest_, row.id);
}

// When twice as many are young as should be, the older half of them that is still loaded gets its rows.
void BatchWriter::settle() {
  if (highest_ < first_young_ + 2 * young_batches_) return;
  const BatchId first_young = highest_ + 1 - young_batches_;
  for (auto known = known_.lower_bound(first_young_); known != known_.end() && known->first < first_young;
       ++known) {
    if (known->second.loaded) insert_loaded_.run(known->first);
  }
  first_young_ = first_young;
  update_first_young_.run(first_young_);
}

void BatchWriter::insert(const BatchRow& row) {
  bind_batch(insert_, row);
  insert_.finish();
}

// Names hardly ever change, so the index on them is left alone unless they do.
void BatchWriter::rewrite(const BatchRow& row) {
  int index = bind_batch_live(update_, 1, row);
  update_.bind(index++, row.id);
  update_.bind(index++, row.project);
  update_.bind(index++, row.name);
  update_.bind(index, row.owner);
  update_.finish();
  if (sqlite3_changes(database_.handle()) == 1) return;
  bind_batch(replace_, row);
  replace_.finish();
}

}  // namespace muster::store::sqlite
