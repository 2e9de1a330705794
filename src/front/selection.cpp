// Resolving selectors: by id, by name, last, by global number.
// Everything asked here is answered from committed state.
#include "front/selection.h"

#include <algorithm>

#include "core/check.h"
#include "core/escape.h"

namespace muster::front {

Layout::Layout(std::vector<SegmentRow> segments, std::vector<OverrideRow> overrides)
    : segments_(std::move(segments)), overrides_(std::move(overrides)) {}

Layout Layout::of(Backend& backend, BatchId batch) {
  return {backend.history().segments(batch), backend.history().overrides(batch)};
}

std::optional<Position> Layout::position_of(TaskIndex index) const {
  for (const SegmentRow& segment : segments_) {
    if (index < segment.first_index) continue;
    const std::uint64_t distance = index - segment.first_index;
    if (distance % segment.step == 0 && distance / segment.step < segment.count) {
      return segment.first_position + distance / segment.step;
    }
  }
  return std::nullopt;
}

const SegmentRow& Layout::segment_of(Position position) const {
  const auto after =
      std::upper_bound(segments_.begin(), segments_.end(), position,
                       [](Position p, const SegmentRow& segment) { return p < segment.first_position; });
  MUSTER_CHECK(after != segments_.begin(), "a position is in the batch");
  const SegmentRow& segment = *std::prev(after);
  MUSTER_CHECK(position - segment.first_position < segment.count, "a position is in the batch");
  return segment;
}

TaskIndex Layout::index_of(Position position) const {
  const SegmentRow& segment = segment_of(position);
  return segment.first_index + (position - segment.first_position) * segment.step;
}

TaskNumber Layout::number_of(Position position) const {
  const SegmentRow& segment = segment_of(position);
  return segment.first_number + (position - segment.first_position);
}

TemplateId Layout::template_of(Position position) const {
  for (auto it = overrides_.rbegin(); it != overrides_.rend(); ++it) {
    if (position >= it->first && position <= it->last) return it->template_id;
  }
  return segment_of(position).template_id;
}

Position Layout::same_template_until(Position position, Position last) const {
  const SegmentRow& segment = segment_of(position);
  last = std::min(last, segment.first_position + segment.count - 1);
  for (auto it = overrides_.rbegin(); it != overrides_.rend(); ++it) {
    if (position >= it->first && position <= it->last) return std::min(last, it->last);
    // A later override that begins behind the position takes over where it begins.
    if (it->first > position && it->first <= last) last = it->first - 1;
  }
  return last;
}

std::vector<Layout::Interval> Layout::intervals(const std::vector<IndexSpan>& ranges) const {
  std::vector<Interval> found;
  if (segments_.empty()) return found;
  if (ranges.empty()) return {{0, segments_.back().first_position + segments_.back().count - 1}};
  for (const SegmentRow& segment : segments_) {
    const TaskIndex segment_last = segment.first_index + (segment.count - 1) * segment.step;
    // Ranges are sorted and disjoint: only those from the first that reaches the segment count.
    auto span = std::lower_bound(ranges.begin(), ranges.end(), segment.first_index,
                                 [](const IndexSpan& range, TaskIndex index) { return range.last < index; });
    for (; span != ranges.end() && span->first <= segment_last; ++span) {
      const TaskIndex from = std::max(span->first, segment.first_index) - segment.first_index;
      const TaskIndex to = std::min(span->last, segment_last) - segment.first_index;
      const Interval interval{segment.first_position + (from + segment.step - 1) / segment.step,
                              segment.first_position + to / segment.step};
      if (interval.first > interval.last) continue;
      if (!found.empty() && found.back().last + 1 == interval.first) {
        found.back().last = interval.last;
      } else {
        found.push_back(interval);
      }
    }
  }
  return found;
}

Error no_such_thing(std::string what, std::string next) {
  return {ErrorKind::not_found, kNoSuchThing, std::move(what), std::move(next)};
}

std::optional<BatchRow> find_batch(Backend& backend, const std::string& project, BatchId id) {
  std::optional<BatchRow> row;
  if (std::optional<engine::BatchView> view = backend.engine().batch(id)) {
    row = std::move(view->row);
  } else {
    row = backend.history().batch(id);
  }
  if (row && row->project != project) row.reset();
  return row;
}

TaskIndex only_index(const Selected& selected) { return selected.ranges.front().first; }

namespace {

std::unexpected<Error> no_batch(std::string what) {
  return std::unexpected(no_such_thing(std::move(what), "list them: muster batch list"));
}

// `@name`: the newest batch of that name; a name with a dot may be the whole name.
Result<Selected> by_name(Backend& backend, const std::string& project, const Selector& selector) {
  Selected selected;
  std::optional<BatchId> id;
  if (!selector.dotted_name.empty()) {
    id = backend.history().newest_batch_named(project, selector.dotted_name, History::Closed::included);
  }
  if (!id) {
    id = backend.history().newest_batch_named(project, selector.name, History::Closed::included);
    selected.ranges = selector.ranges;
    selected.one_task = selector.one_task();
  }
  std::optional<BatchRow> row = id ? find_batch(backend, project, *id) : std::nullopt;
  if (!row) return no_batch("there is no batch called \"" + escape_text(selector.name) + "\"");
  selected.batch = std::move(*row);
  return selected;
}

Result<Selected> by_number(Backend& backend, const std::string& project, TaskNumber number) {
  const auto found = backend.history().task_of_number(number);
  std::optional<BatchRow> row = found ? find_batch(backend, project, found->first) : std::nullopt;
  if (!row) {
    return std::unexpected(
        no_such_thing("there is no task T" + std::to_string(number), "list tasks: muster task list"));
  }
  const TaskIndex index = Layout::of(backend, found->first).index_of(found->second);
  Selected selected;
  selected.batch = std::move(*row);
  selected.ranges = {{index, index}};
  selected.one_task = true;
  return selected;
}

Result<Selected> by_id(Backend& backend, const std::string& project, const Selector& selector) {
  std::optional<BatchId> id = selector.number;
  if (selector.by == BatchBy::last) id = backend.history().newest_batch(project);
  if (!id) return no_batch("there is no batch yet");
  std::optional<BatchRow> row = find_batch(backend, project, *id);
  if (!row) return no_batch("there is no batch " + std::to_string(*id));
  Selected selected;
  selected.batch = std::move(*row);
  selected.ranges = selector.ranges;
  selected.one_task = selector.one_task();
  return selected;
}

bool has_task(Backend& backend, const Selected& selected) {
  const TaskRef ref{selected.batch.id, only_index(selected)};
  if (backend.engine().has_batch(ref.batch)) return backend.engine().task(ref).has_value();
  return Layout::of(backend, ref.batch).position_of(ref.index).has_value();
}

}  // namespace

Result<Selected> resolve(Backend& backend, const std::string& project, std::string_view text) {
  Result<Selector> selector = parse_selector(text);
  if (!selector) return std::unexpected(std::move(selector.error()));
  Result<Selected> selected;
  switch (selector->by) {
    case BatchBy::name:
      selected = by_name(backend, project, *selector);
      break;
    case BatchBy::task_number:
      selected = by_number(backend, project, selector->number);
      break;
    default:
      selected = by_id(backend, project, *selector);
  }
  if (!selected) return selected;
  selected->attempt = selector->attempt;
  if (selected->one_task && !has_task(backend, *selected)) {
    return std::unexpected(
        no_such_thing("batch " + std::to_string(selected->batch.id) + " has no task " +
                          std::to_string(only_index(*selected)),
                      "see its tasks: muster task list " + std::to_string(selected->batch.id)));
  }
  return selected;
}

}  // namespace muster::front
