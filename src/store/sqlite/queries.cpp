// One statement for each question people ask.
// Must hold: every statement uses a key or an index, but for the newest batch of a project that has none lately.
#include "store/sqlite/queries.h"

#include <algorithm>

#include "store/stored_form.h"
#include "store/tables/columns.h"
#include "store/tables/packed.h"
#include "store/tables/row_readers.h"

namespace muster::store::sqlite {

using namespace tables;

namespace {

constexpr std::uint64_t kLast = INT64_MAX;

std::string select(std::string_view columns, std::string_view rest) {
  return "SELECT " + std::string(columns) + " FROM " + std::string(rest);
}

template <class Row, class... Values>
std::vector<Row> rows_of(Statement& statement, Row (*read)(Query&), const Values&... values) {
  std::vector<Row> rows;
  for (Query query(statement, values...); query.next();) rows.push_back(read(query));
  return rows;
}

std::optional<BatchId> id_of(Query&& query) {
  if (!query.next()) return std::nullopt;
  return query.integer<BatchId>();
}

// Newest first, before `after`.
std::uint64_t before(const Page& page) { return page.after == 0 ? kLast : page.after; }

}  // namespace

Queries::Queries(const Database& database)
    : batch_(database, select(batch_columns(), "batches WHERE id = ?")),
      newest_named_(database,
                    "SELECT id FROM batches WHERE project = ? AND name = ? ORDER BY id DESC LIMIT 1"),
      newest_open_named_(
          database,
          "SELECT id FROM batches WHERE project = ? AND name = ? AND closed = 0 ORDER BY id DESC LIMIT 1"),
      newest_(database, "SELECT id FROM batches NOT INDEXED WHERE project = ? ORDER BY id DESC LIMIT 1"),
      number_(database,
              "SELECT batch, first_position, first_number, count FROM segments INDEXED BY segments_by_number "
              "WHERE first_number <= ? ORDER BY first_number DESC LIMIT 1"),
      batches_(database, select(batch_columns(), "batches WHERE id < ? ORDER BY id DESC LIMIT ?")),
      segments_(
          database,
          "SELECT s.batch, s.ordinal, s.first_position, s.count, s.first_index, s.step, s.first_number, "
          "s.template, s.has_items, d.kind, d.any_end, d.on_batch, d.on_index FROM segments AS s LEFT JOIN "
          "dependencies AS d ON d.batch = s.batch AND d.segment = s.ordinal WHERE s.batch = ? "
          "ORDER BY s.ordinal, d.ordinal"),
      overrides_(database, select(kOverrideColumns, "overrides WHERE batch = ? ORDER BY ordinal")),
      state_runs_(database, select(kStateRunColumns, "state_runs WHERE batch = ? ORDER BY first")),
      template_(database, "SELECT body FROM templates WHERE id = ?"),
      item_block_(database,
                  "SELECT first_item, item_count, body FROM item_blocks WHERE batch = ? AND segment = ? AND "
                  "first_item <= ? ORDER BY first_item DESC LIMIT 1"),
      tasks_(database, select(task_columns(),
                              "tasks NOT INDEXED WHERE batch = ? AND position BETWEEN ? AND ? AND "
                              "((1 << state) & ?) <> 0 ORDER BY position LIMIT ?")),
      failed_tasks_(database,
                    select(task_columns(),
                           "tasks INDEXED BY tasks_failed WHERE state = " +
                               std::to_string(static_cast<int>(TaskState::failed)) +
                               " AND batch = ? AND position BETWEEN ? AND ? ORDER BY position LIMIT ?")),
      attempts_(database,
                select(attempt_row_columns(), "attempts WHERE batch = ? AND position = ? ORDER BY attempt")),
      workers_(database, select(kWorkerColumns, "workers ORDER BY id")),
      // By the order of LimitScope.
      limits_(database, select(kLimitColumns, "limits ORDER BY scope = 'label', scope = 'project', name")),
      events_(database, select(kEventColumns,
                               "events WHERE (batch = 0 OR (SELECT project FROM batches WHERE id = batch) = "
                               "?) AND seq < ? ORDER BY seq DESC LIMIT ?")),
      events_of_batch_(
          database,
          select(kEventColumns,
                 "events INDEXED BY events_by_batch WHERE batch > 0 AND batch = ? AND "
                 "(SELECT project FROM batches WHERE id = batch) = ? AND seq < ? ORDER BY seq DESC LIMIT ?")),
      key_(database, select(kKeyColumns, "keys WHERE project = ? AND key = ?")),
      totals_(database, select(task_count_columns(), "task_totals WHERE project = ?")),
      batches_of_(
          database,
          select(
              batch_columns(),
              "batches INDEXED BY batches_by_project WHERE project = ? AND id < ? ORDER BY id DESC LIMIT ?")),
      tokens_(database, select(kTokenColumns, "tokens ORDER BY id")),
      users_(database, select(kUserColumns, "users ORDER BY name")),
      projects_(database, select(kProjectColumns, "projects ORDER BY name")),
      secrets_(database, select(kSecretColumns, "secrets ORDER BY project, name")),
      flavors_(database, select(kFlavorColumns, "flavors ORDER BY provider, region, name")),
      audit_(database, select(kAuditColumns, "audit WHERE seq > ? ORDER BY seq LIMIT ?")),
      newest_audit_(database, select(kAuditColumns, "audit ORDER BY seq DESC LIMIT 1")) {}

std::optional<BatchRow> Queries::batch(BatchId id) {
  Query query(batch_, id);
  if (!query.next()) return std::nullopt;
  return read_batch(query);
}

std::optional<BatchId> Queries::newest_batch_named(const std::string& project, const std::string& name,
                                                   History::Closed closed) {
  return id_of(
      Query(closed == History::Closed::included ? newest_named_ : newest_open_named_, project, name));
}

std::optional<BatchId> Queries::newest_batch(const std::string& project) {
  return id_of(Query(newest_, project));
}

std::optional<std::pair<BatchId, Position>> Queries::task_of_number(TaskNumber number) {
  Query query(number_, std::min<TaskNumber>(number, kLast));
  if (!query.next()) return std::nullopt;
  const auto batch = query.integer<BatchId>();
  const auto first_position = query.integer<Position>();
  const TaskNumber offset = number - query.integer<TaskNumber>();
  if (offset >= query.integer<std::uint64_t>()) return std::nullopt;
  return std::pair(batch, first_position + offset);
}

std::vector<BatchRow> Queries::batches(const Page& page) {
  return rows_of(batches_, read_batch<Query>, before(page), page_limit(page));
}

std::vector<BatchRow> Queries::batches_of(const std::string& project, const Page& page) {
  return rows_of(batches_of_, read_batch<Query>, project, before(page), page_limit(page));
}

std::vector<SegmentRow> Queries::segments(BatchId id) {
  std::vector<SegmentRow> rows;
  for (Query query(segments_, id); query.next();) {
    SegmentRow row = read_segment(query);
    if (rows.empty() || rows.back().ordinal != row.ordinal) rows.push_back(std::move(row));
    if (!query.next_is_null()) rows.back().dependencies.push_back(read_dependency(query));
  }
  return rows;
}

std::vector<OverrideRow> Queries::overrides(BatchId id) {
  return rows_of(overrides_, read_override<Query>, id);
}

std::vector<StateRunRow> Queries::state_runs(BatchId id) {
  return rows_of(state_runs_, read_state_run<Query>, id);
}

std::shared_ptr<const TaskTemplate> Queries::task_template(TemplateId id) {
  Query query(template_, id);
  return query.next() ? read_template(query.bytes()) : nullptr;
}

std::vector<std::string> Queries::item(BatchId batch, std::uint32_t segment, std::uint64_t item) {
  const auto& last = last_block_;
  const bool kept = last.items != nullptr && last.batch == batch && last.segment == segment &&
                    item >= last.first_item && item - last.first_item < last.item_count;
  if (!kept) {
    last_block_.items = nullptr;
    Query query(item_block_, batch, segment, std::min(item, kLast));
    if (!query.next()) return {};
    last_block_.batch = batch;
    last_block_.segment = segment;
    last_block_.first_item = query.integer<std::uint64_t>();
    last_block_.item_count = query.integer<std::uint64_t>();
    if (item - last_block_.first_item >= last_block_.item_count) return {};
    last_block_.items = read_item_block(query.bytes());
  }
  return row_of(*last_block_.items, item - last_block_.first_item);
}

std::vector<TaskRow> Queries::tasks(const TaskFilter& filter, const Page& page) {
  const Position first = std::min(std::max(filter.first, page.after), kLast);
  const Position last = std::min(filter.last, kLast);
  std::uint64_t mask = filter.states.empty() ? UINT32_MAX : 0;
  for (const TaskState state : filter.states) mask |= 1ULL << static_cast<unsigned>(state);
  if (mask == 1ULL << static_cast<unsigned>(TaskState::failed)) {
    return rows_of(failed_tasks_, read_task<Query>, filter.batch, first, last, page_limit(page));
  }
  return rows_of(tasks_, read_task<Query>, filter.batch, first, last, mask, page_limit(page));
}

std::vector<AttemptRow> Queries::attempts(BatchId batch, Position position) {
  return rows_of(attempts_, read_attempt_row<Query>, batch, std::min(position, kLast));
}

std::vector<LimitRow> Queries::limits() { return rows_of(limits_, read_limit<Query>); }
std::vector<Flavor> Queries::flavors() { return rows_of(flavors_, read_flavor<Query>); }
std::vector<WorkerRow> Queries::workers() { return rows_of(workers_, read_worker<Query>); }

std::vector<EventRow> Queries::events(const std::string& project, BatchId batch, const Page& page) {
  if (batch == 0) return rows_of(events_, read_event<Query>, project, before(page), page_limit(page));
  return rows_of(events_of_batch_, read_event<Query>, batch, project, before(page), page_limit(page));
}

std::optional<KeyRow> Queries::key(const std::string& project, const std::string& key) {
  Query query(key_, project, key);
  if (!query.next()) return std::nullopt;
  return read_key(query);
}

TaskCounts Queries::total_counts(const std::string& project) {
  Query query(totals_, project);
  return query.next() ? read_task_counts(query) : TaskCounts{};
}

std::vector<TokenRow> Queries::tokens() { return rows_of(tokens_, read_token<Query>); }
std::vector<UserRow> Queries::users() { return rows_of(users_, read_user<Query>); }
std::vector<ProjectRow> Queries::projects() { return rows_of(projects_, read_project<Query>); }
std::vector<SecretRow> Queries::secrets() { return rows_of(secrets_, read_secret<Query>); }

std::vector<AuditRow> Queries::audit(const Page& page) {
  return rows_of(audit_, read_audit<Query>, std::min(page.after, kLast), page_limit(page));
}

std::optional<AuditRow> Queries::newest_audit() {
  Query query(newest_audit_);
  if (!query.next()) return std::nullopt;
  return read_audit(query);
}

}  // namespace muster::store::sqlite
