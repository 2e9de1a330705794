// Long polls: found by batch when it changes, by time when it passes.
// A look may add or drop others; an entry is only touched by its id.
#include "front/waiters.h"

#include <algorithm>

namespace muster::front {

void Waiters::add(Wait wait, Micros now_mono_us) {
  const Id id = next_++;
  Entry& entry = waits_[id];
  entry.wait = std::move(wait);
  entry.last_look_us = now_mono_us;
  for (const BatchId batch : entry.wait.batches) by_batch_.emplace(batch, id);
  entry.due_us = entry.wait.deadline_mono_us;
  due_.emplace(entry.due_us, id);
}

void Waiters::set_due(Id id, Entry& entry, Micros due_us) {
  due_.erase({entry.due_us, id});
  entry.due_us = due_us;
  due_.emplace(due_us, id);
}

void Waiters::drop(Id id) {
  const auto found = waits_.find(id);
  if (found == waits_.end()) return;
  for (const BatchId batch : found->second.wait.batches) by_batch_.erase({batch, id});
  due_.erase({found->second.due_us, id});
  waits_.erase(found);
}

void Waiters::look(Id id, Look why, Micros now_mono_us) {
  const auto found = waits_.find(id);
  if (found == waits_.end()) return;
  Entry& entry = found->second;
  entry.last_look_us = now_mono_us;
  set_due(id, entry, entry.wait.deadline_mono_us);
  // The function outlives its entry: what it calls may come back here.
  const std::function<bool(Look)> call = entry.wait.look;
  if (call(why) || why != Look::changed) drop(id);
}

void Waiters::touched(BatchId batch, Micros now_mono_us) {
  if (by_batch_.empty()) return;
  std::vector<Id> ids;
  for (auto it = by_batch_.lower_bound({batch, 0}); it != by_batch_.end() && it->first == batch; ++it) {
    ids.push_back(it->second);
  }
  for (const Id id : ids) {
    const auto found = waits_.find(id);
    if (found == waits_.end()) continue;
    Entry& entry = found->second;
    const Micros earliest_us = entry.last_look_us + entry.wait.pause_us;
    if (earliest_us <= now_mono_us) {
      look(id, Look::changed, now_mono_us);
    } else if (earliest_us < entry.due_us) {
      set_due(id, entry, earliest_us);
    }
  }
}

void Waiters::tick(Micros now_mono_us) {
  while (!due_.empty() && due_.begin()->first <= now_mono_us) {
    const Id id = due_.begin()->second;
    const bool over = waits_.at(id).wait.deadline_mono_us <= now_mono_us;
    look(id, over ? Look::over : Look::changed, now_mono_us);
  }
}

void Waiters::close() {
  while (!waits_.empty()) look(waits_.begin()->first, Look::closing, 0);
}

Micros Waiters::next_due_us() const {
  return due_.empty() ? std::numeric_limits<Micros>::max() : due_.begin()->first;
}

}  // namespace muster::front
