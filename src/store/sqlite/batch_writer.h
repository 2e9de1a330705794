// Batch rows into SQLite, and the rows of `loaded_batches` that follow from them.
// Must hold: `meta` and `loaded_batches` change by the difference, in the transaction of the rows; take_back() undoes all of it.
#pragma once

#include <optional>

#include "core/rows.h"
#include "store/sqlite/database.h"
#include "store/tables/batch_ledger.h"

namespace muster::store::sqlite {

class BatchWriter {
 public:
  // `database` has the tables and outlives this.
  BatchWriter(Database& database, BatchId young_batches);

  // A transaction: begin, rows, settle; then keep once it is committed, or take_back.
  void begin() { ledger_.begin(); }
  void write(const BatchRow& row);
  void settle();
  void keep() { ledger_.keep(); }
  void take_back() noexcept { ledger_.take_back(); }

 private:
  std::optional<tables::KnownBatch> read(BatchId id);
  void insert(const BatchRow& row);
  void rewrite(const BatchRow& row);

  Database& database_;
  Statement insert_, replace_, update_, read_, insert_loaded_, delete_loaded_, update_first_young_,
      replace_totals_;
  tables::BatchLedger ledger_;
};

}  // namespace muster::store::sqlite
