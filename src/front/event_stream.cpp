// Slots are closed by time, told to everybody who is behind, and dropped at the
// end of the ring. What is told of a batch is what it is at the telling, not
// what it was: late readers are never wrong, only late.
#include "front/event_stream.h"

#include <algorithm>
#include <charconv>

#include "front/selection.h"
#include "front/task_pages.h"
#include "wire/native/answers.h"
#include "wire/native/json_writer.h"

namespace muster::front {
namespace {

constexpr Micros kNever = INT64_MAX;

void add_message(std::string& text, std::string_view kind, std::string_view data) {
  text += "event: ";
  text += kind;
  text += "\ndata: ";
  text += data;  // JSON without a line break
  text += "\n\n";
}

}  // namespace

std::string EventStream::id_text(std::uint64_t slot) const {
  return std::to_string(backend_.facts().incarnation) + "-" + std::to_string(slot);
}

// The slot of an id of this life of the server, if everything behind it is
// still there.
std::optional<std::uint64_t> EventStream::place_of(std::string_view id) const {
  const std::size_t dash = id.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  std::uint64_t incarnation = 0;
  std::uint64_t slot = 0;
  const char* const middle = id.begin() + dash;
  const auto [first_end, first_error] = std::from_chars(id.begin(), middle, incarnation);
  const auto [last_end, last_error] = std::from_chars(middle + 1, id.end(), slot);
  const bool read =
      first_error == std::errc() && first_end == middle && last_error == std::errc() && last_end == id.end();
  if (!read || incarnation != backend_.facts().incarnation || slot > newest_) return std::nullopt;
  const std::uint64_t oldest = slots_.empty() ? newest_ + 1 : slots_.front().id;
  if (slot + 1 < oldest) return std::nullopt;
  return slot;
}

void EventStream::subscribe(Subscription wish) {
  Subscriber subscriber;
  const std::optional<std::uint64_t> place = wish.after.empty() ? newest_ : place_of(wish.after);
  subscriber.told = place.value_or(newest_);
  subscriber.anew = !place;
  subscriber.alive_us = backend_.now().mono_us;
  std::string text = "retry: 1000\n";
  if (place) text += "id: " + id_text(*place) + "\n";
  std::string data;
  wire::JsonWriter out(data);
  out.begin_object().key("schema").text("muster.stream/1");
  out.key("version").text(backend_.facts().version);
  out.key("resumed").flag(!wish.after.empty() && place.has_value());
  out.end_object();
  add_message(text, "hello", data);
  wish.sink->write(text);
  if (wish.with_tasks) ++task_watchers_;
  subscriber.wish = std::move(wish);
  subscribers_.push_back(std::move(subscriber));
}

void EventStream::touched(std::span<const BatchId> batches) {
  open_.batches.insert(batches.begin(), batches.end());
}

void EventStream::committed(const Changes& changes) {
  for (const WorkerRow& row : changes.workers) open_.workers.insert(row.id);
  for (const EventRow& event : changes.events) {
    if (open_.events.size() < limits_.events_per_slot) {
      open_.events.push_back(event);
    } else {
      ++open_.events_left_out;
    }
  }
  note_tasks(changes);
}

// Single tasks cost something, so they are kept while somebody watches them;
// nobody is told of others that nothing changed.
void EventStream::note_tasks(const Changes& changes) {
  const bool watched = task_watchers_ > 0;
  for (const BatchId batch : changes.cleared_state_runs) open_.many_tasks.insert(batch);
  if (changes.tasks.empty()) return;
  if (!watched || open_.tasks.size() + changes.tasks.size() > limits_.tasks_per_slot) {
    BatchId last = 0;
    for (const TaskRow& row : changes.tasks) {
      if (row.batch != last) open_.many_tasks.insert(row.batch);
      last = row.batch;
    }
    return;
  }
  for (const TaskRow& row : changes.tasks) {
    const AttemptRecord& attempt = row.attempt;
    open_.tasks.push_back({row.batch, row.position, row.state, attempt.number, attempt.worker,
                           is_final(attempt.state) ? attempt.end.usage.wall_us : 0});
  }
}

void EventStream::close_slot(Micros now_us) {
  closed_us_ = now_us;
  open_.id = ++newest_;
  slots_.push_back(std::exchange(open_, {}));
  while (slots_.size() > limits_.slots_max) slots_.pop_front();
}

Micros EventStream::next_due_us() const {
  Micros due_us = open_.empty() ? kNever : closed_us_ + limits_.pause_us;
  for (const Subscriber& subscriber : subscribers_) {
    if (is_behind(subscriber)) due_us = std::min(due_us, closed_us_ + limits_.pause_us);
    due_us = std::min(due_us, subscriber.alive_us + limits_.keep_alive_us);
  }
  return due_us;
}

void EventStream::tick() {
  const Micros now_us = backend_.now().mono_us;
  if (now_us - closed_us_ >= limits_.pause_us) {
    if (!open_.empty()) close_slot(now_us);
    closed_us_ = now_us;
  }
  Made made;
  std::erase_if(subscribers_, [&](Subscriber& subscriber) {
    if (tell(subscriber, made, now_us)) return false;
    if (subscriber.wish.with_tasks) --task_watchers_;
    return true;
  });
}

bool EventStream::tell(Subscriber& subscriber, Made& made, Micros now_us) {
  ByteSink& sink = *subscriber.wish.sink;
  if (!sink.is_open()) return false;
  if (sink.waiting_bytes() > limits_.backlog_bytes_max) return true;
  const std::uint64_t oldest = slots_.empty() ? newest_ + 1 : slots_.front().id;
  if (subscriber.told + 1 < oldest) subscriber.anew = true;
  std::string text;
  if (subscriber.anew) {
    text = "id: " + id_text(newest_) + "\n";
    add_message(text, "resync", "{}");
    subscriber.anew = false;
    subscriber.told = newest_;
  } else if (subscriber.told < newest_) {
    text = news_for(subscriber, made);
    subscriber.told = newest_;
  }
  if (text.empty() && now_us - subscriber.alive_us >= limits_.keep_alive_us) text = ": alive\n\n";
  if (text.empty()) return true;
  subscriber.alive_us = now_us;
  sink.write(text);
  return true;
}

// Everything since its place; the last message carries the id, so that a torn
// telling is told again.
std::string EventStream::news_for(const Subscriber& subscriber, Made& made) {
  std::string text;
  std::set<BatchId> batches;
  std::set<WorkerId> workers;
  for (const Slot& slot : slots_) {
    if (slot.id <= subscriber.told) continue;
    batches.insert(slot.batches.begin(), slot.batches.end());
    workers.insert(slot.workers.begin(), slot.workers.end());
    add_events(subscriber, slot, made, text);
  }
  const BatchId only = subscriber.wish.batch;
  for (const BatchId id : batches) {
    if (only != 0 && id != only) continue;
    const auto& [project, message] = batch_message(id, made);
    if (project == subscriber.wish.project) add_message(text, "batch", message);
  }
  if (!workers.empty()) make_workers(made);
  for (const WorkerId id : workers) {
    const auto found = made.workers.find(id);
    if (found != made.workers.end()) add_message(text, "worker", found->second);
  }
  if (subscriber.wish.with_tasks) add_tasks(subscriber, subscriber.told, made, text);
  if (text.empty()) return text;
  // The id belongs into the last message: in front of its "event:" line.
  const std::size_t gap = text.rfind("\n\nevent: ");
  return text.insert(gap == std::string::npos ? 0 : gap + 2, "id: " + id_text(newest_) + "\n");
}

void EventStream::add_events(const Subscriber& subscriber, const Slot& slot, Made& made, std::string& text) {
  if (!slot.events.empty()) make_workers(made);
  for (const EventRow& event : slot.events) {
    if (subscriber.wish.batch != 0 && event.batch != subscriber.wish.batch) continue;
    if (event.batch != 0 && batch_message(event.batch, made).first != subscriber.wish.project) continue;
    std::string data;
    wire::JsonWriter out(data);
    wire::write_event(out, event, made.names[event.worker]);
    add_message(text, "event", data);
  }
  if (slot.events_left_out == 0) return;
  add_message(text, "left-out", "{\"events\":" + std::to_string(slot.events_left_out) + "}");
}

// [index, state, attempts, worker, seconds] for each; the newest of a task
// alone.
void EventStream::add_tasks(const Subscriber& subscriber, std::uint64_t after, Made& made,
                            std::string& text) {
  const BatchId batch = subscriber.wish.batch;
  bool many = false;
  std::map<Position, TaskDelta> newest;
  for (const Slot& slot : slots_) {
    if (slot.id <= after) continue;
    many = many || slot.many_tasks.contains(batch);
    for (const TaskDelta& delta : slot.tasks) {
      if (delta.batch == batch) newest[delta.position] = delta;
    }
  }
  if (newest.empty() && !many) return;
  make_workers(made);
  const Layout layout = Layout::of(backend_, batch);
  std::string data;
  wire::JsonWriter out(data);
  out.begin_object().key("batch").number(batch).key("many").flag(many).key("tasks").begin_array();
  for (const auto& [position, delta] : newest) {
    out.begin_array().number(layout.index_of(position)).text(to_text(delta.state)).number(delta.attempts);
    out.text_or_null(made.names[delta.worker]).seconds(delta.wall_us).end_array();
  }
  out.end_array().end_object();
  add_message(text, "tasks", data);
}

const std::pair<std::string, std::string>& EventStream::batch_message(BatchId id, Made& made) {
  const auto [found, fresh] = made.batches.try_emplace(id);
  if (!fresh) return found->second;
  const std::optional<engine::BatchView> view = backend_.engine().batch(id);
  const std::optional<BatchRow> row = view ? view->row : backend_.history().batch(id);
  if (!row) return found->second;
  found->second.first = row->project;
  wire::JsonWriter out(found->second.second);
  wire::BatchAnswer answer{*row, shown_counts(*row), 0, 0, {}, {}};
  if (view) {
    answer.executing = view->executing;
    answer.stopping = view->stopping;
    if (!is_final(row->state)) answer.why = view->reason;
  }
  out.begin_object();
  wire::write_batch_members(out, answer);
  if (statistics_ != nullptr) {
    out.key("left");
    write_time_left(out, view ? statistics_->time_left(*row) : std::nullopt);
  }
  out.end_object();
  return found->second;
}

void EventStream::make_workers(Made& made) {
  if (std::exchange(made.workers_made, true)) return;
  for (const engine::WorkerView& view : backend_.engine().workers()) {
    made.names.emplace(view.row.id, view.row.name);
    std::string data;
    wire::JsonWriter out(data);
    out.begin_object();
    wire::write_worker_members(out, {.row = view.row,
                                     .connected = view.connected,
                                     .half_open = view.half_open,
                                     .capacity = view.capacity,
                                     .in_use = view.in_use,
                                     .assigned = view.assigned,
                                     .executing = view.executing});
    out.end_object();
    made.workers.emplace(view.row.id, std::move(data));
  }
}

void EventStream::every_second() {
  for (Subscriber& subscriber : subscribers_) {
    if (subscriber.wish.may_go_on && !subscriber.wish.may_go_on()) subscriber.wish.sink->end();
  }
}

void EventStream::close() {
  for (Subscriber& subscriber : subscribers_) subscriber.wish.sink->end();
  subscribers_.clear();
}

}  // namespace muster::front
