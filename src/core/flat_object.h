// One flat JSON object on one line: names with strings, numbers or booleans, nothing nested. For rows of items.
// Strict RFC 8259; a number is kept as it is written, a string is decoded to UTF-8, a NUL is refused.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <expected>

namespace muster {

struct FlatField {
  std::string name;
  std::string value;
  bool operator==(const FlatField&) const = default;
};

struct FlatError {
  std::size_t offset = 0;  // of the byte that does not fit
  std::string why;         // half a sentence, control characters escaped
};

// Reads `text`, which is one object and blanks around it. The fields go to the front of `fields`, which is used again from
// call to call and only grows; returns how many there are.
std::expected<std::size_t, FlatError> read_flat_object(std::string_view text, std::vector<FlatField>& fields);

}  // namespace muster
