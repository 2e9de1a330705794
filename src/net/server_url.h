// The address of a server as people and files write it: scheme, host, port, and the fingerprint that proves it.
// A token never leaves this machine in the clear: http is for loopback addresses, everything else is https.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace muster::net {

inline constexpr std::uint16_t kServerPort = 7420;

enum class Scheme : std::uint8_t { http, https };

struct ServerUrl {
  std::string host;  // numeric without brackets; with https it may be a name
  std::uint16_t port = kServerPort;
  Scheme scheme = Scheme::http;
  std::string pin{};  // "sha256//…" from behind the #; empty: none
  bool operator==(const ServerUrl&) const = default;

  std::string authority() const;  // as in a Host field: "[::1]:7420"
  std::string text() const;       // without the pin
  std::string pinned() const;     // with it, when there is one
};

bool is_loopback(const std::string& host);
bool is_numeric(const std::string& host);

// "sha256//" and 32 bytes in base64, as curl's --pinnedpubkey takes it.
bool is_pin(std::string_view text);

// http://HOST[:PORT][/] with HOST on loopback, or https://HOST[:PORT][/][#sha256//…]; port 7420 when there is none. E203.
Result<ServerUrl> parse_url(std::string_view url);

}  // namespace muster::net
