// Any bytes as a frame between agent and server: refused, or a value that comes back as it went.
// Input: a frame; its first byte is the kind.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/escape.h"
#include "wire/agent/agent_codec.h"

namespace {

using namespace muster;
using namespace muster::wire;

template <class T, class Encode, class Decode>
void round_trip(const Result<T>& value, Encode encode, Decode decode) {
  if (!value) {
    MUSTER_CHECK(value.error().code == kMalformedBody, "a broken frame has one code");
    MUSTER_CHECK(!needs_escape(value.error().what), "a refusal is safe to print");
    return;
  }
  const std::string again = encode(*value);
  const Result<T> back = decode(again);
  MUSTER_CHECK(back.has_value() && *back == *value, "a value comes back as it went");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view frame(reinterpret_cast<const char*>(data), size);
  const std::optional<FrameKind> kind = frame_kind(frame);
  if (!kind) return 0;
  switch (*kind) {
    case FrameKind::hello:
      round_trip(decode_hello(frame), encode_hello, decode_hello);
      break;
    case FrameKind::welcome:
      round_trip(decode_welcome(frame), encode_welcome, decode_welcome);
      break;
    case FrameKind::agent_message:
      round_trip(decode_agent_message(frame), encode_agent_message, decode_agent_message);
      break;
    case FrameKind::server_message:
      round_trip(decode_server_message(frame), encode_server_message, decode_server_message);
      break;
    case FrameKind::log_records:
      round_trip(decode_log_records(frame), encode_log_records, decode_log_records);
      break;
    case FrameKind::logs_taken:
      round_trip(decode_logs_taken(frame), encode_logs_taken, decode_logs_taken);
      break;
    case FrameKind::refused:
      round_trip(decode_refused(frame), encode_refused, decode_refused);
      break;
    case FrameKind::credential:
      round_trip(decode_credential(frame), encode_credential, decode_credential);
      break;
    case FrameKind::program:
      round_trip(decode_program(frame), encode_program, decode_program);
      break;
    case FrameKind::credential_kept:
      break;
  }
  return 0;
}
