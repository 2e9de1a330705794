// Who runs next, and where: by class (needs, owner, project, group), whole intervals of tasks at a time.
// Bounded by grants_per_turn and by steps over runs, never by time, so that a run can be repeated from its inputs.
#include <algorithm>
#include <limits>

#include "engine/state.h"

namespace muster::engine {

namespace {

constexpr std::size_t kRunsSkippedPerBatch = 64;
constexpr std::uint64_t kShareUnit = 1'000'000;

}  // namespace

PlaceClass Engine::State::class_of(const Batch& batch, const Resources& shape) const {
  const bool is_served = served_groups.contains(batch.row.name);
  return {shape, batch.row.owner, batch.row.project, is_served ? batch.row.name : std::string()};
}

void Engine::State::unblock_all() {
  for (auto& [of, queue] : placeable) queue.blocked = false;
}

bool may_serve(const WorkerRow& worker, std::string_view owner) {
  return !worker.facts.tasks_are_root || worker.let_in_by == owner;
}

bool has_a_place_for(const Worker& worker, const Resources& wanted, const BatchRow& batch) {
  return serves_group(worker.row.serves, batch.name) && may_serve(worker.row, batch.owner) &&
         carries(worker.row.labels, wanted.labels) && fits(wanted, worker.capacity, InUse{}) != Fit::too_big;
}

bool Engine::State::is_open(const Worker& worker) const {
  if (worker.session == 0 || !worker.synced) return false;
  if (worker.row.state == WorkerState::quarantined) return worker.half_open && worker.assigned.empty();
  return worker.row.state == WorkerState::online;
}

// What the worker ended lately says how much it may hold ahead; a worker with long tasks holds nothing ahead.
std::uint64_t Engine::State::ahead_of(const Worker& worker) const {
  if (worker.capacity.cpu_slots == 0 || worker.row.state != WorkerState::online) return 0;
  if (now.mono_us - worker.window_start_mono_us >= 2 * options.prefetch_window_us) return 0;
  return std::min(std::max(worker.ended_in_window, worker.ended_in_last_window), options.prefetch_max);
}

std::uint64_t Engine::State::room_for(const Worker& worker, const Resources& wanted, std::uint64_t most,
                                      Hold hold) const {
  most = std::min(most, label_left(worker, wanted));
  if (worker.row.state == WorkerState::quarantined) most = std::min<std::uint64_t>(most, 1);
  if (wanted.is_plain()) {
    if (worker.in_use.exclusive > 0) return 0;
    const std::uint64_t limit =
        worker.capacity.cpu_slots + (hold == Hold::with_prefetch ? ahead_of(worker) : 0);
    const std::uint64_t room = worker.in_use.cpu_slots < limit ? limit - worker.in_use.cpu_slots : 0;
    return std::min(room, most);
  }
  if (most == 0 || fits(wanted, worker.capacity, worker.in_use) != Fit::fits) return 0;
  if (most == 1 || wanted.sharing == Sharing::exclusive) return 1;
  InUse in_use = worker.in_use;
  std::uint64_t room = 0;
  while (room < most && fits(wanted, worker.capacity, in_use) == Fit::fits) {
    in_use.add(wanted);
    ++room;
  }
  return room;
}

namespace {

// Workers for one class, the best first: those kept for its group, then those whose devices it needs, then the roomiest.
class Candidates {
 public:
  Candidates(const Engine::State& state, const PlaceClass& of, Engine::State::Hold hold)
      : state_(state), of_(of), hold_(hold) {}

  void add(Worker& worker) {
    if (!serves_group(worker.row.serves, of_.group) || !carries(worker.row.labels, of_.shape.labels)) return;
    if (!may_serve(worker.row, of_.owner)) return;
    const std::uint64_t room = room_of(worker);
    if (room == 0) return;
    heap_.push_back({-rank_of(worker), room, worker.row.id, &worker});
    std::push_heap(heap_.begin(), heap_.end());
    ++count_;
  }
  std::size_t count() const { return count_; }

  // The best one, with its room as it is now; null: none has any.
  Worker* best(std::uint64_t& room) {
    while (!heap_.empty()) {
      const std::uint64_t is = room_of(*heap_.front().worker);
      room = is;
      if (is == heap_.front().room) return heap_.front().worker;
      std::pop_heap(heap_.begin(), heap_.end());
      Entry changed = heap_.back();
      heap_.pop_back();
      if (is == 0) continue;
      changed.room = is;
      heap_.push_back(changed);
      std::push_heap(heap_.begin(), heap_.end());
    }
    return nullptr;
  }

 private:
  struct Entry {
    int rank = 0;  // negated
    std::uint64_t room = 0;
    WorkerId id = 0;
    Worker* worker = nullptr;
    bool operator<(const Entry& other) const {
      return std::tuple(rank, room, other.id) < std::tuple(other.rank, other.room, id);
    }
  };
  static constexpr std::uint64_t kMost = 4096;  // more room than that makes no difference to the order

  std::uint64_t room_of(const Worker& worker) const {
    return state_.is_open(worker) ? state_.room_for(worker, of_.shape, kMost, hold_) : 0;
  }
  int rank_of(const Worker& worker) const {
    const int shared = worker.row.serves.empty() ? 2 : 0;
    const int unused_gpus = of_.shape.gpu_slots == 0 && worker.capacity.gpu_slots > 0 ? 1 : 0;
    return shared + unused_gpus;
  }

  const Engine::State& state_;
  const PlaceClass& of_;
  Engine::State::Hold hold_;
  std::vector<Entry> heap_;
  std::size_t count_ = 0;
};

// One turn of placement: the classes side by side, by priority, by share and by age.
class Placement {
 public:
  Placement(Engine::State& state) : state_(state), left_(state.options.grants_per_turn) {}

  // False: the bound was reached before everything was looked at.
  bool run() {
    for (const auto& [of, queue] : state_.placeable) {
      is_contested_ = is_contested_ || of.owner != state_.placeable.begin()->first.owner;
    }
    for (const auto& [of, queue] : state_.placeable) heads_.insert(head_of(of, *queue.batches.begin()));
    while (left_ > 0 && !heads_.empty()) {
      const Head head = heads_.extract(heads_.begin()).value();
      look_at(head);
    }
    return heads_.empty();
  }

 private:
  struct Head {
    std::int64_t negative_priority = 0;
    std::uint64_t share = 0;  // what the owner has, by its weight
    BatchId batch = 0;
    const PlaceClass* of = nullptr;
    bool operator<(const Head& other) const {
      if (std::tie(negative_priority, share, batch) !=
          std::tie(other.negative_priority, other.share, other.batch))
        return std::tie(negative_priority, share, batch) <
               std::tie(other.negative_priority, other.share, other.batch);
      return *of < *other.of;
    }
  };
  enum class Placed : std::uint8_t { batch_done, no_room, no_quota, more };

  Head head_of(const PlaceClass& of, const std::pair<std::int64_t, BatchId>& key) {
    std::uint64_t share = 0;
    if (is_contested_) {
      const Usage& usage = state_.usage_of(LimitScope::user, of.owner);
      share = usage.cpus * kShareUnit / std::max<std::uint32_t>(1, usage.limit.weight);
    }
    return {key.first, share, key.second, &of};
  }

  // Classes stay listed while a turn lasts, empty or not: what a head names is there.
  void look_at(const Head& head) {
    const std::pair<std::int64_t, BatchId> key{head.negative_priority, head.batch};
    ClassQueue& queue = state_.placeable.at(*head.of);
    Placed placed = Placed::batch_done;
    if (queue.batches.contains(key)) placed = place_batch(*state_.find_batch(head.batch), *head.of);
    if (placed == Placed::no_room) {
      if (!queue.blocked) queue.blocked_since_mono_us = state_.now.mono_us;
      queue.blocked = true;
      return;
    }
    queue.blocked = false;
    if (placed == Placed::batch_done) queue.starving = false;
    if (placed == Placed::no_quota) return;
    const auto next =
        placed == Placed::more ? queue.batches.lower_bound(key) : queue.batches.upper_bound(key);
    if (next != queue.batches.end()) heads_.insert(head_of(*head.of, *next));
  }

  // The workers this class looks at in this turn: all open ones, or those that were freed since it was blocked.
  struct Reach {
    Candidates free_slots;
    Candidates prefetch;
  };
  Reach& reach_of(const PlaceClass& of) {
    const auto known = reach_.find(of);
    if (known != reach_.end()) return known->second;
    const auto found = state_.placeable.find(of);
    const auto [fresh, inserted] = reach_.emplace(
        std::piecewise_construct, std::forward_as_tuple(of),
        std::forward_as_tuple(Reach{Candidates(state_, found->first, Engine::State::Hold::slots_only),
                                    Candidates(state_, found->first, Engine::State::Hold::with_prefetch)}));
    Reach& reach = fresh->second;
    const auto take = [&](Worker& worker) {
      if (!state_.is_open(worker) || is_kept_from(worker, of)) return;
      reach.free_slots.add(worker);
      if (of.shape.is_plain()) reach.prefetch.add(worker);
    };
    if (found->second.blocked) {
      for (const WorkerId id : state_.freed) {
        const auto worker = state_.workers.find(id);
        if (worker != state_.workers.end()) take(worker->second);
      }
    } else {
      for (auto& [id, worker] : state_.workers) take(worker);
    }
    return reach;
  }

  // Some workers are kept free for what waits longest, against whatever comes after it.
  bool is_kept_from(const Worker& worker, const PlaceClass& of) const {
    const auto kept = state_.reservations.find(worker.row.id);
    if (kept == state_.reservations.end() || kept->second == of) return false;
    const auto theirs = state_.placeable.find(kept->second);
    const auto ours = state_.placeable.find(of);
    if (theirs == state_.placeable.end() || theirs->second.batches.empty()) return false;
    return ours->second.batches.empty() || *theirs->second.batches.begin() < *ours->second.batches.begin();
  }

  Worker* choose(const Batch& batch, Position position, const PlaceClass& of, std::uint64_t& room,
                 std::size_t& among) {
    const auto live = batch.live.find(position);
    if (live != batch.live.end() && !live->second.launch_failed_on.empty()) {
      among = 1;
      return choose_untried(batch, live->second, of, room);
    }
    Reach& reach = reach_of(of);
    among = reach.free_slots.count();
    if (Worker* worker = reach.free_slots.best(room)) return worker;
    among = reach.prefetch.count();
    return reach.prefetch.best(room);
  }

  // A worker that could not launch it is avoided as long as there is another one that may.
  Worker* choose_untried(const Batch& batch, const LiveTask& live, const PlaceClass& of,
                         std::uint64_t& room) {
    const auto was_tried = [&](const Worker& worker) {
      const auto& tried = live.launch_failed_on;
      return std::find(tried.begin(), tried.end(), worker.row.id) != tried.end();
    };
    const auto could = [&](const Worker& worker) {
      return state_.is_open(worker) && has_a_place_for(worker, of.shape, batch.row);
    };
    const bool any_untried =
        std::any_of(state_.workers.begin(), state_.workers.end(),
                    [&](const auto& entry) { return could(entry.second) && !was_tried(entry.second); });
    Candidates candidates(state_, of, Engine::State::Hold::slots_only);
    for (auto& [id, worker] : state_.workers) {
      if (could(worker) && !(any_untried && was_tried(worker)) && !is_kept_from(worker, of))
        candidates.add(worker);
    }
    return candidates.best(room);
  }

  // Grants what the batch has ready of one class, interval by interval, until there is no room, nothing left, or others' turn.
  Placed place_batch(Batch& batch, const PlaceClass& of) {
    Position from = batch.ready_from;
    for (std::size_t skipped = 0; left_ > 0 && may_place(batch) && skipped < kRunsSkippedPerBatch;) {
      const auto run =
          batch.tasks.find(from, [](const TaskRun& value) { return value.state == TaskState::ready; });
      if (skipped == 0) batch.ready_from = run ? run->first : batch.row.task_count;
      if (!run) break;
      // One template and one segment at a time: the interval shares everything.
      const Position same = state_.same_template_until(batch, run->first, run->last);
      if (state_.template_of(batch, run->first).resources != of.shape) {
        from = same + 1;
        ++skipped;
        continue;
      }
      std::uint64_t most = std::min({same - run->first + 1, left_, state_.quota_left(batch, of.shape)});
      if (batch.row.max_running != 0)
        most = std::min(most, batch.row.max_running - batch.count(TaskState::running));
      if (most == 0) return Placed::no_quota;
      // Tasks that are remembered one by one go one by one: each has workers of its own to avoid.
      const bool remembered = batch.live.contains(run->first);
      if (remembered || is_contested_) most = 1;
      std::uint64_t room = 0;
      std::size_t among = 1;
      Worker* best = choose(batch, run->first, of, room, among);
      if (best == nullptr) {
        if (!remembered || batch.live.at(run->first).launch_failed_on.empty()) return Placed::no_room;
        from = run->first + 1;
        ++skipped;
        continue;
      }
      // Several workers with room share an interval instead of the first one taking it all.
      const std::uint64_t fair = among > 1 ? std::max<std::uint64_t>(1, room / among) : room;
      const std::uint64_t count = std::min(most, fair);
      state_.grant(batch, *best, run->first, count);
      left_ -= count;
      from = run->first + count;
      if (is_contested_) return Placed::more;
    }
    return Placed::batch_done;
  }

  Engine::State& state_;
  std::uint64_t left_;
  bool is_contested_ = false;  // tasks of several owners are ready
  std::set<Head> heads_;
  std::map<PlaceClass, Reach> reach_;
};

}  // namespace

void Engine::State::place() {
  placement_unfinished = false;
  if (shutting_down) return;
  std::erase_if(placeable, [](const auto& entry) { return entry.second.batches.empty(); });
  keep_reservations();
  if (!placeable.empty()) placement_unfinished = !Placement(*this).run();
  if (!placement_unfinished) freed.clear();
  take_back();
}

// What has found no room for long gets workers that fill up with nothing that comes after it, until it has started there: small
// tasks would for ever take each slot as it falls free.
void Engine::State::keep_reservations() {
  std::erase_if(reservations, [&](const auto& kept) {
    const auto of = placeable.find(kept.second);
    const auto worker = workers.find(kept.first);
    if (of != placeable.end() && of->second.starving && is_open(worker->second)) return false;
    freed.insert(kept.first);
    return true;
  });
  std::vector<const PlaceClass*> starving;
  for (auto& [of, queue] : placeable) {
    const bool waits_long =
        queue.blocked && now.mono_us - queue.blocked_since_mono_us >= options.reserve_after_us;
    queue.starving = (queue.starving || waits_long) && !of.shape.is_plain();
    if (queue.starving && queue.blocked) starving.push_back(&of);
  }
  if (starving.empty() || now.mono_us < reserve_next_mono_us) return;
  reserve_next_mono_us = now.mono_us + options.reserve_after_us / 16;
  const std::uint64_t most = std::max<std::uint64_t>(1, sessions.size() / 8);
  std::sort(starving.begin(), starving.end(), [&](const PlaceClass* a, const PlaceClass* b) {
    return *placeable.at(*a).batches.begin() < *placeable.at(*b).batches.begin();
  });
  for (const PlaceClass* of : starving) {
    if (reservations.size() >= most) return;
    reserve(*of, most);
  }
}

void Engine::State::reserve(const PlaceClass& starving, std::uint64_t most) {
  const Batch& first = *find_batch(placeable.at(starving).batches.begin()->second);
  std::uint64_t waiting = first.count(TaskState::ready);
  for (const auto& [worker, of] : reservations) {
    if (of == starving && waiting > 0) --waiting;
  }
  std::vector<std::pair<std::uint64_t, WorkerId>> candidates;  // those with the fewest tasks are free soonest
  for (const auto& [id, worker] : workers) {
    if (waiting == 0) return;
    if (!is_open(worker) || worker.row.state != WorkerState::online || reservations.contains(id)) continue;
    if (!has_a_place_for(worker, starving.shape, first.row)) continue;
    candidates.emplace_back(worker.in_use.tasks, id);
  }
  std::sort(candidates.begin(), candidates.end());
  for (const auto& [tasks, id] : candidates) {
    if (waiting == 0 || reservations.size() >= most) return;
    reservations.emplace(id, starving);
    --waiting;
  }
}

void Engine::State::grant(Batch& batch, Worker& worker, Position first, std::uint64_t count) {
  const Resources& wanted = template_of(batch, first).resources;
  move(batch, first, first + count - 1, TaskEvent::grant);
  for (Position position = first; position < first + count; ++position) {
    LiveTask& live = batch.live[position];
    live.held_ahead = worker.in_use.cpu_slots >= worker.capacity.cpu_slots && wanted.cpu_slots > 0;
    live.recalled = false;
    live.started_wall_us = 0;
    live.attempt.number = batch.tasks.at(position).attempts;
    live.attempt.incarnation = incarnation;
    live.attempt.state = AttemptState::assigned;
    live.attempt.worker = worker.row.id;
    live.attempt.granted_wall_us = now.wall_us;
    live.not_before_mono_us = 0;
    live.not_before_wall_us = 0;
    worker.assigned.insert({batch.row.id, position});
    worker.in_use.add(wanted);
    count_use(batch, worker, wanted, +1);
    write_task(batch, position);
    send_grant(batch, worker, position, live);
  }
  note_hold(worker);
  batch.tallies[worker.row.id].running += count;
  batch.together.running += count;
  const auto kept = reservations.find(worker.row.id);
  if (kept != reservations.end() && kept->second == class_of(batch, wanted)) {
    reservations.erase(kept);
    freed.insert(worker.row.id);
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
  speak_to(worker);
  watch(worker);
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
    for (const auto& [variable, name] : templates.at(template_id)->secrets) {
      GrantSecret& secret = grant.secrets.emplace_back();
      secret.variable = variable;
      secret.project = batch.row.project;
      secret.name = name;
    }
    grants.push_back(std::move(grant));
  }
  if (segment.has_items)
    append_fields(batch, ordinal, position - segment.first_position, grants.back().fields);
}

}  // namespace muster::engine
