// JSON as text for a terminal or a pipe.
// JSON leaves most control characters beyond ASCII as they are; a terminal would obey them.
#pragma once

#include <string>
#include <string_view>

#include "cli/terminal.h"

namespace muster::cli {

// Unchanged for a pipe; for a terminal every character that could act upon it is written as \uXXXX. The document's meaning
// stays the same.
std::string json_for(const Terminal& terminal, std::string json);

// "text" with quotes and escapes.
std::string json_text_literal(std::string_view text);

}  // namespace muster::cli
