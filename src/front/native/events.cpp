// /events: the history, newest first; or, for who accepts text/event-stream, what happens from now on.
// Of one batch, or of everything. The cursor is the smallest sequence number seen.
#include "front/native/call.h"
#include "front/native/chosen.h"
#include "front/native/describe.h"

namespace muster::front::native {
namespace {

constexpr int kWindowsPerPage = 32;  // bound of work with a filter; the next page goes on
constexpr std::uint32_t kWindow = 1000;

FilterValue value_of(const EventRow& event, const FilterTerm& term, WorkerNames& workers) {
  const auto number = [](std::uint64_t value) {
    return value == 0 ? FilterValue{} : FilterValue::of_number(static_cast<std::int64_t>(value));
  };
  const auto text = [](const std::string& value) {
    return value.empty() ? FilterValue{} : FilterValue::of(value);
  };
  switch (term.field) {
    case FilterField::kind:
      return FilterValue::of(to_text(event.kind));
    case FilterField::batch:
      return number(event.batch);
    case FilterField::index:
      return number(event.index);
    case FilterField::attempt:
      return number(event.attempt);
    case FilterField::worker:
      return text(workers.name(event.worker));
    case FilterField::who:
      return text(event.who);
    case FilterField::text:
      return text(event.text);
    case FilterField::at:
      return number(static_cast<std::uint64_t>(event.wall_us));
    default:
      return number(event.seq);
  }
}

struct EventPage {
  std::vector<EventRow> events;
  std::uint64_t next = 0;  // the smallest number looked at; 0: there are no more
};

EventPage filtered_page(const CallPtr& call, BatchId batch, std::uint64_t after, std::size_t limit,
                        const Filter& filter, WorkerNames& workers) {
  EventPage page;
  for (int window = 0; window < kWindowsPerPage; ++window) {
    const std::vector<EventRow> rows =
        call->backend.history().events(call->principal.project, batch, Page{after, kWindow});
    for (const EventRow& event : rows) {
      if (filter.holds([&](const FilterTerm& term) { return value_of(event, term, workers); })) {
        if (page.events.size() == limit) {
          page.next = after;
          return page;
        }
        page.events.push_back(event);
      }
      after = event.seq;
    }
    if (rows.size() < kWindow || after <= 1) return page;
  }
  page.next = after;
  return page;
}

// What happens from now on, or since the place where the caller was.
void open_stream(const CallPtr& call) {
  QueryReader query(call->target);
  std::string selector;
  std::string tasks;
  query.text("batch", selector);
  query.text("tasks", tasks);
  if (!tasks.empty() && tasks != "true" && tasks != "false")
    query.refuse_parameter("tasks", "is true or false");
  if (tasks == "true" && selector.empty()) query.refuse_parameter("tasks", "needs a batch");
  if (failed(call, query.finish())) return;
  Subscription wish;
  wish.project = call->principal.project;
  wish.with_tasks = tasks == "true";
  wish.after = call->last_event_id;
  if (!selector.empty()) {
    const Result<Selected> selected = resolve(call->backend, call->principal.project, selector);
    if (failed(call, selected)) return;
    wish.batch = selected->batch.id;
  }
  // A token that is revoked, or a role that is taken away, ends the stream.
  wish.may_go_on = [call, token = call->who.token_id] {
    const TokenRow* row = call->tokens.find(token);
    const Micros now_us = call->backend.now().wall_us;
    const bool good = row != nullptr && row->revoked_wall_us == 0 &&
                      (row->expires_wall_us == 0 || row->expires_wall_us > now_us);
    return good && call->directory.authorize(call->who, call->route, call->principal.project).has_value();
  };
  Response response{200, "text/event-stream", {{"Request-Id", call->request}}, {}};
  response.stream = [call, wish](std::shared_ptr<ByteSink> sink) {
    Subscription subscription = wish;
    subscription.sink = std::move(sink);
    call->stream.subscribe(std::move(subscription));
  };
  call->respond(std::move(response));
}

}  // namespace

void list_events(const CallPtr& call) {
  if (call->wants_stream) return open_stream(call);
  QueryReader query(call->target);
  PageRequest page;
  std::string selector;
  read_page(query, call->options, page);
  std::string where;
  query.text("batch", selector);
  query.text("where", where);
  if (failed(call, query.finish())) return;
  const Result<Filter> filter = read_where(call, FilterObject::event, where);
  if (failed(call, filter)) return;
  Page rows;
  rows.limit = static_cast<std::uint32_t>(page.limit);
  if (!page.after.empty()) {
    const auto cursor = parse_cursor<1>(page.after);
    if (!cursor || (*cursor)[0] == 0) return call->fail(bad_cursor(page.after));
    rows.after = (*cursor)[0];
  }
  BatchId batch = 0;
  if (!selector.empty()) {
    const Result<Selected> selected = resolve(call->backend, call->principal.project, selector);
    if (failed(call, selected)) return;
    batch = selected->batch.id;
  }
  WorkerNames workers(call->backend);
  EventPage found;
  if (filter->empty()) {
    found.events = call->backend.history().events(call->principal.project, batch, rows);
    const bool more = found.events.size() == page.limit && found.events.back().seq > 1;
    if (more) found.next = found.events.back().seq;
  } else {
    found = filtered_page(call, batch, rows.after, page.limit, *filter, workers);
  }
  std::string json;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.events/1");
  for (const EventRow& event : found.events) wire::write_event(out, event, workers.name(event.worker));
  wire::end_list(out, found.next != 0 ? std::to_string(found.next) : "");
  call->answer(200, std::move(json));
}

}  // namespace muster::front::native
