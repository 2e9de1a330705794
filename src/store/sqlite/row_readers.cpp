// Columns into fields, in the order of columns.h.
// Must hold: every field a Writer binds is read here.
#include "store/sqlite/row_readers.h"

#include <zstd.h>

#include <charconv>

#include "wire/common/task_template_codec.h"
#include "wire/stored/stored.h"

namespace muster::store::sqlite {

namespace {

// A block is about 1 MiB; more than this is no block of ours.
constexpr unsigned long long kItemBlockBytesMax = 1ULL << 31;

RetryCounts retries_from(std::string_view text) {
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

RetryCounts read_retries(Query& query) {
  const std::string_view text = query.bytes();
  return text.empty() ? RetryCounts{} : retries_from(text);
}

DependencyKind dependency_kind_from(std::string_view text) {
  if (text == "batch") return DependencyKind::batch;
  if (text == "task") return DependencyKind::task;
  if (text == "index") return DependencyKind::index;
  throw StoreDamaged("a dependency in the database is of no known kind");
}

std::optional<std::uint32_t> read_optional(Query& query) {
  if (!query.next_is_null()) return query.integer<std::uint32_t>();
  query.skip(1);
  return std::nullopt;
}

void read_end(Query& query, Finished& end) {
  end.cause = query.enumerator<Cause>(kCauses);
  end.exit_code = query.integer<std::int32_t>();
  end.signal = query.integer<std::int32_t>();
  end.started_wall_us = query.integer();
  end.ended_wall_us = query.integer();
  end.usage.wall_us = query.integer();
  end.usage.user_us = query.integer();
  end.usage.system_us = query.integer();
  end.usage.peak_memory_bytes = query.integer<std::uint64_t>();
  end.usage.read_bytes = query.integer<std::uint64_t>();
  end.usage.written_bytes = query.integer<std::uint64_t>();
  end.stdout_bytes = query.integer<std::uint64_t>();
  end.stderr_bytes = query.integer<std::uint64_t>();
  end.log_cut = query.flag();
  end.message = query.text();
}

AttemptRecord read_attempt(Query& query) {
  AttemptRecord attempt;
  attempt.number = query.integer<std::uint32_t>();
  attempt.incarnation = query.integer<Incarnation>();
  attempt.state = query.enumerator<AttemptState>(kAttemptStates);
  attempt.worker = query.integer<WorkerId>();
  attempt.granted_wall_us = query.integer();
  if (is_final(attempt.state)) {
    read_end(query, attempt.end);
    attempt.end.outcome = attempt.state;
  }
  return attempt;
}

}  // namespace

TaskCounts read_task_counts(Query& query) {
  TaskCounts counts{};
  for (std::uint64_t& count : counts) count = query.integer<std::uint64_t>();
  return counts;
}

BatchRow read_batch(Query& query) {
  BatchRow row;
  row.id = query.integer<BatchId>();
  row.project = query.text();
  row.name = query.text();
  row.owner = query.text();
  row.state = query.enumerator<BatchState>(kBatchStates);
  row.held = query.flag();
  row.closed = query.flag();
  row.priority = query.integer<std::int32_t>();
  row.max_running = query.integer<std::uint64_t>();
  row.task_count = query.integer<std::uint64_t>();
  row.counts = read_task_counts(query);
  row.created_wall_us = query.integer();
  row.started_wall_us = query.integer();
  row.ended_wall_us = query.integer();
  row.revivable = query.flag();
  row.reason = query.text();
  return row;
}

SegmentRow read_segment(Query& query) {
  SegmentRow row;
  row.batch = query.integer<BatchId>();
  row.ordinal = query.integer<std::uint32_t>();
  row.first_position = query.integer<Position>();
  row.count = query.integer<std::uint64_t>();
  row.first_index = query.integer<TaskIndex>();
  row.step = query.integer<std::uint64_t>();
  row.first_number = query.integer<TaskNumber>();
  row.template_id = query.integer<TemplateId>();
  row.has_items = query.flag();
  return row;
}

Dependency read_dependency(Query& query) {
  Dependency dependency;
  dependency.kind = dependency_kind_from(query.bytes());
  dependency.any_end = query.flag();
  dependency.batch = query.integer<BatchId>();
  dependency.index = query.integer<TaskIndex>();
  return dependency;
}

OverrideRow read_override(Query& query) {
  OverrideRow row;
  row.batch = query.integer<BatchId>();
  row.ordinal = query.integer<std::uint32_t>();
  row.first = query.integer<Position>();
  row.last = query.integer<Position>();
  row.template_id = query.integer<TemplateId>();
  return row;
}

StateRunRow read_state_run(Query& query) {
  StateRunRow row;
  row.batch = query.integer<BatchId>();
  row.first = query.integer<Position>();
  row.last = query.integer<Position>();
  row.state = query.enumerator<TaskState>(kTaskStates);
  row.by_dependency = query.flag();
  return row;
}

BatchSnapshot::Task read_task_head(Query& query) {
  BatchSnapshot::Task task;
  task.position = query.integer<Position>();
  task.state = query.enumerator<TaskState>(kTaskStates);
  task.by_dependency = query.flag();
  task.retries = read_retries(query);
  task.not_before_wall_us = query.integer();
  task.attempt_number = query.integer<std::uint32_t>();
  task.incarnation = query.integer<Incarnation>();
  task.attempt_state = query.enumerator<AttemptState>(kAttemptStates);
  task.worker = query.integer<WorkerId>();
  task.granted_wall_us = query.integer();
  return task;
}

TaskRow read_task(Query& query) {
  TaskRow row;
  row.batch = query.integer<BatchId>();
  row.position = query.integer<Position>();
  row.state = query.enumerator<TaskState>(kTaskStates);
  row.by_dependency = query.flag();
  row.retries = read_retries(query);
  row.not_before_wall_us = query.integer();
  row.attempt = read_attempt(query);
  return row;
}

AttemptRow read_attempt_row(Query& query) {
  AttemptRow row;
  row.batch = query.integer<BatchId>();
  row.position = query.integer<Position>();
  row.attempt = read_attempt(query);
  return row;
}

WorkerRow read_worker(Query& query) {
  WorkerRow row;
  row.id = query.integer<WorkerId>();
  row.name = query.text();
  row.spool_id = query.text();
  row.state = query.enumerator<WorkerState>(kWorkerStates);
  row.facts.host = query.text();
  row.facts.boot_id = query.text();
  row.facts.version = query.text();
  row.facts.process_id = query.integer();
  row.facts.capacity.cpu_slots = query.integer<std::uint32_t>();
  row.facts.capacity.gpu_slots = query.integer<std::uint32_t>();
  row.facts.capacity.cpus = query.integer<std::uint32_t>();
  row.facts.capacity.mem_mb = query.integer<std::uint64_t>();
  row.facts.capacity.disk_mb = query.integer<std::uint64_t>();
  std::optional<std::vector<std::string>> gpus = wire::decode_texts(query.bytes());
  if (!gpus) throw StoreDamaged("the GPUs of a worker in the database cannot be read");
  row.facts.gpus = std::move(*gpus);
  row.cpu_slots = read_optional(query);
  row.gpu_slots = read_optional(query);
  row.created_wall_us = query.integer();
  row.last_seen_wall_us = query.integer();
  return row;
}

EventRow read_event(Query& query) {
  EventRow row;
  row.seq = query.integer<std::uint64_t>();
  row.wall_us = query.integer();
  const std::optional<EventKind> kind = event_kind_from_text(query.bytes());
  if (!kind) throw StoreDamaged("an event in the database is of no known kind");
  row.kind = *kind;
  row.batch = query.integer<BatchId>();
  row.index = query.integer<TaskIndex>();
  row.attempt = query.integer<std::uint32_t>();
  row.worker = query.integer<WorkerId>();
  row.who = query.text();
  row.text = query.text();
  return row;
}

std::shared_ptr<const TaskTemplate> read_template(std::string_view body) {
  Result<TaskTemplate> read = wire::decode_task_template(body);
  if (!read) throw StoreDamaged("a template in the database cannot be read");
  return std::make_shared<const TaskTemplate>(std::move(*read));
}

std::shared_ptr<const ItemBlock> read_item_block(std::string_view body) {
  const unsigned long long size = ZSTD_getFrameContentSize(body.data(), body.size());
  std::shared_ptr<const ItemBlock> items;
  if (size <= kItemBlockBytesMax) {
    std::string bytes(size, '\0');
    if (ZSTD_decompress(bytes.data(), bytes.size(), body.data(), body.size()) == size)
      items = wire::decode_item_block(bytes);
  }
  if (items == nullptr) throw StoreDamaged("a block of items in the database cannot be read");
  return items;
}

}  // namespace muster::store::sqlite
