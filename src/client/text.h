// Strings put together from pieces, without streams or format strings: those cost start time and minutes of compiling.
// Numbers are decimal; nothing is padded, escaped or localised.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace muster::client {

inline void append_piece(std::string& out, std::string_view piece) { out.append(piece); }
inline void append_piece(std::string& out, char piece) { out.push_back(piece); }
template <std::integral Number>
void append_piece(std::string& out, Number number) {
  out += std::to_string(number);
}

// join_text("batch ", 42, ": ", name)
template <class... Pieces>
std::string join_text(const Pieces&... pieces) {
  std::string out;
  (append_piece(out, pieces), ...);
  return out;
}

}  // namespace muster::client
