// Texts of ours as PostgreSQL can keep them: its texts are UTF-8 without NUL, ours may be any bytes.
// Must hold: nothing is lost: from_postgres(to_postgres(x)) == x, and well-formed text without U+10FF00..U+10FFFF stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace muster::store::postgres {

// A byte that is no part of well-formed UTF-8, or is NUL, becomes the character U+10FF00 + byte.
void append_to_postgres(std::string_view text, std::string& out);
std::string from_postgres(std::string_view text);

}  // namespace muster::store::postgres
