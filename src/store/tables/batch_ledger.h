// What follows from the batch rows of a transaction: the counts over all batches, and which batches a start has to load.
// Must hold: a batch below first_young() that a start loads stands in `loaded_batches`; take_back() undoes a whole transaction.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/rows.h"

namespace muster::store::tables {

// Most batches are short: one that begins and ends among the newest never gets a row in `loaded_batches`. The newest are looked
// through at a start instead, at most twice as many as this.
inline constexpr BatchId kYoungBatches = 1000;

// What differences are computed from.
struct KnownBatch {
  TaskCounts counts{};
  bool loaded = false;
};

class BatchLedger {
 public:
  // As the database says at a start; every batch that a start loads for its own sake is added.
  BatchLedger(BatchId young_batches, BatchId first_young, BatchId highest, const TaskCounts& totals);
  void add_loaded(BatchId id, const TaskCounts& counts) { known_[id] = {counts, true}; }

  // A transaction: begin, rows, settle; then keep once it is committed, or take_back.
  void begin();
  void keep();
  void take_back() noexcept;

  // Nothing when it has no row. `read` asks the database for a batch that is final.
  template <class Read>
  std::optional<KnownBatch> find(BatchId id, const Read& read) const {
    if (id > highest_) return std::nullopt;
    const auto found = known_.find(id);
    return found != known_.end() ? found->second : read(id);
  }
  enum class Listing : std::uint8_t { stays, enters, leaves };  // its row in `loaded_batches`
  Listing write(const BatchRow& row, const std::optional<KnownBatch>& old);
  // When twice as many are young as should be: the batches that enter `loaded_batches`; first_young() has changed.
  std::optional<std::vector<BatchId>> settle();

  const TaskCounts& totals() const { return totals_; }
  BatchId highest() const { return highest_; }
  BatchId first_young() const { return first_young_; }

 private:
  const BatchId young_batches_;
  TaskCounts totals_{};
  BatchId highest_ = 0;                  // no batch above it has a row
  BatchId first_young_ = 1;              // batches below it stand in `loaded_batches` if a start loads them
  std::map<BatchId, KnownBatch> known_;  // every batch that a start loads for its own sake

  // Of the transaction at hand, to take it back.
  std::vector<std::pair<BatchId, std::optional<KnownBatch>>> before_;
  TaskCounts totals_before_{};
  BatchId highest_before_ = 0;
  BatchId first_young_before_ = 1;
};

}  // namespace muster::store::tables
