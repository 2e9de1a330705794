// The agent reads addresses as every client does.
// One reader for all: what is an address in one place is one in every other.
#include "runtime/agent/server_address.h"

namespace muster::runtime {

Result<ServerAddress> parse_server_url(std::string_view url) { return net::parse_url(url); }

std::vector<std::string> split_server_urls(std::string_view urls) {
  std::vector<std::string> list;
  for (;;) {
    const std::size_t comma = urls.find(',');
    list.emplace_back(urls.substr(0, comma));
    if (comma == std::string_view::npos) return list;
    urls.remove_prefix(comma + 1);
  }
}

}  // namespace muster::runtime
