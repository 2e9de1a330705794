// Reading --listen.
// Addresses are numbers: what a name stands for may change, and with it who can reach the server.
#include "runtime/listen_address.h"

#include <charconv>

#include "core/escape.h"
#include "net/server_url.h"

namespace muster::runtime {
namespace {

std::unexpected<Error> malformed(std::string_view text) {
  return refuse(ErrorKind::usage, kMalformedValue,
                "\"" + escape_text(truncate_text(text, 100)) + "\" is not an address to listen on",
                "for instance --listen 127.0.0.1:7420, or port 0 for any free one");
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  ListenAddress address;
  std::string_view host;
  std::string_view port = text;
  if (text.starts_with('[')) {
    const std::size_t end = text.find("]:");
    if (end == std::string_view::npos) return malformed(text);
    host = text.substr(1, end - 1);
    port = text.substr(end + 2);
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return malformed(text);
  if (host == "*") {
    address.host = "0.0.0.0";
  } else if (!host.empty() && host != "localhost") {
    address.host = host;
  }
  if (!net::is_numeric(address.host)) return malformed(text);
  return address;
}

bool ListenAddress::is_loopback() const { return net::is_loopback(host); }

}  // namespace muster::runtime
