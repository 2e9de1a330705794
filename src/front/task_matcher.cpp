// Which question belongs to which level, and the values a task gives to each key.
// A value that is not known yet is absent: it matches a negation alone.
#include "front/task_matcher.h"

#include <algorithm>

#include "core/command.h"
#include "front/task_pages.h"

namespace muster::front {
namespace {

constexpr std::int64_t kMebibyte = 1 << 20;

enum class Level : std::uint8_t { batch, state, body, single };

Level level_of(FilterField field) {
  switch (field) {
    case FilterField::batch:
    case FilterField::owner:
    case FilterField::created:
      return Level::batch;
    case FilterField::state:
      return Level::state;
    case FilterField::name:
    case FilterField::label:
    case FilterField::slots:
    case FilterField::gpus:
    case FilterField::cpus:
    case FilterField::mem:
    case FilterField::disk:
    case FilterField::limit:
      return Level::body;
    default:
      return Level::single;
  }
}

// Known of no task that was never granted.
bool is_of_attempt(FilterField field) {
  switch (field) {
    case FilterField::phase:
    case FilterField::cause:
    case FilterField::exit:
    case FilterField::signal:
    case FilterField::worker:
    case FilterField::time:
    case FilterField::peak:
    case FilterField::started:
    case FilterField::ended:
    case FilterField::message:
      return true;
    default:
      return false;
  }
}

FilterValue of_time(Micros wall_us) { return wall_us == 0 ? FilterValue{} : FilterValue::of_number(wall_us); }

FilterValue of_batch(const FilterTerm& term, const BatchRow& batch) {
  switch (term.field) {
    case FilterField::batch:
      return FilterValue::of_number(static_cast<std::int64_t>(batch.id));
    case FilterField::owner:
      return FilterValue::of(batch.owner);
    default:
      return of_time(batch.created_wall_us);
  }
}

}  // namespace

TaskMatcher::TaskMatcher(Backend& backend, const BatchRow& batch, const Layout& layout, const Filter& filter)
    : backend_(backend), batch_(batch), layout_(layout), filter_(filter) {
  for (const FilterTerm& term : filter.terms()) {
    needs_attempt_ = needs_attempt_ || (is_of_attempt(term.field) && !term.negated);
    settled_by_runs_ = settled_by_runs_ && level_of(term.field) != Level::single;
  }
}

bool TaskMatcher::allows_batch() const {
  return std::all_of(filter_.terms().begin(), filter_.terms().end(), [&](const FilterTerm& term) {
    return level_of(term.field) != Level::batch || term.holds(of_batch(term, batch_));
  });
}

bool TaskMatcher::allows_state(TaskState shown) const {
  for (const FilterTerm& term : filter_.terms()) {
    if (term.field == FilterField::state && !term.holds(FilterValue::of(to_text(shown)))) return false;
    if (term.negated) continue;
    // What these say is known in few states only: the others need not be looked through.
    if (term.field == FilterField::phase && shown != TaskState::running) return false;
    const bool failure = term.field == FilterField::cause || term.field == FilterField::signal ||
                         (term.field == FilterField::exit && !term.holds(FilterValue::of_number(0)));
    if (failure && shown == TaskState::succeeded) return false;
    const bool moves =
        shown == TaskState::running || shown == TaskState::succeeded || shown == TaskState::failed;
    if (term.field == FilterField::reason && moves) return false;
  }
  return true;
}

const TaskTemplate* TaskMatcher::body_of(TemplateId id) {
  const auto [found, fresh] = templates_.try_emplace(id);
  if (fresh) {
    found->second.body = backend_.history().task_template(id);
    const TaskTemplate* body = found->second.body.get();
    found->second.allowed =
        std::all_of(filter_.terms().begin(), filter_.terms().end(), [&](const FilterTerm& term) {
          if (level_of(term.field) != Level::body) return true;
          return term.holds(body == nullptr ? FilterValue{} : of_template(term, *body));
        });
  }
  return found->second.body.get();
}

bool TaskMatcher::allows_template(TemplateId id) {
  body_of(id);
  return templates_.at(id).allowed;
}

bool TaskMatcher::holds(const ListedTask& task) {
  return filter_.holds([&](const FilterTerm& term) { return value_of(term, task); });
}

FilterValue TaskMatcher::value_of(const FilterTerm& term, const ListedTask& task) {
  switch (level_of(term.field)) {
    case Level::batch:
      return of_batch(term, batch_);
    case Level::state:
      return FilterValue::of(to_text(task.state));
    case Level::body: {
      const TaskTemplate* body = body_of(layout_.template_of(task.position));
      return body == nullptr ? FilterValue{} : of_template(term, *body);
    }
    case Level::single:
      break;
  }
  switch (term.field) {
    case FilterField::index:
      return FilterValue::of_number(static_cast<std::int64_t>(layout_.index_of(task.position)));
    case FilterField::attempts:
      return FilterValue::of_number(task.row ? static_cast<std::int64_t>(task.row->attempt.number) : 0);
    case FilterField::command:
      return FilterValue::of(command_of(task));
    case FilterField::reason:
    case FilterField::phase:
      return of_engine(term, task);
    default:
      return of_end(term, task);
  }
}

FilterValue TaskMatcher::of_template(const FilterTerm& term, const TaskTemplate& body) const {
  const Resources& wanted = body.resources;
  switch (term.field) {
    case FilterField::name:
      return FilterValue::of(body.name);
    case FilterField::label:
      for (const auto& [name, value] : body.labels) {
        if (name == term.label) return FilterValue::of(value);
      }
      return {};
    case FilterField::slots:
      return FilterValue::of_number(wanted.cpu_slots);
    case FilterField::gpus:
      return FilterValue::of_number(wanted.gpu_slots);
    case FilterField::cpus:
      return FilterValue::of_number(wanted.cpus);
    case FilterField::mem:
      return FilterValue::of_number(static_cast<std::int64_t>(wanted.mem_mb) * kMebibyte);
    case FilterField::disk:
      return FilterValue::of_number(static_cast<std::int64_t>(wanted.disk_mb) * kMebibyte);
    default:
      return body.time_limit_us == 0 ? FilterValue{} : FilterValue::of_number(body.time_limit_us);
  }
}

FilterValue TaskMatcher::of_engine(const FilterTerm& term, const ListedTask& task) {
  const auto view = backend_.engine().task({batch_.id, layout_.index_of(task.position)});
  if (term.field == FilterField::phase) {
    if (!view || view->state != TaskState::running) return {};
    return FilterValue::of(to_text(view->phase));
  }
  text_ = view ? view->reason : task.by_dependency ? "dependency" : "";
  return text_.empty() ? FilterValue{} : FilterValue::of(text_);
}

FilterValue TaskMatcher::of_end(const FilterTerm& term, const ListedTask& task) {
  if (!task.row || task.row->attempt.number == 0) return {};
  const AttemptRecord& attempt = task.row->attempt;
  if (term.field == FilterField::worker) return FilterValue::of(worker_name(attempt.worker));
  return value_of_end(term, attempt);
}

FilterValue value_of_end(const FilterTerm& term, const AttemptRecord& attempt) {
  if (!is_final(attempt.state)) return {};
  const Finished& end = attempt.end;
  switch (term.field) {
    case FilterField::cause:
      return end.cause == Cause::none ? FilterValue{} : FilterValue::of(to_text(end.cause));
    case FilterField::exit:
      // As a shell reports it: 137 is both "exit 137" and "killed by signal 9".
      if (end.signal != 0) return FilterValue::of_number(128 + end.signal);
      if (end.cause != Cause::exit && attempt.state != AttemptState::succeeded) return {};
      return FilterValue::of_number(end.exit_code);
    case FilterField::signal:
      return end.signal != 0 ? FilterValue::of_number(end.signal) : FilterValue{};
    case FilterField::time:
      return end.started_wall_us == 0 ? FilterValue{} : FilterValue::of_number(end.usage.wall_us);
    case FilterField::peak:
      return end.usage.peak_memory_bytes == 0
                 ? FilterValue{}
                 : FilterValue::of_number(static_cast<std::int64_t>(end.usage.peak_memory_bytes));
    case FilterField::started:
      return of_time(end.started_wall_us);
    case FilterField::ended:
      return of_time(end.ended_wall_us);
    case FilterField::message:
      return end.message.empty() ? FilterValue{} : FilterValue::of(end.message);
    default:
      return {};
  }
}

std::string_view TaskMatcher::command_of(const ListedTask& task) {
  const TaskTemplate* body = body_of(layout_.template_of(task.position));
  if (body == nullptr) return {};
  const SegmentRow& segment = layout_.segment_of(task.position);
  std::vector<std::string> fields;
  if (segment.has_items && !body->command.placeholders.empty()) {
    fields = backend_.history().item(batch_.id, segment.ordinal, task.position - segment.first_position);
  }
  const std::vector<std::string_view> views(fields.begin(), fields.end());
  text_ = display_expanded(body->command, layout_.index_of(task.position), views);
  return text_;
}

std::string_view TaskMatcher::worker_name(WorkerId id) {
  if (!workers_read_) {
    workers_read_ = true;
    for (const WorkerRow& row : backend_.history().workers()) workers_.emplace(row.id, row.name);
  }
  return workers_[id];
}

}  // namespace muster::front
