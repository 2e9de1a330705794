// The version of this program, in one place, and which of two versions is older.
// Grows with releases; protocols and schemas have numbers of their own.
#pragma once

#include <string_view>

namespace muster {

std::string_view own_version();

// "0.9.2" before "0.10.0": by number, part by part. What is behind the numbers ("-rc1") does not count, and what is no version
// is older than any.
bool is_older_version(std::string_view one, std::string_view other);

// Whether it may be the name of a folder: letters, digits and .+- of a sensible length, no dot first.
bool is_plain_version(std::string_view version);

}  // namespace muster
