// Rows as values of columns: one function for each list of columns.h, for the statements of any SQL store.
// Must hold: values are added in the order of columns.h; texts made here live in `scratch` until the row is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/rows.h"
#include "ports/store.h"
#include "store/tables/values.h"
#include "wire/stored/stored.h"

// A Sink has add(value) for integers, enumerators, flags, texts, Blob and Null; each call fills the next column.
namespace muster::store::tables {

inline std::string_view text_of(DependencyKind kind) {
  switch (kind) {
    case DependencyKind::batch:
      return "batch";
    case DependencyKind::task:
      return "task";
    case DependencyKind::index:
      return "index";
  }
  MUSTER_UNREACHABLE("a kind of dependency");
}

// "1 0 0 0 2 0": user, oom, launch, staging, worker lost, evicted; empty when none was used.
inline std::string text_of(const RetryCounts& retries) {
  if (retries == RetryCounts{}) return {};
  std::string text = std::to_string(retries.user);
  for (const std::uint16_t count :
       {retries.oom, retries.launch, retries.staging, retries.worker_lost, retries.evicted}) {
    text += ' ';
    text += std::to_string(count);
  }
  return text;
}

template <class Sink>
void add_text_or_null(Sink& sink, const std::string& text) {
  if (text.empty()) {
    sink.add(Null{});
  } else {
    sink.add(text);
  }
}

template <class Sink, class Number>
void add_optional(Sink& sink, const std::optional<Number>& number) {
  if (number) {
    sink.add(*number);
  } else {
    sink.add(Null{});
  }
}

// batch_live_columns()
template <class Sink>
void add_batch_live(Sink& sink, const BatchRow& row) {
  sink.add(row.state);
  sink.add(row.held);
  sink.add(row.closed);
  sink.add(row.priority);
  sink.add(row.max_running);
  sink.add(row.task_count);
  for (const std::uint64_t count : row.counts) sink.add(count);
  sink.add(row.created_wall_us);
  sink.add(row.started_wall_us);
  sink.add(row.ended_wall_us);
  sink.add(row.revivable);
  sink.add(row.reason);
}

// batch_columns()
template <class Sink>
void add_batch(Sink& sink, const BatchRow& row) {
  sink.add(row.id);
  sink.add(row.project);
  sink.add(row.name);
  sink.add(row.owner);
  add_batch_live(sink, row);
}

// kSegmentColumns
template <class Sink>
void add_segment(Sink& sink, const SegmentRow& row) {
  sink.add(row.batch);
  sink.add(row.ordinal);
  sink.add(row.first_position);
  sink.add(row.count);
  sink.add(row.first_index);
  sink.add(row.step);
  sink.add(row.first_number);
  sink.add(row.template_id);
  sink.add(row.has_items);
}

// kDependencyColumns
template <class Sink>
void add_dependency(Sink& sink, const SegmentRow& of, std::uint32_t ordinal, const Dependency& dependency) {
  sink.add(of.batch);
  sink.add(of.ordinal);
  sink.add(ordinal);
  sink.add(text_of(dependency.kind));
  sink.add(dependency.any_end);
  sink.add(dependency.batch);
  sink.add(dependency.index);
}

// kItemBlockColumns
template <class Sink>
void add_item_block(Sink& sink, const ItemBlockRow& row, std::string_view packed) {
  sink.add(row.batch);
  sink.add(row.segment);
  sink.add(row.first_item);
  sink.add(row.items->rows());
  sink.add(Blob{packed});
}

// kOverrideColumns
template <class Sink>
void add_override(Sink& sink, const OverrideRow& row) {
  sink.add(row.batch);
  sink.add(row.ordinal);
  sink.add(row.first);
  sink.add(row.last);
  sink.add(row.template_id);
}

// kStateRunColumns
template <class Sink>
void add_state_run(Sink& sink, const StateRunRow& row) {
  sink.add(row.batch);
  sink.add(row.first);
  sink.add(row.last);
  sink.add(row.state);
  sink.add(row.by_dependency);
}

template <class Sink>
void add_end(Sink& sink, const Finished& end) {
  for (const std::int64_t value :
       {static_cast<std::int64_t>(end.cause), static_cast<std::int64_t>(end.exit_code),
        static_cast<std::int64_t>(end.signal), end.started_wall_us, end.ended_wall_us, end.usage.wall_us,
        end.usage.user_us, end.usage.system_us, static_cast<std::int64_t>(end.usage.peak_memory_bytes),
        static_cast<std::int64_t>(end.usage.read_bytes), static_cast<std::int64_t>(end.usage.written_bytes),
        static_cast<std::int64_t>(end.stdout_bytes), static_cast<std::int64_t>(end.stderr_bytes),
        static_cast<std::int64_t>(end.log_cut)}) {
    sink.add(value);
  }
  add_text_or_null(sink, end.message);
}

// kAttemptColumns
template <class Sink>
void add_attempt(Sink& sink, const AttemptRecord& attempt) {
  constexpr int kEndColumns = 15;
  sink.add(attempt.number);
  sink.add(attempt.incarnation);
  sink.add(attempt.state);
  sink.add(attempt.worker);
  sink.add(attempt.granted_wall_us);
  if (is_final(attempt.state)) {
    add_end(sink, attempt.end);
  } else {
    for (int i = 0; i < kEndColumns; ++i) sink.add(Null{});
  }
}

// task_columns()
template <class Sink>
void add_task(Sink& sink, const TaskRow& row, std::string& scratch) {
  sink.add(row.batch);
  sink.add(row.position);
  sink.add(row.state);
  sink.add(row.by_dependency);
  scratch = text_of(row.retries);
  add_text_or_null(sink, scratch);
  sink.add(row.not_before_wall_us);
  add_attempt(sink, row.attempt);
}

// attempt_row_columns()
template <class Sink>
void add_attempt_row(Sink& sink, const AttemptRow& row) {
  sink.add(row.batch);
  sink.add(row.position);
  add_attempt(sink, row.attempt);
}

// kWorkerColumns
template <class Sink>
void add_worker(Sink& sink, const WorkerRow& row, std::string& scratch) {
  const WorkerFacts& facts = row.facts;
  sink.add(row.id);
  sink.add(row.name);
  sink.add(row.spool_id);
  sink.add(row.state);
  sink.add(facts.host);
  sink.add(facts.boot_id);
  sink.add(facts.version);
  sink.add(facts.process_id);
  sink.add(facts.tasks_are_root);
  sink.add(facts.capacity.cpu_slots);
  sink.add(facts.capacity.gpu_slots);
  sink.add(facts.capacity.cpus);
  sink.add(facts.capacity.mem_mb);
  sink.add(facts.capacity.disk_mb);
  scratch = wire::encode_texts(facts.gpus);
  const std::size_t gpus = scratch.size();
  scratch += wire::encode_pairs(row.offers);
  const std::size_t offers = scratch.size() - gpus;
  scratch += wire::encode_pairs(row.labels);
  const std::string_view texts = scratch;
  sink.add(Blob{texts.substr(0, gpus)});
  add_optional(sink, row.cpu_slots);
  add_optional(sink, row.gpu_slots);
  sink.add(Blob{texts.substr(gpus, offers)});
  sink.add(Blob{texts.substr(gpus + offers)});
  sink.add(row.serves);
  add_optional(sink, row.lease_us);
  sink.add(row.promised_us);
  sink.add(row.let_in_by);
  sink.add(row.returns_as);
  sink.add(row.reason);
  sink.add(row.quarantines);
  sink.add(row.quarantined_until_wall_us);
  sink.add(row.created_wall_us);
  sink.add(row.last_seen_wall_us);
}

// kLimitColumns
template <class Sink>
void add_limit(Sink& sink, const LimitRow& row) {
  sink.add(to_text(row.scope));
  sink.add(row.name);
  add_optional(sink, row.max_running);
  add_optional(sink, row.max_cpus);
  sink.add(row.weight);
}

// kEventColumns
template <class Sink>
void add_event(Sink& sink, const EventRow& row) {
  sink.add(row.seq);
  sink.add(row.wall_us);
  sink.add(to_text(row.kind));
  sink.add(row.batch);
  sink.add(row.index);
  sink.add(row.attempt);
  sink.add(row.worker);
  sink.add(row.who);
  sink.add(row.text);
}

// kKeyColumns
template <class Sink>
void add_key(Sink& sink, const KeyRow& row) {
  sink.add(row.project);
  sink.add(row.key);
  sink.add(Blob{row.body_hash});
  sink.add(row.batch);
  sink.add(row.batch_name);
  sink.add(row.first_index);
  sink.add(row.last_index);
  sink.add(row.count);
  sink.add(row.first_number);
  sink.add(row.created_wall_us);
  sink.add(row.answer);
}

// kTokenColumns
template <class Sink>
void add_token(Sink& sink, const TokenRow& row) {
  sink.add(row.id);
  sink.add(row.kind);
  sink.add(row.owner);
  sink.add(row.worker);
  sink.add(row.spool_id);
  sink.add(row.project);
  sink.add(row.role);
  sink.add(row.note);
  sink.add(Blob{row.hash});
  sink.add(row.created_wall_us);
  sink.add(row.expires_wall_us);
  sink.add(row.last_used_wall_us);
  sink.add(row.revoked_wall_us);
}

// kUserColumns
template <class Sink>
void add_user(Sink& sink, const UserRow& row, std::string& scratch) {
  scratch = to_text(row.roles);
  sink.add(row.name);
  sink.add(scratch);
  sink.add(row.disabled);
  sink.add(row.created_wall_us);
}

// kProjectColumns
template <class Sink>
void add_project(Sink& sink, const ProjectRow& row) {
  sink.add(row.name);
  sink.add(row.note);
  sink.add(row.closed);
  sink.add(row.created_wall_us);
}

// kSecretColumns
template <class Sink>
void add_secret(Sink& sink, const SecretRow& row) {
  sink.add(row.project);
  sink.add(row.name);
  sink.add(row.note);
  sink.add(Blob{row.sealed});
  sink.add(row.changed_by);
  sink.add(row.created_wall_us);
  sink.add(row.changed_wall_us);
}

// kFlavorColumns
template <class Sink>
void add_flavor(Sink& sink, const Flavor& flavor) {
  sink.add(flavor.key.provider);
  sink.add(flavor.key.region);
  sink.add(flavor.key.name);
  sink.add(flavor.cpus);
  sink.add(flavor.ram_mb);
  sink.add(flavor.disk_mb);
  sink.add(flavor.bandwidth_mbps);
  sink.add(flavor.gpu);
  add_optional(sink, flavor.gpu_mem_mb);
  sink.add(flavor.tags);
  sink.add(flavor.price_micro);
  sink.add(flavor.currency);
  sink.add(flavor.cost_micro);
  add_optional(sink, flavor.eviction_percent);
}

// kAuditColumns
template <class Sink>
void add_audit(Sink& sink, const AuditRow& row) {
  sink.add(row.seq);
  sink.add(row.wall_us);
  sink.add(row.who);
  sink.add(row.token);
  sink.add(row.role);
  sink.add(row.project);
  sink.add(row.address);
  sink.add(row.action);
  sink.add(row.object);
  sink.add(row.result);
  sink.add(row.request);
  sink.add(Blob{row.hash});
}

// totals_columns()
template <class Sink>
void add_totals(Sink& sink, const std::string& project, const TaskCounts& counts) {
  sink.add(project);
  for (const std::uint64_t count : counts) sink.add(count);
}

// kSequenceColumns
template <class Sink>
void add_sequences(Sink& sink, const Sequences& sequences) {
  sink.add(sequences.next_batch);
  sink.add(sequences.next_number);
  sink.add(sequences.next_template);
  sink.add(sequences.next_worker);
  sink.add(sequences.next_event);
}

}  // namespace muster::store::tables
