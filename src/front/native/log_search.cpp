// /logs/search: the lines of a task, an attempt or a whole batch that match a pattern, in the order of the tasks.
// One answer looks at a bounded number of bytes, so that no search holds others up; the cursor goes on from there.
#include <algorithm>

#include "blobs/log_store.h"
#include "core/line_pattern.h"
#include "front/native/call.h"
#include "front/native/describe.h"
#include "front/native/log_attempts.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kChunkBytes = 256 << 10;
constexpr std::size_t kBytesPerAnswer = 8 << 20;
constexpr std::size_t kAttemptsPerAnswer = 2000;
// What an expression may cost in one answer: about as long as plain text takes.
constexpr std::uint64_t kRegexWorkPerAnswer = 4 << 20;
constexpr std::size_t kRegexChunkBytes = 64 << 10;
// What is shown of a line, and how much of an unfinished one is kept in memory.
constexpr std::size_t kShownMax = 4096;
constexpr std::size_t kLineMax = 64 << 10;

struct Search {
  Selected selected;
  blobs::LogView view = blobs::LogView::both;
  PatternKind kind = PatternKind::text;
  std::optional<LinePattern> pattern;
  std::uint64_t limit = 100;
  AttemptRef at;  // number 0: the first
  std::uint64_t from = 0;
};

Result<void> read_cursor(const std::string& after, Search& search) {
  if (after.empty()) return {};
  const auto cursor = parse_cursor<4>(after);
  if (!cursor) return std::unexpected(bad_cursor(after));
  search.at = {search.selected.batch.id, (*cursor)[0], static_cast<std::uint32_t>((*cursor)[1]),
               static_cast<Incarnation>((*cursor)[2])};
  search.from = (*cursor)[3];
  return {};
}

Result<Search> read_search(const CallPtr& call) {
  QueryReader query(call->target);
  Search search;
  PageRequest page;
  std::string selector = "last";
  std::string stream = "both";
  std::string text;
  read_page(query, call->options, page);
  query.text("selector", selector);
  query.text("stream", stream);
  query.text("text", text);
  const bool ignore_case = query.flag("ignore_case");
  const bool regex = query.flag("regex");
  if (stream == "stdout") {
    search.view = blobs::LogView::out;
  } else if (stream == "stderr") {
    search.view = blobs::LogView::err;
  } else if (stream != "both") {
    query.refuse_parameter("stream", "has to be stdout, stderr or both");
  }
  if (Result<void> read = query.finish(); !read) return std::unexpected(std::move(read.error()));
  search.kind = regex ? PatternKind::regex : PatternKind::text;
  auto pattern =
      LinePattern::compile(text, search.kind, ignore_case ? LetterCase::ignored : LetterCase::exact);
  if (!pattern) return std::unexpected(std::move(pattern.error()));
  search.pattern = std::move(*pattern);
  search.limit = page.limit;
  Result<Selected> selected = resolve(call->backend, call->principal.project, selector);
  if (!selected) return std::unexpected(std::move(selected.error()));
  search.selected = std::move(*selected);
  if (auto read = read_cursor(page.after, search); !read) return std::unexpected(std::move(read.error()));
  return search;
}

// Looks through one attempt after the other until the answer is full or has cost enough.
class Searcher {
 public:
  Searcher(Backend& backend, Search& search, wire::JsonWriter& out)
      : backend_(backend), search_(search), out_(out), at_(search.at), from_(search.from) {}

  // The cursor to go on from; empty at the end.
  Result<std::string> run() {
    for (std::size_t attempts = 0;; ++attempts) {
      if (at_.number != 0) {
        Result<bool> done = look_through();
        if (!done) return std::unexpected(done.error());
        if (!*done) return cursor();
        if (attempts >= kAttemptsPerAnswer) return cursor();
      }
      const AttemptRef after = at_.number == 0 ? AttemptRef{search_.selected.batch.id, 0, 0, 0} : at_;
      const auto next = next_logged(backend_, search_.selected, after);
      if (!next) return std::unexpected(next.error());
      if (!*next) return std::string();
      at_ = **next;
      from_ = 0;
    }
  }

  std::uint64_t looked_at() const { return looked_at_; }

 private:
  std::string cursor() const {
    return std::to_string(at_.index) + ":" + std::to_string(at_.number) + ":" +
           std::to_string(at_.incarnation) + ":" + std::to_string(from_);
  }

  bool full() const {
    return written_ >= search_.limit || looked_at_ >= kBytesPerAnswer ||
           (search_.kind == PatternKind::regex && search_.pattern->work() >= kRegexWorkPerAnswer);
  }

  // A cursor may stand inside of a line that is longer than an answer.
  bool ends_line_before(std::uint64_t position) {
    const Result<blobs::LogChunk> chunk = backend_.logs().read(at_, search_.view, position - 1, 1);
    return !chunk || chunk->bytes.empty() || chunk->bytes.front() == '\n';
  }

  // False: the answer is full, and `from_` is where the next one begins.
  Result<bool> look_through() {
    std::string held;  // the beginning of a line
    std::uint64_t position = from_;
    begins_line_ = from_ == 0 || ends_line_before(from_);
    const std::size_t most = search_.kind == PatternKind::regex ? kRegexChunkBytes : kChunkBytes;
    for (;;) {
      Result<blobs::LogChunk> chunk = backend_.logs().read(at_, search_.view, position, most);
      if (!chunk) return std::unexpected(std::move(chunk.error()));
      looked_at_ += chunk->bytes.size();
      position = chunk->next;
      held += chunk->bytes;
      const bool last = chunk->end || chunk->bytes.empty();
      take_lines(held, last);
      // Gaps have no bytes of their own, so a place inside a chunk is counted back from its end.
      from_ = position - std::min<std::uint64_t>(position, held.size());
      if (last) return true;
      if (full()) return false;
    }
  }

  // A chunk's lines all belong to one answer: the limit is passed by less than a chunk.
  void take_lines(std::string& held, bool last) {
    std::size_t begin = 0;
    for (std::size_t end = held.find('\n'); end != std::string::npos; end = held.find('\n', begin)) {
      take_line(std::string_view(held).substr(begin, end - begin), true);
      begins_line_ = true;
      begin = end + 1;
    }
    held.erase(0, begin);
    if (last && !held.empty()) {
      take_line(held, true);
      held.clear();
    } else if (held.size() > kLineMax) {
      // A line without an end is looked at in pieces that overlap.
      take_line(held, false);
      begins_line_ = false;
      held.erase(0, held.size() - std::min(held.size(), search_.pattern->overlap()));
    }
  }

  void take_line(std::string_view line, bool ends_line) {
    const auto found = search_.pattern->find(LinePattern::Piece{line, begins_line_, ends_line});
    if (!found) return;
    const std::size_t begin = *found > kShownMax / 2 ? *found - kShownMax / 2 : 0;
    const std::string_view shown = line.substr(begin, kShownMax);
    out_.begin_object();
    out_.key("task").text(wire::task_id(at_.task()));
    out_.key("attempt").text(wire::attempt_id(at_.task(), at_.number));
    out_.key("text").text(shown);
    out_.key("cut").flag(shown.size() < line.size());
    out_.end_object();
    ++written_;
  }

  Backend& backend_;
  Search& search_;
  wire::JsonWriter& out_;
  AttemptRef at_;
  std::uint64_t from_ = 0;
  bool begins_line_ = true;
  std::uint64_t written_ = 0;
  std::uint64_t looked_at_ = 0;
};

}  // namespace

void search_logs(const CallPtr& call) {
  Result<Search> search = read_search(call);
  if (failed(call, search)) return;
  std::string json;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.log-lines/1");
  Searcher searcher(call->backend, *search, out);
  const Result<std::string> next = searcher.run();
  if (failed(call, next)) return;
  wire::end_list(out, *next);
  call->answer(200, std::move(json));
}

}  // namespace muster::front::native
