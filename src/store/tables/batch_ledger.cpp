// Differences are taken from what is remembered of live batches; final ones are read when they are written again.
// Must hold: nothing is remembered of a batch that a start does not load.
#include "store/tables/batch_ledger.h"

#include <algorithm>

#include "store/stored_form.h"

namespace muster::store::tables {

BatchLedger::BatchLedger(BatchId young_batches, BatchId first_young, BatchId highest)
    : young_batches_(young_batches), highest_(highest), first_young_(first_young) {}

void BatchLedger::add_totals(const std::string& project, const TaskCounts& counts) {
  totals_.push_back({project, counts, counts});
}

void BatchLedger::add_loaded(BatchId id, const std::string& project, const TaskCounts& counts) {
  known_[id] = {counts, true, project_of(project)};
}

std::size_t BatchLedger::project_of(const std::string& name) {
  for (std::size_t i = 0; i < totals_.size(); ++i) {
    if (totals_[i].project == name) return i;
  }
  totals_.push_back({name, {}, {}});
  return totals_.size() - 1;
}

std::vector<ProjectTotals> BatchLedger::take_changed_totals() {
  std::vector<ProjectTotals> changed;
  for (ProjectTotals& totals : totals_) {
    if (totals.counts == totals.written) continue;
    totals.written = totals.counts;
    changed.push_back(totals);
  }
  return changed;
}

void BatchLedger::begin() {
  before_.clear();
  totals_before_ = totals_;
  highest_before_ = highest_;
  first_young_before_ = first_young_;
}

void BatchLedger::keep() {
  for (const auto& [id, ignored] : before_) {
    const auto known = known_.find(id);
    if (known != known_.end() && !known->second.loaded) known_.erase(known);
  }
}

void BatchLedger::take_back() noexcept {
  for (auto entry = before_.rbegin(); entry != before_.rend(); ++entry) {
    if (entry->second) {
      known_[entry->first] = *entry->second;
    } else {
      known_.erase(entry->first);
    }
  }
  // Projects seen for the first time stay, so that what is known of batches goes on naming the right one.
  for (std::size_t i = 0; i < totals_.size(); ++i) {
    const bool was_there = i < totals_before_.size();
    totals_[i].counts = was_there ? totals_before_[i].counts : TaskCounts{};
    totals_[i].written = was_there ? totals_before_[i].written : TaskCounts{};
  }
  highest_ = highest_before_;
  first_young_ = first_young_before_;
}

BatchLedger::Listing BatchLedger::write(const BatchRow& row, const std::optional<KnownBatch>& old) {
  before_.emplace_back(row.id, known_.contains(row.id) ? old : std::nullopt);
  if (old) {
    TaskCounts& before = totals_[old->project].counts;
    for (std::size_t i = 0; i < kTaskStates; ++i) before[i] -= old->counts[i];
  }
  const std::size_t project = project_of(row.project);
  TaskCounts& totals = totals_[project].counts;
  for (std::size_t i = 0; i < kTaskStates; ++i) totals[i] += row.counts[i];
  const bool loaded = is_loaded(row.state, row.revivable);
  const bool was_loaded = old && old->loaded;
  known_[row.id] = {row.counts, loaded, project};
  highest_ = std::max(highest_, row.id);
  if (row.id >= first_young_ || loaded == was_loaded) return Listing::stays;
  return loaded ? Listing::enters : Listing::leaves;
}

std::optional<std::vector<BatchId>> BatchLedger::settle() {
  if (highest_ < first_young_ + 2 * young_batches_) return std::nullopt;
  const BatchId first_young = highest_ + 1 - young_batches_;
  std::vector<BatchId> enter;
  for (auto known = known_.lower_bound(first_young_); known != known_.end() && known->first < first_young;
       ++known) {
    if (known->second.loaded) enter.push_back(known->first);
  }
  first_young_ = first_young;
  return enter;
}

}  // namespace muster::store::tables
