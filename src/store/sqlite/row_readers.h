// Rows as values again: one function for each list of columns.h, used by Queries and Loader.
// Must hold: what a CHECK or a decoder would not accept is StoreDamaged, never a value.
#pragma once

#include <memory>
#include <string_view>

#include "core/rows.h"
#include "store/sqlite/database.h"

namespace muster::store::sqlite {

BatchRow read_batch(Query& query);                 // batch_columns()
TaskCounts read_task_counts(Query& query);         // task_count_columns()
SegmentRow read_segment(Query& query);             // kSegmentColumns, without dependencies
Dependency read_dependency(Query& query);          // kind, any_end, on_batch, on_index
OverrideRow read_override(Query& query);           // kOverrideColumns
StateRunRow read_state_run(Query& query);          // kStateRunColumns
BatchSnapshot::Task read_task_head(Query& query);  // kTaskHeadColumns
TaskRow read_task(Query& query);                   // task_columns()
AttemptRow read_attempt_row(Query& query);         // attempt_row_columns()
WorkerRow read_worker(Query& query);               // kWorkerColumns
EventRow read_event(Query& query);                 // kEventColumns

std::shared_ptr<const TaskTemplate> read_template(std::string_view body);
std::shared_ptr<const ItemBlock> read_item_block(std::string_view body);

}  // namespace muster::store::sqlite
