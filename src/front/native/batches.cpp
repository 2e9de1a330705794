// /batches: lists, single batches, and changes to one.
// Newest first; the cursor is the smallest number seen.
#include <algorithm>

#include "front/native/call.h"
#include "front/native/chosen.h"
#include "front/native/describe.h"
#include "wire/native/requests.h"

namespace muster::front::native {
namespace {

constexpr std::uint32_t kScan = 1000;

FilterValue of_time(Micros wall_us) { return wall_us == 0 ? FilterValue{} : FilterValue::of_number(wall_us); }

FilterValue label_of(Backend& backend, const BatchRow& row, const std::string& name, std::string& text) {
  const std::vector<SegmentRow> segments = backend.history().segments(row.id);
  const auto body =
      segments.empty() ? nullptr : backend.history().task_template(segments.front().template_id);
  if (body == nullptr) return {};
  for (const auto& [label, value] : body->labels) {
    if (label != name) continue;
    text = value;
    return FilterValue::of(text);
  }
  return {};
}

// `text` holds what a value is made of for the moment.
FilterValue value_of(Backend& backend, const BatchRow& row, const FilterTerm& term, std::string& text) {
  const TaskCounts counts = shown_counts(row);
  const auto count = [&](TaskState state) {
    return FilterValue::of_number(static_cast<std::int64_t>(counts[static_cast<std::size_t>(state)]));
  };
  switch (term.field) {
    case FilterField::state:
      return FilterValue::of(to_text(row.state));
    case FilterField::id:
      return FilterValue::of_number(static_cast<std::int64_t>(row.id));
    case FilterField::name:
      return FilterValue::of(row.name);
    case FilterField::owner:
      return FilterValue::of(row.owner);
    case FilterField::why: {
      const auto view = backend.engine().batch(row.id);
      text = view && !is_final(row.state) ? view->reason : "";
      return text.empty() ? FilterValue{} : FilterValue::of(text);
    }
    case FilterField::text:
      return row.reason.empty() ? FilterValue{} : FilterValue::of(row.reason);
    case FilterField::held:
      return FilterValue::of_flag(row.held);
    case FilterField::closed:
      return FilterValue::of_flag(row.closed);
    case FilterField::priority:
      return FilterValue::of_number(row.priority);
    case FilterField::max_running:
      return FilterValue::of_number(static_cast<std::int64_t>(row.max_running));
    case FilterField::tasks:
      return FilterValue::of_number(static_cast<std::int64_t>(row.task_count));
    case FilterField::waiting:
      return count(TaskState::waiting);
    case FilterField::ready:
      return count(TaskState::ready);
    case FilterField::running:
      return count(TaskState::running);
    case FilterField::succeeded:
      return count(TaskState::succeeded);
    case FilterField::failed:
      return count(TaskState::failed);
    case FilterField::cancelled:
      return count(TaskState::cancelled);
    case FilterField::label:
      return label_of(backend, row, term.label, text);
    case FilterField::created:
      return of_time(row.created_wall_us);
    case FilterField::started:
      return of_time(row.started_wall_us);
    default:
      return of_time(row.ended_wall_us);
  }
}

struct BatchFilter {
  Backend& backend;
  Filter where;
  std::vector<BatchState> states;  // empty: all
  std::string name;
  std::string project;
  bool holds(const BatchRow& row) const {
    return row.project == project && (name.empty() || row.name == name) &&
           (states.empty() || std::find(states.begin(), states.end(), row.state) != states.end()) &&
           matches(row);
  }
  bool matches(const BatchRow& row) const {
    std::string text;
    return where.holds([&](const FilterTerm& term) { return value_of(backend, row, term, text); });
  }
  bool live_only() const {
    const auto is_out = [&](BatchState state) {
      const bool listed = states.empty() || std::find(states.begin(), states.end(), state) != states.end();
      return !listed || !where.allows(FilterField::state, FilterValue::of(to_text(state)));
    };
    for (std::size_t i = 0; i < kBatchStates; ++i) {
      const auto state = static_cast<BatchState>(i);
      if (is_final(state) && !is_out(state)) return false;
    }
    return true;
  }
};

struct BatchList {
  std::vector<BatchRow> rows;
  bool more = false;
  bool full(std::size_t limit) const { return more || rows.size() > limit; }
};

// Every batch that is not final is in memory: no need to look at thousands that
// are.
BatchList live_list(Backend& backend, const BatchFilter& filter, BatchId below, std::size_t limit) {
  BatchList list;
  const std::vector<BatchId> ids = backend.engine().live_batches();
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    if (below != 0 && *id >= below) continue;
    const std::optional<engine::BatchView> view = backend.engine().batch(*id);
    if (!view || !filter.holds(view->row)) continue;
    if (list.rows.size() == limit) {
      list.more = true;
      break;
    }
    list.rows.push_back(view->row);
  }
  return list;
}

BatchList full_list(Backend& backend, const BatchFilter& filter, BatchId below, std::size_t limit) {
  BatchList list;
  for (;;) {
    const std::vector<BatchRow> rows = backend.history().batches_of(filter.project, Page{below, kScan});
    for (const BatchRow& row : rows) {
      below = row.id;
      if (!filter.holds(row)) continue;
      if (list.rows.size() == limit) {
        list.more = true;
        return list;
      }
      list.rows.push_back(row);
    }
    if (rows.size() < kScan) return list;
  }
}

}  // namespace

void list_batches(const CallPtr& call) {
  QueryReader query(call->target);
  PageRequest page;
  BatchFilter filter{call->backend, {}, {}, {}, {}};
  std::string where;
  filter.project = call->principal.project;
  read_page(query, call->options, page);
  query.text("name", filter.name);
  query.words("state", [&](std::string_view word) {
    const auto state = kBatchCycle.from_text(word);
    if (state) filter.states.push_back(*state);
    return state.has_value();
  });
  query.text("where", where);
  if (failed(call, query.finish())) return;
  Result<Filter> read = read_where(call, FilterObject::batch, where);
  if (failed(call, read)) return;
  filter.where = std::move(*read);
  BatchId below = 0;
  if (!page.after.empty()) {
    const auto cursor = parse_cursor<1>(page.after);
    if (!cursor) return call->fail(bad_cursor(page.after));
    below = (*cursor)[0];
  }
  const BatchList list = filter.live_only() ? live_list(call->backend, filter, below, page.limit)
                                            : full_list(call->backend, filter, below, page.limit);
  std::string json;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.batches/1");
  for (const BatchRow& row : list.rows) {
    out.begin_object();
    write_batch(out, call->backend, call->statistics, row);
    out.end_object();
  }
  wire::end_list(out, list.more ? std::to_string(list.rows.back().id) : "");
  call->answer(200, std::move(json));
}

namespace {

// What tasks that ended have used, against what they ask for; and the command
// that asks for what they need.
void write_usage(wire::JsonWriter& out, const CallPtr& call, const BatchRow& row, const TaskTemplate* body) {
  const BatchFigures* figures = call->statistics.of(row);
  if (figures == nullptr || figures->times.count() == 0) {
    out.null();
    return;
  }
  const std::uint64_t asked_mb = body == nullptr ? 0 : body->resources.mem_mb;
  const std::optional<RightSize> size = right_size(figures->peaks, asked_mb);
  out.begin_object();
  out.key("tasks").number(figures->times.count());
  out.key("time_p50_s").seconds(figures->times.quantile(0.5));
  out.key("time_p95_s").seconds(figures->times.quantile(0.95));
  out.key("mem_asked_mb").number(asked_mb);
  out.key("mem_peak_p95_mb");
  size ? out.number(size->peak_mb) : out.null();
  const bool suggests = size && size->suggested_mb != 0;
  out.key("mem_suggested_mb");
  suggests ? out.number(size->suggested_mb) : out.null();
  out.key("try");
  if (suggests) {
    out.text("muster task set " + std::to_string(row.id) + " --mem " +
             (size->suggested_mb % 1024 == 0 ? std::to_string(size->suggested_mb / 1024) + "G"
                                             : std::to_string(size->suggested_mb) + "M"));
  } else {
    out.null();
  }
  out.end_object();
}

}  // namespace

void show_batch(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  const Result<Selected> selected = resolve(call->backend, call->principal.project, call->part(1));
  if (failed(call, selected)) return;
  const BatchId id = selected->batch.id;
  const std::vector<SegmentRow> segments = call->backend.history().segments(id);
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.batch/1");
  write_batch(out, call->backend, call->statistics, selected->batch);
  out.key("segments");
  wire::write_segments(out, segments);
  out.key("template");
  const auto body =
      segments.empty() ? nullptr : call->backend.history().task_template(segments.front().template_id);
  if (body != nullptr)
    wire::write_template(out, *body);
  else
    out.null();
  out.key("usage");
  write_usage(out, call, selected->batch, body.get());
  out.end_object();
  call->answer(200, std::move(json));
}

void set_batch(const CallPtr& call) {
  Result<SetBatch> request = wire::read_set_batch(call->body);
  if (failed(call, request)) return;
  const Result<Selected> selected = resolve(call->backend, call->principal.project, call->part(1));
  if (failed(call, selected)) return;
  if (!selected->ranges.empty()) {
    return call->fail({ErrorKind::usage, kMalformedSelector,
                       "this changes a whole batch, not some of its tasks",
                       "name the batch alone: " + std::to_string(selected->batch.id)});
  }
  if (request->name) {
    if (const Result<void> named = check_name(*request->name); failed(call, named)) return;
  }
  if (failed(call, call->may_change(selected->batch))) return;
  request->principal = call->principal;
  request->batch = selected->batch.id;
  if (!call->backend.load(request->batch)) {
    return call->fail(no_such_thing("there is no batch " + std::to_string(request->batch), ""));
  }
  call->post(std::move(*request), [call](const ReplyBody& reply) {
    if (const Error* error = std::get_if<Error>(&reply)) return call->fail(*error);
    call->answer(200, wire::changed_json(std::get<Changed>(reply)));
  });
}

}  // namespace muster::front::native
