// Everything that can happen to the server, as values: what people ask, what agents say, what time and disk do.
// Whoever posts one has authenticated it; the engine decides only whether it is possible.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/agent_messages.h"
#include "core/error.h"
#include "core/rows.h"
#include "core/selector.h"

namespace muster {

struct Principal {
  std::string user;
  std::string project = "default";
};

// Indexes first, first+step, … last (inclusive, last = first + k*step).
struct IndexSeries {
  TaskIndex first = 1;
  TaskIndex last = 1;
  std::uint64_t step = 1;
};

struct Submit {
  RequestId request = 0;
  Principal principal;
  std::string key;        // --key; empty: none
  std::string body_hash;  // of what came with the key
  std::optional<KeyRow>
      known_key;           // what History knows of the key; the engine knows those of the last moments itself
  std::string batch_name;  // --batch: adds to the newest open batch of that name, or makes one
  BatchId batch = 0;       // resolved by the caller: the batch to add to; 0: make a new one
  std::shared_ptr<const TaskTemplate> body;
  std::vector<IndexSeries> series;                      // --array; empty: a single task, or one task per item
  std::vector<std::shared_ptr<const ItemBlock>> items;  // in order; task k of the submission is item k
  std::uint64_t item_count = 0;
  std::vector<Dependency> dependencies;
  // Only for a new batch:
  std::int32_t priority = 0;
  std::uint64_t max_running = 0;
  bool held = false;
  bool closed = false;  // close the batch after this
  bool dry_run = false;
};

enum class ChangeVerb : std::uint8_t { cancel, hold, release, retry, set };

// `retry` and `set` with changed options: each one given replaces the template's for the tasks.
struct RetryOptions {
  std::optional<std::uint64_t> mem_mb;
  std::optional<std::uint64_t> disk_mb;
  std::optional<std::uint32_t> cpus;
  std::optional<std::uint32_t> cpu_slots;
  std::optional<std::uint32_t> gpu_slots;
  std::optional<Micros> time_limit_us;
  std::optional<std::uint32_t> retries;
  std::vector<std::pair<std::string, std::string>> environment;  // added, or replaced by name
  bool empty() const {
    return !mem_mb && !disk_mb && !cpus && !cpu_slots && !gpu_slots && !time_limit_us && !retries &&
           environment.empty();
  }
};

// Positions first..last of a batch.
struct PositionSpan {
  Position first = 0;
  Position last = 0;
  bool operator==(const PositionSpan&) const = default;
};

// A selector whose batch is known: resolved by the caller with History.
struct Target {
  BatchId batch = 0;
  std::vector<IndexSpan> ranges;  // empty: the whole batch
  // Instead of `ranges`: these tasks one by one, sorted and disjoint, because a filter chose them. Never the whole batch, even if
  // it is all of them; empty: none.
  std::optional<std::vector<PositionSpan>> chosen = std::nullopt;
  bool whole_batch() const { return ranges.empty() && !chosen; }
};

struct Change {
  RequestId request = 0;
  Principal principal;
  std::string key;                  // --key; empty: none
  std::string body_hash;            // of what came with the key
  std::optional<KeyRow> known_key;  // as in Submit
  ChangeVerb verb = ChangeVerb::cancel;
  std::vector<Target> targets;  // their batches are loaded (Engine::has_batch)
  std::string reason;
  RetryOptions options;  // for retry and set
  bool dry_run = false;
};

struct SetBatch {
  RequestId request = 0;
  Principal principal;
  BatchId batch = 0;
  std::optional<std::int32_t> priority;
  std::optional<std::uint64_t> max_running;
  std::optional<bool> closed;
  std::optional<std::string> name;
  bool dry_run = false;
};

// What an operator says of a worker; what is absent stays as it is. Labels and offers replace those there were.
struct WorkerSettings {
  std::optional<std::uint32_t> cpu_slots;
  std::optional<std::uint32_t> gpu_slots;
  std::optional<Labels> labels;
  std::optional<NamedAmounts> offers;
  std::optional<std::string> serves;  // empty: everything
  std::optional<Micros> lease_us;     // 0: the server's own again
  std::optional<std::string> name;
};

struct SetWorker {
  RequestId request = 0;
  Principal principal;
  WorkerId worker = 0;
  WorkerSettings settings;
  bool dry_run = false;
};

// A worker that is declared before its agent connects; the agent that comes under this name is it.
struct CreateWorker {
  RequestId request = 0;
  Principal principal;
  WorkerSettings settings;    // `name` is there
  std::optional<KeyRow> key;  // Idempotency-Key, to be written with the worker
  bool dry_run = false;
};

enum class WorkerVerb : std::uint8_t {
  pause,   // takes nothing new until resumed; what runs goes on, what was not started goes elsewhere
  resume,  // … and a quarantine is lifted
  drain,   // as pause, and meant for good: it can be removed when it is empty
  lost,    // a person's word that nothing of it runs any more
  remove,
};
std::string_view to_text(WorkerVerb verb);

struct ChangeWorker {
  RequestId request = 0;
  Principal principal;
  WorkerId worker = 0;
  WorkerVerb verb = WorkerVerb::pause;
  std::string reason;
  bool dry_run = false;
};

// Everything of the row is said anew; a row that says nothing takes the limit away.
struct SetLimit {
  RequestId request = 0;
  Principal principal;
  LimitRow limit;
  bool dry_run = false;
};

// Rows that the engine has no opinion about (tokens, say), in the same order and the same transactions as everything else.
struct WriteRows {
  RequestId request = 0;
  Changes rows;
};

enum class WorkerPlace : std::uint8_t {
  here,       // the server's own machine, with the token of its data folder
  elsewhere,  // it joined
};

struct AgentConnected {
  SessionId session = 0;
  AgentHello hello;
  WorkerPlace place = WorkerPlace::here;
  std::string let_in_by = {};
};
struct AgentSaid {
  AgentMessage message;  // message.session names the connection it came through
};
struct AgentGone {
  SessionId session = 0;
};

// A batch the engine does not hold, for the verb that follows in one of the next inputs; ignored if it does hold it.
// Its prerequisites come before it: batches that its segments depend on.
struct LoadedBatch {
  BatchSnapshot snapshot;
};

enum class SpaceState : std::uint8_t {
  plenty,
  low,  // new submits are refused (E507); what is finished is still recorded
};
struct DiskSpace {
  SpaceState state = SpaceState::plenty;
};

// Time passed: due back-offs, leases. The loop sends one when Engine::next_due_us() is reached.
struct Tick {};

enum class StopTasks : std::uint8_t { stop, keep_running };
// `muster down`: nothing is granted any more. With `stop`, agents end what runs; the reply comes when nothing runs.
struct ShutDown {
  RequestId request = 0;
  Principal principal;
  StopTasks tasks = StopTasks::stop;
};

using Input =
    std::variant<Submit, Change, SetBatch, SetWorker, WriteRows, AgentConnected, AgentSaid, AgentGone,
                 LoadedBatch, DiskSpace, Tick, ShutDown, CreateWorker, ChangeWorker, SetLimit>;

// ---- what follows

struct Submitted {
  BatchId batch = 0;
  std::string name;
  TaskIndex first_index = 0;  // of this submission
  TaskIndex last_index = 0;
  std::uint64_t count = 0;
  TaskNumber first_number = 0;
  bool replayed = false;  // the key was known: this is the first answer again
};

struct Changed {
  std::uint64_t count = 0;    // tasks that changed, or would (dry run)
  std::uint64_t skipped = 0;  // selected, but in a state where the verb means nothing
  bool replayed = false;      // the key was known: this is the first answer again
  std::vector<BatchId> batches;
  WorkerId worker = 0;  // of the verbs on workers
};

struct ShutDownDone {};

using ReplyBody = std::variant<Submitted, Changed, ShutDownDone, Error>;

struct Reply {
  RequestId request = 0;
  ReplyBody body;
};
struct ToAgent {
  ServerMessage message;
};
// Closes a connection: another one of the same worker took over, or the protocol numbers do not meet.
struct CloseSession {
  SessionId session = 0;
  std::string why;
};

using Effect = std::variant<Reply, ToAgent, CloseSession>;

// What one input leads to. `changes` is committed first (with others of its group), then `effects` are performed, in order.
struct Decision {
  Changes changes;
  std::vector<Effect> effects;
  std::vector<BatchId> touched;  // batches whose counts or state changed: who waits or watches looks again
};

}  // namespace muster
