// Writing and reading of record headers.
// Every field is at a fixed place; what is reserved is written as zero and not looked at.
#include "blobs/record.h"

#include <bit>
#include <cstring>

#include "blobs/crc32c.h"

namespace muster::blobs {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

constexpr std::string_view kMagic = "MLR1";
constexpr std::size_t kChecked = 8;

template <class T>
void put(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

template <class T>
T get(const char* at) {
  T value{};
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

void write_record_header(const RecordHeader& header, char* into) {
  std::memset(into, 0, kRecordHeaderBytes);
  std::memcpy(into, kMagic.data(), kMagic.size());
  put(into + 8, header.attempt.batch);
  put(into + 16, header.attempt.index);
  put(into + 24, header.attempt.number);
  put(into + 28, header.attempt.incarnation);
  put(into + 32, header.offset);
  put(into + 40, header.length);
  put(into + 44, header.payload_crc);
  into[48] = static_cast<char>(header.stream);
  put(into + 4, crc32c({into + kChecked, kRecordHeaderBytes - kChecked}));
}

void write_record_header(const LogRecord& record, char* into) {
  write_record_header(RecordHeader{record.attempt, record.stream, record.offset,
                                   static_cast<std::uint32_t>(record.bytes.size()), crc32c(record.bytes)},
                      into);
}

void append_record(const LogRecord& record, std::string& out) {
  const std::size_t at = out.size();
  out.resize(at + kRecordHeaderBytes);
  write_record_header(record, out.data() + at);
  out.append(record.bytes);
}

std::optional<RecordHeader> read_record_header(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes || bytes.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  const char* from = bytes.data();
  if (get<std::uint32_t>(from + 4) != crc32c({from + kChecked, kRecordHeaderBytes - kChecked}))
    return std::nullopt;
  RecordHeader header;
  header.attempt = {get<std::uint64_t>(from + 8), get<std::uint64_t>(from + 16),
                    get<std::uint32_t>(from + 24), get<std::uint32_t>(from + 28)};
  header.offset = get<std::uint64_t>(from + 32);
  header.length = get<std::uint32_t>(from + 40);
  header.payload_crc = get<std::uint32_t>(from + 44);
  const char stream = from[48];
  if ((stream != 1 && stream != 2) || header.length > kRecordBytesMax) return std::nullopt;
  header.stream = static_cast<Stream>(stream);
  return header;
}

}  // namespace muster::blobs
