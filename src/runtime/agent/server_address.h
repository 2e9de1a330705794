// Where the agent finds its server: a URL given once, or a file that a server writes anew each time it starts.
// Plain http is spoken to a loopback address only: a token never leaves this machine in the clear.
#pragma once

#include <string_view>
#include <vector>

#include "core/error.h"
#include "net/server_url.h"

namespace muster::runtime {

using ServerAddress = net::ServerUrl;
inline constexpr std::uint16_t kServerPort = net::kServerPort;

// As net::parse_url. Error E203.
Result<ServerAddress> parse_server_url(std::string_view url);

// "URL,URL" as a list; never empty.
std::vector<std::string> split_server_urls(std::string_view urls);

}  // namespace muster::runtime
