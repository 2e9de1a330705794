// Cell functions for members that need no thought: one template per kind of cell, the member's key as its argument.
// Included by the views only.
#pragma once

#include <algorithm>
#include <cstddef>

#include "cli/views/cells.h"
#include "cli/views/view.h"

namespace muster::cli {

template <std::size_t kLength>
struct Key {
  char text[kLength];
  constexpr Key(const char (&literal)[kLength]) { std::copy_n(literal, kLength, text); }
};

template <Key kKey>
Cell text_at(const client::Json& thing, const ViewContext& context) {
  return text_cell(thing[kKey.text], context);
}
template <Key kKey>
Cell number_at(const client::Json& thing, const ViewContext& context) {
  return number_cell(thing[kKey.text], context);
}
template <Key kKey, Tone kTone = Tone::plain>
Cell count_at(const client::Json& thing, const ViewContext& context) {
  return count_cell(thing[kKey.text], context, kTone);
}
// thing[kOuter][kKey]
template <Key kOuter, Key kKey, Tone kTone = Tone::plain>
Cell count_in(const client::Json& thing, const ViewContext& context) {
  return count_cell(thing[kOuter.text][kKey.text], context, kTone);
}
template <Key kOuter, Key kKey>
Cell memory_in(const client::Json& thing, const ViewContext& context) {
  return memory_cell(thing[kOuter.text][kKey.text], context);
}
template <Key kKey>
Cell flag_at(const client::Json& thing, const ViewContext& context) {
  return flag_cell(thing[kKey.text], context);
}
template <Key kKey>
Cell time_at(const client::Json& thing, const ViewContext& context) {
  return time_cell(thing[kKey.text], context);
}
template <Key kKey>
Cell seconds_at(const client::Json& thing, const ViewContext& context) {
  return seconds_cell(thing[kKey.text], context);
}
template <Key kKey>
Cell memory_at(const client::Json& thing, const ViewContext& context) {
  return memory_cell(thing[kKey.text], context);
}
template <Key kKey>
Cell bytes_at(const client::Json& thing, const ViewContext& context) {
  return bytes_cell(thing[kKey.text], context);
}

inline constexpr auto kMain = Importance::main;
inline constexpr auto kWide = Importance::wide;
inline constexpr auto kLeft = Alignment::left;
inline constexpr auto kRight = Alignment::right;

}  // namespace muster::cli
