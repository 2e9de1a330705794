// Server-sent events out of the bytes of an answer, in pieces of any size.
// What is not complete is kept until it is; a message of more than 16 MiB is given up.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace muster::client {

struct StreamMessage {
  std::string kind;  // "batch", "event", …; empty: nothing came for a while
  std::string id;    // of the message, or the last one before it
  std::string data;
};

class SseReader {
 public:
  // Calls `take` for each complete message; false when `take` has had enough, or the message is too large.
  bool feed(std::string_view bytes, const std::function<bool(const StreamMessage&)>& take);

 private:
  bool take_line(std::string_view line, const std::function<bool(const StreamMessage&)>& take);
  std::string line_;
  StreamMessage message_;
};

}  // namespace muster::client
