// What the agent asks of the keeper, and what it is told.
// Everything can be asked twice; what is told was written down before.
#include <algorithm>

#include "core/failpoint.h"
#include "keeper/keeper_loop.h"
#include "keeper/process_facts.h"

namespace muster::keeper {
namespace {

KeeperStarted started_of(const Task& task) {
  return {task.attempt(), task.process, task.start_ticks, task.started_wall_us, task.start.note};
}

}  // namespace

void Keeper::obey(KeeperRequest&& request) {
  failpoint("keeper.asked");
  // First of all, so that work sent with a renewed lease is not refused for the old one.
  if (request.deadline_mono_us > deadline_us_) {
    deadline_us_ = request.deadline_mono_us;
    lease_is_over_ = now_us_ >= deadline_us_;
  }
  for (KeeperStart& one : request.starts) take_start(std::move(one));
  for (const KeeperStop& one : request.stops) {
    Task* task = tasks_.find(one.attempt);
    if (task == nullptr || (one.only_queued && task->phase != TaskPhase::queued)) continue;
    stop(*task, EndedBy::stop, one.grace_us);
  }
  for (const AttemptRef& attempt : request.forget) {
    const Task* task = tasks_.find(attempt);
    if (task == nullptr || task->phase != TaskPhase::ended) continue;
    if (std::erase(ended_now_, task) == 0) {
      std::string message;
      wire::append_keeper_started({attempt, 0, 0, 0, {}}, message);
      records_->append(RecordKind::forgotten, message);
      failpoint("keeper.forgotten");
    }
    tasks_.remove(attempt);
  }
  if (request.run_queue_width >= 0) width_ = static_cast<std::size_t>(request.run_queue_width);
  if (request.logs_taken_segment > 0) {
    parts_.spool.forget_below(request.logs_taken_segment);
    parts_.spool.settle(now_us_);
  }
  if (request.list) {
    wants_inventory_ = true;
    pacer_.note_at_once();
  }
  leaves_when_empty_ = leaves_when_empty_ || request.leave_when_empty;
}

void Keeper::take_start(KeeperStart&& start_wanted) {
  if (tasks_.find(start_wanted.attempt) != nullptr) return;
  Task& task = tasks_.add(std::move(start_wanted));
  if (terminations_ > 0) return end_unstarted(task, EndedBy::stop);
  if (lease_is_over_) return end_unstarted(task, EndedBy::lease);
  if (!task.in_run_queue()) start(task);
}

// The log and the records of this round, before anybody is told.
void Keeper::write_down() {
  parts_.spool.flush();
  if (ended_now_.empty()) return;
  failpoint("keeper.logs.flushed");
  const blobs::SegmentPlace place = parts_.spool.place();
  std::string message;
  for (Task* task : ended_now_) {
    task->end.log_segment = place.segment;
    task->end.log_offset = place.offset;
    message.clear();
    wire::append_keeper_end(task->end, message);
    records_->append(RecordKind::ended, message);
    if (!parts_.link.connected()) continue;
    untold_ends_.push_back(task->attempt());
    pacer_.note(now_us_);
  }
  ended_now_.clear();
  failpoint("keeper.ends.noted");
}

void Keeper::report() {
  KeeperReport told;
  if (wants_inventory_) {
    told.inventory = true;
    tasks_.for_each([&](const Task& task) {
      switch (task.phase) {
        case TaskPhase::queued:
          told.queued.push_back({task.attempt(), task.start.note});
          break;
        case TaskPhase::running:
        case TaskPhase::draining:
          told.started.push_back(started_of(task));
          break;
        case TaskPhase::ended:
          told.ended.push_back(task.end);
          break;
      }
    });
  } else {
    for (const AttemptRef& attempt : untold_starts_) {
      const Task* task = tasks_.find(attempt);
      if (task != nullptr && task->phase != TaskPhase::ended) told.started.push_back(started_of(*task));
    }
    for (const AttemptRef& attempt : untold_ends_) {
      if (const Task* task = tasks_.find(attempt)) told.ended.push_back(task->end);
    }
  }
  const bool has_news = told.inventory || !told.started.empty() || !told.ended.empty();
  const blobs::SegmentPlace place = parts_.spool.place();
  told.log_segment = place.segment;
  told.log_offset = place.offset;
  wants_inventory_ = false;
  untold_starts_.clear();
  untold_ends_.clear();
  pacer_.sent(now_us_);
  failpoint("keeper.report.before");
  if (has_news) parts_.link.send(told);
  push_to_agent();
  failpoint("keeper.report.after");
}

// Everything a successor has to know if this process is killed now.
void Keeper::rewrite_records(const RecordFile::Put& put) const {
  std::string message;
  tasks_.for_each([&](const Task& task) {
    message.clear();
    if (task.phase == TaskPhase::ended) {
      wire::append_keeper_end(task.end, message);
      put(RecordKind::ended, message);
    } else if (task.phase != TaskPhase::queued) {
      KeeperStarted started = started_of(task);
      started.note.clear();
      wire::append_keeper_started(started, message);
      put(RecordKind::started, message);
    }
  });
}

}  // namespace muster::keeper
