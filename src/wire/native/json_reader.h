// Reads requests strictly: a member that is not known or of another type is refused with its name.
// Nothing deeper than 32, no string above 1 MiB, no more than 10,000 member names pass.
#pragma once

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace muster::wire {

struct JsonLimits {
  std::size_t depth = 32;
  std::size_t keys = 10'000;
  std::size_t string_bytes = 1 << 20;
};

// A document with the memory it lies in: small ones need no allocation at all.
class JsonDocument {
 public:
  JsonDocument() : resource_(buffer_, sizeof buffer_) {}
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  // kMalformedBody with line and column; once per document.
  Result<void> parse(std::string_view text, const JsonLimits& limits = {});
  const boost::json::value& root() const { return *root_; }

 private:
  unsigned char buffer_[8192];
  boost::json::monotonic_resource resource_;
  std::optional<boost::json::value> root_;
};

// One object, member by member. The first thing wrong is kept and the rest is skipped: check with finish(), which also
// refuses members that nobody asked for.
class ObjectReader {
 public:
  // `what` names the object in messages: "the body", "table".
  ObjectReader(const boost::json::value& value, std::string_view what);

  bool has(std::string_view name);
  void text(std::string_view name, std::string& out);
  void optional_text(std::string_view name, std::optional<std::string>& out);
  void flag(std::string_view name, bool& out);
  void optional_flag(std::string_view name, std::optional<bool>& out);
  void number(std::string_view name, std::uint64_t& out, std::uint64_t max = UINT64_MAX);
  void number(std::string_view name, std::uint32_t& out, std::uint64_t max = UINT32_MAX);
  void number(std::string_view name, std::int32_t& out);
  void optional_number(std::string_view name, std::optional<std::uint64_t>& out);
  void optional_number(std::string_view name, std::optional<std::uint32_t>& out);
  void optional_number(std::string_view name, std::optional<std::int32_t>& out);
  // Seconds, whole or not, 0 to 100 years; kept in microseconds.
  void seconds(std::string_view name, std::int64_t& out_us);
  void optional_seconds(std::string_view name, std::optional<std::int64_t>& out_us);
  void texts(std::string_view name, std::vector<std::string>& out);
  // {"K":"V"} in the order written.
  // {"N":4}, each a whole number.
  void number_map(std::string_view name, std::vector<std::pair<std::string, std::uint64_t>>& out);
  void text_map(std::string_view name, std::vector<std::pair<std::string, std::string>>& out);
  // The member itself, or null when there is none.
  const boost::json::value* member(std::string_view name);

  void refuse_member(std::string_view name, std::string_view why);
  Result<void> finish();

 private:
  std::optional<std::uint64_t> take_number(std::string_view name, std::uint64_t max);
  std::optional<std::int64_t> take_signed(std::string_view name, std::int64_t min, std::int64_t max);
  std::optional<std::int64_t> take_seconds(std::string_view name);
  const boost::json::object* object_ = nullptr;
  std::string what_;
  std::size_t taken_ = 0;
  std::vector<std::string_view> known_;
  std::optional<Error> error_;
};

}  // namespace muster::wire
