// One statement for a batch as long as its names stay as they are.
// Must hold: a batch below first_young_ that a start loads has its row in `loaded_batches`, any other has none.
#include "store/sqlite/batch_writer.h"

#include "core/check.h"
#include "store/stored_form.h"
#include "store/tables/columns.h"
#include "store/tables/row_binders.h"
#include "store/tables/row_readers.h"

namespace muster::store::sqlite {

using namespace tables;

namespace {

BatchLedger read_ledger(Database& database, BatchId young_batches) {
  Statement meta(database, "SELECT first_young_batch FROM meta");
  Query counters(meta);
  MUSTER_CHECK(counters.next(), "meta has its one row");
  const auto first_young = counters.integer<BatchId>();
  const auto highest = static_cast<BatchId>(database.integer("SELECT max(id) FROM batches"));
  BatchLedger ledger(young_batches, first_young, highest);
  Statement totals(database, "SELECT " + totals_columns() + " FROM task_totals");
  for (Query row(totals); row.next();) {
    const std::string project = row.text();
    ledger.add_totals(project, read_task_counts(row));
  }
  Statement loaded(database, "SELECT id, project, " + task_count_columns() +
                                 " FROM batches_to_load CROSS JOIN batches ON id = batch");
  for (Query batch(loaded); batch.next();) {
    const auto id = batch.integer<BatchId>();
    const std::string project = batch.text();
    ledger.add_loaded(id, project, read_task_counts(batch));
  }
  return ledger;
}

}  // namespace

BatchWriter::BatchWriter(Database& database, BatchId young_batches)
    : database_(database),
      insert_(database, insert_into("batches", batch_columns())),
      replace_(database, replace_into("batches", batch_columns())),
      update_(database, "UPDATE batches SET " + assignments(batch_live_columns()) +
                            " WHERE id = ? AND project = ? AND name = ? AND owner = ?"),
      read_(database,
            "SELECT state, revivable, project, " + task_count_columns() + " FROM batches WHERE id = ?"),
      insert_loaded_(database, "INSERT OR IGNORE INTO loaded_batches VALUES (?)"),
      delete_loaded_(database, "DELETE FROM loaded_batches WHERE batch = ?"),
      update_first_young_(database, "UPDATE meta SET first_young_batch = ?"),
      replace_totals_(database, replace_into("task_totals", totals_columns())),
      ledger_(read_ledger(database, young_batches)) {}

std::optional<KnownBatch> BatchWriter::read(BatchId id) {
  Query query(read_, id);
  if (!query.next()) return std::nullopt;
  KnownBatch known;
  const auto state = query.enumerator<BatchState>(kBatchStates);
  known.loaded = is_loaded(state, query.flag());
  known.project = ledger_.project_of(query.text());
  known.counts = read_task_counts(query);
  return known;
}

void BatchWriter::write(const BatchRow& row) {
  const std::optional<KnownBatch> old = ledger_.find(row.id, [this](BatchId id) { return read(id); });
  if (old) {
    rewrite(row);
  } else {
    insert(row);
  }
  const BatchLedger::Listing listing = ledger_.write(row, old);
  if (listing == BatchLedger::Listing::enters) insert_loaded_.run(row.id);
  if (listing == BatchLedger::Listing::leaves) delete_loaded_.run(row.id);
}

void BatchWriter::settle() {
  for (const ProjectTotals& totals : ledger_.take_changed_totals()) {
    Binder to(replace_totals_);
    add_totals(to, totals.project, totals.counts);
    replace_totals_.finish();
  }
  const std::optional<std::vector<BatchId>> old = ledger_.settle();
  if (!old) return;
  for (const BatchId id : *old) insert_loaded_.run(id);
  update_first_young_.run(ledger_.first_young());
}

void BatchWriter::insert(const BatchRow& row) {
  Binder to(insert_);
  add_batch(to, row);
  insert_.finish();
}

// Names hardly ever change, so the index on them is left alone unless they do.
void BatchWriter::rewrite(const BatchRow& row) {
  Binder live(update_);
  add_batch_live(live, row);
  live.add(row.id);
  live.add(row.project);
  live.add(row.name);
  live.add(row.owner);
  update_.finish();
  if (sqlite3_changes(database_.handle()) == 1) return;
  Binder whole(replace_);
  add_batch(whole, row);
  replace_.finish();
}

}  // namespace muster::store::sqlite
