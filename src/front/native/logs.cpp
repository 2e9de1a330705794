// /logs: what tasks wrote, as bytes. A page is of one attempt: a task's newest, a named one, or those of a batch in order.
// With wait_s an empty page waits for more, and a batch is followed strictly in the order of its tasks.
#include <algorithm>

#include "blobs/log_store.h"
#include "front/native/call.h"
#include "front/native/describe.h"
#include "front/native/log_attempts.h"

namespace muster::front::native {
namespace {

constexpr Micros kPause_us = 20'000;
constexpr std::uint64_t kLimitMax = 8ULL << 20;

struct LogRequest {
  Selected selected;
  blobs::LogView view = blobs::LogView::both;
  AttemptRef at;  // of several tasks: the attempt to go on with; number 0: the first
  std::uint64_t from = 0;
  std::uint64_t tail = 0;
  bool has_tail = false;
  std::uint64_t limit = 1 << 20;
  Micros wait_us = 0;
  bool several() const { return !selected.one_task; }
};

struct LogPage {
  blobs::LogChunk chunk;
  AttemptRef attempt;  // number 0: there is none yet
  std::uint64_t start = 0;
  std::string next;  // the cursor
  bool final = false;
  bool cut = false;
};

std::string cursor_of(const LogRequest& request, const AttemptRef& attempt, std::uint64_t offset) {
  if (!request.several()) return std::to_string(offset);
  return std::to_string(attempt.index) + ":" + std::to_string(attempt.number) + ":" +
         std::to_string(attempt.incarnation) + ":" + std::to_string(offset);
}

Result<void> read_from(const std::string& text, LogRequest& request) {
  if (text.empty()) return {};
  if (request.several()) {
    const auto cursor = parse_cursor<4>(text);
    if (!cursor) return std::unexpected(bad_cursor(text));
    request.at = {request.selected.batch.id, (*cursor)[0], static_cast<std::uint32_t>((*cursor)[1]),
                  static_cast<Incarnation>((*cursor)[2])};
    request.from = (*cursor)[3];
    return {};
  }
  const auto cursor = parse_cursor<1>(text);
  if (!cursor) return std::unexpected(bad_cursor(text));
  request.from = (*cursor)[0];
  return {};
}

Result<LogRequest> read_request(const CallPtr& call) {
  QueryReader query(call->target);
  LogRequest request;
  std::string selector = "last";
  std::string stream = "both";
  std::string from;
  query.text("selector", selector);
  query.text("stream", stream);
  query.text("from", from);
  request.has_tail = std::any_of(call->target.query.begin(), call->target.query.end(),
                                 [](const auto& pair) { return pair.first == "tail"; });
  query.number("tail", request.tail, 0, 1ULL << 50);
  query.number("limit", request.limit, 1, kLimitMax);
  query.seconds("wait_s", request.wait_us, call->options.wait_max_us);
  if (stream == "stdout") {
    request.view = blobs::LogView::out;
  } else if (stream == "stderr") {
    request.view = blobs::LogView::err;
  } else if (stream != "both") {
    query.refuse_parameter("stream", "has to be stdout, stderr or both");
  }
  if (Result<void> read = query.finish(); !read) return std::unexpected(std::move(read.error()));
  Result<Selected> selected = resolve(call->backend, call->principal.project, selector);
  if (!selected) return std::unexpected(std::move(selected.error()));
  request.selected = std::move(*selected);
  if (Result<void> read = read_from(from, request); !read) return std::unexpected(std::move(read.error()));
  return request;
}

// ---- which attempt

// The newest attempt of a task, or the named one: its reference and whether it has ended.
struct Found {
  AttemptRef attempt;
  bool final = false;
};

std::optional<Found> find_attempt(Backend& backend, const LogRequest& request, const Layout& layout) {
  const BatchId batch = request.selected.batch.id;
  const TaskIndex index = only_index(request.selected);
  const TaskPage page =
      task_page(backend, request.selected.batch, layout.intervals(request.selected.ranges), {}, 0, 1);
  if (page.tasks.empty() || !page.tasks.front().row) return std::nullopt;
  const TaskRow& row = *page.tasks.front().row;
  const auto found = [&](const AttemptRecord& record) {
    return Found{{batch, index, record.number, record.incarnation}, is_final(record.state)};
  };
  if (!request.selected.attempt || *request.selected.attempt == row.attempt.number) return found(row.attempt);
  for (const AttemptRow& older : backend.history().attempts(batch, row.position)) {
    if (older.attempt.number == *request.selected.attempt) return found(older.attempt);
  }
  return std::nullopt;
}

// The first selected task behind `index` that is not final.
std::optional<TaskIndex> next_unfinished(Backend& backend, const LogRequest& request, const Layout& layout,
                                         std::optional<TaskIndex> index) {
  StateSet states;
  for (const TaskState state : {TaskState::waiting, TaskState::held, TaskState::ready, TaskState::running})
    states.add(state);
  const std::optional<Position> position = index ? layout.position_of(*index) : std::nullopt;
  const std::optional<BatchRow> row =
      find_batch(backend, request.selected.batch.project, request.selected.batch.id);
  if (!row) return std::nullopt;
  const TaskPage page = task_page(backend, *row, layout.intervals(request.selected.ranges), states,
                                  position ? *position + 1 : 0, 1);
  if (page.tasks.empty()) return std::nullopt;
  return layout.index_of(page.tasks.front().position);
}

bool has_ended(Backend& backend, const LogRequest& request, const Layout& layout, const AttemptRef& attempt) {
  LogRequest one = request;
  one.selected.ranges = {{attempt.index, attempt.index}};
  one.selected.one_task = true;
  one.selected.attempt = attempt.number;
  const std::optional<Found> found = find_attempt(backend, one, layout);
  return !found || found->final;
}

// ---- a page

Result<void> read_page_of(Backend& backend, const LogRequest& request, const AttemptRef& attempt,
                          std::uint64_t from, LogPage& page) {
  page.attempt = attempt;
  page.start = from;
  if (request.has_tail) {
    const Result<std::uint64_t> start = backend.logs().tail_position(attempt, request.view, request.tail);
    if (!start) return std::unexpected(start.error());
    page.start = std::max(from, *start);
  }
  Result<blobs::LogChunk> chunk = backend.logs().read(attempt, request.view, page.start, request.limit);
  if (!chunk) return std::unexpected(std::move(chunk.error()));
  const Result<blobs::LogSize> size = backend.logs().size(attempt);
  if (!size) return std::unexpected(size.error());
  page.cut = size->cut();
  page.chunk = std::move(*chunk);
  return {};
}

Result<LogPage> page_of_one(Backend& backend, const LogRequest& request) {
  LogPage page;
  const Layout layout = Layout::of(backend, request.selected.batch.id);
  const std::optional<Found> found = find_attempt(backend, request, layout);
  if (!found) {
    page.next = std::to_string(request.from);
    page.start = request.from;
    const auto row = find_batch(backend, request.selected.batch.project, request.selected.batch.id);
    const auto view = backend.engine().task({request.selected.batch.id, only_index(request.selected)});
    page.final = view ? is_final(view->state) : !row || is_final(row->state);
    return page;
  }
  if (Result<void> read = read_page_of(backend, request, found->attempt, request.from, page); !read) {
    return std::unexpected(std::move(read.error()));
  }
  page.next = std::to_string(page.chunk.next);
  page.final = found->final && page.chunk.end;
  return page;
}

// The next piece of several tasks' logs: the rest of the attempt at hand, else the one that follows.
Result<LogPage> page_of_several(Backend& backend, const LogRequest& request) {
  const Layout layout = Layout::of(backend, request.selected.batch.id);
  AttemptRef at = request.at;
  std::uint64_t from = request.from;
  LogPage page;
  for (;;) {
    if (at.number != 0) {
      if (Result<void> read = read_page_of(backend, request, at, from, page); !read)
        return std::unexpected(read.error());
      page.next = cursor_of(request, at, page.chunk.next);
      const bool ended = has_ended(backend, request, layout, at);
      if (!page.chunk.bytes.empty() || (!ended && request.wait_us != 0)) return page;
    }
    const Result<std::optional<AttemptRef>> next = next_logged(
        backend, request.selected, at.number == 0 ? AttemptRef{request.selected.batch.id, 0, 0, 0} : at);
    if (!next) return std::unexpected(next.error());
    const std::optional<TaskIndex> unfinished =
        next_unfinished(backend, request, layout, at.number == 0 ? std::nullopt : std::optional(at.index));
    const bool wait_first = request.wait_us != 0 && unfinished && (!*next || (*next)->index > *unfinished);
    if (!*next || wait_first) {
      if (page.next.empty()) page.next = at.number == 0 ? "" : cursor_of(request, at, from);
      page.final = !*next && !unfinished;
      return page;
    }
    at = **next;
    from = 0;
  }
}

Result<LogPage> make_page(Backend& backend, const LogRequest& request) {
  return request.several() ? page_of_several(backend, request) : page_of_one(backend, request);
}

void answer_page(const CallPtr& call, LogPage page) {
  Response response;
  response.content_type = "application/octet-stream";
  response.fields = {{"Muster-Log-Start", std::to_string(page.start)},
                     {"Muster-Log-Next", std::move(page.next)},
                     {"Muster-Log-Final", page.final ? "true" : "false"},
                     {"Muster-Log-Cut", page.cut ? "true" : "false"}};
  if (page.attempt.number != 0) {
    response.fields.emplace_back("Muster-Log-Attempt",
                                 wire::attempt_id(page.attempt.task(), page.attempt.number));
  }
  response.body = std::move(page.chunk.bytes);
  call->respond(std::move(response));
}

}  // namespace

void read_logs(const CallPtr& call) {
  Result<LogRequest> read = read_request(call);
  if (failed(call, read)) return;
  const auto request = std::make_shared<const LogRequest>(std::move(*read));
  const auto look = [call, request](Look why) {
    Result<LogPage> page = make_page(call->backend, *request);
    if (!page) {
      call->fail(page.error());
      return true;
    }
    const bool nothing = page->chunk.bytes.empty() && !page->final;
    if (nothing && request->wait_us != 0 && why == Look::changed) return false;
    answer_page(call, std::move(*page));
    return true;
  };
  if (look(Look::changed)) return;
  Wait wait;
  wait.batches = {request->selected.batch.id};
  wait.deadline_mono_us = call->backend.now().mono_us + request->wait_us;
  wait.pause_us = kPause_us;
  wait.look = look;
  call->waiters.add(std::move(wait), call->backend.now().mono_us);
}

}  // namespace muster::front::native
