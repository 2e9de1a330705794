// The keeper's tasks from request to forgetting: queued, running, draining (the process is gone, its output not yet), ended.
// Every task is in the table once; what is over keeps only its end.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blobs/file.h"
#include "core/keeper_messages.h"
#include "keeper/launch.h"
#include "keeper/log_spool.h"
#include "keeper/memory_limits.h"

namespace muster::keeper {

enum class TaskPhase : std::uint8_t { queued, running, draining, ended };

// What happens to a task when its time comes.
enum class Due : std::uint8_t {
  nothing,
  terminate,  // the time limit: TERM, then kill
  kill,       // the grace is over
  give_up,    // somebody else holds its pipes: do not wait for their end any longer
};

struct Task {
  KeeperStart start;  // its words and variables are dropped once it runs
  TaskPhase phase = TaskPhase::queued;
  EndedBy by = EndedBy::itself;
  pid_t process = 0;
  std::uint64_t start_ticks = 0;
  Micros started_mono_us = 0;
  Micros started_wall_us = 0;
  std::string task_mark;               // MUSTER_TASK_ID=…, as in its environment
  std::string attempt_mark;            // MUSTER_ATTEMPT=…
  std::unique_ptr<LaunchBlock> block;  // until the program runs
  std::array<blobs::File, 2> pipes;    // stdout, stderr; closed after their end
  bool is_watched = false;             // the pipes are in the epoll set
  AttemptLog log;
  std::unique_ptr<MemoryGroup> group;
  std::uint64_t watched_peak_bytes = 0;  // without a group
  std::string remark;
  Due due = Due::nothing;
  Micros due_us = 0;
  KeeperEnd end;
  bool is_told = false;  // that it started, to the agent that is connected now

  const AttemptRef& attempt() const { return start.attempt; }
  bool in_run_queue() const { return start.when == StartWhen::in_run_queue; }
  bool has_process() const { return phase == TaskPhase::running; }
};

class TaskTable {
 public:
  Task* find(const AttemptRef& attempt) const;
  Task* find_process(pid_t process) const;
  // Queued, at the end of the run queue if it belongs there. Precondition (checked): not there yet.
  Task& add(KeeperStart start);
  void remove(const AttemptRef& attempt);

  void set_running(Task& task);
  void set_draining(Task& task);
  void set_ended(Task& task);
  // The next one of the run queue while fewer than `width` of it run; null: none.
  Task* next_of_queue(std::size_t width) const;

  void set_due(Task& task, Due due, Micros due_us);
  // A task whose time has come; null: none.
  Task* due_task(Micros now_us);
  Micros next_due_us() const { return timers_.empty() ? INT64_MAX : timers_.begin()->first; }

  std::size_t size() const { return tasks_.size(); }
  std::size_t waiting() const { return queue_.size(); }
  std::size_t running() const { return running_.size(); }  // with draining ones
  const std::set<Task*>& running_tasks() const { return running_; }
  // In the order of their names.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [attempt, task] : tasks_) visit(*task);
  }

 private:
  struct Hash {
    std::size_t operator()(const AttemptRef& attempt) const {
      std::uint64_t mixed = (attempt.batch ^ (attempt.index << 20)) * 0x9E3779B97F4A7C15ULL;
      mixed ^=
          (static_cast<std::uint64_t>(attempt.incarnation) << 32 | attempt.number) * 0xC2B2AE3D27D4EB4FULL;
      return static_cast<std::size_t>(mixed ^ (mixed >> 31));
    }
  };
  void leave_queue(Task& task);

  std::unordered_map<AttemptRef, std::unique_ptr<Task>, Hash> tasks_;
  std::unordered_map<pid_t, Task*> processes_;
  std::deque<Task*> queue_;
  std::set<Task*> running_;
  std::size_t running_of_queue_ = 0;
  std::set<std::pair<Micros, Task*>> timers_;
};

}  // namespace muster::keeper
