// One statement for each question people ask.
// Must hold: every statement uses a key or an index, but for the newest batch of a project that has none lately.
#include "store/postgres/queries.h"

#include <algorithm>

#include "store/stored_form.h"
#include "store/tables/columns.h"
#include "store/tables/packed.h"
#include "store/tables/row_readers.h"

namespace muster::store::postgres {

using namespace tables;

namespace {

constexpr std::uint64_t kLast = INT64_MAX;

std::string select(std::string_view columns, std::string_view rest) {
  return "SELECT " + std::string(columns) + " FROM " + std::string(rest);
}

template <class Row>
std::vector<Row> rows_of(Answer answer, Row (*read)(Query&)) {
  std::vector<Row> rows;
  Query query(std::move(answer));
  rows.reserve(static_cast<std::size_t>(query.rows()));
  while (query.next()) rows.push_back(read(query));
  return rows;
}

std::optional<BatchId> id_of(Answer answer) {
  Query query(std::move(answer));
  if (!query.next()) return std::nullopt;
  return query.integer<BatchId>();
}

// Newest first, before `after`.
std::uint64_t before(const Page& page) { return page.after == 0 ? kLast : page.after; }

}  // namespace

std::optional<BatchRow> Queries::batch(BatchId id) {
  Query query(connection_.query(select(batch_columns(), "batches WHERE id = $1"), Parameters(id)));
  if (!query.next()) return std::nullopt;
  return read_batch(query);
}

std::optional<BatchId> Queries::newest_batch_named(const std::string& project, const std::string& name,
                                                   History::Closed closed) {
  const std::string open = closed == History::Closed::included ? "" : " AND closed = 0";
  return id_of(connection_.query(
      "SELECT id FROM batches WHERE project = $1 AND name = $2" + open + " ORDER BY id DESC LIMIT 1",
      Parameters(project, name)));
}

std::optional<BatchId> Queries::newest_batch(const std::string& project) {
  return id_of(connection_.query("SELECT id FROM batches WHERE project = $1 ORDER BY id DESC LIMIT 1",
                                 Parameters(project)));
}

std::optional<std::pair<BatchId, Position>> Queries::task_of_number(TaskNumber number) {
  Query query(
      connection_.query("SELECT batch, first_position, first_number, count FROM segments "
                        "WHERE first_number <= $1 ORDER BY first_number DESC LIMIT 1",
                        Parameters(std::min<TaskNumber>(number, kLast))));
  if (!query.next()) return std::nullopt;
  const auto batch = query.integer<BatchId>();
  const auto first_position = query.integer<Position>();
  const TaskNumber offset = number - query.integer<TaskNumber>();
  if (offset >= query.integer<std::uint64_t>()) return std::nullopt;
  return std::pair(batch, first_position + offset);
}

std::vector<BatchRow> Queries::batches(const Page& page) {
  return rows_of(connection_.query(select(batch_columns(), "batches WHERE id < $1 ORDER BY id DESC LIMIT $2"),
                                   Parameters(before(page), page_limit(page))),
                 read_batch<Query>);
}

std::vector<BatchRow> Queries::batches_of(const std::string& project, const Page& page) {
  return rows_of(connection_.query(select(batch_columns(),
                                          "batches WHERE project = $1 AND id < $2 ORDER BY id DESC LIMIT $3"),
                                   Parameters(project, before(page), page_limit(page))),
                 read_batch<Query>);
}

std::vector<SegmentRow> Queries::segments(BatchId id) {
  std::vector<SegmentRow> rows;
  Query query(connection_.query(
      "SELECT s.batch, s.ordinal, s.first_position, s.count, s.first_index, s.step, s.first_number, "
      "s.template, s.has_items, d.kind, d.any_end, d.on_batch, d.on_index FROM segments AS s LEFT JOIN "
      "dependencies AS d ON d.batch = s.batch AND d.segment = s.ordinal WHERE s.batch = $1 "
      "ORDER BY s.ordinal, d.ordinal",
      Parameters(id)));
  while (query.next()) {
    SegmentRow row = read_segment(query);
    if (rows.empty() || rows.back().ordinal != row.ordinal) rows.push_back(std::move(row));
    if (!query.next_is_null()) rows.back().dependencies.push_back(read_dependency(query));
  }
  return rows;
}

std::vector<OverrideRow> Queries::overrides(BatchId id) {
  return rows_of(connection_.query(select(kOverrideColumns, "overrides WHERE batch = $1 ORDER BY ordinal"),
                                   Parameters(id)),
                 read_override<Query>);
}

std::vector<StateRunRow> Queries::state_runs(BatchId id) {
  return rows_of(connection_.query(select(kStateRunColumns, "state_runs WHERE batch = $1 ORDER BY first"),
                                   Parameters(id)),
                 read_state_run<Query>);
}

std::shared_ptr<const TaskTemplate> Queries::task_template(TemplateId id) {
  Query query(connection_.query("SELECT body FROM templates WHERE id = $1", Parameters(id)));
  return query.next() ? read_template(query.bytes()) : nullptr;
}

std::vector<std::string> Queries::item(BatchId batch, std::uint32_t segment, std::uint64_t item) {
  Query query(
      connection_.query("SELECT first_item, item_count, body FROM item_blocks WHERE batch = $1 AND "
                        "segment = $2 AND first_item <= $3 ORDER BY first_item DESC LIMIT 1",
                        Parameters(batch, segment, std::min(item, kLast))));
  if (!query.next()) return {};
  const auto first_item = query.integer<std::uint64_t>();
  const auto item_count = query.integer<std::uint64_t>();
  if (item - first_item >= item_count) return {};
  return row_of(*read_item_block(query.bytes()), item - first_item);
}

std::vector<TaskRow> Queries::tasks(const TaskFilter& filter, const Page& page) {
  const Position first = std::min(std::max(filter.first, page.after), kLast);
  const Position last = std::min(filter.last, kLast);
  std::uint64_t mask = filter.states.empty() ? UINT32_MAX : 0;
  for (const TaskState state : filter.states) mask |= 1ULL << static_cast<unsigned>(state);
  if (mask == 1ULL << static_cast<unsigned>(TaskState::failed)) {
    return rows_of(connection_.query(
                       select(task_columns(),
                              "tasks WHERE state = " + std::to_string(static_cast<int>(TaskState::failed)) +
                                  " AND batch = $1 AND position BETWEEN $2 AND $3 "
                                  "ORDER BY position LIMIT $4"),
                       Parameters(filter.batch, first, last, page_limit(page))),
                   read_task<Query>);
  }
  return rows_of(connection_.query(select(task_columns(),
                                          "tasks WHERE batch = $1 AND position BETWEEN $2 "
                                          "AND $3 AND ((1::bigint << state::int) & $4) <> 0 "
                                          "ORDER BY position LIMIT $5"),
                                   Parameters(filter.batch, first, last, mask, page_limit(page))),
                 read_task<Query>);
}

std::vector<AttemptRow> Queries::attempts(BatchId batch, Position position) {
  return rows_of(connection_.query(select(attempt_row_columns(),
                                          "attempts WHERE batch = $1 AND position = $2 ORDER BY attempt"),
                                   Parameters(batch, std::min(position, kLast))),
                 read_attempt_row<Query>);
}

std::vector<LimitRow> Queries::limits() {
  return rows_of(
      connection_.query(
          select(kLimitColumns, "limits ORDER BY scope = 'label', scope = 'project', name COLLATE \"C\"")),
      read_limit<Query>);
}

std::vector<WorkerRow> Queries::workers() {
  return rows_of(connection_.query(select(kWorkerColumns, "workers ORDER BY id")), read_worker<Query>);
}

std::vector<EventRow> Queries::events(const std::string& project, BatchId batch, const Page& page) {
  constexpr std::string_view kOfProject = "(SELECT project FROM batches WHERE id = batch) = $1";
  const std::string which = batch == 0 ? "(batch = 0 OR " + std::string(kOfProject) + ")"
                                       : "batch > 0 AND batch = $4 AND " + std::string(kOfProject);
  Parameters values(project, before(page), page_limit(page));
  if (batch != 0) values.add(batch);
  return rows_of(connection_.query(select(kEventColumns, "events WHERE " + which +
                                                             " AND seq < $2 ORDER BY seq DESC LIMIT $3"),
                                   values),
                 read_event<Query>);
}

std::optional<KeyRow> Queries::key(const std::string& project, const std::string& key) {
  Query query(connection_.query(select(kKeyColumns, "keys WHERE project = $1 AND key = $2"),
                                Parameters(project, key)));
  if (!query.next()) return std::nullopt;
  return read_key(query);
}

TaskCounts Queries::total_counts(const std::string& project) {
  Query query(
      connection_.query(select(task_count_columns(), "task_totals WHERE project = $1"), Parameters(project)));
  return query.next() ? read_task_counts(query) : TaskCounts{};
}

std::vector<TokenRow> Queries::tokens() {
  return rows_of(connection_.query(select(kTokenColumns, "tokens ORDER BY id")), read_token<Query>);
}

std::vector<UserRow> Queries::users() {
  return rows_of(connection_.query(select(kUserColumns, "users ORDER BY name COLLATE \"C\"")),
                 read_user<Query>);
}

std::vector<ProjectRow> Queries::projects() {
  return rows_of(connection_.query(select(kProjectColumns, "projects ORDER BY name COLLATE \"C\"")),
                 read_project<Query>);
}

std::vector<Flavor> Queries::flavors() {
  return rows_of(connection_.query(select(
                     kFlavorColumns,
                     "flavors ORDER BY provider COLLATE \"C\", region COLLATE \"C\", name COLLATE \"C\"")),
                 read_flavor<Query>);
}

std::vector<SecretRow> Queries::secrets() {
  return rows_of(
      connection_.query(select(kSecretColumns, "secrets ORDER BY project COLLATE \"C\", name COLLATE \"C\"")),
      read_secret<Query>);
}

std::vector<AuditRow> Queries::audit(const Page& page) {
  return rows_of(connection_.query(select(kAuditColumns, "audit WHERE seq > $1 ORDER BY seq LIMIT $2"),
                                   Parameters(std::min(page.after, kLast), page_limit(page))),
                 read_audit<Query>);
}

std::optional<AuditRow> Queries::newest_audit() {
  Query query(connection_.query(select(kAuditColumns, "audit ORDER BY seq DESC LIMIT 1")));
  if (!query.next()) return std::nullopt;
  return read_audit(query);
}

}  // namespace muster::store::postgres
