// Adding ends, reading them back, and asking for the time left.
// Batches of a few tasks are left out: there are many of them, and nothing to
// tell.
#include "front/statistics.h"

#include <algorithm>

#include "front/task_pages.h"

namespace muster::front {
namespace {

constexpr std::uint64_t kTasksLeast = 20;
constexpr std::size_t kBatchesMax = 256;
constexpr std::uint32_t kWindow = 1000;
constexpr int kWindowsAtOnce = 2;
constexpr int kWindowsPerSecond = 4;
constexpr Micros kEstimateAge_us = 2'000'000;
constexpr unsigned kEstimatesPerSecond = 8;
constexpr std::uint64_t kPeaksLeast = 10;
constexpr std::uint64_t kGibibyte_mb = 1024;

std::uint64_t ended_count(const BatchRow& batch) {
  return batch.counts[static_cast<std::size_t>(TaskState::succeeded)] +
         batch.counts[static_cast<std::size_t>(TaskState::failed)];
}

// 300M, 1.25G, 7G: what a person would write.
std::uint64_t rounded_up(std::uint64_t size_mb) {
  const std::uint64_t step = size_mb < kGibibyte_mb ? 64 : size_mb < 4 * kGibibyte_mb ? 256 : kGibibyte_mb;
  return (size_mb + step - 1) / step * step;
}

}  // namespace

std::optional<RightSize> right_size(const LogHistogram& peaks, std::uint64_t asked_mb) {
  if (peaks.count() < kPeaksLeast) return std::nullopt;
  constexpr std::int64_t kMebibyte = 1 << 20;
  RightSize size;
  size.peak_mb = static_cast<std::uint64_t>((peaks.quantile(0.95) + kMebibyte - 1) / kMebibyte);
  const std::uint64_t enough_mb = rounded_up(size.peak_mb + size.peak_mb / 5);
  const bool too_much = asked_mb != 0 && enough_mb * 5 <= asked_mb * 4;
  const bool too_little = asked_mb != 0 && size.peak_mb > asked_mb;
  if (too_much || too_little) size.suggested_mb = enough_mb;
  return size;
}

Statistics::Entry* Statistics::entry_of(BatchId id) {
  const auto [found, fresh] = entries_.try_emplace(id);
  if (fresh) {
    found->second = std::make_unique<Entry>();
    if (entries_.size() > kBatchesMax) {
      const auto oldest =
          std::min_element(entries_.begin(), entries_.end(), [&](const auto& a, const auto& b) {
            return std::pair(a.first == id, a.second->used) < std::pair(b.first == id, b.second->used);
          });
      entries_.erase(oldest);
    }
  }
  found->second->used = ++uses_;
  return found->second.get();
}

void Statistics::add(Entry& entry, const TaskRow& row) {
  if (row.state != TaskState::succeeded && row.state != TaskState::failed) return;
  const Finished& end = row.attempt.end;
  if (!is_final(row.attempt.state) || end.started_wall_us == 0) return;
  entry.figures.times.add(end.usage.wall_us);
  if (end.usage.peak_memory_bytes != 0)
    entry.figures.peaks.add(static_cast<std::int64_t>(end.usage.peak_memory_bytes));
}

void Statistics::committed(const Changes& changes) {
  if (changes.tasks.empty()) return;
  std::map<BatchId, Entry*> worth;
  for (const BatchRow& row : changes.batches) {
    if (row.task_count >= kTasksLeast && !worth.contains(row.id)) worth[row.id] = entry_of(row.id);
  }
  if (worth.empty()) return;
  note_fresh(changes, worth);
  BatchId last = 0;
  Entry* entry = nullptr;
  for (const TaskRow& row : changes.tasks) {
    if (row.batch != last) {
      const auto found = worth.find(row.batch);
      entry = found == worth.end() ? nullptr : found->second;
      last = row.batch;
    }
    if (entry != nullptr && (entry->read_all || row.position < entry->read_to)) add(*entry, row);
  }
}

// Of a batch nothing of which had ended before this commit, there is nothing to read.
void Statistics::note_fresh(const Changes& changes, const std::map<BatchId, Entry*>& worth) {
  std::map<BatchId, std::uint64_t> ended_now;
  for (const TaskRow& row : changes.tasks) {
    if (row.state == TaskState::succeeded || row.state == TaskState::failed) ++ended_now[row.batch];
  }
  for (const BatchRow& row : changes.batches) {
    const auto found = worth.find(row.id);
    if (found == worth.end() || found->second->read_all || found->second->read_to != 0) continue;
    if (ended_count(row) <= ended_now[row.id]) found->second->read_all = true;
  }
}

void Statistics::read_on(BatchId id, Entry& entry) {
  if (entry.read_all) return;
  const TaskFilter filter{id, 0, UINT64_MAX, {TaskState::succeeded, TaskState::failed}};
  const std::vector<TaskRow> rows = backend_.history().tasks(filter, Page{entry.read_to, kWindow});
  for (const TaskRow& row : rows) add(entry, row);
  entry.read_all = rows.size() < kWindow;
  if (!rows.empty()) entry.read_to = rows.back().position + 1;
}

void Statistics::every_second() {
  int left = kWindowsPerSecond;
  for (const auto& [id, entry] : entries_) {
    while (entry->asked && !entry->read_all && left-- > 0) read_on(id, *entry);
    if (left <= 0) return;
  }
}

// The first rows at once, so that there is something to tell from; the others by and by.
void Statistics::ask_for(BatchId id, Entry& entry) {
  for (int i = 0; !entry.asked && i < kWindowsAtOnce; ++i) read_on(id, entry);
  entry.asked = true;
}

const BatchFigures* Statistics::of(const BatchRow& batch) {
  if (batch.task_count < kTasksLeast) return nullptr;
  Entry& entry = *entry_of(batch.id);
  ask_for(batch.id, entry);
  return &entry.figures;
}

std::optional<TimeLeft> Statistics::time_left(const BatchRow& batch) {
  if (is_final(batch.state) || batch.held || batch.task_count < kTasksLeast) return std::nullopt;
  Entry& entry = *entry_of(batch.id);
  const Now now = backend_.now();
  if (entry.estimated_us != 0 && now.mono_us - entry.estimated_us < kEstimateAge_us) return entry.left;
  if (now.mono_us - second_us_ >= 1'000'000) {
    second_us_ = now.mono_us;
    estimates_ = 0;
  }
  if (++estimates_ > kEstimatesPerSecond) return entry.left;
  ask_for(batch.id, entry);
  const auto count = [&](TaskState state) { return batch.counts[static_cast<std::size_t>(state)]; };
  TimeLeftQuestion question{entry.figures.times, {}, 0, batch.task_count};
  for (const engine::LiveAttempt& live : backend_.engine().live_attempts(batch.id)) {
    if (live.phase == AttemptState::executing || live.phase == AttemptState::stopping) {
      // What was granted ahead waited for its place; after a restart only the grant is known.
      const Micros since_us = live.started_wall_us != 0 ? live.started_wall_us : live.granted_wall_us;
      question.running.push_back(std::max<Micros>(0, now.wall_us - since_us));
    } else {
      ++question.not_started;
    }
  }
  question.not_started += count(TaskState::waiting) + count(TaskState::ready);
  entry.estimated_us = now.mono_us;
  entry.left = estimate_time_left(question);
  return entry.left;
}

void write_time_left(wire::JsonWriter& out, const std::optional<TimeLeft>& left) {
  if (!left) {
    out.null();
    return;
  }
  out.begin_object();
  out.key("low_s").seconds(left->low_us).key("middle_s").seconds(left->middle_us);
  out.key("high_s").seconds(left->high_us);
  out.key("stragglers").number(left->stragglers).key("places").number(left->places);
  out.end_object();
}

}  // namespace muster::front
