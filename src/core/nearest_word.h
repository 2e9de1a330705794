// The nearest right word for a mistyped one.
// Offered, never acted upon.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace muster {

// Steps to make one from the other: a letter added, taken away, changed, or two neighbours swapped.
unsigned edit_distance(std::string_view a, std::string_view b);

// The nearest of `words`, if it is near enough to be meant (one step in three letters, or a word it begins); else empty.
std::string nearest_word(std::string_view typed, std::span<const std::string_view> words);

}  // namespace muster
