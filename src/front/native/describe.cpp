// Putting answers together.
// A task that was never granted is described from its segment; one with a row
// from the row and from memory.
#include "front/native/describe.h"

#include <algorithm>

#include "core/command.h"

namespace muster::front::native {

WorkerNames::WorkerNames(Backend& backend) {
  for (const WorkerRow& row : backend.history().workers()) names_.emplace(row.id, row.name);
}

const std::string& WorkerNames::name(WorkerId id) {
  const auto [found, fresh] = names_.try_emplace(id);
  if (fresh && id != 0) found->second = "worker " + std::to_string(id);
  return found->second;
}

TaskDescriber::TaskDescriber(Backend& backend, const BatchRow& batch, const Layout& layout,
                             WorkerNames& workers)
    : backend_(backend), batch_(batch), layout_(layout), workers_(workers) {}

const TaskTemplate* TaskDescriber::body_of(Position position) {
  const TemplateId id = layout_.template_of(position);
  const auto [found, fresh] = templates_.try_emplace(id);
  if (fresh) found->second = backend_.history().task_template(id);
  return found->second.get();
}

std::string TaskDescriber::command_of(Position position, const TaskTemplate* body) {
  if (body == nullptr) return {};
  const SegmentRow& segment = layout_.segment_of(position);
  std::vector<std::string> fields;
  if (segment.has_items && !body->command.placeholders.empty()) {
    fields = backend_.history().item(batch_.id, segment.ordinal, position - segment.first_position);
  }
  const std::vector<std::string_view> views(fields.begin(), fields.end());
  return display_expanded(body->command, layout_.index_of(position), views);
}

AttemptRecord TaskDescriber::newest_attempt(const ListedTask& task) const {
  AttemptRecord attempt = task.row ? task.row->attempt : AttemptRecord{};
  if (task.state != TaskState::running) return attempt;
  const std::optional<engine::Engine::TaskView> view = backend_.engine().task(ref(task.position));
  if (view && view->state == TaskState::running && view->attempts == attempt.number)
    attempt.state = view->phase;
  return attempt;
}

std::vector<AttemptRecord> TaskDescriber::attempts(const ListedTask& task) const {
  std::vector<AttemptRecord> records;
  if (!task.row) return records;
  for (AttemptRow& row : backend_.history().attempts(batch_.id, task.position))
    records.push_back(std::move(row.attempt));
  AttemptRecord newest = newest_attempt(task);
  const bool known = std::any_of(records.begin(), records.end(),
                                 [&](const AttemptRecord& record) { return record.number == newest.number; });
  if (newest.number != 0 && !known) records.push_back(std::move(newest));
  return records;
}

void TaskDescriber::write(wire::JsonWriter& out, const ListedTask& task, Detail detail) {
  const TaskTemplate* body = body_of(task.position);
  const std::string command = command_of(task.position, body);
  std::string reason = task.by_dependency || (task.row && task.row->by_dependency) ? "dependency" : "";
  if (task.state == TaskState::cancelled || (!is_final(task.state) && task.state != TaskState::running)) {
    if (const auto view = backend_.engine().task(ref(task.position))) reason = view->reason;
  }
  std::optional<engine::WhyView> why;
  if (detail == Detail::why) why = backend_.engine().why(ref(task.position));
  wire::TaskAnswer answer;
  if (why) {
    answer.limit = why->limit;
    answer.obstacles = why->workers;
  }
  answer.ref = ref(task.position);
  answer.number = layout_.number_of(task.position);
  answer.state = task.state;
  answer.reason = reason;
  answer.attempt = newest_attempt(task);
  answer.worker = workers_.name(answer.attempt.number == 0 ? 0 : answer.attempt.worker);
  answer.command = command;
  answer.body = body;
  answer.created_wall_us = batch_.created_wall_us;
  if (task.state == TaskState::waiting && task.row) answer.not_before_wall_us = task.row->not_before_wall_us;
  wire::write_task_members(out, answer);
}

std::string command_of_batch(Backend& backend, BatchId batch) {
  const std::vector<SegmentRow> segments = backend.history().segments(batch);
  if (segments.empty()) return {};
  const auto body = backend.history().task_template(segments.front().template_id);
  return body == nullptr ? std::string() : display_command(body->command);
}

void write_batch(wire::JsonWriter& out, Backend& backend, Statistics& statistics, const BatchRow& row) {
  const std::optional<engine::BatchView> view = backend.engine().batch(row.id);
  const std::string command = command_of_batch(backend, row.id);
  wire::BatchAnswer answer{row, shown_counts(row), 0, 0, {}, command};
  if (view) {
    answer.executing = view->executing;
    answer.stopping = view->stopping;
    if (!is_final(row.state)) answer.why = view->reason;
  }
  wire::write_batch_members(out, answer);
  out.key("left");
  write_time_left(out, view ? statistics.time_left(row) : std::nullopt);
}

}  // namespace muster::front::native
