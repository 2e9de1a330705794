// Frames between agent and server <-> core values; one frame is one binary WebSocket message: a byte of kind, then protobuf.
// Pure. A decoder takes any bytes: it gives a value within the bounds below or an Error (E215), never a partial value.
//
// A session: agent sends hello; server answers welcome (or refused, and closes); then agent_message and log_records go one way,
// server_message and logs_taken the other, in any order. Unknown kinds and unknown fields are ignored by both sides.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/agent_messages.h"
#include "core/error.h"

namespace muster::wire {

inline constexpr std::string_view kAgentSubprotocol = "muster-agent.1";
inline constexpr std::string_view kAgentPath = "/api/v1/agent";

// The first byte of a frame. Numbers are never reused.
enum class FrameKind : std::uint8_t {
  hello = 1,            // agent -> server
  welcome = 2,          // server -> agent
  agent_message = 3,    // agent -> server
  server_message = 4,   // server -> agent
  log_records = 5,      // agent -> server
  logs_taken = 6,       // server -> agent
  refused = 7,          // server -> agent; the connection is closed after it
  credential = 8,       // server -> agent
  credential_kept = 9,  // agent -> server
  program = 10,         // server -> agent; also before welcome, or before refused
};

inline constexpr std::size_t kAgentFrameBytesMax = 64ULL << 20;    // what a server takes
inline constexpr std::size_t kServerFrameBytesMax = 256ULL << 20;  // what an agent takes
inline constexpr std::size_t kLogDataBytesMax = 256ULL << 10;      // of one record
inline constexpr std::uint64_t kAttemptsPerFrameMax = 4'000'000;

struct Welcome {
  SessionId session = 0;
  WorkerId worker = 0;
  std::uint32_t protocol = kAgentProtocol;  // spoken from here on
  std::string server_version;
  bool operator==(const Welcome&) const = default;
};

struct Refused {
  std::string code;  // "E107"
  std::string what;
  std::string next;
  bool operator==(const Refused&) const = default;
};

struct Program {
  std::string version;
  std::string sha256;  // 32 bytes
  std::uint64_t size = 0;
  bool operator==(const Program&) const = default;
};

// One piece of what a task wrote. The bytes are not copied: they live as long as the frame they were decoded from.
struct LogRecordView {
  AttemptRef attempt;
  std::uint8_t stream = 1;   // 1 stdout, 2 stderr
  std::uint64_t offset = 0;  // of the first byte, in that stream of that attempt
  std::string_view bytes;    // at most kLogDataBytesMax
  bool operator==(const LogRecordView&) const = default;
};

// Records in the order of one keeper's log. The answer is LogsTaken with the same three numbers, once all of them are kept.
struct LogRecords {
  std::uint64_t keeper = 0;
  std::uint64_t segment = 0;  // the place in the keeper's log behind the last record
  std::uint64_t offset = 0;
  std::vector<LogRecordView> records;
  bool operator==(const LogRecords&) const = default;
};

struct LogsTaken {
  std::uint64_t keeper = 0;
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
  bool operator==(const LogsTaken&) const = default;
};

// The kind, or nothing for an empty frame or a kind this version does not know (to be ignored).
std::optional<FrameKind> frame_kind(std::string_view frame);

// Complete frames, kind included.
std::string encode_hello(const AgentHello& hello);
std::string encode_welcome(const Welcome& welcome);
std::string encode_refused(const Refused& refused);
std::string encode_credential(const std::string& token);
std::string encode_credential_kept();
std::string encode_program(const Program& program);
std::string encode_agent_message(const AgentMessage& message);
std::string encode_server_message(const ServerMessage& message);
std::string encode_log_records(const LogRecords& records);
std::string encode_logs_taken(const LogsTaken& taken);

// Precondition: frame_kind(frame) is the one decoded.
Result<AgentHello> decode_hello(std::string_view frame);
Result<Welcome> decode_welcome(std::string_view frame);
Result<Refused> decode_refused(std::string_view frame);
Result<std::string> decode_credential(std::string_view frame);
Result<Program> decode_program(std::string_view frame);
Result<AgentMessage> decode_agent_message(std::string_view frame);
Result<ServerMessage> decode_server_message(std::string_view frame);
Result<LogRecords> decode_log_records(std::string_view frame);  // views into `frame`
Result<LogsTaken> decode_logs_taken(std::string_view frame);

}  // namespace muster::wire
