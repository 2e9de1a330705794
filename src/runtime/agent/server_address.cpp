// Reading the server's URL; addresses are parsed by the system's own function.
// Nothing is looked up: a name other than `localhost` is refused.
#include "runtime/agent/server_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "core/escape.h"

namespace muster::runtime {

namespace {

bool is_loopback(const std::string& host) {
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

// HOST, HOST:PORT, [HOST] or [HOST]:PORT.
bool split_authority(std::string_view authority, ServerAddress& address) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    address.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
  } else {
    const std::size_t end = std::min(authority.find(':'), authority.size());
    address.host = authority.substr(0, end);
    port = authority.substr(end);
  }
  address.port = kServerPort;
  if (port.empty()) return true;
  if (port.front() != ':') return false;
  port.remove_prefix(1);
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), address.port);
  return parsed.ec == std::errc{} && parsed.ptr == port.data() + port.size() && address.port != 0;
}

}  // namespace

std::string ServerAddress::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return name + ":" + std::to_string(port);
}

Result<ServerAddress> parse_server_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  std::string_view rest = url;
  ServerAddress address;
  bool good = rest.starts_with(kScheme);
  if (good) {
    rest.remove_prefix(kScheme.size());
    if (rest.ends_with('/')) rest.remove_suffix(1);
    good = split_authority(rest, address);
    if (address.host == "localhost") address.host = "127.0.0.1";
  }
  if (good && is_loopback(address.host)) return address;
  return refuse(ErrorKind::usage, kMalformedValue,
                "'" + escape_text(url) + "' is not the address of a server on this machine",
                "give it as http://127.0.0.1:7420");
}

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
