// Reads batches whole, as the engine wants them: many in one pass over each table.
// Must hold: used by the thread that writes, between transactions.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/rows.h"
#include "store/sqlite/database.h"

namespace muster::store::sqlite {

class Loader {
 public:
  // Makes a temporary table in `database`, which has the tables and outlives this.
  explicit Loader(Database& database);

  // Sequences, workers, and every batch that is not final or is revivable, and those that these depend on. `incarnation` is left as it is.
  StoreSnapshot load();
  std::optional<BatchSnapshot> load_batch(BatchId id);

 private:
  std::vector<BatchSnapshot> load_wanted();
  void load_rows(std::vector<BatchSnapshot>& batches);
  void load_segments(std::vector<BatchSnapshot>& batches);
  void load_templates(std::vector<BatchSnapshot>& batches);
  void load_tasks(std::vector<BatchSnapshot>& batches);

  Database& database_;
};

}  // namespace muster::store::sqlite
