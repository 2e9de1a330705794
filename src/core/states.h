// The life cycles of task, attempt, batch and worker: all states there are, and every way from one to another.
// docs/states.md and the CHECKs of the database are generated from these tables.
#pragma once

#include "core/life_cycle.h"

namespace muster {

// ---- task

enum class TaskState : std::uint8_t { waiting, held, ready, running, succeeded, failed, cancelled };
inline constexpr std::size_t kTaskStates = 7;

enum class TaskEvent : std::uint8_t {
  unblock,  // the dependency is met, the back-off is over
  block,    // the prerequisite was retried: wait for it again
  hold,     // a person's hold of single tasks
  release,  // … and its end
  grant,    // an attempt is written
  succeed,
  fail,       // no budget is left
  retry,      // a budget is left: after the back-off
  give_back,  // the attempt ended without fault of the task, or never started
  cancel,     // a person's, or the dependency can no longer be met
  reopen,     // a person retries it
};
inline constexpr std::size_t kTaskEvents = 11;

inline constexpr LifeCycle<TaskState, TaskEvent, kTaskStates, kTaskEvents, 18> kTaskCycle = {
    "task",
    {{{TaskState::waiting, "waiting", Finality::live, "waits for a dependency or for its back-off"},
      {TaskState::held, "held", Finality::live, "held by a person until released"},
      {TaskState::ready, "ready", Finality::live, "can start as soon as a worker has room"},
      {TaskState::running, "running", Finality::live,
       "one attempt of it is granted; its phase is the attempt's state"},
      {TaskState::succeeded, "succeeded", Finality::final_state, "an attempt succeeded"},
      {TaskState::failed, "failed", Finality::final_state, "the last attempt failed and no budget is left"},
      {TaskState::cancelled, "cancelled", Finality::final_state,
       "ended by a person, or its dependency cannot be met"}}},
    {"unblock", "block", "hold", "release", "grant", "succeed", "fail", "retry", "give_back", "cancel",
     "reopen"},
    {{{TaskState::waiting, TaskEvent::unblock, TaskState::ready},
      {TaskState::waiting, TaskEvent::hold, TaskState::held},
      {TaskState::waiting, TaskEvent::cancel, TaskState::cancelled},
      {TaskState::held, TaskEvent::release, TaskState::waiting},
      {TaskState::held, TaskEvent::cancel, TaskState::cancelled},
      {TaskState::ready, TaskEvent::block, TaskState::waiting},
      {TaskState::ready, TaskEvent::hold, TaskState::held},
      {TaskState::ready, TaskEvent::grant, TaskState::running},
      {TaskState::ready, TaskEvent::cancel, TaskState::cancelled},
      {TaskState::ready, TaskEvent::fail, TaskState::failed},
      {TaskState::running, TaskEvent::succeed, TaskState::succeeded},
      {TaskState::running, TaskEvent::fail, TaskState::failed},
      {TaskState::running, TaskEvent::retry, TaskState::waiting},
      {TaskState::running, TaskEvent::give_back, TaskState::ready},
      {TaskState::running, TaskEvent::cancel, TaskState::cancelled},
      {TaskState::waiting, TaskEvent::fail, TaskState::failed},
      {TaskState::failed, TaskEvent::reopen, TaskState::waiting},
      {TaskState::cancelled, TaskEvent::reopen, TaskState::waiting}}},
    {false, false, false, false, false, false, false, false, false, false, true}};
static_assert(life_cycle_proof::holds(kTaskCycle));

// ---- attempt

enum class AttemptState : std::uint8_t {
  assigned,
  fetching,
  staged,
  executing,
  storing,
  verifying,
  stopping,
  succeeded,
  failed,
  cancelled,
  lost,
  refused,
};
inline constexpr std::size_t kAttemptStates = 12;

enum class AttemptEvent : std::uint8_t {
  fetch,
  stage,
  execute,
  store,
  verify,
  stop,
  succeed,
  fail,
  cancel,
  lose,
  refuse,
};
inline constexpr std::size_t kAttemptEvents = 11;

inline constexpr LifeCycle<AttemptState, AttemptEvent, kAttemptStates, kAttemptEvents, 38> kAttemptCycle = {
    "attempt",
    {{{AttemptState::assigned, "assigned", Finality::live, "granted to a worker, not started"},
      {AttemptState::fetching, "fetching", Finality::live, "its inputs are on their way"},
      {AttemptState::staged, "staged", Finality::live, "waits for a slot"},
      {AttemptState::executing, "executing", Finality::live, "its command runs"},
      {AttemptState::storing, "storing", Finality::live, "its outputs are on their way"},
      {AttemptState::verifying, "verifying", Finality::live, "its post-condition is checked"},
      {AttemptState::stopping, "stopping", Finality::live, "TERM was sent, KILL follows after the grace"},
      {AttemptState::succeeded, "succeeded", Finality::final_state, "exit status 0"},
      {AttemptState::failed, "failed", Finality::final_state, "ended with a cause"},
      {AttemptState::cancelled, "cancelled", Finality::final_state, "stopped because a person asked"},
      {AttemptState::lost, "lost", Finality::final_state, "its end is not known, its death is"},
      {AttemptState::refused, "refused", Finality::final_state, "given back without a start"}}},
    {"fetch", "stage", "execute", "store", "verify", "stop", "succeed", "fail", "cancel", "lose", "refuse"},
    {{{AttemptState::assigned, AttemptEvent::fetch, AttemptState::fetching},
      {AttemptState::assigned, AttemptEvent::stage, AttemptState::staged},
      {AttemptState::assigned, AttemptEvent::execute, AttemptState::executing},
      {AttemptState::assigned, AttemptEvent::stop, AttemptState::stopping},
      {AttemptState::assigned, AttemptEvent::succeed, AttemptState::succeeded},
      {AttemptState::assigned, AttemptEvent::fail, AttemptState::failed},
      {AttemptState::assigned, AttemptEvent::cancel, AttemptState::cancelled},
      {AttemptState::assigned, AttemptEvent::lose, AttemptState::lost},
      {AttemptState::assigned, AttemptEvent::refuse, AttemptState::refused},
      {AttemptState::fetching, AttemptEvent::stage, AttemptState::staged},
      {AttemptState::fetching, AttemptEvent::stop, AttemptState::stopping},
      {AttemptState::fetching, AttemptEvent::fail, AttemptState::failed},
      {AttemptState::fetching, AttemptEvent::lose, AttemptState::lost},
      {AttemptState::staged, AttemptEvent::execute, AttemptState::executing},
      {AttemptState::staged, AttemptEvent::stop, AttemptState::stopping},
      {AttemptState::staged, AttemptEvent::lose, AttemptState::lost},
      {AttemptState::executing, AttemptEvent::store, AttemptState::storing},
      {AttemptState::executing, AttemptEvent::verify, AttemptState::verifying},
      {AttemptState::executing, AttemptEvent::stop, AttemptState::stopping},
      {AttemptState::executing, AttemptEvent::succeed, AttemptState::succeeded},
      {AttemptState::executing, AttemptEvent::fail, AttemptState::failed},
      {AttemptState::executing, AttemptEvent::cancel, AttemptState::cancelled},
      {AttemptState::executing, AttemptEvent::lose, AttemptState::lost},
      {AttemptState::executing, AttemptEvent::refuse, AttemptState::refused},
      {AttemptState::storing, AttemptEvent::verify, AttemptState::verifying},
      {AttemptState::storing, AttemptEvent::stop, AttemptState::stopping},
      {AttemptState::storing, AttemptEvent::succeed, AttemptState::succeeded},
      {AttemptState::storing, AttemptEvent::fail, AttemptState::failed},
      {AttemptState::storing, AttemptEvent::lose, AttemptState::lost},
      {AttemptState::verifying, AttemptEvent::stop, AttemptState::stopping},
      {AttemptState::verifying, AttemptEvent::succeed, AttemptState::succeeded},
      {AttemptState::verifying, AttemptEvent::fail, AttemptState::failed},
      {AttemptState::verifying, AttemptEvent::lose, AttemptState::lost},
      {AttemptState::stopping, AttemptEvent::succeed, AttemptState::succeeded},
      {AttemptState::stopping, AttemptEvent::fail, AttemptState::failed},
      {AttemptState::stopping, AttemptEvent::cancel, AttemptState::cancelled},
      {AttemptState::stopping, AttemptEvent::lose, AttemptState::lost},
      {AttemptState::stopping, AttemptEvent::refuse, AttemptState::refused}}},
    {}};
static_assert(life_cycle_proof::holds(kAttemptCycle));

// ---- batch

enum class BatchState : std::uint8_t {
  waiting,
  trial,
  running,
  succeeded,
  ended,
  broken,
  cancelling,
  cancelled
};
inline constexpr std::size_t kBatchStates = 8;

enum class BatchEvent : std::uint8_t {
  test,       // the trial begins
  start,      // something can run
  pass,       // the trial passed
  break_off,  // the trial failed
  all_succeeded,
  all_final,  // all final, not all succeeded
  cancel,
  all_stopped,  // of a cancelled batch
  reopen,       // tasks were added or retried
};
inline constexpr std::size_t kBatchEvents = 9;

inline constexpr LifeCycle<BatchState, BatchEvent, kBatchStates, kBatchEvents, 18> kBatchCycle = {
    "batch",
    {{{BatchState::waiting, "waiting", Finality::live, "nothing of it could start yet"},
      {BatchState::trial, "trial", Finality::live, "its first tasks run alone"},
      {BatchState::running, "running", Finality::live, "tasks are ready, running or waiting for each other"},
      {BatchState::succeeded, "succeeded", Finality::final_state, "all tasks succeeded"},
      {BatchState::ended, "ended", Finality::final_state, "all tasks are final, not all succeeded"},
      {BatchState::broken, "broken", Finality::final_state, "the trial failed"},
      {BatchState::cancelling, "cancelling", Finality::live, "cancelled, some attempts are still stopping"},
      {BatchState::cancelled, "cancelled", Finality::final_state, "cancelled, nothing of it runs"}}},
    {"test", "start", "pass", "break", "all_succeeded", "all_final", "cancel", "all_stopped", "reopen"},
    {{{BatchState::waiting, BatchEvent::test, BatchState::trial},
      {BatchState::waiting, BatchEvent::start, BatchState::running},
      {BatchState::waiting, BatchEvent::all_final, BatchState::ended},
      {BatchState::waiting, BatchEvent::cancel, BatchState::cancelling},
      {BatchState::trial, BatchEvent::pass, BatchState::running},
      {BatchState::trial, BatchEvent::break_off, BatchState::broken},
      {BatchState::trial, BatchEvent::all_succeeded, BatchState::succeeded},
      {BatchState::trial, BatchEvent::all_final, BatchState::ended},
      {BatchState::trial, BatchEvent::cancel, BatchState::cancelling},
      {BatchState::running, BatchEvent::all_succeeded, BatchState::succeeded},
      {BatchState::running, BatchEvent::all_final, BatchState::ended},
      {BatchState::running, BatchEvent::cancel, BatchState::cancelling},
      {BatchState::cancelling, BatchEvent::all_stopped, BatchState::cancelled},
      {BatchState::cancelling, BatchEvent::all_succeeded, BatchState::succeeded},
      {BatchState::succeeded, BatchEvent::reopen, BatchState::waiting},
      {BatchState::ended, BatchEvent::reopen, BatchState::waiting},
      {BatchState::broken, BatchEvent::reopen, BatchState::waiting},
      {BatchState::cancelled, BatchEvent::reopen, BatchState::waiting}}},
    {false, false, false, false, false, false, false, false, true}};
static_assert(life_cycle_proof::holds(kBatchCycle));

// ---- worker

enum class WorkerState : std::uint8_t { offline, online, paused, draining, quarantined, lost, removed };
inline constexpr std::size_t kWorkerStates = 7;

enum class WorkerEvent : std::uint8_t {
  connect,
  silence,
  pause,
  resume,
  drain,
  quarantine,
  declare_lost,
  remove
};
inline constexpr std::size_t kWorkerEvents = 8;

inline constexpr LifeCycle<WorkerState, WorkerEvent, kWorkerStates, kWorkerEvents, 28> kWorkerCycle = {
    "worker",
    {{{WorkerState::offline, "offline", Finality::live, "declared, or silent; what runs there goes on"},
      {WorkerState::online, "online", Finality::live, "connected, takes tasks"},
      {WorkerState::paused, "paused", Finality::live, "takes no new tasks until resumed"},
      {WorkerState::draining, "draining", Finality::live, "finishes what it has, takes nothing more"},
      {WorkerState::quarantined, "quarantined", Finality::live, "set aside because tasks fail on it"},
      {WorkerState::lost, "lost", Finality::live, "its death is proved, or its lease is over"},
      {WorkerState::removed, "removed", Finality::final_state, "taken out by a person"}}},
    {"connect", "silence", "pause", "resume", "drain", "quarantine", "declare_lost", "remove"},
    {{{WorkerState::offline, WorkerEvent::connect, WorkerState::online},
      {WorkerState::offline, WorkerEvent::pause, WorkerState::paused},
      {WorkerState::offline, WorkerEvent::declare_lost, WorkerState::lost},
      {WorkerState::offline, WorkerEvent::remove, WorkerState::removed},
      {WorkerState::online, WorkerEvent::silence, WorkerState::offline},
      {WorkerState::online, WorkerEvent::pause, WorkerState::paused},
      {WorkerState::online, WorkerEvent::drain, WorkerState::draining},
      {WorkerState::online, WorkerEvent::quarantine, WorkerState::quarantined},
      {WorkerState::online, WorkerEvent::declare_lost, WorkerState::lost},
      {WorkerState::paused, WorkerEvent::resume, WorkerState::offline},
      {WorkerState::paused, WorkerEvent::connect, WorkerState::paused},
      {WorkerState::paused, WorkerEvent::silence, WorkerState::paused},
      {WorkerState::paused, WorkerEvent::drain, WorkerState::draining},
      {WorkerState::paused, WorkerEvent::declare_lost, WorkerState::lost},
      {WorkerState::paused, WorkerEvent::remove, WorkerState::removed},
      {WorkerState::draining, WorkerEvent::connect, WorkerState::draining},
      {WorkerState::draining, WorkerEvent::silence, WorkerState::draining},
      {WorkerState::draining, WorkerEvent::resume, WorkerState::offline},
      {WorkerState::draining, WorkerEvent::declare_lost, WorkerState::lost},
      {WorkerState::draining, WorkerEvent::remove, WorkerState::removed},
      {WorkerState::quarantined, WorkerEvent::connect, WorkerState::quarantined},
      {WorkerState::quarantined, WorkerEvent::silence, WorkerState::quarantined},
      {WorkerState::quarantined, WorkerEvent::resume, WorkerState::offline},
      {WorkerState::quarantined, WorkerEvent::declare_lost, WorkerState::lost},
      {WorkerState::quarantined, WorkerEvent::remove, WorkerState::removed},
      {WorkerState::lost, WorkerEvent::connect, WorkerState::online},
      {WorkerState::lost, WorkerEvent::silence, WorkerState::lost},
      {WorkerState::lost, WorkerEvent::remove, WorkerState::removed}}},
    {}};
static_assert(life_cycle_proof::holds(kWorkerCycle));

constexpr std::string_view to_text(TaskState state) { return kTaskCycle.text(state); }
constexpr std::string_view to_text(AttemptState state) { return kAttemptCycle.text(state); }
constexpr std::string_view to_text(BatchState state) { return kBatchCycle.text(state); }
constexpr std::string_view to_text(WorkerState state) { return kWorkerCycle.text(state); }
constexpr bool is_final(TaskState state) { return kTaskCycle.is_final(state); }
constexpr bool is_final(AttemptState state) { return kAttemptCycle.is_final(state); }
constexpr bool is_final(BatchState state) { return kBatchCycle.is_final(state); }

}  // namespace muster
