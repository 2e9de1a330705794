// Rows as values again: one function for each list of columns.h, for the cursor of any SQL store.
// Must hold: what a CHECK or a decoder would not accept is StoreDamaged, never a value.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/rows.h"
#include "ports/store.h"
#include "wire/stored/stored.h"

// A Query has next(), next_is_null(), skip(n), integer<T>(), flag(), enumerator<E>(count), bytes() and text(); columns are
// taken from left to right.
namespace muster::store::tables {

inline RetryCounts retries_from(std::string_view text) {
  RetryCounts retries;
  for (std::uint16_t* count : {&retries.user, &retries.oom, &retries.launch, &retries.staging,
                               &retries.worker_lost, &retries.evicted}) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *count);
    if (error != std::errc()) throw StoreDamaged("the retries of a task in the database cannot be read");
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty()) text.remove_prefix(1);
  }
  return retries;
}

template <class Query>
RetryCounts read_retries(Query& query) {
  const std::string_view text = query.bytes();
  return text.empty() ? RetryCounts{} : retries_from(text);
}

inline DependencyKind dependency_kind_from(std::string_view text) {
  if (text == "batch") return DependencyKind::batch;
  if (text == "task") return DependencyKind::task;
  if (text == "index") return DependencyKind::index;
  throw StoreDamaged("a dependency in the database is of no known kind");
}

template <class Number, class Query>
std::optional<Number> read_optional(Query& query) {
  if (!query.next_is_null()) return query.template integer<Number>();
  query.skip(1);
  return std::nullopt;
}

template <class Query>
void read_end(Query& query, Finished& end) {
  end.cause = query.template enumerator<Cause>(kCauses);
  end.exit_code = query.template integer<std::int32_t>();
  end.signal = query.template integer<std::int32_t>();
  end.started_wall_us = query.integer();
  end.ended_wall_us = query.integer();
  end.usage.wall_us = query.integer();
  end.usage.user_us = query.integer();
  end.usage.system_us = query.integer();
  end.usage.peak_memory_bytes = query.template integer<std::uint64_t>();
  end.usage.read_bytes = query.template integer<std::uint64_t>();
  end.usage.written_bytes = query.template integer<std::uint64_t>();
  end.stdout_bytes = query.template integer<std::uint64_t>();
  end.stderr_bytes = query.template integer<std::uint64_t>();
  end.log_cut = query.flag();
  end.message = query.text();
}

template <class Query>
AttemptRecord read_attempt(Query& query) {
  AttemptRecord attempt;
  attempt.number = query.template integer<std::uint32_t>();
  attempt.incarnation = query.template integer<Incarnation>();
  attempt.state = query.template enumerator<AttemptState>(kAttemptStates);
  attempt.worker = query.template integer<WorkerId>();
  attempt.granted_wall_us = query.integer();
  if (is_final(attempt.state)) {
    read_end(query, attempt.end);
    attempt.end.outcome = attempt.state;
  }
  return attempt;
}

template <class Query>
TaskCounts read_task_counts(Query& query) {
  TaskCounts counts{};
  for (std::uint64_t& count : counts) count = query.template integer<std::uint64_t>();
  return counts;
}

template <class Query>
BatchRow read_batch(Query& query) {
  BatchRow row;
  row.id = query.template integer<BatchId>();
  row.project = query.text();
  row.name = query.text();
  row.owner = query.text();
  row.state = query.template enumerator<BatchState>(kBatchStates);
  row.held = query.flag();
  row.closed = query.flag();
  row.priority = query.template integer<std::int32_t>();
  row.max_running = query.template integer<std::uint64_t>();
  row.task_count = query.template integer<std::uint64_t>();
  row.counts = read_task_counts(query);
  row.created_wall_us = query.integer();
  row.started_wall_us = query.integer();
  row.ended_wall_us = query.integer();
  row.revivable = query.flag();
  row.reason = query.text();
  return row;
}

template <class Query>
SegmentRow read_segment(Query& query) {
  SegmentRow row;
  row.batch = query.template integer<BatchId>();
  row.ordinal = query.template integer<std::uint32_t>();
  row.first_position = query.template integer<Position>();
  row.count = query.template integer<std::uint64_t>();
  row.first_index = query.template integer<TaskIndex>();
  row.step = query.template integer<std::uint64_t>();
  row.first_number = query.template integer<TaskNumber>();
  row.template_id = query.template integer<TemplateId>();
  row.has_items = query.flag();
  return row;
}

template <class Query>
Dependency read_dependency(Query& query) {
  Dependency dependency;
  dependency.kind = dependency_kind_from(query.bytes());
  dependency.any_end = query.flag();
  dependency.batch = query.template integer<BatchId>();
  dependency.index = query.template integer<TaskIndex>();
  return dependency;
}

template <class Query>
OverrideRow read_override(Query& query) {
  OverrideRow row;
  row.batch = query.template integer<BatchId>();
  row.ordinal = query.template integer<std::uint32_t>();
  row.first = query.template integer<Position>();
  row.last = query.template integer<Position>();
  row.template_id = query.template integer<TemplateId>();
  return row;
}

template <class Query>
StateRunRow read_state_run(Query& query) {
  StateRunRow row;
  row.batch = query.template integer<BatchId>();
  row.first = query.template integer<Position>();
  row.last = query.template integer<Position>();
  row.state = query.template enumerator<TaskState>(kTaskStates);
  row.by_dependency = query.flag();
  return row;
}

template <class Query>
BatchSnapshot::Task read_task_head(Query& query) {
  BatchSnapshot::Task task;
  task.position = query.template integer<Position>();
  task.state = query.template enumerator<TaskState>(kTaskStates);
  task.by_dependency = query.flag();
  task.retries = read_retries(query);
  task.not_before_wall_us = query.integer();
  task.attempt_number = query.template integer<std::uint32_t>();
  task.incarnation = query.template integer<Incarnation>();
  task.attempt_state = query.template enumerator<AttemptState>(kAttemptStates);
  task.worker = query.template integer<WorkerId>();
  task.granted_wall_us = query.integer();
  return task;
}

template <class Query>
TaskRow read_task(Query& query) {
  TaskRow row;
  row.batch = query.template integer<BatchId>();
  row.position = query.template integer<Position>();
  row.state = query.template enumerator<TaskState>(kTaskStates);
  row.by_dependency = query.flag();
  row.retries = read_retries(query);
  row.not_before_wall_us = query.integer();
  row.attempt = read_attempt(query);
  return row;
}

template <class Query>
AttemptRow read_attempt_row(Query& query) {
  AttemptRow row;
  row.batch = query.template integer<BatchId>();
  row.position = query.template integer<Position>();
  row.attempt = read_attempt(query);
  return row;
}

template <class Query>
WorkerRow read_worker(Query& query) {
  WorkerRow row;
  row.id = query.template integer<WorkerId>();
  row.name = query.text();
  row.spool_id = query.text();
  row.state = query.template enumerator<WorkerState>(kWorkerStates);
  row.facts.host = query.text();
  row.facts.boot_id = query.text();
  row.facts.version = query.text();
  row.facts.process_id = query.integer();
  row.facts.tasks_are_root = query.flag();
  row.facts.capacity.cpu_slots = query.template integer<std::uint32_t>();
  row.facts.capacity.gpu_slots = query.template integer<std::uint32_t>();
  row.facts.capacity.cpus = query.template integer<std::uint32_t>();
  row.facts.capacity.mem_mb = query.template integer<std::uint64_t>();
  row.facts.capacity.disk_mb = query.template integer<std::uint64_t>();
  std::optional<std::vector<std::string>> gpus = wire::decode_texts(query.bytes());
  if (!gpus) throw StoreDamaged("the GPUs of a worker in the database cannot be read");
  row.facts.gpus = std::move(*gpus);
  row.cpu_slots = read_optional<std::uint32_t>(query);
  row.gpu_slots = read_optional<std::uint32_t>(query);
  std::optional<NamedAmounts> offers = wire::decode_amounts(query.bytes());
  std::optional<Labels> labels = wire::decode_labels(query.bytes());
  if (!offers || !labels) throw StoreDamaged("the labels of a worker in the database cannot be read");
  row.offers = std::move(*offers);
  row.labels = std::move(*labels);
  row.serves = query.text();
  row.lease_us = read_optional<Micros>(query);
  row.promised_us = query.integer();
  row.let_in_by = query.text();
  row.returns_as = query.template enumerator<WorkerState>(kWorkerStates);
  row.reason = query.text();
  row.quarantines = query.template integer<std::uint32_t>();
  row.quarantined_until_wall_us = query.integer();
  row.created_wall_us = query.integer();
  row.last_seen_wall_us = query.integer();
  return row;
}

template <class Query>
LimitRow read_limit(Query& query) {
  LimitRow row;
  const std::optional<LimitScope> scope = limit_scope_from_text(query.bytes());
  if (!scope) throw StoreDamaged("a limit in the database is of no known scope");
  row.scope = *scope;
  row.name = query.text();
  row.max_running = read_optional<std::uint64_t>(query);
  row.max_cpus = read_optional<std::uint64_t>(query);
  row.weight = query.template integer<std::uint32_t>();
  return row;
}

template <class Query>
EventRow read_event(Query& query) {
  EventRow row;
  row.seq = query.template integer<std::uint64_t>();
  row.wall_us = query.integer();
  const std::optional<EventKind> kind = event_kind_from_text(query.bytes());
  if (!kind) throw StoreDamaged("an event in the database is of no known kind");
  row.kind = *kind;
  row.batch = query.template integer<BatchId>();
  row.index = query.template integer<TaskIndex>();
  row.attempt = query.template integer<std::uint32_t>();
  row.worker = query.template integer<WorkerId>();
  row.who = query.text();
  row.text = query.text();
  return row;
}

template <class Query>
KeyRow read_key(Query& query) {
  KeyRow row;
  row.project = query.text();
  row.key = query.text();
  row.body_hash = query.text();
  row.batch = query.template integer<BatchId>();
  row.batch_name = query.text();
  row.first_index = query.template integer<TaskIndex>();
  row.last_index = query.template integer<TaskIndex>();
  row.count = query.template integer<std::uint64_t>();
  row.first_number = query.template integer<TaskNumber>();
  row.created_wall_us = query.integer();
  row.answer = query.text();
  return row;
}

template <class Query>
TokenRow read_token(Query& query) {
  TokenRow row;
  row.id = query.template integer<std::uint64_t>();
  row.kind = query.text();
  row.owner = query.text();
  row.worker = query.text();
  row.spool_id = query.text();
  row.project = query.text();
  row.role = query.text();
  row.note = query.text();
  row.hash = query.text();
  row.created_wall_us = query.integer();
  row.expires_wall_us = query.integer();
  row.last_used_wall_us = query.integer();
  row.revoked_wall_us = query.integer();
  return row;
}

template <class Query>
UserRow read_user(Query& query) {
  UserRow row;
  row.name = query.text();
  std::optional<ProjectRoles> roles = project_roles_from_text(query.bytes());
  if (!roles) throw StoreDamaged("the roles of a user in the database cannot be read");
  row.roles = std::move(*roles);
  row.disabled = query.flag();
  row.created_wall_us = query.integer();
  return row;
}

template <class Query>
ProjectRow read_project(Query& query) {
  ProjectRow row;
  row.name = query.text();
  row.note = query.text();
  row.closed = query.flag();
  row.created_wall_us = query.integer();
  return row;
}

template <class Query>
SecretRow read_secret(Query& query) {
  SecretRow row;
  row.project = query.text();
  row.name = query.text();
  row.note = query.text();
  row.sealed = query.text();
  row.changed_by = query.text();
  row.created_wall_us = query.integer();
  row.changed_wall_us = query.integer();
  return row;
}

template <class Query>
Flavor read_flavor(Query& query) {
  Flavor flavor;
  flavor.key.provider = query.text();
  flavor.key.region = query.text();
  flavor.key.name = query.text();
  flavor.cpus = query.template integer<std::uint32_t>();
  flavor.ram_mb = query.template integer<std::uint64_t>();
  flavor.disk_mb = query.template integer<std::uint64_t>();
  flavor.bandwidth_mbps = query.template integer<std::uint64_t>();
  flavor.gpu = query.text();
  flavor.gpu_mem_mb = read_optional<std::uint64_t>(query);
  flavor.tags = query.text();
  flavor.price_micro = query.integer();
  flavor.currency = query.text();
  flavor.cost_micro = query.integer();
  flavor.eviction_percent = read_optional<std::uint32_t>(query);
  return flavor;
}

template <class Query>
AuditRow read_audit(Query& query) {
  AuditRow row;
  row.seq = query.template integer<std::uint64_t>();
  row.wall_us = query.integer();
  row.who = query.text();
  row.token = query.template integer<std::uint64_t>();
  row.role = query.text();
  row.project = query.text();
  row.address = query.text();
  row.action = query.text();
  row.object = query.text();
  row.result = query.text();
  row.request = query.text();
  row.hash = query.text();
  return row;
}

template <class Query>
Sequences read_sequences(Query& query) {
  return {.next_batch = query.template integer<BatchId>(),
          .next_number = query.template integer<TaskNumber>(),
          .next_template = query.template integer<TemplateId>(),
          .next_worker = query.template integer<WorkerId>(),
          .next_event = query.template integer<std::uint64_t>()};
}

}  // namespace muster::store::tables
