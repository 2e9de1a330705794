// The keeper's state and its loop: wait, take output, reap, obey deadlines, obey the agent, start, write down, report.
// What happens in one round is written to the log and the records before it is told to anybody.
#pragma once

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/keeper_messages.h"
#include "keeper/agent_link.h"
#include "keeper/keeper.h"
#include "keeper/log_spool.h"
#include "keeper/memory_limits.h"
#include "keeper/records.h"
#include "keeper/report_pacer.h"
#include "keeper/starter.h"
#include "keeper/tasks.h"

namespace muster::keeper {

class Keeper {
 public:
  // Everything it needs of the world, opened. `signals` is a signalfd for CHLD, TERM and INT; all signals are blocked.
  struct Parts {
    blobs::File folder;
    blobs::File logs_folder;
    blobs::File signals;
    blobs::File timer;  // CLOCK_BOOTTIME
    blobs::File events;
    AgentLink link;
    LogSpool spool;
    std::optional<rlimit> task_files;  // when it is not the keeper's own
    MemoryHierarchy hierarchy;
    std::optional<RunAs> run_as;
  };
  static Result<std::unique_ptr<Keeper>> make(Parts parts);

  // Until it may leave.
  void run();

 private:
  explicit Keeper(Parts parts);

  // ---- keeper_loop.cpp: the round
  void wait_for_events();
  void take_events();
  void take_signals();
  void set_timer();
  int wait_ms() const;
  void obey_deadlines();
  void do_housekeeping();
  bool may_leave() const;
  void watch_descriptor(int descriptor, std::uint64_t tag, unsigned events, int operation);

  // ---- keeper_tasks.cpp: one task's life
  void start(Task& task);
  void fill_from_queue();
  void settle_young();
  void settle(Task& task);
  bool begin_program(Task& task);
  void watch_output(Task& task);
  void close_pipe(Task& task, std::size_t slot);
  void read_pipe(Task& task, blobs::Stream stream, int reads_max);
  void take_output(Task& task, blobs::Stream stream);
  bool drain(Task& task);
  void reap();
  void take_end(Task& task);
  void finish(Task& task);
  void end_unstarted(Task& task, EndedBy by);
  void stop(Task& task, EndedBy by, Micros grace_us);
  void stop_all(EndedBy by);
  void signal_task(const Task& task, int number) const;

  // ---- keeper_reports.cpp: what the agent asks and is told
  void obey(KeeperRequest&& request);
  void take_start(KeeperStart&& start);
  void write_down();
  void report();
  void push_to_agent();
  void rewrite_records(const RecordFile::Put& put) const;

  // ---- keeper_sweep.cpp: what got away, and memory without cgroups
  void sweep_orphans();
  void end_orphans();
  bool belongs_to_running(const std::vector<std::string>& environment) const;
  void watch_memory();

  Parts parts_;
  std::unique_ptr<RecordFile> records_;
  MemoryLimits limits_;
  Starter starter_;
  TaskTable tasks_;
  ReportPacer pacer_;

  Micros now_us_ = 0;
  std::array<epoll_event, 256> events_;
  std::size_t event_count_ = 0;
  std::deque<Task*> young_;       // started a moment ago: their pipes are not watched yet
  std::vector<Task*> slow_;       // whose program had not begun when they were settled
  std::vector<Task*> ended_now_;  // in this round, not written down yet
  std::vector<AttemptRef> untold_ends_;
  std::vector<AttemptRef> untold_starts_;
  bool wants_inventory_ = false;
  std::size_t width_ = 0;
  Micros deadline_us_ = -1;
  bool lease_is_over_ = false;
  bool leaves_when_empty_ = false;
  int terminations_ = 0;
  bool waits_to_push_ = false;  // the agent's socket is full
  bool has_orphans_ = false;    // perhaps
  Micros next_sweep_us_ = 0;
  Micros next_watch_us_ = 0;
  std::size_t watched_tasks_ = 0;  // by memory, without a group
  Micros next_tidy_us_ = 0;
  Micros timer_us_ = -1;
};

}  // namespace muster::keeper
