// One line of a task's output with what differs from task to task taken out, so that equal causes look equal.
// Numbers, hexadecimal words and quoted hashes become #, paths and addresses <path>; always safe to print.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace muster {

// The last line of `text` that is not blank; empty if there is none.
std::string_view last_line(std::string_view text);

// Escaped, blanks joined, at most `width` columns.
std::string masked_line(std::string_view line, std::size_t width = 160);

}  // namespace muster
