// Who runs next, and where: by class (priority, batch, shape of the needs), whole intervals of tasks at a time.
// Bounded by grants_per_turn and by steps over runs, never by time, so that a run can be repeated from its inputs.
#include <algorithm>

#include "engine/state.h"

namespace muster::engine {

namespace {

constexpr std::size_t kRunsSkippedPerBatch = 64;

}  // namespace

std::uint64_t Engine::State::room_for(const Worker& worker, const Resources& wanted,
                                      std::uint64_t most) const {
  if (wanted.is_plain()) {
    // What the worker ended lately says how much it may hold ahead; a worker with long tasks holds nothing ahead.
    std::uint64_t ahead = 0;
    if (now.mono_us - worker.window_start_mono_us < 2 * options.prefetch_window_us) {
      ahead = std::max(worker.ended_in_window, worker.ended_in_last_window);
    }
    ahead = worker.capacity.cpu_slots == 0 ? 0 : std::min(ahead, options.prefetch_max);
    const std::uint64_t limit = worker.capacity.cpu_slots + ahead;
    const std::uint64_t room = worker.in_use.cpu_slots < limit ? limit - worker.in_use.cpu_slots : 0;
    return std::min(room, most);
  }
  InUse in_use = worker.in_use;
  std::uint64_t room = 0;
  while (room < most && fits(wanted, worker.capacity, in_use) == Fit::fits) {
    in_use.add(wanted);
    ++room;
  }
  return room;
}

Worker* Engine::State::roomiest(const Batch& batch, Position position, const std::vector<Worker*>& open,
                                const Resources& wanted, std::uint64_t most, std::uint64_t& room) const {
  const auto live = batch.live.find(position);
  const auto was_tried = [&](const Worker* worker) {
    if (live == batch.live.end()) return false;
    const auto& tried = live->second.launch_failed_on;
    return std::find(tried.begin(), tried.end(), worker->row.id) != tried.end();
  };
  // A worker that could not launch it is avoided as long as there is another one that may.
  const bool any_untried = std::any_of(open.begin(), open.end(), [&](const Worker* worker) {
    return !was_tried(worker) && fits(wanted, worker->capacity, InUse{}) != Fit::too_big;
  });
  Worker* best = nullptr;
  room = 0;
  for (Worker* worker : open) {
    if (any_untried && was_tried(worker)) continue;
    const std::uint64_t here = room_for(*worker, wanted, most);
    if (here > room) {
      best = worker;
      room = here;
    }
  }
  return best;
}

// Grants what the batch has ready of one shape, interval by interval, until there is no room, nothing left, or the turn is over.
Engine::State::Placed Engine::State::place_batch(Batch& batch, const Resources& shape,
                                                 const std::vector<Worker*>& open, std::uint64_t& left) {
  Position from = batch.ready_from;
  for (std::size_t skipped = 0; left > 0 && may_place(batch) && skipped < kRunsSkippedPerBatch;) {
    const auto run =
        batch.tasks.find(from, [](const TaskRun& value) { return value.state == TaskState::ready; });
    if (skipped == 0) batch.ready_from = run ? run->first : batch.row.task_count;
    if (!run) break;
    // One template and one segment at a time: the interval shares everything.
    const SegmentRow& segment = batch.segments[segment_of(batch, run->first)];
    const Position same = std::min(
        {run->last, batch.override_of.run_at(run->first).last, segment.first_position + segment.count - 1});
    std::uint64_t most = std::min<std::uint64_t>(same - run->first + 1, left);
    if (batch.row.max_running != 0)
      most = std::min(most, batch.row.max_running - batch.count(TaskState::running));
    // Tasks that are remembered one by one go one by one: each has workers of its own to avoid.
    const bool remembered = batch.live.contains(run->first);
    if (remembered) most = 1;
    std::uint64_t room = 0;
    Worker* best = nullptr;
    if (template_of(batch, run->first).resources == shape)
      best = roomiest(batch, run->first, open, shape, most, room);
    if (best == nullptr) {
      if (template_of(batch, run->first).resources == shape && !remembered) return Placed::no_room;
      from = (remembered ? run->first : same) + 1;
      ++skipped;
      continue;
    }
    // Several workers with room share an interval instead of the first one taking it all.
    const std::uint64_t share = open.size() > 1 ? std::max<std::uint64_t>(1, room / open.size()) : room;
    grant(batch, *best, run->first, share);
    left -= share;
    from = run->first + share;
  }
  return Placed::batch_done;
}

void Engine::State::place() {
  placement_unfinished = false;
  if (shutting_down || placeable.empty()) return;
  std::vector<Worker*> open;
  for (auto& [id, worker] : workers) {
    if (worker.session != 0 && worker.synced && worker.row.state == WorkerState::online)
      open.push_back(&worker);
  }
  if (open.empty()) return;
  // The classes are merged by priority and age; one without room drops out, however many batches it has.
  std::set<std::pair<std::pair<std::int64_t, BatchId>, Resources>> heads;
  for (const auto& [shape, batch_keys] : placeable) heads.emplace(*batch_keys.begin(), shape);
  std::uint64_t left = options.grants_per_turn;
  while (left > 0) {
    if (heads.empty()) return;
    const auto [key, shape] = heads.extract(heads.begin()).value();
    if (place_batch(*find_batch(key.second), shape, open, left) == Placed::no_room) continue;
    const auto of_shape = placeable.find(shape);
    if (of_shape == placeable.end()) continue;
    const auto next = of_shape->second.upper_bound(key);
    if (next != of_shape->second.end()) heads.emplace(*next, shape);
  }
  placement_unfinished = !placeable.empty();
}

void Engine::State::grant(Batch& batch, Worker& worker, Position first, std::uint64_t count) {
  const Resources& wanted = template_of(batch, first).resources;
  move(batch, first, first + count - 1, TaskEvent::grant);
  for (Position position = first; position < first + count; ++position) {
    LiveTask& live = batch.live[position];
    live.attempt.number = batch.tasks.at(position).attempts;
    live.attempt.incarnation = incarnation;
    live.attempt.state = AttemptState::assigned;
    live.attempt.worker = worker.row.id;
    live.attempt.granted_wall_us = now.wall_us;
    live.not_before_mono_us = 0;
    live.not_before_wall_us = 0;
    worker.assigned.insert({batch.row.id, position});
    worker.in_use.add(wanted);
    write_task(batch, position);
    send_grant(batch, worker, position, live);
  }
  totals.granted += count;
  if (batch.row.started_wall_us == 0) batch.row.started_wall_us = now.wall_us;
  refresh_placeable(batch);
}

namespace {

// The values of one item, appended to `fields`.
void append_fields(const Batch& batch, std::uint32_t segment, std::uint64_t item,
                   std::vector<std::string>& fields) {
  const auto& blocks = batch.items[segment].blocks;
  const auto after =
      std::upper_bound(blocks.begin(), blocks.end(), item,
                       [](std::uint64_t wanted, const ItemBlockRow& row) { return wanted < row.first_item; });
  MUSTER_CHECK(after != blocks.begin(), "every item of a segment lies in a block");
  const ItemBlockRow& block = *std::prev(after);
  const ItemBlock& items = *block.items;
  const std::size_t columns = items.columns.size();
  const std::size_t row = static_cast<std::size_t>(item - block.first_item);
  for (std::size_t column = 0; column < columns; ++column) {
    const std::size_t field = row * columns + column;
    const std::size_t begin = field == 0 ? 0 : items.ends[field - 1];
    fields.emplace_back(items.bytes, begin, items.ends[field] - begin);
  }
}

}  // namespace

void Engine::State::send_grant(Batch& batch, Worker& worker, Position position, LiveTask& live) {
  const TemplateId template_id = template_id_of(batch, position);
  if (worker.templates_sent.insert(template_id).second) {
    worker.outbox.templates.push_back({template_id, *templates.at(template_id)});
  }
  const std::uint32_t ordinal = segment_of(batch, position);
  const SegmentRow& segment = batch.segments[ordinal];
  const TaskIndex index = index_of(batch, position);
  const TaskNumber number = number_of(batch, position);
  live.granted_in_seq = worker.sent_seq + 1;
  worker.has_news = true;
  std::vector<Grant>& grants = worker.outbox.grants;
  const bool continues =
      !grants.empty() && grants.back().batch == batch.row.id && grants.back().template_id == template_id &&
      grants.back().attempt == live.attempt.number && grants.back().incarnation == live.attempt.incarnation &&
      grants.back().step == segment.step &&
      grants.back().first_index + grants.back().count * segment.step == index &&
      grants.back().first_number + grants.back().count == number;
  if (continues) {
    ++grants.back().count;
  } else {
    Grant grant;
    grant.template_id = template_id;
    grant.batch = batch.row.id;
    grant.first_index = index;
    grant.step = segment.step;
    grant.first_number = number;
    grant.attempt = live.attempt.number;
    grant.incarnation = live.attempt.incarnation;
    grants.push_back(std::move(grant));
  }
  if (segment.has_items)
    append_fields(batch, ordinal, position - segment.first_position, grants.back().fields);
}

}  // namespace muster::engine
