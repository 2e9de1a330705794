// The version of this program, in one place.
// Grows with releases; protocols and schemas have numbers of their own.
#pragma once

#include <string_view>

namespace muster {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace muster
