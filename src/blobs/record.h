// One piece of what a task wrote, and its form in a segment file: a fixed header, then the bytes.
// The header's own checksum finds every record without reading payloads; the payload's tells a torn or damaged one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"

namespace muster::blobs {

enum class Stream : std::uint8_t { out = 1, err = 2 };

// The bytes are not owned. An empty piece says that the stream has reached `offset`, whatever is missing before it.
struct LogRecord {
  AttemptRef attempt;
  Stream stream = Stream::out;
  std::uint64_t offset = 0;  // of the first byte, in that stream of that attempt
  std::string_view bytes;    // at most kRecordBytesMax
  bool operator==(const LogRecord&) const = default;
};

inline constexpr std::size_t kRecordBytesMax = 256ULL << 10;
inline constexpr std::size_t kRecordHeaderBytes = 56;

struct RecordHeader {
  AttemptRef attempt;
  Stream stream = Stream::out;
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  std::uint32_t payload_crc = 0;
};

// `into` has room for kRecordHeaderBytes. All numbers little endian:
//   0 "MLR1" · 4 CRC-32C of bytes 8..55 · 8 batch · 16 index · 24 number · 28 incarnation · 32 offset · 40 length
//   44 CRC-32C of the payload · 48 stream · 49..55 zero
void write_record_header(const RecordHeader& header, char* into);
void write_record_header(const LogRecord& record, char* into);
// Header and bytes.
void append_record(const LogRecord& record, std::string& out);
// Nothing when these are not kRecordHeaderBytes of a sound header.
std::optional<RecordHeader> read_record_header(std::string_view bytes);

}  // namespace muster::blobs
