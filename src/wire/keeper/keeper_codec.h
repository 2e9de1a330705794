// What agent and keeper say to each other, core values <-> bytes: a version byte, then frames of a length and a message.
// Pure. A decoder takes any bytes: it gives a value or an Error (E215), never a partial value; unknown fields are ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/keeper_messages.h"

namespace muster::wire {

// The first byte that each side sends on a connection; a side that reads another one hangs up.
inline constexpr char kKeeperProtocol = 1;
// A frame is 4 bytes of length, little endian, and a message of at most this size. Senders split what is larger.
inline constexpr std::size_t kKeeperMessageBytesMax = 64ULL << 20;

// Appends complete frames to `out`. A large request becomes several frames that mean the same applied in order, and so does a
// large report that is not an inventory. Precondition (checked): no single start, end or inventory passes the size above.
void append_keeper_request(const KeeperRequest& request, std::string& out);
void append_keeper_report(const KeeperReport& report, std::string& out);

// `message` is a frame without its length, as KeeperFrameReader gives it.
Result<KeeperRequest> decode_keeper_request(std::string_view message);
Result<KeeperReport> decode_keeper_report(std::string_view message);

// Single values, for the keeper's records on disk: the message alone, appended without a length.
void append_keeper_end(const KeeperEnd& end, std::string& out);
void append_keeper_started(const KeeperStarted& started, std::string& out);
Result<KeeperEnd> decode_keeper_end(std::string_view message);
Result<KeeperStarted> decode_keeper_started(std::string_view message);

// Cuts a stream of bytes into messages. After an Error the stream is unusable.
class KeeperFrameReader {
 public:
  // Takes in what was read from the socket. Invalidates messages given before.
  void append(std::string_view bytes);
  // The next complete message, a view that lives until the next append(); nothing while it is incomplete.
  Result<std::optional<std::string_view>> next();

 private:
  std::string buffer_;
  std::size_t begin_ = 0;  // of what is not given out yet
  bool greeted_ = false;
};

}  // namespace muster::wire
