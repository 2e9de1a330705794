// Tokens: minted, kept as hashes, found by id and compared in constant time.
// The text of a token is known only to whoever holds it; a stolen database gives none.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/error.h"
#include "core/ids.h"
#include "ports/store.h"

namespace muster::front {

enum class TokenKind : std::uint8_t {
  admin,  // everything but the agent's endpoint
  agent,  // the agent's endpoint, nothing else
};
std::string_view to_text(TokenKind kind);

struct Identity {
  std::uint64_t token_id = 0;
  TokenKind kind = TokenKind::agent;
  std::string owner;
};

class Tokens {
 public:
  // Reads every token into memory; `store` must outlive this.
  explicit Tokens(TokenStore& store);

  // A new token: mst_<kind>_<id>_<secret>_<crc>, secret = 256 bits of the kernel in hex, crc = CRC-32 of what stands before it.
  // Durable when this returns. expires_wall_us 0: never.
  std::string mint(TokenKind kind, const std::string& owner, Micros created_wall_us, Micros expires_wall_us);

  // Nothing for a malformed, unknown, revoked or expired one; the reason is not told apart.
  std::optional<Identity> check(std::string_view text, Micros wall_us) const;

  // When the token ends: 0 never; nothing if check() would give nothing.
  std::optional<Micros> expiry(std::string_view text, Micros wall_us) const;

  void revoke(std::uint64_t id);
  // Changes with every revocation: what was remembered before it is to be asked for again.
  std::uint64_t revocations() const { return revocations_; }

 private:
  struct Known {
    std::array<unsigned char, 32> hash{};
    Identity identity;
    Micros expires_wall_us = 0;
  };
  const Known* find(std::string_view text, Micros wall_us) const;
  TokenStore& store_;
  std::unordered_map<std::uint64_t, Known> known_;
  std::uint64_t revocations_ = 0;
};

}  // namespace muster::front
