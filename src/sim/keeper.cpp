// Starts, ends, stops, deadlines and records of simulated processes.
// Must hold: a start is judged by the newest deadline of its request, and never happens after it.
#include "sim/keeper.h"

#include <algorithm>

#include "sim/machine.h"
#include "sim/world.h"

namespace muster::sim {

void Keeper::take(const KeeperRequest& request) {
  deadline_mono_us_ = std::max(deadline_mono_us_, request.deadline_mono_us);
  for (const KeeperStart& one : request.starts) start(one);
  for (const KeeperStop& one : request.stops) stop(one);
  for (const AttemptRef& attempt : request.forget) forget(attempt);
  if (request.run_queue_width >= 0) width_ = static_cast<std::uint64_t>(request.run_queue_width);
  if (request.leave_when_empty) leaves_when_empty_ = true;
  enforce_deadline();
  run_queue();
  if (request.deadline_mono_us >= 0) arm_deadline();
  if (leaves_when_empty_ && empty()) machine_.keeper_left(id_);
}

bool Keeper::lease_is_over() const {
  return deadline_mono_us_ >= 0 && machine_.now().mono_us >= deadline_mono_us_;
}

void Keeper::start(const KeeperStart& wanted) {
  const bool queued = std::any_of(queue_.begin(), queue_.end(),
                                  [&](const KeeperStart& one) { return one.attempt == wanted.attempt; });
  if (queued || running_.contains(wanted.attempt) || ended_.contains(wanted.attempt)) return;
  if (wanted.when == StartWhen::in_run_queue) {
    queue_.push_back(wanted);
  } else {
    launch(wanted);
  }
}

void Keeper::run_queue() {
  while (!queue_.empty() && running_from_queue() < width_) {
    const KeeperStart next = std::move(queue_.front());
    queue_.pop_front();
    launch(next);
  }
}

std::size_t Keeper::running_from_queue() const {
  return static_cast<std::size_t>(std::count_if(running_.begin(), running_.end(), [](const auto& entry) {
    return entry.second.start.when == StartWhen::in_run_queue;
  }));
}

void Keeper::launch(const KeeperStart& wanted) {
  if (lease_is_over()) return end_unstarted(wanted, EndedBy::lease);
  const AttemptRef& attempt = wanted.attempt;
  const Rules& rules = world_.rules;
  if (world_.random.chance(rules.launch_fail_permille)) {
    KeeperEnd end;
    end.attempt = attempt;
    end.kind = EndKind::launch_failed;
    end.launch_errno = 2;
    end.message = "no such file";
    return keep_end(std::move(end));
  }
  world_.trace.note(world_.now_us(), "start",
                    {machine_.number(), id_, attempt.batch, attempt.index, attempt.number});
  machine_.process_started(wanted);
  records_.push_back({RecordKind::started, attempt, {}, world_.now_us(), wanted.records_first});
  Process& process = running_[attempt];
  process.start = wanted;
  process.started_wall_us = machine_.now().wall_us;
  process.obeys = !world_.random.one_in(4);
  process.life = ++lives_;
  machine_.report(*this, [&](KeeperReport& report) {
    report.started.push_back({attempt, 100, 1, process.started_wall_us, wanted.note});
  });
  const Micros task_us = world_.random.one_in(2) ? world_.random.between(1, rules.task_us)
                                                 : world_.random.spread(1, rules.task_us);
  later(task_us, attempt, &Keeper::on_natural_end);
  if (wanted.time_limit_us > 0) later(wanted.time_limit_us, attempt, &Keeper::on_time_limit);
}

void Keeper::later(Micros delay_us, const AttemptRef& attempt, void (Keeper::*what)(const AttemptRef&)) {
  const std::uint64_t life = running_.at(attempt).life;
  machine_.later(delay_us, [this, attempt, what, life] {
    const auto found = running_.find(attempt);
    if (alive_ && found != running_.end() && found->second.life == life) (this->*what)(attempt);
  });
}

void Keeper::on_natural_end(const AttemptRef& attempt) {
  KeeperEnd over;
  if (world_.random.chance(world_.rules.fail_permille) && !world_.healed) {
    if (world_.random.one_in(4)) {
      over.kind = EndKind::signalled;
      over.signal = 11;
      if (world_.random.one_in(3)) over.by = EndedBy::memory_limit;
    } else {
      over.exit_code = static_cast<std::int32_t>(world_.random.between(1, 255));
    }
  }
  end(attempt, std::move(over));
}

void Keeper::on_time_limit(const AttemptRef& attempt) {
  terminate(attempt, EndedBy::time_limit, running_.at(attempt).start.grace_us);
}

void Keeper::terminate(const AttemptRef& attempt, EndedBy by, Micros grace_us) {
  Process& process = running_.at(attempt);
  if (process.by == EndedBy::itself) process.by = by;
  if (grace_us == 0) return on_grace_over(attempt);
  if (process.obeys)
    later(world_.random.between(0, std::min<Micros>(grace_us, 300'000)), attempt, &Keeper::on_term_obeyed);
  later(grace_us, attempt, &Keeper::on_grace_over);
}

void Keeper::on_term_obeyed(const AttemptRef& attempt) {
  KeeperEnd over;
  if (world_.random.one_in(3)) {
    over.exit_code = static_cast<std::int32_t>(world_.random.between(0, 3));
  } else {
    over.kind = EndKind::signalled;
    over.signal = 15;
  }
  end(attempt, std::move(over));
}

void Keeper::on_grace_over(const AttemptRef& attempt) {
  KeeperEnd over;
  over.kind = EndKind::signalled;
  over.signal = 9;
  end(attempt, std::move(over));
}

void Keeper::stop(const KeeperStop& wanted) {
  if (running_.contains(wanted.attempt) && wanted.only_queued) return;
  if (running_.contains(wanted.attempt)) return terminate(wanted.attempt, EndedBy::stop, wanted.grace_us);
  const auto queued = std::find_if(queue_.begin(), queue_.end(),
                                   [&](const KeeperStart& one) { return one.attempt == wanted.attempt; });
  if (queued == queue_.end()) return;
  const KeeperStart unstarted = std::move(*queued);
  queue_.erase(queued);
  end_unstarted(unstarted, EndedBy::stop);
}

void Keeper::forget(const AttemptRef& attempt) {
  if (ended_.erase(attempt) > 0)
    records_.push_back({RecordKind::forgotten, attempt, {}, world_.now_us(), false});
}

void Keeper::enforce_deadline() {
  if (!alive_ || !lease_is_over()) return;
  const auto waiting = std::move(queue_);
  queue_.clear();
  for (const KeeperStart& unstarted : waiting) end_unstarted(unstarted, EndedBy::lease);
  std::vector<AttemptRef> all;
  for (const auto& [attempt, process] : running_) all.push_back(attempt);
  for (const AttemptRef& attempt : all) terminate(attempt, EndedBy::lease, 0);
}

void Keeper::arm_deadline() {
  machine_.at_mono(deadline_mono_us_, [this, deadline = deadline_mono_us_] {
    if (deadline == deadline_mono_us_) enforce_deadline();
  });
}

void Keeper::end_unstarted(const KeeperStart& unstarted, EndedBy by) {
  KeeperEnd over;
  over.attempt = unstarted.attempt;
  over.kind = EndKind::never_started;
  over.by = by;
  keep_end(std::move(over));
}

void Keeper::end(const AttemptRef& attempt, KeeperEnd over) {
  const auto found = running_.find(attempt);
  over.attempt = attempt;
  if (found->second.by != EndedBy::itself) over.by = found->second.by;
  over.started_wall_us = found->second.started_wall_us;
  over.ended_wall_us = machine_.now().wall_us;
  if (world_.rules.logs) over.stdout_bytes = static_cast<std::uint64_t>(world_.random.between(0, 100));
  log_offset_ += over.stdout_bytes;
  over.log_segment = 1;
  over.log_offset = log_offset_;
  running_.erase(found);
  world_.trace.note(world_.now_us(), "end",
                    {machine_.number(), id_, attempt.batch, attempt.index, attempt.number,
                     static_cast<std::uint64_t>(over.exit_code), static_cast<std::uint64_t>(over.by)});
  world_.truth.ended(attempt, machine_.number(), over);
  keep_end(std::move(over));
  run_queue();
}

void Keeper::keep_end(KeeperEnd over) {
  records_.push_back({RecordKind::ended, over.attempt, over, world_.now_us(), false});
  machine_.report(*this, [&](KeeperReport& report) { report.ended.push_back(over); });
  machine_.log_grew(*this, over.log_segment, over.log_offset);
  ended_[over.attempt] = std::move(over);
}

KeeperReport Keeper::inventory() const {
  KeeperReport report;
  report.inventory = true;
  for (const auto& [attempt, process] : running_) {
    report.started.push_back({attempt, 100, 1, process.started_wall_us, process.start.note});
  }
  for (const auto& [attempt, end] : ended_) report.ended.push_back(end);
  for (const KeeperStart& one : queue_) report.queued.push_back({one.attempt, one.note});
  report.log_segment = 1;
  report.log_offset = log_offset_;
  return report;
}

void Keeper::start_again(const AttemptRef& attempt) {
  const auto found = running_.find(attempt);
  if (found != running_.end()) machine_.process_started(found->second.start);
}

// A process that dies may lose what it was about to write; a machine that dies loses what the disk did not have yet.
void Keeper::die(Loss loss) {
  if (!alive_) return;
  alive_ = false;
  for (const auto& [attempt, process] : running_) world_.truth.vanished(attempt, machine_.number());
  const Micros unwritten_us =
      loss == Loss::machine ? world_.random.spread(1, 5'000'000) : 40;  // less than a report takes
  while (!records_.empty() && records_.back().written_us + unwritten_us > world_.now_us() &&
         !world_.random.one_in(3)) {
    const Record& last = records_.back();
    if (loss == Loss::process && last.forced) break;
    const bool unsaid = loss == Loss::process && last.kind == RecordKind::started;
    if (unsaid) world_.truth.start_forgotten(last.attempt);
    records_.pop_back();
  }
  running_.clear();
  queue_.clear();
  ended_.clear();
}

Keeper::Records Keeper::read_records() const {
  Records records;
  std::map<AttemptRef, const KeeperEnd*> known;
  for (const Record& record : records_) {
    if (record.kind == RecordKind::started) known[record.attempt] = nullptr;
    if (record.kind == RecordKind::ended) known[record.attempt] = &record.end;
    if (record.kind == RecordKind::forgotten) known.erase(record.attempt);
  }
  for (const auto& [attempt, end] : known) {
    if (end == nullptr) {
      records.started.push_back(attempt);
    } else {
      records.ended.push_back(*end);
    }
  }
  return records;
}

}  // namespace muster::sim
