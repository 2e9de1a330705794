// What follows from the batch rows of a transaction: the counts over all batches of a project, and which batches a start has to load.
// Must hold: a batch below first_young() that a start loads stands in `loaded_batches`; take_back() undoes a whole transaction.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
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
  std::size_t project = 0;  // BatchLedger::project_of
};

// The counts of one project, as they are and as its row in `task_totals` says.
struct ProjectTotals {
  std::string project;
  TaskCounts counts{};
  TaskCounts written{};
};

class BatchLedger {
 public:
  // As the database says at a start; totals of every project and every batch that a start loads for its own sake are added.
  BatchLedger(BatchId young_batches, BatchId first_young, BatchId highest);
  void add_totals(const std::string& project, const TaskCounts& counts);
  void add_loaded(BatchId id, const std::string& project, const TaskCounts& counts);
  // The number of a project, made when it is seen for the first time.
  std::size_t project_of(const std::string& name);

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

  // The totals that are to be written; they count as written from now on.
  std::vector<ProjectTotals> take_changed_totals();
  BatchId highest() const { return highest_; }
  BatchId first_young() const { return first_young_; }

 private:
  const BatchId young_batches_;
  std::vector<ProjectTotals> totals_;    // few: a server has some projects
  BatchId highest_ = 0;                  // no batch above it has a row
  BatchId first_young_ = 1;              // batches below it stand in `loaded_batches` if a start loads them
  std::map<BatchId, KnownBatch> known_;  // every batch that a start loads for its own sake

  // Of the transaction at hand, to take it back.
  std::vector<std::pair<BatchId, std::optional<KnownBatch>>> before_;
  std::vector<ProjectTotals> totals_before_;
  BatchId highest_before_ = 0;
  BatchId first_young_before_ = 1;
};

}  // namespace muster::store::tables
