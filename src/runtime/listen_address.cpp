// Reading --listen.
// All of 127.0.0.0/8 is loopback; so is ::1.
#include "runtime/listen_address.h"

#include <arpa/inet.h>

#include <charconv>

#include "core/escape.h"

namespace muster::runtime {
namespace {

std::unexpected<Error> malformed(std::string_view text) {
  return refuse(ErrorKind::usage, kMalformedValue,
                "\"" + escape_text(truncate_text(text, 100)) + "\" is not an address to listen on",
                "for instance --listen 127.0.0.1:7420, or port 0 for any free one");
}

bool is_loopback(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool is_address(const std::string& host) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
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
  if (!host.empty() && host != "localhost") address.host = host;
  if (is_loopback(address.host)) return address;
  if (!is_address(address.host) && address.host != "*") return malformed(text);
  return refuse(ErrorKind::usage, kMalformedValue,
                escape_text(address.host) +
                    " can be reached from other machines, and this version has no TLS to protect it",
                "listen on 127.0.0.1; reach it from elsewhere through ssh -L");
}

}  // namespace muster::runtime
