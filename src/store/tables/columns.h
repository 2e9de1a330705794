// Lists of columns that are written and read in the same order, and the statements made from them.
// Must hold: row_binders.h fills and row_readers.h reads exactly these, from left to right, in the order of the schema.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/migrations/schema.h"

namespace muster::store::tables {

inline constexpr std::string_view kAttemptColumns =
    "attempt, incarnation, attempt_state, worker, granted_wall_us, cause, exit_code, signal, "
    "started_wall_us, ended_wall_us, "
    "used_wall_us, used_user_us, used_system_us, peak_memory_bytes, read_bytes, written_bytes, stdout_bytes, "
    "stderr_bytes, "
    "log_cut, message";

// What load() needs of a task; TaskRow goes on with the rest of kAttemptColumns.
inline constexpr std::string_view kTaskHeadColumns =
    "position, state, by_dependency, retries, not_before_wall_us, attempt, incarnation, attempt_state, "
    "worker, granted_wall_us";

inline std::string task_columns() {
  return "batch, position, state, by_dependency, retries, not_before_wall_us, " +
         std::string(kAttemptColumns);
}
inline std::string attempt_row_columns() { return "batch, position, " + std::string(kAttemptColumns); }

// What changes while a batch lives, and what hardly ever does.
inline std::string batch_live_columns() {
  return "state, held, closed, priority, max_running, task_count, " + task_count_columns() +
         ", created_wall_us, started_wall_us, ended_wall_us, revivable, reason";
}
inline std::string batch_columns() { return "id, project, name, owner, " + batch_live_columns(); }

inline constexpr std::string_view kSegmentColumns =
    "batch, ordinal, first_position, count, first_index, step, first_number, template, has_items";
inline constexpr std::string_view kDependencyColumns =
    "batch, segment, ordinal, kind, any_end, on_batch, on_index";
inline constexpr std::string_view kItemBlockColumns = "batch, segment, first_item, item_count, body";
inline constexpr std::string_view kOverrideColumns = "batch, ordinal, first, last, template";
inline constexpr std::string_view kStateRunColumns = "batch, first, last, state, by_dependency";
inline constexpr std::string_view kWorkerColumns =
    "id, name, spool_id, state, host, boot_id, version, process_id, tasks_are_root, cpu_slots, gpu_slots, "
    "cpus, "
    "mem_mb, disk_mb, gpus, "
    "set_cpu_slots, set_gpu_slots, offers, labels, serves, lease_us, promised_us, let_in_by, returns_as, "
    "reason, quarantines, "
    "quarantined_until_wall_us, created_wall_us, last_seen_wall_us";
inline constexpr std::string_view kLimitColumns = "scope, name, max_running, max_cpus, weight";
inline constexpr std::string_view kEventColumns =
    "seq, wall_us, kind, batch, task_index, attempt, worker, who, text";
inline constexpr std::string_view kKeyColumns =
    "project, key, body_hash, batch, batch_name, first_index, last_index, count, first_number, "
    "created_wall_us, answer";

inline constexpr std::string_view kTokenColumns =
    "id, kind, owner, worker, spool_id, project, role, note, hash, created_wall_us, expires_wall_us, "
    "last_used_wall_us, revoked_wall_us";

inline constexpr std::string_view kUserColumns = "name, roles, disabled, created_wall_us";
inline constexpr std::string_view kProjectColumns = "name, note, closed, created_wall_us";
inline constexpr std::string_view kSecretColumns =
    "project, name, note, sealed, changed_by, created_wall_us, changed_wall_us";
inline constexpr std::string_view kFlavorColumns =
    "provider, region, name, cpus, ram_mb, disk_mb, bandwidth_mbps, gpu, gpu_mem_mb, tags, price_micro, "
    "currency, "
    "cost_micro, eviction_percent";
inline constexpr std::string_view kAuditColumns =
    "seq, wall_us, who, token, role, project, address, action, object, result, request, hash";

inline std::string totals_columns() { return "project, " + task_count_columns(); }

// What `meta` counts.
inline constexpr std::string_view kSequenceColumns =
    "next_batch, next_number, next_template, next_worker, next_event";

std::vector<std::string_view> split_columns(std::string_view columns);

// For SQLite. "(?, ?, ?)", as many as there are columns.
std::string places_for(std::string_view columns);
// "INSERT INTO table (columns) VALUES (?, …)"
std::string insert_into(std::string_view table, std::string_view columns);
// The same, in the place of a row of the same key. (ON CONFLICT DO UPDATE takes a fifth longer.)
std::string replace_into(std::string_view table, std::string_view columns);
// "a = ?, b = ?"
std::string assignments(std::string_view columns);

}  // namespace muster::store::tables
