// Messages come out whole however the bytes are cut, and nothing else comes out.
// The bytes are those of docs/manual/events.md.
#include "client/sse.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace muster::client {
namespace {

constexpr std::string_view kBytes =
    ": keep alive\n\nevent: hello\ndata: {\"schema\":\"muster.stream/1\"}\n\nevent: batch\r\ndata: "
    "{\"id\":42}\r\n\r\n"
    "id: 3-17\nevent: event\ndata: one\ndata: two\n\nretry: 5\n\nevent: resync\n\nevent: cut";

std::vector<std::string> read_in_pieces(std::size_t piece) {
  SseReader reader;
  std::vector<std::string> found;
  for (std::string_view left = kBytes; !left.empty(); left.remove_prefix(std::min(piece, left.size()))) {
    EXPECT_TRUE(reader.feed(left.substr(0, piece), [&](const StreamMessage& message) {
      found.push_back(message.kind + "|" + message.id + "|" + message.data);
      return true;
    }));
  }
  return found;
}

TEST(Sse, messages_are_whole_however_the_bytes_are_cut) {
  const std::vector<std::string> wanted = {"hello||{\"schema\":\"muster.stream/1\"}", "batch||{\"id\":42}",
                                           "event|3-17|one\ntwo", "resync|3-17|"};
  for (std::size_t piece = 1; piece <= kBytes.size(); ++piece)
    EXPECT_EQ(read_in_pieces(piece), wanted) << piece;
}

TEST(Sse, ends_when_enough_was_heard_or_a_message_never_ends) {
  SseReader reader;
  EXPECT_FALSE(reader.feed(kBytes, [](const StreamMessage&) { return false; }));
  SseReader endless;
  const std::string piece(1 << 20, 'x');
  bool goes_on = true;
  for (int i = 0; i < 20 && goes_on; ++i)
    goes_on = endless.feed(piece, [](const StreamMessage&) { return true; });
  EXPECT_FALSE(goes_on);
}

}  // namespace
}  // namespace muster::client
