// Any bytes between agent and keeper, and in the keeper's records: refused, or a value that comes back as it went.
// Input: a byte that says what to read it as, then the bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/escape.h"
#include "wire/keeper/keeper_codec.h"

namespace {

using namespace muster;
using namespace muster::wire;

template <class T, class Append, class Decode>
void round_trip(const Result<T>& value, Append append, Decode decode) {
  if (!value) {
    MUSTER_CHECK(value.error().code == kMalformedBody, "a broken message has one code");
    MUSTER_CHECK(!needs_escape(value.error().what), "a refusal is safe to print");
    return;
  }
  std::string again;
  append(*value, again);
  const Result<T> back = decode(again);
  MUSTER_CHECK(back.has_value() && *back == *value, "a value comes back as it went");
}

void read_stream(std::string_view bytes) {
  KeeperFrameReader reader;
  std::size_t given = 0;
  while (!bytes.empty()) {
    reader.append(bytes.substr(0, 7));
    bytes.remove_prefix(std::min<std::size_t>(7, bytes.size()));
    for (;;) {
      const Result<std::optional<std::string_view>> message = reader.next();
      if (!message) return;
      if (!*message) break;
      given += (*message)->size();
      (void)decode_keeper_request(**message);
      (void)decode_keeper_report(**message);
    }
  }
  MUSTER_CHECK(given <= kKeeperMessageBytesMax, "no message is larger than it may be");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      round_trip(decode_keeper_end(bytes), append_keeper_end, decode_keeper_end);
      break;
    case 1:
      round_trip(decode_keeper_started(bytes), append_keeper_started, decode_keeper_started);
      break;
    case 2:
      (void)decode_keeper_request(bytes);
      break;
    case 3:
      (void)decode_keeper_report(bytes);
      break;
    default:
      read_stream(bytes);
  }
  return 0;
}
