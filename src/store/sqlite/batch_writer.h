// Batch rows, and what follows from them: the counts over all batches, and which batches a start has to load.
// Must hold: `meta` and `loaded_batches` change by the difference, in the transaction of the rows; take_back() undoes all of it.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/rows.h"
#include "store/sqlite/database.h"

namespace muster::store::sqlite {

// Most batches are short: one that begins and ends among the newest never gets a row in `loaded_batches`. The newest are looked
// through at a start instead, at most twice as many as this.
inline constexpr BatchId kYoungBatches = 1000;

class BatchWriter {
 public:
  // `database` has the tables and outlives this.
  BatchWriter(Database& database, BatchId young_batches);

  // A transaction: begin, rows, settle; then keep once it is committed, or take_back.
  void begin();
  void write(const BatchRow& row);
  void settle();
  void keep();
  void take_back() noexcept;

  const TaskCounts& totals() const { return totals_; }

 private:
  // What differences are computed from.
  struct Known {
    TaskCounts counts{};
    bool loaded = false;
  };

  std::optional<Known> known_of(BatchId id);
  void insert(const BatchRow& row);
  void rewrite(const BatchRow& row);

  Database& database_;
  const BatchId young_batches_;
  Statement insert_, replace_, update_, read_, insert_loaded_, delete_loaded_, update_first_young_;

  TaskCounts totals_{};
  BatchId highest_ = 0;             // no batch above it has a row
  BatchId first_young_ = 1;         // batches below it stand in `loaded_batches` if a start loads them
  std::map<BatchId, Known> known_;  // every batch that a start loads for its own sake

  // Of the transaction at hand, to take it back.
  std::vector<std::pair<BatchId, std::optional<Known>>> before_;
  TaskCounts totals_before_{};
  BatchId highest_before_ = 0;
  BatchId first_young_before_ = 1;
};

}  // namespace muster::store::sqlite
