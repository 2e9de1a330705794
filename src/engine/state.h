// The working set of the engine: batches, workers, what is due. Plain data and the few functions that keep its sums right.
// Every fact has one owner; sums (counts, in_use, ready lists) change only in the functions declared here.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/inputs.h"
#include "core/run_map.h"
#include "engine/engine.h"

namespace muster::engine {

// What is known of every task, as runs. `attempts` > 0 exactly when the task has a row in the store.
struct TaskRun {
  TaskState state = TaskState::waiting;
  bool by_dependency = false;  // valid with cancelled
  std::uint32_t attempts = 0;
  bool operator==(const TaskRun&) const = default;
};

// A task that was granted and is not final, and that has something to remember.
struct LiveTask {
  AttemptRecord attempt;  // the newest; `end` is not kept here
  RetryCounts retries;
  Micros not_before_mono_us = 0;  // back-off; 0: none
  Micros not_before_wall_us = 0;
  std::uint64_t granted_in_seq = 0;  // server message of this session that carried it; 0: an earlier session
  Micros started_wall_us = 0;        // when its start was heard of; 0: not in this life of the server
  bool held_ahead = false;           // granted beyond the slots, or heard of as not started
  bool recalled = false;             // it was asked back, and the agent has not been heard since
  std::vector<WorkerId> launch_failed_on;
};

enum class Gate : std::uint8_t { pending, met, impossible };

struct SegmentItems {
  std::vector<ItemBlockRow> blocks;  // by first_item
};

// What runs of one user, of one project, or on workers with one label; and how much of it may.
struct Usage {
  std::uint64_t running = 0;
  std::uint64_t cpus = 0;
  LimitRow limit;
};

// How a batch fares on one worker; not stored: a server that starts anew judges anew.
struct Tally {
  std::uint64_t running = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t fast_failed = 0;
};

// Tasks that can take each other's place: the same needs, of the same people, for the same workers.
struct PlaceClass {
  Resources shape;
  std::string owner;
  std::string project;
  std::string group;  // the batch's name if some worker serves it, else empty
  auto operator<=>(const PlaceClass&) const = default;
};
struct ClassQueue {
  std::set<std::pair<std::int64_t, BatchId>>
      batches;           // {-priority, id} of those that may have something ready
  bool blocked = false;  // no worker had room when it was last looked at; only `freed` ones may have it now
  Micros blocked_since_mono_us = 0;
  bool starving = false;  // … for so long that workers are kept free for it
};

struct Batch {
  BatchRow row;
  std::vector<SegmentRow> segments;
  std::vector<SegmentItems> items;  // one per segment
  std::vector<Gate> gates;          // one per segment: its batch and task dependencies together
  std::vector<OverrideRow> overrides;
  RunMap<TemplateId> override_of;  // 0: as the segment says
  std::vector<Resources> shapes;   // of its templates, each once
  RunMap<TaskRun> tasks;
  std::map<Position, LiveTask> live;
  Position ready_from = 0;      // no ready task is below
  std::uint64_t executing = 0;  // of the running ones
  std::uint64_t stopping = 0;
  Usage* of_user = nullptr;  // in State::usage
  Usage* of_project = nullptr;
  std::map<WorkerId, Tally> tallies;
  Tally together;  // the sum of `tallies`

  std::uint64_t count(TaskState state) const { return row.counts[static_cast<std::size_t>(state)]; }
  bool all_final() const {
    return count(TaskState::succeeded) + count(TaskState::failed) + count(TaskState::cancelled) ==
           row.task_count;
  }
};

struct Worker {
  WorkerRow row;
  SessionId session = 0;           // 0: not connected
  std::uint64_t received_seq = 0;  // newest agent message handled in this session
  std::uint64_t sent_seq = 0;
  Micros heard_mono_us = 0;
  Micros lease_until_mono_us = 0;         // nothing of it can run after that
  WorkerPlace place = WorkerPlace::here;  // valid while connected
  Micros promised_until_mono_us = 0;      // when a lease as long as row.promised_us is over
  // The boot of this session. The row keeps the one before until a full message of this boot was handled: whatever happens
  // until then, what ran under the old one is known to be dead.
  std::string boot_id;
  bool synced = false;  // a full message was handled in this session
  bool rebooted() const { return boot_id != row.facts.boot_id; }
  Capacity capacity;  // facts with the operator's slots
  InUse in_use;       // everything assigned; CPU slots may pass the capacity by what is prefetched
  std::set<std::pair<BatchId, Position>> assigned;
  std::set<TemplateId> templates_sent;  // in this session
  Micros window_start_mono_us = 0;      // how many ended in the present and in the last prefetch window
  std::uint64_t ended_in_window = 0;    // well; what fails fast is no reason to hold more
  std::uint64_t ended_in_last_window = 0;
  std::vector<Usage*> of_labels;                   // in State::usage, one for each of its labels
  std::set<std::pair<BatchId, Position>> strikes;  // tasks that failed fast since one went well
  BatchId quarantined_by = 0;                      // the batch whose tasks failed; 0 after a restart
  Micros quarantined_until_mono_us = 0;            // valid while quarantined
  bool half_open = false;                          // quarantined, and that time is over
  ServerMessage outbox;                            // what this turn has to say
  bool has_news = false;                           // it is in State::spoken_to
};

struct Due {
  Micros mono_us = 0;
  BatchId batch = 0;
  Position position = 0;
  auto operator<=>(const Due&) const = default;
};

// The last reason that was worked out, for as long as no turn has passed.
class ReasonCache {
 public:
  const std::string& of(const Engine::State& state, const Batch& batch, Position position);

 private:
  std::uint64_t turn_ = 0;
  BatchId batch_ = 0;
  TemplateId template_ = 0;
  std::string reason_;
};

struct Engine::State {
  EngineOptions options;
  Incarnation incarnation = 0;
  Sequences sequences;
  bool sequences_changed = false;
  SpaceState space = SpaceState::plenty;
  Totals totals;
  bool shutting_down = false;
  std::vector<WorkerId> spoken_to;  // who has an outbox to be sent in this turn; may name one twice
  // No silence, lease or quarantine ends earlier. It may be too early, never too late: looking at all workers in each turn would
  // make ten thousand idle ones a burden.
  Micros workers_due_mono_us = 0;
  bool stopping_tasks = false;                // … and agents end what runs
  std::vector<RequestId> shut_down_requests;  // answered when nothing runs any more

  std::map<BatchId, Batch> batches;
  std::map<BatchId, std::set<BatchId>> dependents_of;  // batches with a segment that waits for this one
  std::map<WorkerId, Worker> workers;
  std::map<SessionId, WorkerId> sessions;
  std::map<TemplateId, std::shared_ptr<const TaskTemplate>> templates;
  std::map<TemplateId, std::uint64_t> template_uses;  // by segments and overrides of what is in memory
  std::deque<TemplateId> recent_templates;            // candidates for reuse by equal submits
  std::map<std::pair<std::string, std::string>, KeyRow> recent_keys;
  std::deque<std::pair<std::string, std::string>> recent_keys_order;
  std::map<PlaceClass, ClassQueue> placeable;
  std::set<WorkerId> freed;      // may have more room than when classes were blocked
  std::set<WorkerId> over_held;  // have more assigned than CPU slots
  std::set<std::string> served_groups;
  std::map<std::pair<LimitScope, std::string>, Usage> usage;
  std::map<FlavorKey, Flavor> flavors;          // the catalogue
  std::map<WorkerId, PlaceClass> reservations;  // kept free for what finds no room
  Micros reserve_next_mono_us = 0;              // not every turn looks for more of them
  std::set<Due> back_offs;
  std::deque<BatchId> final_order;    // ended batches in memory, oldest first
  bool placement_unfinished = false;  // the turn's bound was reached

  mutable ReasonCache reasons;

  // The turn under way.
  std::uint64_t turns = 1;
  Now now;
  Decision decision;
  std::set<BatchId> changed_batches;
  std::set<BatchId> unsettled_batches;  // counts changed: their state has to be looked at
  std::set<BatchId> run_changes;        // held or cancelled tasks without rows changed
  struct News {
    BatchId prerequisite = 0;
    Position first = 0;
    Position last = 0;
  };
  std::deque<News> dependency_news;  // tasks of prerequisites changed state

  // ---- tasks (tasks.cpp)
  Batch* find_batch(BatchId id);
  const Batch* find_batch(BatchId id) const;
  std::optional<Position> position_of(const Batch& batch, TaskIndex index) const;
  TaskIndex index_of(const Batch& batch, Position position) const;
  TaskNumber number_of(const Batch& batch, Position position) const;
  std::uint32_t segment_of(const Batch& batch, Position position) const;
  TemplateId template_id_of(const Batch& batch, Position position) const;
  const TaskTemplate& template_of(const Batch& batch, Position position) const;
  // The last position up to `last` that shares segment and template with `position`.
  Position same_template_until(const Batch& batch, Position position, Position last) const;
  // Tasks cancelled by a dependency stay so, whatever becomes of it.
  void make_cancel_final(Batch& batch, Position first, Position last);
  // Moves every task of the interval by the life cycle's table; all have to be in states where `event` is listed.
  void move(Batch& batch, Position first, Position last, TaskEvent event, bool by_dependency = false);
  void write_task(const Batch& batch, Position position, const Finished* end = nullptr);
  // Writes what `move` did to an interval: rows of tasks that have one; forgets what final tasks need no more.
  void record(Batch& batch, Position first, Position last);
  void write_state_runs(Batch& batch);
  // A segment or an override of the batch that came to it names this template.
  void note_template(Batch& batch, TemplateId template_id);
  // Of a batch that leaves memory; a template that nothing names any more goes with it, when no equal submit is likely.
  void drop_templates(const Batch& batch);
  void forget_unused(TemplateId template_id);
  void withdraw(const Batch& batch);
  void refresh_placeable(Batch& batch);
  void journal(EventKind kind, BatchId batch, std::string text, const std::string& who = {},
               TaskIndex index = 0, std::uint32_t attempt = 0, WorkerId worker = 0);

  // ---- attempts (attempts.cpp)
  void finish_attempt(Batch& batch, Position position, Finished end);
  enum class Start : std::uint8_t { possible, never };
  void end_failed(Batch& batch, Position position, LiveTask& live, Finished& end, Start start);
  void make_ready_or_wait(Batch& batch, Position position);
  void set_phase(Batch& batch, LiveTask& live, AttemptState phase);
  void release_worker(Batch& batch, Position position, LiveTask& live, AttemptState outcome);
  void request_stop(Batch& batch, Position position, StopReason reason);

  // ---- dependencies (dependencies.cpp)
  // Everything the segment waits for is in memory; of a batch that ended long ago it need not be (Engine::missing_for).
  bool prerequisites_present(const SegmentRow& segment) const;
  Gate gate_of(const Dependency& dependency) const;
  Gate segment_gate(const SegmentRow& segment) const;
  Gate task_gate(const Batch& batch, Position position) const;
  void apply_gate(Batch& batch, Position first, Position last, Gate gate);
  void evaluate_segment(Batch& batch, std::uint32_t segment, Position first, Position last);
  Position same_gate_until(const Batch& batch, const SegmentRow& segment, Position position,
                           Position last) const;
  void evaluate_dependents(BatchId prerequisite);
  void spread(const News& news);
  std::optional<Error> check_dependencies(const Submit& submit) const;

  // ---- batches (batches.cpp)
  void settle();  // states of batches whose counts changed, and what follows for others
  void settle_batch(Batch& batch);
  void forget_final_batches();

  // ---- placement (placement.cpp)
  void place();
  PlaceClass class_of(const Batch& batch, const Resources& shape) const;
  void unblock_all();
  bool is_open(const Worker& worker) const;  // takes new tasks now
  std::uint64_t ahead_of(const Worker& worker) const;
  enum class Hold : std::uint8_t { slots_only, with_prefetch };
  std::uint64_t room_for(const Worker& worker, const Resources& wanted, std::uint64_t most, Hold hold) const;
  void keep_reservations();
  void reserve(const PlaceClass& starving, std::uint64_t most);
  void grant(Batch& batch, Worker& worker, Position first, std::uint64_t count);
  void send_grant(Batch& batch, Worker& worker, Position position, LiveTask& live);

  // ---- taking back (recall.cpp)
  bool wants_back(const Worker& worker) const;  // whatever was not started there
  void recall(Batch& batch, Position position, LiveTask& live, Worker& worker);
  void recall_unstarted(Worker& worker);
  void take_back();

  // ---- limits (limits.cpp)
  Usage& usage_of(LimitScope scope, const std::string& name);
  void count_use(Batch& batch, Worker& worker, const Resources& wanted, int sign);
  void tie_labels(Worker& worker);
  std::uint64_t quota_left(const Batch& batch, const Resources& wanted) const;
  std::uint64_t label_left(const Worker& worker, const Resources& wanted) const;
  const LimitRow* full_limit(const Batch& batch, const Resources& wanted) const;

  // ---- bad workers (quarantine.cpp)
  void judge(Batch& batch, Position position, const LiveTask& live, const Finished& end);
  void set_quarantine(Worker& worker, const Batch& batch);
  void lift_quarantine(Worker& worker, const std::string& why, const std::string& who = {});
  void free_the_blameless(const Batch& batch);

  // ---- verbs, one file each
  void on(const Submit& input);
  void on(const Change& input);
  void on(const SetBatch& input);
  void on(const SetWorker& input);
  void on(const WriteRows& input);
  void on(const AgentConnected& input);
  void on(const AgentSaid& input);
  void on(const AgentGone& input);
  void on(const LoadedBatch& input);
  void on(const DiskSpace& input);
  void on(const Tick& input);
  void on(const ShutDown& input);
  void on(const CreateWorker& input);
  void on(const ChangeWorker& input);
  void on(const SetLimit& input);

  void reply(RequestId request, ReplyBody body);
  void speak_to(Worker& worker);  // its outbox goes out at the end of the turn
  void remember(KeyRow row);      // submit.cpp
  void flush_outboxes();
  // After anything that can make its silence, its lease or its quarantine end earlier than what was watched before.
  void watch(const Worker& worker);
  void disconnect(Worker& worker);  // it is connected, and not any more
  void finish_turn();
  Batch& adopt(const BatchSnapshot& snapshot);  // restore.cpp
  void set_capacity(Worker& worker);
  void note_hold(Worker& worker);  // after a change of what is assigned, or of the slots
  void apply(Worker& worker, const WorkerSettings& settings, std::string& text);
  std::optional<Error> refusal_of(const WorkerSettings& settings, WorkerId worker) const;
  void renew_served_groups();
  void resume(Worker& worker);
  void lose_all(Worker& worker, const std::string& message);
  Micros lease_of(const Worker& worker) const;
  Micros promise_lease(Worker& worker);
  void check_shut_down();
};

// Why no worker there is can ever run this; nothing while there is none, or when one can.
// The longest of what a worker may have, switched off or not known yet included.
Capacity whole_capacity(const Worker& worker);
// Whether such a task of this batch could run there if the worker were empty, whatever its state.
bool has_a_place_for(const Worker& worker, const Resources& wanted, const BatchRow& batch);
// Tasks that would be root's are those of the one user who let the worker in.
bool may_serve(const WorkerRow& worker, std::string_view owner);
std::optional<Error> infeasible(const Engine::State& state, const Resources& wanted,
                                const std::string& owner);
// Whether anything of the batch could be granted if there were room.
bool may_place(const Batch& batch);
// What keeps this worker from taking such a task now: a reason code; empty: nothing.
std::string_view obstacle_of(const Engine::State& state, const Worker& worker, const BatchRow& batch,
                             const Resources& wanted);
// The reason code of a task that does not move, or nothing.
std::string reason_of(const Engine::State& state, const Batch& batch, Position position);

}  // namespace muster::engine
