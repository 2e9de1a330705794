// HOST:PORT as given to --listen. Off loopback there is always TLS: no option takes it away.
// A name is never looked up, except `localhost`, which is 127.0.0.1, and `*`, which is every IPv4 address of this machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace muster::runtime {

struct ListenAddress {
  std::string host = "127.0.0.1";  // numeric; IPv6 without brackets
  std::uint16_t port = 7420;       // 0: a free one
  bool operator==(const ListenAddress&) const = default;

  // As in a URL: "127.0.0.1", "[::1]".
  std::string url_host() const { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }
  bool is_loopback() const;
  // Not one address, but all of them.
  bool is_any() const { return host == "0.0.0.0" || host == "::"; }
  std::string url() const { return "http://" + url_host() + ":" + std::to_string(port); }
};

// "127.0.0.1:7420", "localhost:0", "[::1]:7420", ":7420", "7420", "*:7420", "192.168.1.5:7420". kMalformedValue for anything else.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace muster::runtime
