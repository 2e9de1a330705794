// The scripts that shells read: each hands the words to `muster complete` and shows what comes back.
// They hold no word of the command tree, so that an upgrade of the program is an upgrade of its completion.
#pragma once

#include <string_view>

namespace muster::cli {

extern const std::string_view kBashCompletion;
extern const std::string_view kZshCompletion;
extern const std::string_view kFishCompletion;

}  // namespace muster::cli
