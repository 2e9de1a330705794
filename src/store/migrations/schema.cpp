// Tables, CHECKs and names, the latter two generated from the life-cycle tables of core/states.h.
// Must hold: states are stored as the numbers that `names` explains; opening compares `names` with the program.
#include "store/migrations/schema.h"

#include "core/cause.h"
#include "core/check.h"
#include "core/states.h"

namespace muster::store {

namespace {

// "state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6)"
std::string enumerator(const std::string& column, std::size_t count) {
  return column + " INTEGER NOT NULL CHECK (" + column + " BETWEEN 0 AND " + std::to_string(count - 1) + ")";
}

std::string flag(const std::string& column) {
  return column + " INTEGER NOT NULL CHECK (" + column + " BETWEEN 0 AND 1)";
}

// "BETWEEN 0 AND 6": the live states, which stand first in every table. IN (…) would build a table for each row that is written.
template <class Cycle>
std::string is_live(const Cycle& cycle) {
  std::size_t live = 0;
  while (live < cycle.states.size() && cycle.states[live].finality == Finality::live) ++live;
  for (std::size_t i = live; i < cycle.states.size(); ++i) {
    MUSTER_CHECK(cycle.states[i].finality == Finality::final_state, "live states stand before final ones");
  }
  return "BETWEEN 0 AND " + std::to_string(live - 1);
}

// "0, 1, 2, 6"
template <class Cycle>
std::string live_numbers(const Cycle& cycle) {
  std::string list;
  for (std::size_t i = 0; i < cycle.states.size(); ++i) {
    if (cycle.states[i].finality == Finality::live) list += (list.empty() ? "" : ", ") + std::to_string(i);
  }
  return list;
}

std::string number_of(TaskState state) { return std::to_string(static_cast<int>(state)); }

std::string insert_name(std::string_view cycle, std::size_t number, std::string_view name) {
  return "INSERT INTO names VALUES ('" + std::string(cycle) + "', " + std::to_string(number) + ", '" +
         std::string(name) + "');\n";
}

template <class Cycle>
std::string insert_names(const Cycle& cycle) {
  std::string sql;
  for (std::size_t i = 0; i < cycle.states.size(); ++i)
    sql += insert_name(cycle.name, i, cycle.states[i].name);
  return sql;
}

std::string task_counts_definition() {
  std::string sql;
  for (const auto& info : kTaskCycle.states)
    sql += ", tasks_" + std::string(info.name) + " INTEGER NOT NULL DEFAULT 0";
  return sql;
}

std::string meta_tables() {
  return R"sql(
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  schema INTEGER NOT NULL,
  incarnation INTEGER NOT NULL DEFAULT 0,
  closed_cleanly INTEGER NOT NULL DEFAULT 1,
  next_batch INTEGER NOT NULL DEFAULT 1,
  next_number INTEGER NOT NULL DEFAULT 1,
  next_template INTEGER NOT NULL DEFAULT 1,
  next_worker INTEGER NOT NULL DEFAULT 1,
  next_event INTEGER NOT NULL DEFAULT 1,
  first_young_batch INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE TABLE task_totals (project TEXT PRIMARY KEY)sql" +
         task_counts_definition() + R"sql() STRICT, WITHOUT ROWID;
CREATE TABLE names (cycle TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (cycle, number))
  STRICT, WITHOUT ROWID;
)sql";
}

std::string batch_tables() {
  return "CREATE TABLE batches (\n  id INTEGER PRIMARY KEY, project TEXT NOT NULL, name TEXT NOT NULL, owner "
         "TEXT NOT NULL,\n  " +
         enumerator("state", kBatchStates) + ",\n  " + flag("held") + ",\n  " + flag("closed") + R"sql(,
  priority INTEGER NOT NULL, max_running INTEGER NOT NULL, task_count INTEGER NOT NULL)sql" +
         task_counts_definition() + R"sql(,
  created_wall_us INTEGER NOT NULL, started_wall_us INTEGER NOT NULL, ended_wall_us INTEGER NOT NULL,
  )sql" + flag("revivable") +
         R"sql(, reason TEXT NOT NULL
) STRICT;
CREATE INDEX batches_by_name ON batches (project, name);
CREATE INDEX batches_by_project ON batches (project);
CREATE TABLE loaded_batches (batch INTEGER PRIMARY KEY) STRICT;
CREATE VIEW batches_to_load AS SELECT batch FROM loaded_batches UNION ALL SELECT id FROM batches
  WHERE id >= (SELECT first_young_batch FROM meta) AND (revivable <> 0 OR state IN ()sql" +
         live_numbers(kBatchCycle) + R"sql());
CREATE TABLE segments (
  batch INTEGER NOT NULL, ordinal INTEGER NOT NULL, first_position INTEGER NOT NULL, count INTEGER NOT NULL,
  first_index INTEGER NOT NULL, step INTEGER NOT NULL, first_number INTEGER NOT NULL, template INTEGER NOT NULL,
  )sql" + flag("has_items") +
         R"sql(,
  PRIMARY KEY (batch, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX segments_by_number ON segments (first_number);
CREATE TABLE dependencies (
  batch INTEGER NOT NULL, segment INTEGER NOT NULL, ordinal INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind = 'batch' OR kind = 'task' OR kind = 'index'), )sql" +
         flag("any_end") + R"sql(,
  on_batch INTEGER NOT NULL, on_index INTEGER NOT NULL, PRIMARY KEY (batch, segment, ordinal)
) STRICT, WITHOUT ROWID;
CREATE TABLE templates (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE item_blocks (
  batch INTEGER NOT NULL, segment INTEGER NOT NULL, first_item INTEGER NOT NULL, item_count INTEGER NOT NULL,
  body BLOB NOT NULL, PRIMARY KEY (batch, segment, first_item)
) STRICT;
CREATE TABLE overrides (
  batch INTEGER NOT NULL, ordinal INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, template INTEGER NOT NULL,
  PRIMARY KEY (batch, ordinal)
) STRICT, WITHOUT ROWID;
CREATE TABLE state_runs (
  batch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK (state = )sql" +
         number_of(TaskState::held) + " OR state = " + number_of(TaskState::cancelled) + "),\n  " +
         flag("by_dependency") + R"sql(,
  PRIMARY KEY (batch, first)
) STRICT, WITHOUT ROWID;
)sql";
}

// The newest attempt of a task stands in the task's row, older ones in their own. What is known only at the end is NULL before.
std::string attempt_columns() {
  return R"sql(
  attempt INTEGER NOT NULL, incarnation INTEGER NOT NULL, )sql" +
         enumerator("attempt_state", kAttemptStates) + R"sql(,
  worker INTEGER NOT NULL, granted_wall_us INTEGER NOT NULL,
  cause INTEGER CHECK (cause BETWEEN 0 AND )sql" +
         std::to_string(kCauses - 1) +
         R"sql(), exit_code INTEGER, signal INTEGER, started_wall_us INTEGER, ended_wall_us INTEGER,
  used_wall_us INTEGER, used_user_us INTEGER, used_system_us INTEGER, peak_memory_bytes INTEGER, read_bytes INTEGER,
  written_bytes INTEGER, stdout_bytes INTEGER, stderr_bytes INTEGER, log_cut INTEGER, message TEXT,
  CHECK ((cause IS NULL) = (attempt_state )sql" +
         is_live(kAttemptCycle) + ")),\n";
}

std::string task_tables() {
  return "CREATE TABLE tasks (\n  batch INTEGER NOT NULL, position INTEGER NOT NULL, " +
         enumerator("state", kTaskStates) + ", " + flag("by_dependency") +
         ",\n  retries TEXT, not_before_wall_us INTEGER NOT NULL," + attempt_columns() +
         R"sql(  PRIMARY KEY (batch, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_failed ON tasks (batch, position) WHERE state = )sql" +
         number_of(TaskState::failed) + R"sql(;
CREATE TABLE attempts (
  batch INTEGER NOT NULL, position INTEGER NOT NULL,)sql" +
         attempt_columns() + R"sql(  PRIMARY KEY (batch, position, attempt)
) STRICT, WITHOUT ROWID;
)sql";
}

std::string other_tables() {
  return "CREATE TABLE workers (\n  id INTEGER PRIMARY KEY, name TEXT NOT NULL, spool_id TEXT NOT NULL, " +
         enumerator("state", kWorkerStates) + R"sql(,
  host TEXT NOT NULL, boot_id TEXT NOT NULL, version TEXT NOT NULL, process_id INTEGER NOT NULL,
  )sql" + flag("tasks_are_root") +
         R"sql(,
  cpu_slots INTEGER NOT NULL, gpu_slots INTEGER NOT NULL, cpus INTEGER NOT NULL, mem_mb INTEGER NOT NULL, disk_mb INTEGER NOT NULL,
  gpus BLOB NOT NULL, set_cpu_slots INTEGER, set_gpu_slots INTEGER,
  offers BLOB NOT NULL, labels BLOB NOT NULL, serves TEXT NOT NULL, lease_us INTEGER,
  promised_us INTEGER NOT NULL, let_in_by TEXT NOT NULL, )sql" +
         enumerator("returns_as", kWorkerStates) + R"sql(, reason TEXT NOT NULL,
  quarantines INTEGER NOT NULL, quarantined_until_wall_us INTEGER NOT NULL,
  created_wall_us INTEGER NOT NULL, last_seen_wall_us INTEGER NOT NULL
) STRICT;
CREATE TABLE limits (
  scope TEXT NOT NULL CHECK (scope = 'user' OR scope = 'project' OR scope = 'label'), name TEXT NOT NULL,
  max_running INTEGER, max_cpus INTEGER, weight INTEGER NOT NULL, PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, wall_us INTEGER NOT NULL, kind TEXT NOT NULL, batch INTEGER NOT NULL, task_index INTEGER NOT NULL,
  attempt INTEGER NOT NULL, worker INTEGER NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_batch ON events (batch) WHERE batch > 0;
CREATE TABLE keys (
  project TEXT NOT NULL, key TEXT NOT NULL, body_hash BLOB NOT NULL, batch INTEGER NOT NULL, batch_name TEXT NOT NULL,
  first_index INTEGER NOT NULL, last_index INTEGER NOT NULL, count INTEGER NOT NULL, first_number INTEGER NOT NULL,
  created_wall_us INTEGER NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (project, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE tokens (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL, worker TEXT NOT NULL, spool_id TEXT NOT NULL,
  project TEXT NOT NULL, role TEXT NOT NULL, note TEXT NOT NULL, hash BLOB NOT NULL, created_wall_us INTEGER NOT NULL,
  expires_wall_us INTEGER NOT NULL, last_used_wall_us INTEGER NOT NULL, revoked_wall_us INTEGER NOT NULL
) STRICT;
CREATE TABLE users (
  name TEXT PRIMARY KEY, roles TEXT NOT NULL, )sql" +
         flag("disabled") + R"sql(, created_wall_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE projects (
  name TEXT PRIMARY KEY, note TEXT NOT NULL, )sql" +
         flag("closed") + R"sql(, created_wall_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE secrets (
  project TEXT NOT NULL, name TEXT NOT NULL, note TEXT NOT NULL, sealed BLOB NOT NULL, changed_by TEXT NOT NULL,
  created_wall_us INTEGER NOT NULL, changed_wall_us INTEGER NOT NULL, PRIMARY KEY (project, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE flavors (
  provider TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, cpus INTEGER NOT NULL, ram_mb INTEGER NOT NULL,
  disk_mb INTEGER NOT NULL, bandwidth_mbps INTEGER NOT NULL, gpu TEXT NOT NULL, gpu_mem_mb INTEGER, tags TEXT NOT NULL,
  price_micro INTEGER NOT NULL, currency TEXT NOT NULL, cost_micro INTEGER NOT NULL, eviction_percent INTEGER,
  PRIMARY KEY (provider, region, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY, wall_us INTEGER NOT NULL, who TEXT NOT NULL, token INTEGER NOT NULL, role TEXT NOT NULL,
  project TEXT NOT NULL, address TEXT NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL, result TEXT NOT NULL,
  request TEXT NOT NULL, hash BLOB NOT NULL
) STRICT;
)sql";
}

std::string names() {
  std::string sql = insert_names(kTaskCycle) + insert_names(kAttemptCycle) + insert_names(kBatchCycle) +
                    insert_names(kWorkerCycle);
  for (std::size_t i = 0; i < kCauses; ++i) sql += insert_name("cause", i, to_text(static_cast<Cause>(i)));
  return sql;
}

SchemaPlan make_plan() {
  SchemaPlan plan;
  plan.number = 1;
  plan.create = "PRAGMA application_id = " + std::to_string(kApplicationId) + ";\n" + meta_tables() +
                batch_tables() + task_tables() + other_tables() +
                "INSERT INTO meta (id, schema) VALUES (1, " + std::to_string(plan.number) + ");\n" + names();
  return plan;
}

}  // namespace

const SchemaPlan& current_schema() {
  static const SchemaPlan plan = make_plan();
  return plan;
}

std::string task_count_columns() {
  std::string list;
  for (const auto& info : kTaskCycle.states)
    list += (list.empty() ? "tasks_" : ", tasks_") + std::string(info.name);
  return list;
}

}  // namespace muster::store
