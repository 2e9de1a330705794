// What `muster help TOPIC` prints: pages about what all commands share.
// Nothing here needs a server, and nothing depends on who reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::cli {

// Nothing for an unknown topic.
std::optional<std::string> topic_text(std::string_view topic);
std::vector<std::string_view> topic_names();

}  // namespace muster::cli
