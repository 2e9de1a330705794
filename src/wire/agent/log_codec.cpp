// Log records between agent and server: read in place, because their bytes go from the socket to the disk unchanged.
// A record past its bounds refuses the whole frame: nothing of it is kept, the agent sends it again or gives up.
#include <google/protobuf/io/coded_stream.h>

#include "wire/agent/agent.pb.h"
#include "wire/agent/frame.h"

namespace muster::wire {
namespace {

using google::protobuf::io::CodedInputStream;

// A length-delimited field as a view into the array the stream reads.
bool read_view(CodedInputStream& in, std::string_view& out) {
  std::uint32_t length = 0;
  const void* data = nullptr;
  int available = 0;
  if (!in.ReadVarint32(&length)) return false;
  if (length == 0) {
    out = {};
    return true;
  }
  if (!in.GetDirectBufferPointer(&data, &available) || static_cast<std::uint32_t>(available) < length)
    return false;
  out = {static_cast<const char*>(data), length};
  return in.Skip(static_cast<int>(length));
}

bool skip_field(CodedInputStream& in, std::uint32_t tag) {
  std::uint64_t number = 0;
  std::string_view bytes;
  switch (tag & 7) {
    case 0:
      return in.ReadVarint64(&number);
    case 1:
      return in.Skip(8);
    case 2:
      return read_view(in, bytes);
    case 5:
      return in.Skip(4);
    default:
      return false;  // groups are not used in proto3
  }
}

constexpr std::uint32_t varint_tag(std::uint32_t field) { return field << 3; }
constexpr std::uint32_t bytes_tag(std::uint32_t field) { return field << 3 | 2; }

bool read_record(std::string_view bytes, LogRecordView& out) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  std::uint32_t stream = 0;
  while (const std::uint32_t tag = in.ReadTag()) {
    bool read = false;
    switch (tag) {
      case varint_tag(1):
        read = in.ReadVarint64(&out.attempt.batch);
        break;
      case varint_tag(2):
        read = in.ReadVarint64(&out.attempt.index);
        break;
      case varint_tag(3):
        read = in.ReadVarint32(&out.attempt.number);
        break;
      case varint_tag(4):
        read = in.ReadVarint32(&out.attempt.incarnation);
        break;
      case varint_tag(5):
        read = in.ReadVarint32(&stream);
        break;
      case varint_tag(6):
        read = in.ReadVarint64(&out.offset);
        break;
      case bytes_tag(7):
        read = read_view(in, out.bytes);
        break;
      default:
        read = skip_field(in, tag);
    }
    if (!read) return false;
  }
  out.stream = static_cast<std::uint8_t>(stream);
  return in.ConsumedEntireMessage() && (stream == 1 || stream == 2) && out.bytes.size() <= kLogDataBytesMax &&
         out.attempt.index < kIndexLimit && out.offset < kIndexLimit;
}

bool read_records(std::string_view bytes, LogRecords& out) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    bool read = false;
    switch (tag) {
      case varint_tag(1):
        read = in.ReadVarint64(&out.keeper);
        break;
      case varint_tag(2):
        read = in.ReadVarint64(&out.segment);
        break;
      case varint_tag(3):
        read = in.ReadVarint64(&out.offset);
        break;
      case bytes_tag(4): {
        std::string_view record;
        read = read_view(in, record) && read_record(record, out.records.emplace_back());
        break;
      }
      default:
        read = skip_field(in, tag);
    }
    if (!read) return false;
  }
  return in.ConsumedEntireMessage();
}

}  // namespace

std::string encode_log_records(const LogRecords& records) {
  OnArena<agent::LogRecords> out;
  out.message->set_keeper(records.keeper);
  out.message->set_segment(records.segment);
  out.message->set_offset(records.offset);
  for (const LogRecordView& record : records.records) {
    MUSTER_CHECK(record.bytes.size() <= kLogDataBytesMax, "a log record is cut before it is sent");
    agent::LogRecord& one = *out.message->add_records();
    one.set_batch(record.attempt.batch);
    one.set_index(record.attempt.index);
    one.set_attempt(record.attempt.number);
    one.set_incarnation(record.attempt.incarnation);
    one.set_stream(record.stream);
    one.set_offset(record.offset);
    one.set_data(record.bytes.data(), record.bytes.size());
  }
  return frame(FrameKind::log_records, *out.message);
}

Result<LogRecords> decode_log_records(std::string_view frame_bytes) {
  MUSTER_CHECK(frame_kind(frame_bytes) == FrameKind::log_records, "a frame is decoded as what it is");
  LogRecords records;
  if (frame_bytes.size() > kServerFrameBytesMax || !read_records(frame_bytes.substr(1), records)) {
    return malformed("log_records");
  }
  return records;
}

std::string encode_logs_taken(const LogsTaken& taken) {
  OnArena<agent::LogsTaken> out;
  out.message->set_keeper(taken.keeper);
  out.message->set_segment(taken.segment);
  out.message->set_offset(taken.offset);
  return frame(FrameKind::logs_taken, *out.message);
}

Result<LogsTaken> decode_logs_taken(std::string_view frame_bytes) {
  OnArena<agent::LogsTaken> in;
  if (!parse(frame_bytes, FrameKind::logs_taken, *in.message)) return malformed("logs_taken");
  return LogsTaken{in.message->keeper(), in.message->segment(), in.message->offset()};
}

}  // namespace muster::wire
