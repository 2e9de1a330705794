// Rows into prepared statements.
// Must hold: columns are bound in the order of columns.h; counters are changed by the difference, in the same transaction.
#include "store/sqlite/writer.h"

#include <algorithm>

#include "core/check.h"
#include "store/sqlite/columns.h"
#include "store/stored_form.h"
#include "wire/common/task_template_codec.h"
#include "wire/stored/stored.h"

namespace muster::store::sqlite {

namespace {

constexpr int kCompressionLevel = 1;

std::string_view text_of(DependencyKind kind) {
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
std::string text_of(const RetryCounts& retries) {
  if (retries == RetryCounts{}) return {};
  std::string text = std::to_string(retries.user);
  for (const std::uint16_t count :
       {retries.oom, retries.launch, retries.staging, retries.worker_lost, retries.evicted}) {
    text += ' ';
    text += std::to_string(count);
  }
  return text;
}

void bind_end(Statement& statement, int index, const Finished& end) {
  for (const std::int64_t value :
       {static_cast<std::int64_t>(end.cause), static_cast<std::int64_t>(end.exit_code),
        static_cast<std::int64_t>(end.signal), end.started_wall_us, end.ended_wall_us, end.usage.wall_us,
        end.usage.user_us, end.usage.system_us, static_cast<std::int64_t>(end.usage.peak_memory_bytes),
        static_cast<std::int64_t>(end.usage.read_bytes), static_cast<std::int64_t>(end.usage.written_bytes),
        static_cast<std::int64_t>(end.stdout_bytes), static_cast<std::int64_t>(end.stderr_bytes),
        static_cast<std::int64_t>(end.log_cut)}) {
    statement.bind(index++, value);
  }
  if (end.message.empty()) {
    statement.bind(index, Null{});
  } else {
    statement.bind(index, end.message);
  }
}

// kAttemptColumns from ?index on.
void bind_attempt(Statement& statement, int index, const AttemptRecord& attempt) {
  constexpr int kEndColumns = 15;
  statement.bind(index++, attempt.number);
  statement.bind(index++, attempt.incarnation);
  statement.bind(index++, attempt.state);
  statement.bind(index++, attempt.worker);
  statement.bind(index++, attempt.granted_wall_us);
  if (is_final(attempt.state)) {
    bind_end(statement, index, attempt.end);
  } else {
    for (int i = 0; i < kEndColumns; ++i) statement.bind(index++, Null{});
  }
}

}  // namespace

Writer::Writer(Database& database, BatchId young_batches)
    : database_(database),
      batches_(database, young_batches),
      begin_(database, "BEGIN IMMEDIATE"),
      commit_(database, "COMMIT"),
      begin_incarnation_(
          database,
          "UPDATE meta SET incarnation = incarnation + 1, closed_cleanly = 0 RETURNING incarnation"),
      mark_closed_(database, "UPDATE meta SET closed_cleanly = 1"),
      insert_segment_(database, insert_into("segments", kSegmentColumns) + " ON CONFLICT DO NOTHING"),
      replace_segment_(database, replace_into("segments", kSegmentColumns)),
      insert_dependency_(database, insert_into("dependencies", kDependencyColumns)),
      delete_dependencies_(database, "DELETE FROM dependencies WHERE batch = ? AND segment = ?"),
      replace_template_(database, replace_into("templates", "id, body")),
      replace_item_block_(database, replace_into("item_blocks", kItemBlockColumns)),
      replace_override_(database, replace_into("overrides", kOverrideColumns)),
      delete_state_runs_(database, "DELETE FROM state_runs WHERE batch = ?"),
      replace_state_run_(database, replace_into("state_runs", kStateRunColumns)),
      replace_task_(database, replace_into("tasks", task_columns())),
      replace_attempt_(database, replace_into("attempts", attempt_row_columns())),
      replace_worker_(database, replace_into("workers", kWorkerColumns)),
      insert_event_(database, insert_into("events", kEventColumns)),
      replace_event_(database, replace_into("events", kEventColumns)),
      replace_key_(database, replace_into("keys", kKeyColumns)),
      update_counters_(database, "UPDATE meta SET " + assignments(counter_columns())),
      replace_token_(database, replace_into("tokens", kTokenColumns)),
      compression_(ZSTD_createCCtx()) {
  Statement meta(database, "SELECT " + std::string(kSequenceColumns) + " FROM meta");
  Query counters(meta);
  MUSTER_CHECK(counters.next(), "meta has its one row");
  sequences_ = {.next_batch = counters.integer<BatchId>(),
                .next_number = counters.integer<TaskNumber>(),
                .next_template = counters.integer<TemplateId>(),
                .next_worker = counters.integer<WorkerId>(),
                .next_event = counters.integer<std::uint64_t>()};
  highest_event_ = static_cast<std::uint64_t>(database.integer("SELECT max(seq) FROM events"));
}

// ---- transactions

template <class Work>
void Writer::in_transaction(const Work& work) {
  begin_.run();
  try {
    work();
    commit_.run();
  } catch (...) {
    // Some errors have rolled back already; a rollback that fails leaves nothing to be done here.
    if (sqlite3_get_autocommit(database_.handle()) == 0) {
      sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    throw;
  }
}

Incarnation Writer::begin_incarnation() {
  Incarnation incarnation = 0;
  in_transaction([&] {
    Query query(begin_incarnation_);
    MUSTER_CHECK(query.next(), "meta has its one row");
    incarnation = query.integer<Incarnation>();
  });
  return incarnation;
}

void Writer::mark_closed() {
  in_transaction([&] { mark_closed_.run(); });
}

void Writer::write(const Changes& changes) {
  batches_.begin();
  const Sequences before = sequences_;
  try {
    in_transaction([&] { write_rows(changes); });
  } catch (...) {
    batches_.take_back();
    sequences_ = before;
    throw;
  }
  batches_.keep();
}

void Writer::write_rows(const Changes& changes) {
  const TaskCounts totals_before = batches_.totals();
  for (const BatchRow& row : changes.batches) batches_.write(row);
  batches_.settle();
  for (const SegmentRow& row : changes.segments) write_segment(row);
  for (const TemplateRow& row : changes.templates) {
    packed_ = wire::encode_task_template(*row.body);
    replace_template_.run(row.id, Blob{packed_});
  }
  for (const ItemBlockRow& row : changes.item_blocks) write_item_block(row);
  for (const OverrideRow& row : changes.overrides) {
    replace_override_.run(row.batch, row.ordinal, row.first, row.last, row.template_id);
  }
  write_state_runs(changes);
  for (const TaskRow& row : changes.tasks) write_task(row);
  for (const AttemptRow& row : changes.attempts) {
    replace_attempt_.bind_all(row.batch, row.position);
    bind_attempt(replace_attempt_, 3, row.attempt);
    replace_attempt_.finish();
  }
  for (const WorkerRow& row : changes.workers) write_worker(row);
  for (const EventRow& row : changes.events) write_event(row);
  for (const KeyRow& row : changes.keys) {
    replace_key_.run(row.project, row.key, Blob{row.body_hash}, row.batch, row.batch_name, row.first_index,
                     row.last_index, row.count, row.first_number, row.created_wall_us);
  }
  for (const TokenRow& row : changes.tokens) write_token(row);
  const bool counted = changes.sequences && *changes.sequences != sequences_;
  if (changes.sequences) sequences_ = *changes.sequences;
  if (counted || batches_.totals() != totals_before) write_counters();
}

// ---- what belongs to batches

void Writer::write_segment(const SegmentRow& row) {
  const auto run = [&](Statement& statement) {
    statement.run(row.batch, row.ordinal, row.first_position, row.count, row.first_index, row.step,
                  row.first_number, row.template_id, row.has_items);
  };
  run(insert_segment_);
  if (sqlite3_changes(database_.handle()) == 0) {
    delete_dependencies_.run(row.batch, row.ordinal);
    run(replace_segment_);
  }
  std::uint32_t ordinal = 0;
  for (const Dependency& dependency : row.dependencies) {
    insert_dependency_.run(row.batch, row.ordinal, ordinal++, text_of(dependency.kind), dependency.any_end,
                           dependency.batch, dependency.index);
  }
}

void Writer::write_item_block(const ItemBlockRow& row) {
  wire::encode_item_block(*row.items, packed_);
  compressed_.resize(ZSTD_compressBound(packed_.size()));
  const std::size_t size = ZSTD_compressCCtx(compression_.get(), compressed_.data(), compressed_.size(),
                                             packed_.data(), packed_.size(), kCompressionLevel);
  MUSTER_CHECK(ZSTD_isError(size) == 0, "the compression buffer is large enough");
  replace_item_block_.run(row.batch, row.segment, row.first_item, row.items->rows(),
                          Blob{std::string_view(compressed_).substr(0, size)});
}

void Writer::write_state_runs(const Changes& changes) {
  for (const BatchId id : changes.cleared_state_runs) delete_state_runs_.run(id);
  for (const StateRunRow& row : changes.state_runs) {
    replace_state_run_.run(row.batch, row.first, row.last, row.state, row.by_dependency);
  }
}

void Writer::write_task(const TaskRow& row) {
  replace_task_.bind_all(row.batch, row.position, row.state, row.by_dependency);
  const std::string retries = text_of(row.retries);
  if (retries.empty()) {
    replace_task_.bind(5, Null{});
  } else {
    replace_task_.bind(5, retries);
  }
  replace_task_.bind(6, row.not_before_wall_us);
  bind_attempt(replace_task_, 7, row.attempt);
  replace_task_.finish();
}

// ---- the rest

void Writer::write_worker(const WorkerRow& row) {
  const WorkerFacts& facts = row.facts;
  const std::string gpus = wire::encode_texts(facts.gpus);
  replace_worker_.bind_all(row.id, row.name, row.spool_id, row.state, facts.host, facts.boot_id,
                           facts.version, facts.process_id, facts.capacity.cpu_slots,
                           facts.capacity.gpu_slots, facts.capacity.cpus, facts.capacity.mem_mb,
                           facts.capacity.disk_mb, Blob{gpus});
  int index = 15;
  for (const std::optional<std::uint32_t>& slots : {row.cpu_slots, row.gpu_slots}) {
    if (slots) {
      replace_worker_.bind(index++, *slots);
    } else {
      replace_worker_.bind(index++, Null{});
    }
  }
  replace_worker_.bind(index++, row.created_wall_us);
  replace_worker_.bind(index, row.last_seen_wall_us);
  replace_worker_.finish();
}

// Looking for a row to replace costs a third of an event, and almost every event is new.
void Writer::write_event(const EventRow& row) {
  Statement& statement = row.seq > highest_event_ ? insert_event_ : replace_event_;
  statement.run(row.seq, row.wall_us, to_text(row.kind), row.batch, row.index, row.attempt, row.worker,
                row.who, row.text);
  highest_event_ = std::max(highest_event_, row.seq);
}

void Writer::write_counters() {
  update_counters_.bind_all(sequences_.next_batch, sequences_.next_number, sequences_.next_template,
                            sequences_.next_worker, sequences_.next_event);
  int index = 6;
  for (const std::uint64_t count : batches_.totals()) update_counters_.bind(index++, count);
  update_counters_.finish();
}

void Writer::write_token(const TokenRow& row) {
  replace_token_.run(row.id, row.kind, row.owner, row.worker, row.spool_id, row.project, row.role, row.note,
                     Blob{row.hash}, row.created_wall_us, row.expires_wall_us, row.last_used_wall_us,
                     row.revoked_wall_us);
}

}  // namespace muster::store::sqlite
