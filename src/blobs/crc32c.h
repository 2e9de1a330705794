// CRC-32C (Castagnoli) of log headers and payloads: tells a complete record from a torn one.
// The same value on every machine; the processor's instruction is used where it has one.
#pragma once

#include <cstdint>
#include <string_view>

namespace muster::blobs {

// Continues from `before`, so that crc32c(b, crc32c(a)) is the value of a followed by b.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

// The table variant that crc32c() takes where the instruction is missing.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t before = 0);

}  // namespace muster::blobs
