// Joining the rows of several engine turns into one transaction, and the names of events.
// Must hold: writing the joined rows gives the same store as writing the parts one after the other.
#include "core/rows.h"

#include <algorithm>
#include <iterator>

namespace muster {

namespace {

constexpr std::array<std::string_view, 25> kEventKindNames = {"server_started",
                                                              "server_stopped",
                                                              "batch_created",
                                                              "tasks_added",
                                                              "batch_ended",
                                                              "batch_changed",
                                                              "held",
                                                              "released",
                                                              "cancelled",
                                                              "retried",
                                                              "attempt_failed",
                                                              "attempt_lost",
                                                              "task_poisoned",
                                                              "late_result_refused",
                                                              "worker_connected",
                                                              "worker_silent",
                                                              "worker_restarted",
                                                              "worker_changed",
                                                              "lease_expired",
                                                              "disk_full",
                                                              "disk_has_space",
                                                              "worker_created",
                                                              "worker_quarantined",
                                                              "worker_removed",
                                                              "limit_changed"};
constexpr std::array<std::string_view, 3> kLimitScopeNames = {"user", "project", "label"};
static_assert(static_cast<std::size_t>(EventKind::limit_changed) + 1 == kEventKindNames.size());

std::uint64_t hash_of(const BatchRow& row) { return mix_key(row.id); }
std::uint64_t hash_of(const WorkerRow& row) { return mix_key(row.id); }
std::uint64_t hash_of(const TaskRow& row) { return mix_key(row.batch, row.position); }
bool same_key(const BatchRow& left, const BatchRow& right) { return left.id == right.id; }
bool same_key(const WorkerRow& left, const WorkerRow& right) { return left.id == right.id; }
bool same_key(const TaskRow& left, const TaskRow& right) {
  return left.batch == right.batch && left.position == right.position;
}

template <class Row>
void put(std::vector<Row>& rows, RowIndex& index, Row row) {
  bool found = false;
  const std::size_t at = index.find_or_add(
      hash_of(row), [&](std::size_t candidate) { return same_key(rows[candidate], row); }, found);
  if (found) {
    rows[at] = std::move(row);
  } else {
    rows.push_back(std::move(row));
  }
}

// Rows that were appended without the index are put in first, so that no key stays twice.
template <class Row>
void fold(std::vector<Row>& rows, RowIndex& index, std::vector<Row>&& later) {
  if (later.empty()) return;
  if (index.size() > rows.size()) index.clear();
  if (index.size() < rows.size()) {
    const auto first_new = rows.begin() + static_cast<std::ptrdiff_t>(index.size());
    std::vector<Row> unindexed(std::make_move_iterator(first_new), std::make_move_iterator(rows.end()));
    rows.erase(first_new, rows.end());
    for (Row& row : unindexed) put(rows, index, std::move(row));
  }
  for (Row& row : later) put(rows, index, std::move(row));
}

template <class Row>
void append(std::vector<Row>& rows, std::vector<Row>&& later) {
  if (rows.empty()) {
    rows = std::move(later);
  } else {
    rows.insert(rows.end(), std::make_move_iterator(later.begin()), std::make_move_iterator(later.end()));
  }
}

// A later clearing takes away earlier runs of its batches; of two runs with one key the later stays.
void merge_state_runs(Changes& earlier, Changes& later) {
  if (!later.cleared_state_runs.empty()) {
    std::vector<BatchId> cleared = later.cleared_state_runs;
    std::sort(cleared.begin(), cleared.end());
    std::erase_if(earlier.state_runs, [&](const StateRunRow& run) {
      return std::binary_search(cleared.begin(), cleared.end(), run.batch);
    });
    append(earlier.cleared_state_runs, std::move(later.cleared_state_runs));
    std::sort(earlier.cleared_state_runs.begin(), earlier.cleared_state_runs.end());
    const auto last = std::unique(earlier.cleared_state_runs.begin(), earlier.cleared_state_runs.end());
    earlier.cleared_state_runs.erase(last, earlier.cleared_state_runs.end());
  }
  if (later.state_runs.empty()) return;
  append(earlier.state_runs, std::move(later.state_runs));
  const auto by_key = [](const StateRunRow& left, const StateRunRow& right) {
    return std::pair(left.batch, left.first) < std::pair(right.batch, right.first);
  };
  std::stable_sort(earlier.state_runs.begin(), earlier.state_runs.end(), by_key);
  // Seen from the end, the first of each key is the last that was written.
  const auto kept = std::unique(earlier.state_runs.rbegin(), earlier.state_runs.rend(),
                                [](const auto& left, const auto& right) {
                                  return left.batch == right.batch && left.first == right.first;
                                });
  earlier.state_runs.erase(earlier.state_runs.begin(), kept.base());
}

}  // namespace

std::string_view to_text(EventKind kind) { return kEventKindNames[static_cast<std::size_t>(kind)]; }

std::vector<std::string_view> event_kind_names() { return {kEventKindNames.begin(), kEventKindNames.end()}; }

std::optional<EventKind> event_kind_from_text(std::string_view text) {
  for (std::size_t i = 0; i < kEventKindNames.size(); ++i) {
    if (kEventKindNames[i] == text) return static_cast<EventKind>(i);
  }
  return std::nullopt;
}

std::string_view to_text(LimitScope scope) { return kLimitScopeNames[static_cast<std::size_t>(scope)]; }

std::optional<LimitScope> limit_scope_from_text(std::string_view text) {
  for (std::size_t i = 0; i < kLimitScopeNames.size(); ++i) {
    if (kLimitScopeNames[i] == text) return static_cast<LimitScope>(i);
  }
  return std::nullopt;
}

bool Changes::empty() const {
  return batches.empty() && segments.empty() && templates.empty() && item_blocks.empty() &&
         overrides.empty() && cleared_state_runs.empty() && state_runs.empty() && tasks.empty() &&
         attempts.empty() && workers.empty() && limits.empty() && events.empty() && keys.empty() &&
         tokens.empty() && users.empty() && projects.empty() && secrets.empty() && flavors.empty() &&
         audit.empty() && !sequences;
}

void Changes::merge(Changes&& later) {
  fold(batches, batch_index, std::move(later.batches));
  append(segments, std::move(later.segments));
  append(templates, std::move(later.templates));
  append(item_blocks, std::move(later.item_blocks));
  append(overrides, std::move(later.overrides));
  merge_state_runs(*this, later);
  fold(tasks, task_index, std::move(later.tasks));
  append(attempts, std::move(later.attempts));
  fold(workers, worker_index, std::move(later.workers));
  append(limits, std::move(later.limits));
  append(events, std::move(later.events));
  append(keys, std::move(later.keys));
  append(tokens, std::move(later.tokens));
  append(users, std::move(later.users));
  append(projects, std::move(later.projects));
  append(secrets, std::move(later.secrets));
  append(flavors, std::move(later.flavors));
  append(audit, std::move(later.audit));
  if (later.sequences) sequences = later.sequences;
  later = Changes{};
}

}  // namespace muster
