// Selectors first, all of them: one that means nothing refuses the request. Then the filter, slice by slice.
// What a slice has looked at may move before the end; the verb passes over what it means nothing to any more.
#include "front/native/chosen.h"

#include <algorithm>

#include "core/escape.h"
#include "front/task_pages.h"
#include "wire/native/answers.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kSelectorsMax = 1000;
constexpr std::uint32_t kBatchScan = 1000;

bool may_mean_something(const BatchRow& batch, ChangeVerb verb) {
  const auto count = [&](TaskState state) { return batch.counts[static_cast<std::size_t>(state)]; };
  if (verb == ChangeVerb::retry) return count(TaskState::failed) + count(TaskState::cancelled) > 0;
  return !is_final(batch.state);
}

// Every batch of the project that the verb may mean something to; with a filter, that can hold a match.
Result<std::vector<Selected>> every_batch(const CallPtr& call, const Choice& choice) {
  std::vector<Selected> found;
  BatchId below = 0;
  for (;;) {
    const std::vector<BatchRow> rows =
        call->backend.history().batches_of(call->principal.project, Page{below, kBatchScan});
    for (const BatchRow& row : rows) {
      below = row.id;
      if (choice.purpose == Purpose::change &&
          (!may_mean_something(row, choice.verb) || !call->may_change(row))) {
        continue;
      }
      if (found.size() == kSelectorsMax) {
        return refuse(ErrorKind::usage, kMalformedSelector, "these are more than 1000 batches",
                      "name batches, or some at a time");
      }
      Selected selected;
      selected.batch = row;
      found.push_back(std::move(selected));
    }
    if (rows.size() < kBatchScan) return found;
  }
}

Result<std::vector<Selected>> resolve_all(const CallPtr& call, const Choice& choice) {
  if (choice.selectors.empty() || choice.selectors.size() > kSelectorsMax) {
    return refuse(ErrorKind::usage, kMalformedBody,
                  "\"selectors\" has to be a list of 1 to " + std::to_string(kSelectorsMax) + " selectors");
  }
  std::vector<Selected> found;
  for (const std::string& text : choice.selectors) {
    if (text == kEverySelector) return every_batch(call, choice);
    Result<Selected> selected = resolve(call->backend, call->principal.project, text);
    if (!selected) return std::unexpected(std::move(selected.error()));
    if (selected->attempt) {
      return refuse(ErrorKind::usage, kMalformedSelector,
                    "\"" + text + "\" names an attempt; this is about tasks", "leave out what follows the #");
    }
    if (choice.purpose == Purpose::change) {
      if (Result<void> may = call->may_change(selected->batch); !may)
        return std::unexpected(std::move(may.error()));
    }
    found.push_back(std::move(*selected));
  }
  return found;
}

// The tasks of several selections that match, looked through slice by slice.
class Scan : public std::enable_shared_from_this<Scan> {
 public:
  Scan(CallPtr call, Choice choice, std::vector<Selected> selection, Filter filter,
       std::function<void(Chosen)> then)
      : call_(std::move(call)),
        choice_(std::move(choice)),
        selection_(std::move(selection)),
        filter_(std::move(filter)),
        then_(std::move(then)) {}

  void start() {
    if (const OperationPtr& operation = call_->operation) {
      for (const Selected& selected : selection_)
        operation->tasks +=
            count_of(Layout::of(call_->backend, selected.batch.id).intervals(selected.ranges), UINT64_MAX);
    }
    run();
  }

 private:
  void run() {
    while (at_ < selection_.size()) {
      if (slice()) continue;
      return call_->later([self = shared_from_this()] { self->run(); });
    }
    if (chosen_.tasks > 0) return then_(std::move(chosen_));
    std::string names;
    for (const std::string& text : choice_.selectors) names += (names.empty() ? "" : " ") + text;
    call_->fail(no_such_thing("no task of " + escape_text(truncate_text(names, 100)) + " matches '" +
                                  escape_text(truncate_text(choice_.where, 200)) + "'",
                              "see its tasks:  muster task list " + escape_text(truncate_text(names, 100))));
  }

  // How many positions of the intervals are below that one.
  static std::uint64_t count_of(const std::vector<Layout::Interval>& intervals, Position below) {
    std::uint64_t count = 0;
    for (const Layout::Interval& interval : intervals) {
      if (interval.first < below) count += std::min(interval.last + 1, below) - interval.first;
    }
    return count;
  }

  // True: the selection at hand is through.
  bool slice() {
    const Selected& selected = selection_[at_];
    Backend& backend = call_->backend;
    const auto row = find_batch(backend, selected.batch.project, selected.batch.id);
    if (!row) return next();
    const Layout layout = Layout::of(backend, row->id);
    TaskMatcher matcher(backend, *row, layout, filter_);
    const auto intervals = layout.intervals(selected.ranges);
    const SpanPage page = matching_spans(backend, *row, intervals, from_, matcher);
    for (const PositionSpan& span : page.spans) {
      add_span(spans_, span);
      chosen_.tasks += span.last - span.first + 1;
    }
    if (const OperationPtr& operation = call_->operation) {
      operation->looked = looked_ + count_of(intervals, page.next.value_or(UINT64_MAX));
      operation->matched = chosen_.tasks;
      if (!page.next) looked_ = operation->looked;
    }
    if (!page.next) return next();
    from_ = *page.next;
    return false;
  }

  bool next() {
    if (!spans_.empty()) {
      muster::Target target;
      target.batch = selection_[at_].batch.id;
      target.chosen = std::exchange(spans_, {});
      chosen_.targets.push_back(std::move(target));
    }
    ++at_;
    from_ = 0;
    return true;
  }

  CallPtr call_;
  Choice choice_;
  std::vector<Selected> selection_;
  Filter filter_;
  std::function<void(Chosen)> then_;
  std::size_t at_ = 0;
  Position from_ = 0;
  std::uint64_t looked_ = 0;  // in the selections before
  std::vector<PositionSpan> spans_;
  Chosen chosen_;
};

// 42.1-500 from positions; segments with steps have their indexes one by one.
std::string selector_of(Backend& backend, const muster::Target& target) {
  std::string text = std::to_string(target.batch);
  const auto add = [&](bool first, TaskIndex from, TaskIndex to) {
    text += (first ? "." : ",") + std::to_string(from);
    if (to != from) text += "-" + std::to_string(to);
  };
  bool first = true;
  for (const IndexSpan& span : target.ranges) {
    add(first, span.first, span.last);
    first = false;
  }
  if (!target.chosen) return text;
  const Layout layout = Layout::of(backend, target.batch);
  for (const PositionSpan& span : *target.chosen) {
    for (Position position = span.first; position <= span.last;) {
      const SegmentRow& segment = layout.segment_of(position);
      const Position last =
          segment.step == 1 ? std::min(span.last, segment.first_position + segment.count - 1) : position;
      add(first, layout.index_of(position), layout.index_of(last));
      first = false;
      position = last + 1;
    }
  }
  return text;
}

}  // namespace

Result<Filter> read_where(const CallPtr& call, FilterObject object, std::string_view text) {
  return parse_filter(object, text, call->backend.now().wall_us);
}

void choose(const CallPtr& call, Choice choice, std::function<void(Chosen)> then) {
  Result<Filter> filter = read_where(call, FilterObject::task, choice.where);
  if (failed(call, filter)) return;
  Result<std::vector<Selected>> selection = resolve_all(call, choice);
  if (failed(call, selection)) return;
  if (!filter->empty()) {
    const auto scan = std::make_shared<Scan>(call, std::move(choice), std::move(*selection),
                                             std::move(*filter), std::move(then));
    return scan->start();
  }
  Chosen chosen;
  for (Selected& selected : *selection) {
    muster::Target target;
    target.batch = selected.batch.id;
    target.ranges = std::move(selected.ranges);
    chosen.targets.push_back(std::move(target));
  }
  if (chosen.targets.empty())
    return call->fail(
        no_such_thing("there is no batch that this could mean", "list them: muster batch list"));
  then(std::move(chosen));
}

void select_tasks(const CallPtr& call) {
  QueryReader query(call->target);
  Choice choice;
  choice.selectors = query.texts("selector");
  query.text("where", choice.where);
  if (failed(call, query.finish())) return;
  choose(call, std::move(choice), [call](const Chosen& chosen) {
    std::string json;
    wire::JsonWriter out(json);
    out.begin_object().key("schema").text("muster.selection/1").key("selectors").begin_array();
    for (const muster::Target& target : chosen.targets) out.text(selector_of(call->backend, target));
    out.end_array();
    out.key("tasks").number(chosen.tasks);
    out.end_object();
    call->answer(200, std::move(json));
  });
}

}  // namespace muster::front::native
