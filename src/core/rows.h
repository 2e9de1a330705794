// The rows of the store as values: what survives a crash, no more.
// The engine writes whole rows by key; a store never decides, it keeps.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/agent_messages.h"
#include "core/cause.h"
#include "core/flavor.h"
#include "core/ids.h"
#include "core/item_table.h"
#include "core/role.h"
#include "core/row_index.h"
#include "core/states.h"
#include "core/task_template.h"

namespace muster {

using TaskCounts = std::array<std::uint64_t, kTaskStates>;  // by TaskState

struct BatchRow {
  BatchId id = 0;
  std::string project = "default";
  std::string name;
  std::string owner;
  BatchState state = BatchState::waiting;
  bool held = false;
  bool closed = false;            // takes no more tasks
  std::int32_t priority = 0;      // higher first
  std::uint64_t max_running = 0;  // 0: no limit
  std::uint64_t task_count = 0;
  TaskCounts counts{};  // kept, never counted
  Micros created_wall_us = 0;
  Micros started_wall_us = 0;  // first grant; 0: none yet
  Micros ended_wall_us = 0;    // 0: not final
  bool revivable =
      false;           // ended, but tasks were cancelled by a dependency that may be retried: stays in memory
  std::string reason;  // of the last hold or cancel, as the person gave it
  bool operator==(const BatchRow&) const = default;
};

enum class DependencyKind : std::uint8_t {
  batch,  // all tasks of the prerequisite batch: a barrier
  task,   // one task
  index,  // task i waits for task i
};

struct Dependency {
  DependencyKind kind = DependencyKind::batch;
  bool any_end = false;  // --after-any: failure is as good as success
  BatchId batch = 0;
  TaskIndex index = 0;  // for kind task
  bool operator==(const Dependency&) const = default;
};

// A run of tasks that were submitted together: position first_position+k has index first_index + k*step.
struct SegmentRow {
  BatchId batch = 0;
  std::uint32_t ordinal = 0;  // 0, 1, 2 … in its batch
  Position first_position = 0;
  std::uint64_t count = 0;
  TaskIndex first_index = 1;
  std::uint64_t step = 1;
  TaskNumber first_number = 0;
  TemplateId template_id = 0;
  bool has_items = false;                // item k of the segment belongs to position first_position+k
  std::vector<Dependency> dependencies;  // all of them must be met
  bool operator==(const SegmentRow&) const = default;
};

struct TemplateRow {
  TemplateId id = 0;
  std::shared_ptr<const TaskTemplate> body;
};

// A slice of a segment's items, in order; about 1 MiB.
struct ItemBlockRow {
  BatchId batch = 0;
  std::uint32_t segment = 0;
  std::uint64_t first_item = 0;  // its first row is the segment's item number first_item
  std::shared_ptr<const ItemBlock> items;
};

// Tasks first..last (positions) use this template instead of their segment's. Later rows win.
struct OverrideRow {
  BatchId batch = 0;
  std::uint32_t ordinal = 0;
  Position first = 0;
  Position last = 0;
  TemplateId template_id = 0;
  bool operator==(const OverrideRow&) const = default;
};

// One attempt as it stands. A task row holds its newest attempt; older ones are AttemptRows.
struct AttemptRecord {
  std::uint32_t number = 0;  // 0: never granted
  Incarnation incarnation = 0;
  AttemptState state = AttemptState::assigned;
  WorkerId worker = 0;
  Micros granted_wall_us = 0;
  Finished
      end;  // valid when `state` is final; not stored: its `attempt`, and its `outcome`, which is `state`
  bool operator==(const AttemptRecord&) const = default;
};

// A task has a row from its first grant on. Without a row it is as its state run says, else waiting or ready
// as the dependencies of its segment say (which is derived, never stored).
struct TaskRow {
  BatchId batch = 0;
  Position position = 0;
  TaskState state = TaskState::waiting;
  bool by_dependency = false;  // valid with cancelled, as in StateRunRow
  RetryCounts retries;
  Micros not_before_wall_us = 0;  // back-off; for display and for restart
  AttemptRecord attempt;
  bool operator==(const TaskRow&) const = default;
};

struct AttemptRow {
  BatchId batch = 0;
  Position position = 0;
  AttemptRecord attempt;
  bool operator==(const AttemptRow&) const = default;
};

// A state given by a person, or by a failed dependency, to tasks that have no row (never granted). A task row always wins.
// The engine replaces all runs of a batch at once: `cleared_state_runs`, then the present ones.
struct StateRunRow {
  BatchId batch = 0;
  Position first = 0;  // key with batch
  Position last = 0;
  TaskState state = TaskState::held;  // held or cancelled
  bool by_dependency = false;         // cancelled because the prerequisite cannot succeed: revived with it
  bool operator==(const StateRunRow&) const = default;
};

struct WorkerRow {
  WorkerId id = 0;
  std::string name;
  std::string spool_id;
  WorkerState state = WorkerState::offline;
  WorkerFacts facts;
  std::optional<std::uint32_t> cpu_slots;  // set by an operator
  std::optional<std::uint32_t> gpu_slots;
  NamedAmounts offers;             // what tasks may --use of it
  Labels labels;                   // what tasks may ask for with --on
  std::string serves;              // empty: everything; else tasks of batches of this name only
  std::optional<Micros> lease_us;  // no longer than the server's own; absent: as its place says
  Micros promised_us = 0;  // the longest lease its agent may still count on; 0: none was ever promised
  std::string let_in_by;   // whose token its agent came with last; whom it serves if its tasks are root's
  WorkerState returns_as =
      WorkerState::online;        // of a lost one: paused, draining or quarantined, if it was so before
  std::string reason;             // of the last pause, drain, loss or quarantine
  std::uint32_t quarantines = 0;  // in a row; 0: none since a task went well or a person resumed it
  Micros quarantined_until_wall_us = 0;  // valid while quarantined; then one task may try
  Micros created_wall_us = 0;
  Micros last_seen_wall_us = 0;  // written when the state changes, never by heartbeats
  // Declared by a person, and no agent has connected under its name yet.
  bool is_declared_only() const { return spool_id.empty(); }
  bool operator==(const WorkerRow&) const = default;
};

enum class LimitScope : std::uint8_t {
  user,     // of all tasks that one user submitted
  project,  // … of one project
  label,    // … that run on workers with one label: "storage=lustre"
};
std::string_view to_text(LimitScope scope);
std::optional<LimitScope> limit_scope_from_text(std::string_view text);

// How much may run at once, and whose turn comes how often. Key: scope and name.
struct LimitRow {
  LimitScope scope = LimitScope::user;
  std::string name;  // "ann", "default", "storage=lustre"
  std::optional<std::uint64_t> max_running;
  std::optional<std::uint64_t> max_cpus;
  std::uint32_t weight = 1;  // of users: 2 gets twice the share of 1 when there is not enough for both
  // Nothing is said by it: such a row is kept out of memory, and its absence means the same.
  bool says_nothing() const { return !max_running && !max_cpus && weight == 1; }
  bool operator==(const LimitRow&) const = default;
};

enum class EventKind : std::uint8_t {
  server_started,
  server_stopped,
  batch_created,
  tasks_added,
  batch_ended,
  batch_changed,
  held,
  released,
  cancelled,
  retried,
  attempt_failed,
  attempt_lost,
  task_poisoned,
  late_result_refused,
  worker_connected,
  worker_silent,
  worker_restarted,
  worker_changed,
  lease_expired,
  disk_full,
  disk_has_space,
  worker_created,
  worker_quarantined,
  worker_removed,
  limit_changed,
};
std::string_view to_text(EventKind kind);
std::optional<EventKind> event_kind_from_text(std::string_view text);
std::vector<std::string_view> event_kind_names();

// One fact of the history, for people. The ordinary grant and success of a task are in its row, not here.
struct EventRow {
  std::uint64_t seq = 0;  // 1, 2, 3 …
  Micros wall_us = 0;
  EventKind kind = EventKind::server_started;
  BatchId batch = 0;    // 0: not about a batch
  TaskIndex index = 0;  // valid with attempt > 0
  std::uint32_t attempt = 0;
  WorkerId worker = 0;
  std::string who;  // principal, or empty for Muster itself
  std::string text;
  bool operator==(const EventRow&) const = default;
};

// --key: the same key with the same body gives the same answer, for 30 days.
struct KeyRow {
  std::string project;
  std::string key;
  std::string body_hash;
  BatchId batch = 0;
  std::string batch_name;
  TaskIndex first_index = 0;
  TaskIndex last_index = 0;
  std::uint64_t count = 0;
  TaskNumber first_number = 0;
  Micros created_wall_us = 0;
  std::string answer;  // of a POST that made something else than tasks: what it was answered, as JSON
  bool operator==(const KeyRow&) const = default;
};

// What opens the server: of a person, of a worker, or of a worker to be. Only the hash of its secret is kept. Rows stay when a
// token has ended, so that no number is used twice.
struct TokenRow {
  std::uint64_t id = 0;  // 1, 2, 3 …
  std::string kind;      // "user", "agent", "join"
  std::string owner;     // the user it belongs to, or who let the worker in
  std::string worker;    // agent, join: the name its worker goes by; empty: what the worker says
  std::string spool_id;  // agent: the one worker it is good for; empty: any
  std::string project;   // user: good in this project alone; empty: wherever the owner may
  std::string role;      // user: no more than this role; empty: what the owner may
  std::string note;      // what people know it by
  std::string hash;      // SHA-256, 32 bytes
  Micros created_wall_us = 0;
  Micros expires_wall_us = 0;    // 0: never
  Micros last_used_wall_us = 0;  // 0: never yet; written a minute late
  Micros revoked_wall_us = 0;    // 0: not; of a join token: when it was used up
  bool operator==(const TokenRow&) const = default;
};

// A person, or a program that acts for one.
struct UserRow {
  std::string name;  // key
  ProjectRoles roles;
  bool disabled = false;  // may not come in, whatever the tokens say
  Micros created_wall_us = 0;
  bool removed = false;  // not stored: the row goes
  bool operator==(const UserRow&) const = default;
};

struct ProjectRow {
  std::string name;  // key
  std::string note;
  bool closed = false;  // takes no new work
  Micros created_wall_us = 0;
  bool removed = false;  // not stored: the row goes
  bool operator==(const ProjectRow&) const = default;
};

// A value that tasks of a project may have without anybody reading it here. The value is in no row unsealed.
struct SecretRow {
  std::string project;  // key with name
  std::string name;
  std::string note;
  std::string sealed;  // with the server's key, for this project and name alone
  std::string changed_by;
  Micros created_wall_us = 0;
  Micros changed_wall_us = 0;  // when the value was set
  bool removed = false;        // not stored: the row goes
  bool operator==(const SecretRow&) const = default;
};

// A kind of machine in the catalogue.
struct FlavorRow {
  Flavor flavor;
  bool removed = false;  // not stored: the row goes; of the flavor only the key counts
  bool operator==(const FlavorRow&) const = default;
};

// One call that changed something, or was denied. Each row's hash covers the row and the hash before it.
struct AuditRow {
  std::uint64_t seq = 0;  // 1, 2, 3 …
  Micros wall_us = 0;
  std::string who;          // user; empty: nobody known
  std::uint64_t token = 0;  // 0: none
  std::string role;         // in effect; empty: none
  std::string project;
  std::string address;  // where the call came from
  std::string action;   // "batch.cancel"
  std::string object;   // what it was about: a selector, a name
  std::string result;   // "ok", or the code of the refusal
  std::string request;  // number of the request, also told to the caller
  std::string hash;     // SHA-256, 32 bytes
  bool operator==(const AuditRow&) const = default;
};

// Counters that never go back.
struct Sequences {
  BatchId next_batch = 1;
  TaskNumber next_number = 1;
  TemplateId next_template = 1;
  WorkerId next_worker = 1;
  std::uint64_t next_event = 1;
  bool operator==(const Sequences&) const = default;
};

// Everything one turn of the engine (or a group of turns) wants written, in one transaction.
// Rows replace rows of the same key; the last of a key wins.
struct Changes {
  std::vector<BatchRow> batches;
  std::vector<SegmentRow> segments;
  std::vector<TemplateRow> templates;
  std::vector<ItemBlockRow> item_blocks;
  std::vector<OverrideRow> overrides;
  std::vector<BatchId>
      cleared_state_runs;  // all state runs of these batches go, before `state_runs` are written
  std::vector<StateRunRow> state_runs;
  std::vector<TaskRow> tasks;
  std::vector<AttemptRow> attempts;
  std::vector<WorkerRow> workers;
  std::vector<LimitRow> limits;
  std::vector<EventRow> events;
  std::vector<KeyRow> keys;
  std::vector<TokenRow> tokens;
  std::vector<UserRow> users;
  std::vector<ProjectRow> projects;
  std::vector<SecretRow> secrets;
  std::vector<FlavorRow> flavors;
  std::vector<AuditRow> audit;  // only added, never replaced: a number that is taken fails the whole
  std::optional<Sequences> sequences;

  bool empty() const;
  // Appends `later`; keeps only the last row of each batch, task, worker, state run and sequence.
  void merge(Changes&& later);

  // Of merge() alone: where it finds the row of a key again. Rows may be appended without them, not moved about.
  RowIndex batch_index;
  RowIndex task_index;
  RowIndex worker_index;
};

// A live batch with everything the engine needs of it.
struct BatchSnapshot {
  BatchRow batch;
  std::vector<SegmentRow> segments;       // by ordinal
  std::vector<TemplateRow> templates;     // all that segments and overrides name
  std::vector<ItemBlockRow> item_blocks;  // by segment, first_item
  std::vector<OverrideRow> overrides;     // by ordinal
  std::vector<StateRunRow> state_runs;    // by first
  struct Task {                           // by position
    Position position = 0;
    TaskState state = TaskState::waiting;
    bool by_dependency = false;
    RetryCounts retries;
    Micros not_before_wall_us = 0;
    std::uint32_t attempt_number = 0;
    Incarnation incarnation = 0;
    AttemptState attempt_state = AttemptState::assigned;
    WorkerId worker = 0;
    Micros granted_wall_us = 0;
    bool operator==(const Task&) const = default;
  };
  std::vector<Task> tasks;
};

struct StoreSnapshot {
  Incarnation incarnation = 0;  // of this start, already written
  Sequences sequences;
  std::vector<WorkerRow> workers;
  std::vector<LimitRow> limits;  // by scope, name
  std::vector<Flavor> flavors;   // by key
  // Those that are not final or are revivable, and those that these depend on; by id.
  std::vector<BatchSnapshot> batches;
};

}  // namespace muster
