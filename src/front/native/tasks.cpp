// /tasks: pages of tasks, and one task with its history.
// The cursor is batch:position of the first task of the next page.
#include <algorithm>

#include "front/native/call.h"
#include "front/native/chosen.h"
#include "front/native/describe.h"

namespace muster::front::native {
namespace {

constexpr std::uint32_t kBatchScan = 1000;
constexpr int kFilteredBatches = 200;  // looked into for one page; the next one goes on

void read_states(QueryReader& query, StateSet& states) {
  query.words("state", [&](std::string_view word) {
    const auto state = kTaskCycle.from_text(word);
    if (state) states.add(*state);
    return state.has_value();
  });
}

bool may_hold(const BatchRow& batch, const StateSet& states) {
  const TaskCounts counts = shown_counts(batch);
  for (std::size_t i = 0; i < kTaskStates; ++i) {
    if (counts[i] != 0 && states.holds(static_cast<TaskState>(i))) return true;
  }
  return false;
}

// What is wanted of the tasks; no filter: everything in these states.
struct Wanted {
  StateSet states;
  Filter filter;
};

// Writes tasks of one batch; the cursor of what follows, or nothing.
std::string write_tasks(wire::JsonWriter& out, Backend& backend, const BatchRow& batch,
                        const std::vector<IndexSpan>& ranges, const Wanted& wanted, Position from,
                        std::uint64_t& left, WorkerNames& workers) {
  const Layout layout = Layout::of(backend, batch.id);
  TaskMatcher matcher(backend, batch, layout, wanted.filter);
  const TaskPage page = task_page(backend, batch, layout.intervals(ranges), wanted.states, from, left,
                                  wanted.filter.empty() ? nullptr : &matcher);
  TaskDescriber describer(backend, batch, layout, workers);
  for (const ListedTask& task : page.tasks) {
    out.begin_object();
    describer.write(out, task);
    out.end_object();
  }
  left -= page.tasks.size();
  return page.next ? std::to_string(batch.id) + ":" + std::to_string(*page.next) : "";
}

// Tasks of all batches, newest batch first, without looking into those that have none in these states.
std::string write_all_tasks(wire::JsonWriter& out, const CallPtr& call, const Wanted& wanted, BatchId first,
                            Position from, std::uint64_t left, WorkerNames& workers) {
  BatchId below = first == 0 ? 0 : first + 1;
  int looked_at = 0;
  for (;;) {
    const std::vector<BatchRow> rows =
        call->backend.history().batches_of(call->principal.project, Page{below, kBatchScan});
    for (const BatchRow& row : rows) {
      below = row.id;
      if (!may_hold(row, wanted.states)) continue;
      const bool enough = !wanted.filter.empty() && looked_at++ == kFilteredBatches;
      if (left == 0 || enough) return std::to_string(row.id) + ":0";
      const std::string next =
          write_tasks(out, call->backend, row, {}, wanted, row.id == first ? from : 0, left, workers);
      if (!next.empty()) return next;
    }
    if (rows.size() < kBatchScan) return "";
  }
}

}  // namespace

void list_tasks(const CallPtr& call) {
  QueryReader query(call->target);
  PageRequest page;
  Wanted wanted;
  std::string selector;
  std::string where;
  read_page(query, call->options, page);
  read_states(query, wanted.states);
  query.text("selector", selector);
  query.text("where", where);
  if (failed(call, query.finish())) return;
  Result<Filter> filter = read_where(call, FilterObject::task, where);
  if (failed(call, filter)) return;
  wanted.filter = std::move(*filter);
  BatchId batch = 0;
  Position from = 0;
  if (!page.after.empty()) {
    const auto cursor = parse_cursor<2>(page.after);
    if (!cursor) return call->fail(bad_cursor(page.after));
    batch = (*cursor)[0];
    from = (*cursor)[1];
  }
  std::string json;
  wire::JsonWriter out(json);
  WorkerNames workers(call->backend);
  wire::begin_list(out, "muster.tasks/1");
  std::string next;
  if (selector.empty() || selector == kEverySelector) {
    next = write_all_tasks(out, call, wanted, batch, from, page.limit, workers);
  } else {
    const Result<Selected> selected = resolve(call->backend, call->principal.project, selector);
    if (failed(call, selected)) return;
    // "last" and names may mean another batch by now: a cursor goes on in the batch it came from.
    if (batch != 0 && batch != selected->batch.id) return call->fail(bad_cursor(page.after));
    next =
        write_tasks(out, call->backend, selected->batch, selected->ranges, wanted, from, page.limit, workers);
  }
  wire::end_list(out, next);
  call->answer(200, std::move(json));
}

void show_task(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  const Result<Selected> selected = resolve(call->backend, call->principal.project, call->part(1));
  if (failed(call, selected)) return;
  if (!selected->one_task) {
    return call->fail({ErrorKind::usage, kMalformedSelector, "this shows one task, for instance 42.17",
                       "list several: muster task list " + std::to_string(selected->batch.id)});
  }
  if (selected->attempt) {
    return call->fail({ErrorKind::usage, kMalformedSelector, "this shows a task, not one of its attempts",
                       "show the attempt: muster attempt show " + call->part(1)});
  }
  Backend& backend = call->backend;
  const Layout layout = Layout::of(backend, selected->batch.id);
  const TaskPage page = task_page(backend, selected->batch, layout.intervals(selected->ranges), {}, 0, 1);
  if (page.tasks.empty()) return call->fail(no_such_thing("there is no such task", ""));
  const ListedTask& task = page.tasks.front();
  WorkerNames workers(backend);
  TaskDescriber describer(backend, selected->batch, layout, workers);
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.task/1");
  describer.write(out, task, TaskDescriber::Detail::why);
  out.key("history").begin_array();
  for (const AttemptRecord& record : describer.attempts(task)) {
    wire::write_attempt(out, {describer.ref(task.position), record, workers.name(record.worker)});
  }
  out.end_array().end_object();
  call->answer(200, std::move(json));
}

}  // namespace muster::front::native
