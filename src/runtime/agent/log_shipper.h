// Sends one keeper's log segments to the server, in order, a bounded part of them unanswered at any time.
// What the server has is known for certain only by its answers; that place is kept in a file, so that a new agent goes on there.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "agent/agent.h"
#include "blobs/segments.h"
#include "wire/agent/agent_codec.h"

namespace muster::runtime {

struct LogWindow {
  std::size_t frame_bytes =
      256 << 10;  // about so much in one frame: a message never waits longer than for one
  std::size_t unanswered_bytes = 2ULL << 20;  // sent and not answered, at most (one frame more)
};

class LogShipper {
 public:
  // `segments` is the folder of the segments, `place_file` holds the place before which the server has everything.
  static Result<LogShipper> open(agent::KeeperId keeper, const std::string& segments,
                                 const std::string& place_file, LogWindow window = {});

  // The next frame to send; nothing when all that is written was sent, or too much is unanswered.
  // An Error says that the segments cannot be read now; trying again later is right.
  Result<std::optional<std::string>> next_frame();
  // The server's answer; true when it moved the place. Answers to frames of an earlier connection are ignored.
  bool taken(const wire::LogsTaken& answer);
  // A new connection: everything unanswered is sent again.
  void rewind();

  // Everything before it is on the server.
  blobs::SegmentPlace taken_place() const { return taken_; }
  // Nothing was left at the last look, and everything is answered.
  bool is_through() const { return at_end_ && unanswered_.empty(); }
  bool wants_to_send() const { return !at_end_ && unanswered_bytes_ < window_.unanswered_bytes; }
  // The segments have grown to this place.
  void grown(blobs::SegmentPlace place);
  // They may have grown: the next look tells.
  void look_again() { at_end_ = false; }
  // Writes the place to its file if it has moved. taken() does so itself at each new segment.
  void save_place();

 private:
  struct Sent {
    blobs::SegmentPlace place;  // behind it
    std::size_t bytes = 0;
  };
  LogShipper(agent::KeeperId keeper, blobs::File folder, blobs::File place_file, blobs::SegmentPlace taken,
             LogWindow window);

  agent::KeeperId keeper_;
  LogWindow window_;
  blobs::File folder_;
  blobs::File place_file_;
  blobs::SegmentPlace taken_;
  blobs::SegmentPlace saved_;
  blobs::SegmentReader reader_;
  std::deque<Sent> unanswered_;
  std::size_t unanswered_bytes_ = 0;
  bool at_end_ = false;
};

}  // namespace muster::runtime
