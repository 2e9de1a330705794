// /attempts: every try of the selected tasks, oldest first, and one of them.
// A task's attempts are never split between two pages; the cursor is batch:position.
#include "front/native/call.h"
#include "front/native/chosen.h"
#include "front/native/describe.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kTasksLookedAt = 1000;  // for one page with a filter; the next page goes on

bool matches(const Filter& filter, TaskIndex index, const AttemptRecord& attempt, const std::string& worker) {
  return filter.holds([&](const FilterTerm& term) {
    switch (term.field) {
      case FilterField::state:
        return FilterValue::of(to_text(attempt.state));
      case FilterField::attempt:
        return FilterValue::of_number(attempt.number);
      case FilterField::index:
        return FilterValue::of_number(static_cast<std::int64_t>(index));
      case FilterField::worker:
        return FilterValue::of(worker);
      default:
        return value_of_end(term, attempt);
    }
  });
}

}  // namespace

void list_attempts(const CallPtr& call) {
  QueryReader query(call->target);
  PageRequest page;
  std::string selector = "last";
  read_page(query, call->options, page);
  std::string where;
  query.text("selector", selector);
  query.text("where", where);
  if (failed(call, query.finish())) return;
  const Result<Filter> filter = read_where(call, FilterObject::attempt, where);
  if (failed(call, filter)) return;
  const Result<Selected> selected = resolve(call->backend, call->principal.project, selector);
  if (failed(call, selected)) return;
  const BatchRow& batch = selected->batch;
  Position from = 0;
  if (!page.after.empty()) {
    const auto cursor = parse_cursor<2>(page.after);
    if (!cursor || (*cursor)[0] != batch.id) return call->fail(bad_cursor(page.after));
    from = (*cursor)[1];
  }
  const Layout layout = Layout::of(call->backend, batch.id);
  const TaskPage tasks = task_page(call->backend, batch, layout.intervals(selected->ranges), {}, from,
                                   filter->empty() ? page.limit : kTasksLookedAt);
  WorkerNames workers(call->backend);
  TaskDescriber describer(call->backend, batch, layout, workers);
  std::string json;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.attempts/1");
  std::optional<Position> next = tasks.next;
  std::uint64_t written = 0;
  for (const ListedTask& task : tasks.tasks) {
    std::vector<AttemptRecord> records = describer.attempts(task);
    std::erase_if(records, [&](const AttemptRecord& record) {
      return !matches(*filter, describer.ref(task.position).index, record, workers.name(record.worker));
    });
    if (written != 0 && written + records.size() > page.limit) {
      next = task.position;
      break;
    }
    for (const AttemptRecord& record : records) {
      if (selected->attempt && *selected->attempt != record.number) continue;
      wire::write_attempt(out, {describer.ref(task.position), record, workers.name(record.worker)});
    }
    written += records.size();
  }
  wire::end_list(out, next ? std::to_string(batch.id) + ":" + std::to_string(*next) : "");
  call->answer(200, std::move(json));
}

void show_attempt(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  const Result<Selected> selected = resolve(call->backend, call->principal.project, call->part(1));
  if (failed(call, selected)) return;
  if (!selected->one_task || !selected->attempt) {
    return call->fail({ErrorKind::usage, kMalformedSelector, "this shows one attempt, for instance 42.17#2",
                       "list those of a task: muster attempt list 42.17"});
  }
  const Layout layout = Layout::of(call->backend, selected->batch.id);
  const TaskPage page =
      task_page(call->backend, selected->batch, layout.intervals(selected->ranges), {}, 0, 1);
  WorkerNames workers(call->backend);
  TaskDescriber describer(call->backend, selected->batch, layout, workers);
  for (const ListedTask& task : page.tasks) {
    for (const AttemptRecord& record : describer.attempts(task)) {
      if (record.number != *selected->attempt) continue;
      std::string json;
      wire::JsonWriter out(json);
      wire::write_attempt(out, {describer.ref(task.position), record, workers.name(record.worker)});
      json.insert(1, "\"schema\":\"muster.attempt/1\",");
      return call->answer(200, std::move(json));
    }
  }
  const TaskRef ref{selected->batch.id, only_index(*selected)};
  call->fail(
      no_such_thing("task " + wire::task_id(ref) + " has no attempt " + std::to_string(*selected->attempt),
                    "list them: muster attempt list " + wire::task_id(ref)));
}

}  // namespace muster::front::native
