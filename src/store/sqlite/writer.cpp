// Rows into prepared statements.
// Must hold: columns are bound in the order of columns.h; counters are changed by the difference, in the same transaction.
#include "store/sqlite/writer.h"

#include <algorithm>

#include "core/check.h"
#include "core/failpoint.h"
#include "store/tables/columns.h"
#include "store/tables/row_binders.h"
#include "store/tables/row_readers.h"

namespace muster::store::sqlite {

using namespace tables;

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
      replace_limit_(database, replace_into("limits", kLimitColumns)),
      insert_event_(database, insert_into("events", kEventColumns)),
      replace_event_(database, replace_into("events", kEventColumns)),
      replace_key_(database, replace_into("keys", kKeyColumns)),
      update_counters_(database, "UPDATE meta SET " + assignments(kSequenceColumns)),
      replace_token_(database, replace_into("tokens", kTokenColumns)),
      replace_user_(database, replace_into("users", kUserColumns)),
      delete_user_(database, "DELETE FROM users WHERE name = ?"),
      replace_project_(database, replace_into("projects", kProjectColumns)),
      delete_project_(database, "DELETE FROM projects WHERE name = ?"),
      replace_secret_(database, replace_into("secrets", kSecretColumns)),
      delete_secret_(database, "DELETE FROM secrets WHERE project = ? AND name = ?"),
      replace_flavor_(database, replace_into("flavors", kFlavorColumns)),
      delete_flavor_(database, "DELETE FROM flavors WHERE provider = ? AND region = ? AND name = ?"),
      insert_audit_(database, insert_into("audit", kAuditColumns)) {
  Statement meta(database, "SELECT " + std::string(kSequenceColumns) + " FROM meta");
  Query counters(meta);
  MUSTER_CHECK(counters.next(), "meta has its one row");
  sequences_ = read_sequences(counters);
  highest_event_ = static_cast<std::uint64_t>(database.integer("SELECT max(seq) FROM events"));
}

// ---- transactions

template <class Add>
void Writer::run(Statement& statement, const Add& add) {
  Binder to(statement);
  add(to);
  statement.finish();
}

template <class Work>
void Writer::in_transaction(const Work& work) {
  begin_.run();
  try {
    failpoint("server.transaction.begun");
    work();
    failpoint("server.transaction.written");
    commit_.run();
    failpoint("server.transaction.committed");
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
  for (const BatchRow& row : changes.batches) batches_.write(row);
  batches_.settle();
  for (const SegmentRow& row : changes.segments) write_segment(row);
  for (const TemplateRow& row : changes.templates) {
    packed_ = pack_template(*row.body);
    replace_template_.run(row.id, Blob{packed_});
  }
  for (const ItemBlockRow& row : changes.item_blocks) write_item_block(row);
  for (const OverrideRow& row : changes.overrides) {
    run(replace_override_, [&](Binder& to) { add_override(to, row); });
  }
  write_state_runs(changes);
  for (const TaskRow& row : changes.tasks) {
    run(replace_task_, [&](Binder& to) { add_task(to, row, packed_); });
  }
  for (const AttemptRow& row : changes.attempts) {
    run(replace_attempt_, [&](Binder& to) { add_attempt_row(to, row); });
  }
  for (const WorkerRow& row : changes.workers) {
    run(replace_worker_, [&](Binder& to) { add_worker(to, row, packed_); });
  }
  for (const LimitRow& row : changes.limits) {
    run(replace_limit_, [&](Binder& to) { add_limit(to, row); });
  }
  for (const auto& [flavor, removed] : changes.flavors) {
    if (removed) {
      delete_flavor_.run(flavor.key.provider, flavor.key.region, flavor.key.name);
    } else {
      run(replace_flavor_, [&](Binder& to) { add_flavor(to, flavor); });
    }
  }
  for (const EventRow& row : changes.events) write_event(row);
  for (const KeyRow& row : changes.keys) {
    run(replace_key_, [&](Binder& to) { add_key(to, row); });
  }
  write_access(changes);
  const bool counted = changes.sequences && *changes.sequences != sequences_;
  if (changes.sequences) sequences_ = *changes.sequences;
  if (counted) write_counters();
}

// ---- what belongs to batches

void Writer::write_segment(const SegmentRow& row) {
  const auto add = [&](Binder& to) { add_segment(to, row); };
  run(insert_segment_, add);
  if (sqlite3_changes(database_.handle()) == 0) {
    delete_dependencies_.run(row.batch, row.ordinal);
    run(replace_segment_, add);
  }
  std::uint32_t ordinal = 0;
  for (const Dependency& dependency : row.dependencies) {
    run(insert_dependency_, [&](Binder& to) { add_dependency(to, row, ordinal++, dependency); });
  }
}

void Writer::write_item_block(const ItemBlockRow& row) {
  const std::string_view packed = packer_.pack(*row.items);
  run(replace_item_block_, [&](Binder& to) { add_item_block(to, row, packed); });
}

void Writer::write_state_runs(const Changes& changes) {
  for (const BatchId id : changes.cleared_state_runs) delete_state_runs_.run(id);
  for (const StateRunRow& row : changes.state_runs) {
    run(replace_state_run_, [&](Binder& to) { add_state_run(to, row); });
  }
}

// ---- the rest

// Looking for a row to replace costs a third of an event, and almost every event is new.
void Writer::write_event(const EventRow& row) {
  Statement& statement = row.seq > highest_event_ ? insert_event_ : replace_event_;
  run(statement, [&](Binder& to) { add_event(to, row); });
  highest_event_ = std::max(highest_event_, row.seq);
}

void Writer::write_counters() {
  run(update_counters_, [&](Binder& to) { add_sequences(to, sequences_); });
}

void Writer::write_access(const Changes& changes) {
  for (const TokenRow& row : changes.tokens) write_token(row);
  for (const UserRow& row : changes.users) {
    if (row.removed) {
      delete_user_.run(row.name);
    } else {
      run(replace_user_, [&](Binder& to) { add_user(to, row, packed_); });
    }
  }
  for (const ProjectRow& row : changes.projects) {
    if (row.removed) {
      delete_project_.run(row.name);
    } else {
      run(replace_project_, [&](Binder& to) { add_project(to, row); });
    }
  }
  for (const SecretRow& row : changes.secrets) {
    if (row.removed) {
      delete_secret_.run(row.project, row.name);
    } else {
      run(replace_secret_, [&](Binder& to) { add_secret(to, row); });
    }
  }
  for (const AuditRow& row : changes.audit) {
    run(insert_audit_, [&](Binder& to) { add_audit(to, row); });
  }
}

void Writer::write_token(const TokenRow& row) {
  run(replace_token_, [&](Binder& to) { add_token(to, row); });
}

}  // namespace muster::store::sqlite
