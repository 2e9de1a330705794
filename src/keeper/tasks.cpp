// Moving tasks between phases and the sets that go with them.
// Whoever changes a phase does it here, so that counts and queues never disagree with it.
#include "keeper/tasks.h"

#include <algorithm>

#include "core/check.h"

namespace muster::keeper {

Task* TaskTable::find(const AttemptRef& attempt) const {
  const auto found = tasks_.find(attempt);
  return found == tasks_.end() ? nullptr : found->second.get();
}

Task* TaskTable::find_process(pid_t process) const {
  const auto found = processes_.find(process);
  return found == processes_.end() ? nullptr : found->second;
}

Task& TaskTable::add(KeeperStart start) {
  auto task = std::make_unique<Task>();
  task->start = std::move(start);
  Task& added = *task;
  const bool is_new = tasks_.emplace(added.attempt(), std::move(task)).second;
  MUSTER_CHECK(is_new, "an attempt is in the table once");
  if (added.in_run_queue()) queue_.push_back(&added);
  return added;
}

void TaskTable::remove(const AttemptRef& attempt) {
  Task* task = find(attempt);
  MUSTER_CHECK(task != nullptr && task->phase == TaskPhase::ended, "only what has ended is forgotten");
  tasks_.erase(attempt);
}

void TaskTable::leave_queue(Task& task) {
  if (task.phase != TaskPhase::queued || !task.in_run_queue()) return;
  if (!queue_.empty() && queue_.front() == &task) {
    queue_.pop_front();
  } else {
    std::erase(queue_, &task);
  }
}

void TaskTable::set_running(Task& task) {
  leave_queue(task);
  task.phase = TaskPhase::running;
  processes_.emplace(task.process, &task);
  running_.insert(&task);
  if (task.in_run_queue()) ++running_of_queue_;
}

void TaskTable::set_draining(Task& task) {
  MUSTER_CHECK(task.phase == TaskPhase::running, "only what runs can drain");
  task.phase = TaskPhase::draining;
  processes_.erase(task.process);
  if (task.in_run_queue()) --running_of_queue_;
}

void TaskTable::set_ended(Task& task) {
  MUSTER_CHECK(task.phase != TaskPhase::running && task.phase != TaskPhase::ended,
               "a process ends before its task");
  leave_queue(task);
  running_.erase(&task);
  set_due(task, Due::nothing, 0);
  task.phase = TaskPhase::ended;
}

Task* TaskTable::next_of_queue(std::size_t width) const {
  return queue_.empty() || running_of_queue_ >= width ? nullptr : queue_.front();
}

void TaskTable::set_due(Task& task, Due due, Micros due_us) {
  if (task.due != Due::nothing) timers_.erase({task.due_us, &task});
  task.due = due;
  task.due_us = due_us;
  if (due != Due::nothing) timers_.insert({due_us, &task});
}

Task* TaskTable::due_task(Micros now_us) {
  if (timers_.empty() || timers_.begin()->first > now_us) return nullptr;
  return timers_.begin()->second;
}

}  // namespace muster::keeper
