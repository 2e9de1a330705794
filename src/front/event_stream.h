// The event stream: who watches is told what changed, as it is now, at most ten times a second, without asking.
// A subscriber is a place in a ring of short slots: who is slow, or comes back, reads on from his place, or is told to begin anew.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/rows.h"
#include "front/backend.h"
#include "front/request.h"
#include "front/statistics.h"

namespace muster::front {

struct EventStreamLimits {
  Micros pause_us = 100'000;                // between two slots, and so between two tellings
  std::size_t slots_max = 1200;             // two minutes, when something happens all the time
  std::size_t events_per_slot = 1000;       // more are counted, not told
  std::size_t tasks_per_slot = 5000;        // more are not told one by one
  std::size_t backlog_bytes_max = 1 << 18;  // not taken by a reader: nothing more is made for it until it has
  Micros keep_alive_us = 15'000'000;        // a comment, so that nobody in between thinks that it is dead
};

struct Subscription {
  std::shared_ptr<ByteSink> sink;
  std::string project;
  BatchId batch = 0;        // 0: all of the project
  bool with_tasks = false;  // of that batch
  std::string after;        // Last-Event-ID; empty: from now on
  // Whether it may go on; asked every second.
  std::function<bool()> may_go_on;
};

class EventStream {
 public:
  // `statistics`, where there are any, say how long a batch will take.
  explicit EventStream(Backend& backend, EventStreamLimits limits = {}, Statistics* statistics = nullptr)
      : backend_(backend), limits_(limits), statistics_(statistics) {}

  void subscribe(Subscription subscription);
  // After a commit: its rows, and the batches whose counts or states changed.
  void committed(const Changes& changes);
  void touched(std::span<const BatchId> batches);
  // Tells what is to be told. next_due_us: when to call it; INT64_MAX: nothing to tell.
  void tick();
  void every_second();
  Micros next_due_us() const;
  void close();
  std::size_t size() const { return subscribers_.size(); }

 private:
  struct TaskDelta {
    BatchId batch = 0;
    Position position = 0;
    TaskState state = TaskState::waiting;
    std::uint32_t attempts = 0;
    WorkerId worker = 0;
    Micros wall_us = 0;
  };
  struct Slot {
    std::uint64_t id = 0;
    std::set<BatchId> batches;
    std::set<BatchId> many_tasks;  // more of them changed than are told one by one
    std::set<WorkerId> workers;
    std::vector<EventRow> events;
    std::uint64_t events_left_out = 0;
    std::vector<TaskDelta> tasks;
    bool empty() const { return batches.empty() && workers.empty() && events.empty() && many_tasks.empty(); }
  };
  struct Subscriber {
    Subscription wish;
    std::uint64_t told = 0;  // the slot up to which it knows everything
    bool anew = false;       // it has to be told to begin anew
    Micros alive_us = 0;     // of the last byte
  };
  // What is made once in a tick for all.
  struct Made {
    std::map<BatchId, std::pair<std::string, std::string>> batches;  // project, message
    std::map<WorkerId, std::string> workers;
    std::map<WorkerId, std::string> names;
    bool workers_made = false;
  };

  void close_slot(Micros now_us);
  std::string id_text(std::uint64_t slot) const;
  std::optional<std::uint64_t> place_of(std::string_view id) const;
  void note_tasks(const Changes& changes);
  // False: it reads no more.
  bool tell(Subscriber& subscriber, Made& made, Micros now_us);
  std::string news_for(const Subscriber& subscriber, Made& made);
  void add_events(const Subscriber& subscriber, const Slot& slot, Made& made, std::string& text);
  void add_tasks(const Subscriber& subscriber, std::uint64_t after, Made& made, std::string& text);
  const std::pair<std::string, std::string>& batch_message(BatchId id, Made& made);
  void make_workers(Made& made);
  bool is_behind(const Subscriber& subscriber) const { return subscriber.anew || subscriber.told < newest_; }

  Backend& backend_;
  EventStreamLimits limits_;
  Statistics* statistics_;
  std::deque<Slot> slots_;    // closed ones, oldest first
  Slot open_;                 // takes what happens now
  std::uint64_t newest_ = 0;  // the last closed slot
  Micros closed_us_ = INT64_MIN / 2;
  std::vector<Subscriber> subscribers_;
  std::size_t task_watchers_ = 0;
};

}  // namespace muster::front
