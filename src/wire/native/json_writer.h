// Writes JSON by appending to a string: no tree, no allocation but the string's own.
// The text is always valid UTF-8: bytes that are not become U+FFFD. Calls have to be balanced by the caller.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/ids.h"

namespace muster::wire {

void append_json_string(std::string& out, std::string_view text);

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  // A member's name; a value has to follow.
  JsonWriter& key(std::string_view name);

  JsonWriter& text(std::string_view value);
  JsonWriter& text_or_null(std::string_view value) { return value.empty() ? null() : text(value); }
  JsonWriter& flag(bool value);
  JsonWriter& null();
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  JsonWriter& number(T value) {
    return unsigned_number(value);
  }
  template <std::signed_integral T>
  JsonWriter& number(T value) {
    return signed_number(value);
  }
  // Microseconds as seconds with as many decimals as needed.
  JsonWriter& seconds(Micros duration_us);
  // Bytes as MiB with at most three decimals.
  JsonWriter& mebibytes(std::uint64_t bytes);
  // RFC 3339 in UTC with microseconds; 0 is null.
  JsonWriter& time(Micros wall_us);
  // JSON that is complete already.
  JsonWriter& raw(std::string_view json);

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& unsigned_number(std::uint64_t value);
  JsonWriter& signed_number(std::int64_t value);
  void separate();
  std::string& out_;
  bool comma_ = false;
};

}  // namespace muster::wire
