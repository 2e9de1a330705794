// Any bytes as what comes through a socket: the request parser in two sizes of pieces, and its target taken apart.
// Input: the bytes of a connection.
// Sources: src/runtime/http_parser.cpp
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/escape.h"
#include "front/target.h"
#include "runtime/http_parser.h"

namespace {

using namespace muster;

void check_target(std::string_view text) {
  const Result<front::Target> target = front::parse_target(text);
  if (!target) {
    MUSTER_CHECK(!needs_escape(target.error().what), "a refusal is safe to print");
    return;
  }
  for (const std::string& part : target->path) {
    MUSTER_CHECK(!part.empty() && part.find('\0') == std::string::npos, "a part of the path is something");
  }
  front::QueryReader query(*target);
  std::uint64_t limit = 100;
  std::int64_t wait_us = 0;
  query.number("limit", limit, 1, 1000);
  query.seconds("wait_s", wait_us, 60'000'000);
  MUSTER_CHECK(limit >= 1 && limit <= 1000 && wait_us >= 0 && wait_us <= 60'000'000,
               "numbers stay within their bounds");
  const Result<void> done = query.finish();
  MUSTER_CHECK(done.has_value() || !needs_escape(done.error().what), "a refusal is safe to print");
}

// Everything a connection would see, as text.
std::string parse_all(std::string_view bytes, std::size_t step) {
  runtime::HttpParser parser;
  std::string seen;
  std::string buffer;
  const auto on_body = [&seen](std::string_view piece) {
    seen += piece;
    return true;
  };
  for (std::size_t at = 0; at < bytes.size();) {
    buffer += bytes.substr(at, step);
    at += step;
    for (bool more = true; more;) {
      std::size_t used = 0;
      const runtime::HttpProgress progress = parser.put(buffer, used, on_body);
      buffer.erase(0, used);
      more = false;
      if (progress == runtime::HttpProgress::refused) return seen + " refused";
      if (progress == runtime::HttpProgress::head_done) {
        check_target(parser.head().target);
        seen += "<" + parser.head().target + ">";
        MUSTER_CHECK(parser.head().fields.size() <= 64, "a header has its limit");
        more = true;
      }
      if (progress == runtime::HttpProgress::done) {
        parser.reset();
        more = !buffer.empty();
      }
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_target(bytes);
  const std::string whole = parse_all(bytes, size + 1);
  const std::string pieces = parse_all(bytes, 3);
  // Pieces only change when a refusal is noticed, never what is read before it.
  const std::string_view shorter = whole.size() < pieces.size() ? whole : pieces;
  const std::string_view longer = whole.size() < pieces.size() ? pieces : whole;
  const std::string_view common =
      shorter.ends_with(" refused") ? shorter.substr(0, shorter.size() - 8) : shorter;
  MUSTER_CHECK(longer.starts_with(common), "pieces of any size are read the same");
  return 0;
}
