// Reading a log: pieces in order of arrival, each offset once, a line for every gap.
// Positions count the bytes of the view including those that are missing, so a reader's place never changes its meaning.
#include <algorithm>

#include "blobs/batch_logs.h"
#include "blobs/crc32c.h"

namespace muster::blobs {
namespace {

bool shows(LogView view, Stream stream) {
  return view == LogView::both || (view == LogView::out) == (stream == Stream::out);
}

std::uint64_t position_of(LogView view, const StreamOffsets& next) {
  switch (view) {
    case LogView::out:
      return next[0];
    case LogView::err:
      return next[1];
    case LogView::both:
      return next[0] + next[1];
  }
  return 0;
}

void append_gap(std::uint64_t bytes, std::string& out) {
  out.append("\n[muster: ").append(std::to_string(bytes)).append(" bytes left out here]\n");
}

// Walks over the pieces of a view: what each adds behind a possible gap, and at which position.
struct Step {
  std::uint64_t gap = 0;       // missing before it
  std::uint64_t position = 0;  // of its first new byte
  std::uint64_t skip = 0;      // bytes of the piece that were there already
  std::uint64_t bytes = 0;     // new ones
};

class Walk {
 public:
  Walk(LogView view, const StreamOffsets& begin) : view_(view), next_(begin) {}
  // False when the piece adds nothing.
  bool step(const LogPiece& piece, Step& step) {
    std::uint64_t& next = next_[slot_of(piece.stream)];
    const std::uint64_t end = piece.offset + piece.length;
    if (end <= next || !shows(view_, piece.stream)) return false;
    const std::uint64_t start = std::max(piece.offset, next);
    step.gap = start - next;
    step.position = position_of(view_, next_) + step.gap;
    step.skip = start - piece.offset;
    step.bytes = end - start;
    next = end;
    return true;
  }
  std::uint64_t position() const { return position_of(view_, next_); }

 private:
  LogView view_;
  StreamOffsets next_;
};

}  // namespace

// The pieces that can hold position `from` or later ones. Chunks of the tail that end before it are not even looked at.
Result<BatchLogs::Places> BatchLogs::places(const AttemptRef& attempt, LogView view, std::uint64_t from) {
  Places places;
  const LogTail* tail = tail_of(attempt);
  std::size_t first_chunk = 0;
  bool needs_head = true;
  if (tail != nullptr) {
    for (std::size_t i = 0; i < tail->chunks().size(); ++i) {
      const StreamOffsets& begin = tail->chunks()[i].begin;
      if (position_of(view, begin) > from) break;
      if (i == 0 && position_of(view, begin) == 0) continue;
      first_chunk = i;
      needs_head = false;
      places.begin = begin;
    }
  }
  if (needs_head) {
    Result<std::vector<LogPiece>> head = segments_.find(attempt);
    if (!head) return std::unexpected(std::move(head.error()));
    places.pieces = std::move(*head);
    first_chunk = 0;
  }
  for (std::size_t i = first_chunk; tail != nullptr && i < tail->chunks().size(); ++i) {
    if (auto done = tail->pieces(tail->chunks()[i], places.pieces); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  return places;
}

// Appends the payload of a piece; false when it is damaged.
Result<bool> BatchLogs::read_piece(const AttemptRef& attempt, const LogPiece& piece, std::string& into) {
  OpenSource& open = open_source_;
  const bool is_open = open.source != nullptr && open.in_tail == piece.in_tail && open.file == piece.file &&
                       (!piece.in_tail || open.attempt == attempt);
  if (!is_open) {
    Result<SegmentSource> source =
        piece.in_tail ? tail_of(attempt)->source(piece.file) : segments_.source(piece.file);
    if (!source) return std::unexpected(std::move(source.error()));
    open = {attempt, piece.in_tail, piece.file, std::make_unique<SegmentSource>(std::move(*source))};
  }
  std::string record(kRecordHeaderBytes + piece.length, '\0');
  Result<std::size_t> got = open.source->read_at(piece.file_offset, record.data(), record.size());
  if (!got) return std::unexpected(std::move(got.error()));
  const auto header = read_record_header(std::string_view(record).substr(0, *got));
  if (!header || *got != record.size() || header->attempt != attempt || header->length != piece.length)
    return false;
  const std::string_view payload = std::string_view(record).substr(kRecordHeaderBytes);
  if (crc32c(payload) != header->payload_crc) return false;
  into.append(payload);
  return true;
}

Result<LogChunk> BatchLogs::read(const AttemptRef& attempt, LogView view, std::uint64_t from,
                                 std::size_t bytes_max) {
  Result<Places> found = places(attempt, view, from);
  if (!found) return std::unexpected(std::move(found.error()));
  LogChunk chunk;
  chunk.next = from;
  Walk walk(view, found->begin);
  std::string payload;
  for (const LogPiece& piece : found->pieces) {
    Step step;
    if (!walk.step(piece, step) || walk.position() <= chunk.next) continue;
    if (chunk.bytes.size() >= bytes_max) return chunk;
    if (step.position > chunk.next) {
      append_gap(step.position - chunk.next, chunk.bytes);
      chunk.next = step.position;
    }
    if (step.bytes == 0) continue;
    payload.clear();
    Result<bool> sound = read_piece(attempt, piece, payload);
    if (!sound) return std::unexpected(std::move(sound.error()));
    const std::uint64_t seen = chunk.next - step.position;
    if (!*sound) {
      append_gap(step.bytes - seen, chunk.bytes);
      chunk.next = step.position + step.bytes;
      continue;
    }
    const std::string_view fresh = std::string_view(payload).substr(step.skip + seen);
    const std::size_t room = bytes_max - std::min(bytes_max, chunk.bytes.size());
    const std::string_view part = fresh.substr(0, std::max<std::size_t>(room, 1));
    chunk.bytes.append(part);
    chunk.next += part.size();
    if (part.size() < fresh.size()) return chunk;
  }
  chunk.end = true;
  return chunk;
}

Result<std::uint64_t> BatchLogs::tail_position(const AttemptRef& attempt, LogView view, std::uint64_t bytes) {
  Result<Places> found = places(attempt, view, 0);
  if (!found) return std::unexpected(std::move(found.error()));
  Walk walk(view, found->begin);
  std::vector<Step> steps;
  for (const LogPiece& piece : found->pieces) {
    Step step;
    if (walk.step(piece, step) && step.bytes > 0) steps.push_back(step);
  }
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (step->bytes >= bytes) return step->position + step->bytes - bytes;
    bytes -= step->bytes;
  }
  return steps.empty() ? 0 : steps.front().position;
}

}  // namespace muster::blobs
