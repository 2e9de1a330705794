// What the rows need to know is read first; then everything goes out together, and one answer decides.
// Must hold: nothing is remembered of a transaction that failed; after a lost connection this object is of no more use.
#include "store/postgres/writer.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/check.h"
#include "store/stored_form.h"
#include "store/tables/columns.h"
#include "store/tables/row_binders.h"
#include "store/tables/row_readers.h"

namespace muster::store::postgres {

using namespace tables;

namespace {

constexpr std::size_t kValueBytes = 8U << 20;  // about as large as one value gets before it is sent
constexpr const char* kDivisionByZero = "22012";

// "a = $2, b = $3": each name of the list, as many as there are.
std::string numbered_assignments(std::string_view columns, int first) {
  std::string list;
  for (const std::string_view name : split_columns(columns)) {
    if (!list.empty()) list += ", ";
    list += std::string(name) + " = $" + std::to_string(first++);
  }
  return list;
}

// "ON CONFLICT (key) DO UPDATE SET …" for every column that is not of the key.
std::string on_conflict(std::string_view columns, std::string_view key) {
  const std::vector<std::string_view> keys = split_columns(key);
  std::string sql = " ON CONFLICT (" + std::string(key) + ") DO UPDATE SET ";
  bool first = true;
  for (const std::string_view name : split_columns(columns)) {
    if (std::find(keys.begin(), keys.end(), name) != keys.end()) continue;
    sql += (first ? "" : ", ") + std::string(name) + " = EXCLUDED." + std::string(name);
    first = false;
  }
  return sql;
}

// The last row of each key: one statement may not touch a row twice. In the order of keys unless each key comes once.
template <class Rows, class KeyOf>
std::vector<const typename Rows::value_type*> last_of_each(const Rows& rows, const KeyOf& key_of) {
  std::vector<const typename Rows::value_type*> found;
  found.reserve(rows.size());
  const auto not_before = [&](const auto& left, const auto& right) {
    return !(key_of(left) < key_of(right));
  };
  if (std::adjacent_find(rows.begin(), rows.end(), not_before) == rows.end()) {
    for (const auto& row : rows) found.push_back(&row);
    return found;
  }
  std::map<decltype(key_of(rows.front())), const typename Rows::value_type*> last;
  for (const auto& row : rows) last[key_of(row)] = &row;
  for (const auto& [key, row] : last) found.push_back(row);
  return found;
}

using Place = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;

BatchLedger read_ledger(Connection& connection, BatchId young_batches) {
  Query meta(connection.query("SELECT first_young_batch, (SELECT max(id) FROM batches) FROM meta"));
  MUSTER_CHECK(meta.next(), "meta has its one row");
  const auto first_young = meta.integer<BatchId>();
  BatchLedger ledger(young_batches, first_young, meta.integer<BatchId>());
  Query totals(connection.query("SELECT " + totals_columns() + " FROM task_totals"));
  while (totals.next()) {
    const std::string project = totals.text();
    ledger.add_totals(project, read_task_counts(totals));
  }
  Query loaded(connection.query("SELECT id, project, " + task_count_columns() +
                                " FROM batches_to_load JOIN batches ON id = batch"));
  while (loaded.next()) {
    const auto id = loaded.integer<BatchId>();
    const std::string project = loaded.text();
    ledger.add_loaded(id, project, read_task_counts(loaded));
  }
  return ledger;
}

}  // namespace

Writer::Writer(Connection& connection, Incarnation term, BatchId young_batches)
    : connection_(connection), term_(term), ledger_(read_ledger(connection, young_batches)) {
  prepare_tables();
  begin_ = connection.prepare("BEGIN");
  commit_ = connection.prepare("COMMIT");
  guard_ = connection.prepare("WITH held AS (UPDATE meta SET last_commit = $2, " +
                              numbered_assignments(kSequenceColumns, 3) +
                              " WHERE incarnation = $1 RETURNING 1) SELECT 1 / (SELECT count(*) FROM held)");
  insert_loaded_ = connection.prepare("INSERT INTO loaded_batches VALUES ($1) ON CONFLICT DO NOTHING");
  delete_loaded_ = connection.prepare("DELETE FROM loaded_batches WHERE batch = $1");
  first_young_ = connection.prepare("UPDATE meta SET first_young_batch = $1");
  delete_user_ = connection.prepare("DELETE FROM users WHERE name = $1");
  delete_project_ = connection.prepare("DELETE FROM projects WHERE name = $1");
  delete_secret_ = connection.prepare("DELETE FROM secrets WHERE project = $1 AND name = $2");
  delete_flavor_ =
      connection.prepare("DELETE FROM flavors WHERE provider = $1 AND region = $2 AND name = $3");
  delete_state_runs_ = connection.prepare("DELETE FROM state_runs WHERE batch = $1");
  delete_dependencies_ = connection.prepare("DELETE FROM dependencies WHERE batch = $1 AND segment = $2");
  Query meta(
      connection.query("SELECT " + std::string(kSequenceColumns) +
                       ", last_commit, (SELECT max(batch) FROM segments), (SELECT max(id) FROM templates), "
                       "(SELECT max(seq) FROM events) FROM meta"));
  MUSTER_CHECK(meta.next(), "meta has its one row");
  sequences_ = read_sequences(meta);
  last_commit_ = meta.integer<std::uint64_t>();
  highest_segment_ = meta.integer<BatchId>();
  highest_template_ = meta.integer<TemplateId>();
  highest_event_ = meta.integer<std::uint64_t>();
}

// ---- tables

Writer::Table& Writer::make_table(const std::string& name, std::string_view columns, std::string_view key) {
  TableType type;
  type.name = name;
  Query facts(connection_.query(
      "SELECT c.reltype::bigint, a.atttypid::bigint, a.attname::text FROM pg_class c JOIN pg_attribute a ON "
      "a.attrelid = c.oid "
      "WHERE c.oid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
      Parameters(name)));
  // The type of an array of rows is told by its elements.
  std::string in_table;
  while (facts.next()) {
    type.row_type = facts.integer<std::uint32_t>();
    type.column_types.push_back(facts.integer<std::uint32_t>());
    in_table += (in_table.empty() ? "" : ", ") + facts.text();
  }
  MUSTER_CHECK(in_table == columns, "the columns of a table stand in it as in columns.h");
  Table& table = tables_.emplace_back(std::move(type));
  const std::string insert = "INSERT INTO " + name + " SELECT * FROM unnest($1::" + name + "[])";
  table.insert = connection_.prepare(insert);
  table.upsert = connection_.prepare(insert + on_conflict(columns, key));
  return table;
}

void Writer::prepare_tables() {
  batches_ = &make_table("batches", batch_columns(), "id");
  segments_ = &make_table("segments", kSegmentColumns, "batch, ordinal");
  dependencies_ = &make_table("dependencies", kDependencyColumns, "batch, segment, ordinal");
  templates_ = &make_table("templates", "id, body", "id");
  item_blocks_ = &make_table("item_blocks", kItemBlockColumns, "batch, segment, first_item");
  overrides_ = &make_table("overrides", kOverrideColumns, "batch, ordinal");
  state_runs_ = &make_table("state_runs", kStateRunColumns, "batch, first");
  tasks_ = &make_table("tasks", task_columns(), "batch, position");
  attempts_ = &make_table("attempts", attempt_row_columns(), "batch, position, attempt");
  workers_ = &make_table("workers", kWorkerColumns, "id");
  limits_ = &make_table("limits", kLimitColumns, "scope, name");
  events_ = &make_table("events", kEventColumns, "seq");
  keys_ = &make_table("keys", kKeyColumns, "project, key");
  totals_ = &make_table("task_totals", totals_columns(), "project");
  tokens_ = &make_table("tokens", kTokenColumns, "id");
  users_ = &make_table("users", kUserColumns, "name");
  projects_ = &make_table("projects", kProjectColumns, "name");
  secrets_ = &make_table("secrets", kSecretColumns, "project, name");
  flavors_ = &make_table("flavors", kFlavorColumns, "provider, region, name");
  audit_ = &make_table("audit", kAuditColumns, "seq");
}

void Writer::flush(Table& table, const std::string& statement) {
  if (table.rows.rows() == 0) return;
  Parameters value;
  value.add_bytes(table.rows.finish());
  connection_.send(statement, value);
  table.rows.clear();
}

template <class Rows, class KeyOf, class Add>
void Writer::put(Table& table, const Rows& rows, const KeyOf& key_of, const Add& add, Standing standing) {
  const std::string& statement = standing == Standing::fresh ? table.insert : table.upsert;
  for (const auto* row : last_of_each(rows, key_of)) {
    table.rows.begin_row();
    add(table.rows, *row);
    table.rows.end_row();
    if (table.rows.size() > kValueBytes) flush(table, statement);
  }
  flush(table, statement);
}

// Fresh when every row stands above the highest there is, which becomes the highest of them.
template <class Rows, class NumberOf>
Writer::Standing Writer::above(std::uint64_t& highest, const Rows& rows, const NumberOf& number_of) {
  Standing standing = Standing::fresh;
  std::uint64_t top = highest;
  for (const auto& row : rows) {
    if (number_of(row) <= highest) standing = Standing::known;
    top = std::max<std::uint64_t>(top, number_of(row));
  }
  highest = top;
  return standing;
}

// ---- transactions

void Writer::write(const Changes& changes) {
  ledger_.begin();
  const Sequences before = sequences_;
  try {
    write_rows(changes);
  } catch (...) {
    ledger_.take_back();
    sequences_ = before;
    for (Table& table : tables_) table.rows.clear();
    throw;
  }
  ledger_.keep();
}

std::optional<KnownBatch> Writer::read_batch(BatchId id) {
  Query query(connection_.query(
      "SELECT state, revivable, project, " + task_count_columns() + " FROM batches WHERE id = $1",
      Parameters(id)));
  if (!query.next()) return std::nullopt;
  KnownBatch known;
  const auto state = query.enumerator<BatchState>(kBatchStates);
  known.loaded = is_loaded(state, query.flag());
  known.project = ledger_.project_of(query.text());
  known.counts = read_task_counts(query);
  return known;
}

void Writer::write_rows(const Changes& changes) {
  std::map<BatchId, BatchLedger::Listing> listings;
  for (const BatchRow& row : changes.batches) {
    const auto old = ledger_.find(row.id, [this](BatchId id) { return read_batch(id); });
    const BatchLedger::Listing listing = ledger_.write(row, old);
    if (listing != BatchLedger::Listing::stays) listings[row.id] = listing;
  }
  const std::vector<ProjectTotals> totals = ledger_.take_changed_totals();
  const std::optional<std::vector<BatchId>> settled = ledger_.settle();
  if (changes.sequences) sequences_ = *changes.sequences;
  ++last_commit_;

  connection_.begin_pipeline();
  begin();
  for (const auto& [id, listing] : listings) {
    connection_.send(listing == BatchLedger::Listing::enters ? insert_loaded_ : delete_loaded_,
                     Parameters(id));
  }
  if (settled) {
    for (const BatchId id : *settled) connection_.send(insert_loaded_, Parameters(id));
    connection_.send(first_young_, Parameters(ledger_.first_young()));
  }
  put(
      *totals_, totals, [](const ProjectTotals& row) { return row.project; },
      [](RowBatch& to, const ProjectTotals& row) { add_totals(to, row.project, row.counts); });
  write_batches(changes);
  write_tasks(changes);
  write_access(changes);
  connection_.send(commit_, Parameters());
  finish();
}

// The incarnation is asked for in the transaction itself, so that it cannot change before the end of it.
void Writer::begin() {
  connection_.send(begin_, Parameters());
  Parameters guard(term_, last_commit_);
  add_sequences(guard, sequences_);
  connection_.send(guard_, guard);
}

void Writer::finish() {
  try {
    const std::string tag = connection_.end_pipeline();
    if (tag != "COMMIT") throw PostgresError("", true, "PostgreSQL: a transaction ended as " + tag);
  } catch (const PostgresError& error) {
    if (error.lost) throw;
    connection_.execute("ROLLBACK");
    if (error.state == kDivisionByZero) throw Deposed("another server has taken over");
    throw;
  }
}

// ---- rows

void Writer::write_batches(const Changes& changes) {
  put(
      *batches_, changes.batches, [](const BatchRow& row) { return row.id; },
      [](RowBatch& to, const BatchRow& row) { add_batch(to, row); });
  write_segments(changes);
  put(
      *templates_, changes.templates, [](const TemplateRow& row) { return row.id; },
      [this](RowBatch& to, const TemplateRow& row) {
        to.add(row.id);
        scratch_ = pack_template(*row.body);
        to.add(Blob{scratch_});
      },
      above(highest_template_, changes.templates, [](const TemplateRow& row) { return row.id; }));
  put(
      *item_blocks_, changes.item_blocks,
      [](const ItemBlockRow& row) { return Place(row.batch, row.segment, row.first_item); },
      [this](RowBatch& to, const ItemBlockRow& row) { add_item_block(to, row, packer_.pack(*row.items)); });
  put(
      *overrides_, changes.overrides, [](const OverrideRow& row) { return Place(row.batch, row.ordinal, 0); },
      [](RowBatch& to, const OverrideRow& row) { add_override(to, row); });
  for (const BatchId id : changes.cleared_state_runs) connection_.send(delete_state_runs_, Parameters(id));
  put(
      *state_runs_, changes.state_runs, [](const StateRunRow& row) { return Place(row.batch, row.first, 0); },
      [](RowBatch& to, const StateRunRow& row) { add_state_run(to, row); });
}

void Writer::write_segments(const Changes& changes) {
  struct Edge {
    const SegmentRow* of;
    std::uint32_t ordinal;
    const Dependency* dependency;
  };
  std::vector<Edge> edges;
  const auto place = [](const SegmentRow& row) { return Place(row.batch, row.ordinal, 0); };
  for (const SegmentRow* row : last_of_each(changes.segments, place)) {
    // Above the highest there is nothing to replace, which is where almost every segment stands.
    if (row->batch <= highest_segment_) {
      connection_.send(delete_dependencies_, Parameters(row->batch, row->ordinal));
    }
    std::uint32_t ordinal = 0;
    for (const Dependency& dependency : row->dependencies) edges.push_back({row, ordinal++, &dependency});
  }
  const Standing standing =
      above(highest_segment_, changes.segments, [](const SegmentRow& row) { return row.batch; });
  put(
      *segments_, changes.segments, place, [](RowBatch& to, const SegmentRow& row) { add_segment(to, row); },
      standing);
  put(
      *dependencies_, edges,
      [](const Edge& edge) { return Place(edge.of->batch, edge.of->ordinal, edge.ordinal); },
      [](RowBatch& to, const Edge& edge) { add_dependency(to, *edge.of, edge.ordinal, *edge.dependency); });
}

void Writer::write_tasks(const Changes& changes) {
  put(
      *tasks_, changes.tasks, [](const TaskRow& row) { return Place(row.batch, row.position, 0); },
      [this](RowBatch& to, const TaskRow& row) { add_task(to, row, scratch_); });
  put(
      *attempts_, changes.attempts,
      [](const AttemptRow& row) { return Place(row.batch, row.position, row.attempt.number); },
      [](RowBatch& to, const AttemptRow& row) { add_attempt_row(to, row); });
  put(
      *workers_, changes.workers, [](const WorkerRow& row) { return row.id; },
      [this](RowBatch& to, const WorkerRow& row) { add_worker(to, row, scratch_); });
  put(
      *limits_, changes.limits, [](const LimitRow& row) { return std::pair(row.scope, row.name); },
      [](RowBatch& to, const LimitRow& row) { add_limit(to, row); });
  put(
      *events_, changes.events, [](const EventRow& row) { return row.seq; },
      [](RowBatch& to, const EventRow& row) { add_event(to, row); },
      above(highest_event_, changes.events, [](const EventRow& row) { return row.seq; }));
  put(
      *keys_, changes.keys, [](const KeyRow& row) { return std::pair(row.project, row.key); },
      [](RowBatch& to, const KeyRow& row) { add_key(to, row); });
}

void Writer::write_access(const Changes& changes) {
  put(
      *tokens_, changes.tokens, [](const TokenRow& row) { return row.id; },
      [](RowBatch& to, const TokenRow& row) { add_token(to, row); });
  const auto name = [](const auto& row) { return row.name; };
  std::vector<UserRow> users;
  for (const UserRow* row : last_of_each(changes.users, name)) {
    if (row->removed) {
      connection_.send(delete_user_, Parameters(row->name));
    } else {
      users.push_back(*row);
    }
  }
  put(*users_, users, name, [this](RowBatch& to, const UserRow& row) { add_user(to, row, scratch_); });
  std::vector<ProjectRow> projects;
  for (const ProjectRow* row : last_of_each(changes.projects, name)) {
    if (row->removed) {
      connection_.send(delete_project_, Parameters(row->name));
    } else {
      projects.push_back(*row);
    }
  }
  put(*projects_, projects, name, [](RowBatch& to, const ProjectRow& row) { add_project(to, row); });
  write_secrets(changes);
  write_flavors(changes);
  // Added, never replaced: a number that is taken fails the transaction.
  for (const AuditRow& row : changes.audit) {
    audit_->rows.begin_row();
    add_audit(audit_->rows, row);
    audit_->rows.end_row();
    if (audit_->rows.size() > kValueBytes) flush(*audit_, audit_->insert);
  }
  flush(*audit_, audit_->insert);
}

void Writer::write_flavors(const Changes& changes) {
  const auto key = [](const FlavorRow& row) { return row.flavor.key; };
  std::vector<FlavorRow> flavors;
  for (const FlavorRow* row : last_of_each(changes.flavors, key)) {
    if (row->removed) {
      const FlavorKey& gone = row->flavor.key;
      connection_.send(delete_flavor_, Parameters(gone.provider, gone.region, gone.name));
    } else {
      flavors.push_back(*row);
    }
  }
  put(*flavors_, flavors, key, [](RowBatch& to, const FlavorRow& row) { add_flavor(to, row.flavor); });
}

void Writer::write_secrets(const Changes& changes) {
  const auto key = [](const SecretRow& row) { return std::pair(row.project, row.name); };
  std::vector<SecretRow> secrets;
  for (const SecretRow* row : last_of_each(changes.secrets, key)) {
    if (row->removed) {
      connection_.send(delete_secret_, Parameters(row->project, row->name));
    } else {
      secrets.push_back(*row);
    }
  }
  put(*secrets_, secrets, key, [](RowBatch& to, const SecretRow& row) { add_secret(to, row); });
}

// ---- outside of a Changes

void Writer::mark_closed() {
  connection_.query("UPDATE meta SET closed_cleanly = 1 WHERE incarnation = $1", Parameters(term_));
}

}  // namespace muster::store::postgres
