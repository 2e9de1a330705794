// Where the agent finds its server: a URL given once, or a file that a server writes anew each time it starts.
// Only plain http on a loopback address is spoken: a token never leaves this machine in the clear.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace muster::runtime {

struct ServerAddress {
  std::string host;  // numeric, without brackets
  std::uint16_t port = 0;
  bool operator==(const ServerAddress&) const = default;
  // As in a Host field.
  std::string authority() const;
};

inline constexpr std::uint16_t kServerPort = 7420;

// http://HOST[:PORT][/], HOST `localhost` or a numeric loopback address. Error E203.
Result<ServerAddress> parse_server_url(std::string_view url);

// "URL,URL" as a list; never empty.
std::vector<std::string> split_server_urls(std::string_view urls);

}  // namespace muster::runtime
