// The files that patterns mean, for --each: folders are walked here, what matches is decided in core/glob_text.h.
// The order is that of the bytes, so that the same folder gives the same tasks.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"

namespace muster::cli {

// Each word is a pattern, or the name of something that exists (the shell may have expanded a pattern already, and a name may
// look like one). Sorted within each pattern; words in the order given. kNoItems naming the first word that matches nothing.
Result<std::vector<std::string>> expand_patterns(const std::vector<std::string>& words);

}  // namespace muster::cli
