// /events: the history, newest first. The cursor is the smallest sequence number seen.
// Of one batch, or of everything.
#include "front/native/call.h"
#include "front/native/describe.h"

namespace muster::front::native {

void list_events(const CallPtr& call) {
  QueryReader query(call->target);
  PageRequest page;
  std::string selector;
  read_page(query, call->options, page);
  query.text("batch", selector);
  if (failed(call, query.finish())) return;
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
  const std::vector<EventRow> events = call->backend.history().events(call->principal.project, batch, rows);
  WorkerNames workers(call->backend);
  std::string json;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.events/1");
  for (const EventRow& event : events) wire::write_event(out, event, workers.name(event.worker));
  const bool more = events.size() == page.limit && events.back().seq > 1;
  wire::end_list(out, more ? std::to_string(events.back().seq) : "");
  call->answer(200, std::move(json));
}

}  // namespace muster::front::native
