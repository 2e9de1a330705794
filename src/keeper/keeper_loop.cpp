// The rounds of the keeper.
// Events are taken in an order in which none can name a task that an earlier one of the same round removed: the agent comes last.
#include "keeper/keeper_loop.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "core/check.h"
#include "keeper/process_facts.h"

namespace muster::keeper {
namespace {

// Tags of epoll events: small numbers for the keeper's own descriptors, else a task's address with the stream in the last bit.
constexpr std::uint64_t kSignals = 1;
constexpr std::uint64_t kTimer = 2;
constexpr std::uint64_t kListener = 3;
constexpr std::uint64_t kAgent = 4;
constexpr std::uint64_t kTasksFrom = 4096;
constexpr Micros kYoung_us = 2000;
constexpr Micros kTidy_us = 1'000'000;
constexpr Micros kSlow_us = 20'000;

}  // namespace

Keeper::Keeper(Parts parts)
    : parts_(std::move(parts)),
      limits_(parts_.hierarchy),
      starter_(limits_, parts_.task_files, parts_.run_as) {}

Result<std::unique_ptr<Keeper>> Keeper::make(Parts parts) {
  std::unique_ptr<Keeper> keeper(new Keeper(std::move(parts)));
  Result<RecordFile> records =
      RecordFile::make(keeper->parts_.folder.get(),
                       [self = keeper.get()](const RecordFile::Put& put) { self->rewrite_records(put); });
  if (!records) return std::unexpected(std::move(records.error()));
  keeper->records_ = std::make_unique<RecordFile>(std::move(*records));
  keeper->watch_descriptor(keeper->parts_.signals.get(), kSignals, EPOLLIN, EPOLL_CTL_ADD);
  keeper->watch_descriptor(keeper->parts_.timer.get(), kTimer, EPOLLIN, EPOLL_CTL_ADD);
  keeper->watch_descriptor(keeper->parts_.link.listener(), kListener, EPOLLIN, EPOLL_CTL_ADD);
  keeper->limits_.sweep_leftovers();
  return keeper;
}

void Keeper::watch_descriptor(int descriptor, std::uint64_t tag, unsigned events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  const int done = ::epoll_ctl(parts_.events.get(), operation, descriptor, &event);
  MUSTER_CHECK(done == 0 || errno == ENOSPC || errno == ENOMEM, "open descriptors can be watched");
}

void Keeper::watch_output(Task& task) {
  if (task.is_watched) return;
  task.is_watched = true;
  const auto tag = reinterpret_cast<std::uint64_t>(&task);
  for (std::size_t slot = 0; slot < task.pipes.size(); ++slot) {
    if (task.pipes[slot]) watch_descriptor(task.pipes[slot].get(), tag | slot, EPOLLIN, EPOLL_CTL_ADD);
  }
}

void Keeper::run() {
  while (!may_leave()) {
    wait_for_events();
    take_events();
    obey_deadlines();
    // What ended is written down before anything takes its place: less is done twice when this process is killed.
    write_down();
    fill_from_queue();
    settle_young();
    if (!ended_now_.empty()) write_down();
    if (pacer_.due_us(tasks_.waiting(), tasks_.running()) <= now_us_) report();
    do_housekeeping();
  }
  write_down();
  report();
  end_orphans();
}

bool Keeper::may_leave() const {
  if (tasks_.running() > 0 || tasks_.waiting() > 0 || !ended_now_.empty()) return false;
  if (terminations_ > 0) return true;
  if (leaves_when_empty_ && tasks_.size() == 0) return true;
  // What is left of it is in its folder; nobody else will ever ask.
  return lease_is_over_ && !parts_.link.connected() && records_->lost() == 0;
}

// ---- waiting

int Keeper::wait_ms() const {
  Micros until_us = pacer_.due_us(tasks_.waiting(), tasks_.running());
  if (!young_.empty()) until_us = std::min(until_us, young_.front()->started_mono_us + kYoung_us);
  if (has_orphans_) until_us = std::min(until_us, next_sweep_us_);
  if (watched_tasks_ > 0) until_us = std::min(until_us, next_watch_us_);
  if (parts_.spool.has_tails() || limits_.has_discarded() || !slow_.empty())
    until_us = std::min(until_us, next_tidy_us_);
  if (until_us == INT64_MAX) return -1;
  const Micros left_us = until_us - mono_now_us();
  return left_us <= 0 ? 0 : static_cast<int>(std::min<Micros>((left_us + 999) / 1000, 60'000));
}

// Deadlines go on while the machine sleeps, which only a timer of that clock does.
void Keeper::set_timer() {
  Micros until_us = tasks_.next_due_us();
  if (deadline_us_ >= 0 && !lease_is_over_) until_us = std::min(until_us, deadline_us_);
  if (until_us == timer_us_) return;
  timer_us_ = until_us;
  itimerspec when{};
  if (until_us != INT64_MAX) {
    const Micros at_us = std::max<Micros>(until_us, 1);
    when.it_value = {at_us / 1'000'000, (at_us % 1'000'000) * 1000};
  }
  ::timerfd_settime(parts_.timer.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Keeper::wait_for_events() {
  set_timer();
  const int count =
      ::epoll_wait(parts_.events.get(), events_.data(), static_cast<int>(events_.size()), wait_ms());
  MUSTER_CHECK(count >= 0 || errno == EINTR, "the event loop can wait");
  event_count_ = static_cast<std::size_t>(std::max(count, 0));
  now_us_ = mono_now_us();
}

// ---- events

void Keeper::take_events() {
  bool signals = false;
  bool newcomer = false;
  unsigned agent = 0;
  for (std::size_t i = 0; i < event_count_; ++i) {
    const epoll_event& event = events_[i];
    const std::uint64_t tag = event.data.u64;
    if (tag >= kTasksFrom) {
      const auto stream = (tag & 1) == 0 ? blobs::Stream::out : blobs::Stream::err;
      take_output(*reinterpret_cast<Task*>(tag & ~std::uint64_t{1}), stream);
    }
    signals = signals || tag == kSignals;
    newcomer = newcomer || tag == kListener;
    if (tag == kAgent) agent = event.events;
    if (tag == kTimer) {
      std::uint64_t times = 0;
      timer_us_ = -1;
      if (::read(parts_.timer.get(), &times, sizeof times) < 0) continue;
    }
  }
  if (signals) take_signals();
  if (agent != 0) {
    push_to_agent();
    parts_.link.receive([this](KeeperRequest&& request) { obey(std::move(request)); });
  }
  if (newcomer && parts_.link.accept()) {
    watch_descriptor(parts_.link.connection(), kAgent, EPOLLIN, EPOLL_CTL_ADD);
    waits_to_push_ = false;
    untold_ends_.clear();
    untold_starts_.clear();
    push_to_agent();
  }
}

void Keeper::take_signals() {
  signalfd_siginfo infos[16];
  while (true) {
    const ssize_t got = ::read(parts_.signals.get(), infos, sizeof infos);
    if (got <= 0) break;
    const auto count = static_cast<std::size_t>(got) / sizeof infos[0];
    for (std::size_t i = 0; i < count; ++i) {
      if (infos[i].ssi_signo == SIGCHLD) continue;
      ++terminations_;
      stop_all(EndedBy::stop);
    }
    if (count < std::size(infos)) break;
  }
  reap();
}

// Bytes for the agent leave at once, or as soon as its socket has room.
void Keeper::push_to_agent() {
  parts_.link.flush();
  if (!parts_.link.connected() || parts_.link.has_unsent() == waits_to_push_) return;
  waits_to_push_ = parts_.link.has_unsent();
  const unsigned events = waits_to_push_ ? EPOLLIN | EPOLLOUT : EPOLLIN;
  watch_descriptor(parts_.link.connection(), kAgent, events, EPOLL_CTL_MOD);
}

// ---- time

void Keeper::obey_deadlines() {
  if (deadline_us_ >= 0 && now_us_ >= deadline_us_ && !lease_is_over_) {
    lease_is_over_ = true;
    stop_all(EndedBy::lease);
  }
  while (Task* task = tasks_.due_task(now_us_)) {
    const Due due = task->due;
    tasks_.set_due(*task, Due::nothing, 0);
    switch (due) {
      case Due::nothing:
        break;
      case Due::terminate:
        stop(*task, EndedBy::time_limit, task->start.grace_us);
        break;
      case Due::kill:
        signal_task(*task, SIGKILL);
        break;
      case Due::give_up:
        finish(*task);
        break;
    }
  }
}

void Keeper::do_housekeeping() {
  if (has_orphans_ && now_us_ >= next_sweep_us_) sweep_orphans();
  if (watched_tasks_ > 0 && now_us_ >= next_watch_us_) watch_memory();
  if (now_us_ < next_tidy_us_) return;
  next_tidy_us_ = now_us_ + (slow_.empty() ? kTidy_us : kSlow_us);
  if (parts_.spool.has_tails()) parts_.spool.settle(now_us_);
  if (limits_.has_discarded()) limits_.remove_discarded();
  std::erase_if(slow_, [this](Task* task) { return begin_program(*task); });
}

// A task that ends within this time is never watched: its pipes are read once, when it has ended.
void Keeper::settle_young() {
  while (!young_.empty() && young_.front()->started_mono_us + kYoung_us <= now_us_) {
    Task* task = young_.front();
    young_.pop_front();
    settle(*task);
  }
}

}  // namespace muster::keeper
