// Reading addresses by hand: they are short, and what is not plainly one is refused.
// `localhost` is 127.0.0.1; other names are left as they are, for https alone.
#include "net/server_url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/escape.h"

namespace muster::net {
namespace {

constexpr std::string_view kPinPrefix = "sha256//";
constexpr std::size_t kPinDigits = 44;  // 32 bytes in base64
constexpr std::size_t kNameBytesMax = 253;

std::unexpected<Error> bad_url(std::string_view url, const std::string& why) {
  return refuse(ErrorKind::usage, kMalformedValue,
                "'" + escape_text(truncate_text(url, 300)) + "' is not the address of a server: " + why,
                "an address looks like http://127.0.0.1:7420, or https://HOST:7420 on another machine");
}

bool is_name(std::string_view host) {
  return !host.empty() && host.size() <= kNameBytesMax && host.front() != '-' && host.front() != '.' &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '.' || c == '_';
         });
}

// HOST, HOST:PORT, [HOST] or [HOST]:PORT; what is wrong, or nothing.
std::string split_authority(std::string_view rest, ServerUrl& out) {
  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
  if (bracket == std::string_view::npos) return "a bracket is not closed";
  const std::size_t colon = rest.find(':', bracket);
  if (colon != std::string_view::npos) {
    const std::string_view port = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size() || out.port == 0)
      return "the port is a number from 1 to 65535";
    rest = rest.substr(0, colon);
  }
  if (bracket != 0) {
    if (!rest.ends_with(']')) return "a bracket is out of place";
    rest = rest.substr(1, rest.size() - 2);
  }
  out.host = rest == "localhost" ? "127.0.0.1" : std::string(rest);
  return {};
}

std::string check_host(const ServerUrl& url) {
  if (is_numeric(url.host)) {
    if (url.scheme == Scheme::https || is_loopback(url.host)) return {};
    return "a token would cross the network unencrypted; a server on another machine is https://";
  }
  if (url.scheme == Scheme::http) return "the host is neither localhost nor a numeric address";
  return is_name(url.host) ? std::string() : "the host is neither a name nor a numeric address";
}

}  // namespace

std::string ServerUrl::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return name + ":" + std::to_string(port);
}

std::string ServerUrl::text() const {
  return (scheme == Scheme::https ? "https://" : "http://") + authority();
}

std::string ServerUrl::pinned() const { return pin.empty() ? text() : text() + "#" + pin; }

bool is_loopback(const std::string& host) {
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool is_numeric(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

bool is_pin(std::string_view text) {
  if (!text.starts_with(kPinPrefix) || text.size() != kPinPrefix.size() + kPinDigits || text.back() != '=')
    return false;
  text.remove_prefix(kPinPrefix.size());
  text.remove_suffix(1);
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
}

Result<ServerUrl> parse_url(std::string_view url) {
  ServerUrl found;
  std::string_view rest = url;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    found.scheme = Scheme::https;
    rest.remove_prefix(8);
  } else {
    return bad_url(url, "it begins with neither http:// nor https://");
  }
  if (const std::size_t hash = rest.find('#'); found.scheme == Scheme::https && hash != rest.npos) {
    found.pin = rest.substr(hash + 1);
    if (!is_pin(found.pin)) return bad_url(url, "behind the # stands a fingerprint, sha256//…");
    rest = rest.substr(0, hash);
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@ \t\r\n") != std::string_view::npos)
    return bad_url(url, "it is more than host and port");
  if (const std::string why = split_authority(rest, found); !why.empty()) return bad_url(url, why);
  if (const std::string why = check_host(found); !why.empty()) return bad_url(url, why);
  return found;
}

}  // namespace muster::net
