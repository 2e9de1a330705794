// Tokens: minted, kept as hashes, found by id and compared in constant time.
// The text of a token is known only to whoever holds it; a stolen database gives none. What changes here is told as rows to write.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "core/rows.h"

namespace muster::front {

enum class TokenKind : std::uint8_t {
  user,   // the API
  agent,  // the agent's endpoint, nothing else
  join,   // lets one worker in, once
  link,   // signs one browser in, once
};
std::string_view to_text(TokenKind kind);

// Of a worker that joined; renewed long before.
inline constexpr Micros kAgentTokenLife_us = 7LL * 24 * 3600 * 1'000'000;

struct Identity {
  std::uint64_t token_id = 0;
  TokenKind kind = TokenKind::join;
  std::string owner;
  std::string worker;    // agent, join: the name its worker goes by; empty: what it says
  std::string spool_id;  // agent: the one worker it is good for; empty: any
  std::string project;   // user: good there alone; empty: wherever the owner may
  std::string role;      // user: no more than this; empty: what the owner may
};

// What a new token is to be; `expires_wall_us` 0: never.
struct TokenWish {
  TokenKind kind = TokenKind::user;
  std::string owner;
  std::string worker;
  std::string spool_id;
  std::string project;
  std::string role;
  std::string note;
  Micros expires_wall_us = 0;
};

struct MintedToken {
  std::string text;  // to be shown once, after `row` is written
  TokenRow row;
};

class Tokens {
 public:
  explicit Tokens(const std::vector<TokenRow>& rows) { reload(rows); }
  // After a commit that failed: what counts is what is written.
  void reload(const std::vector<TokenRow>& rows);

  // mst_<kind>_<id>_<secret>_<crc>, secret = 256 bits of the kernel in hex, crc = CRC-32 of what stands before it. Good at once.
  // `bytes`: 32 that nobody else can tell, instead of the kernel's.
  MintedToken mint(const TokenWish& wish, Micros wall_us, const std::string& bytes = {});
  // The text of a token minted with these bytes; empty when it was minted with others.
  std::string text_again(std::uint64_t id, const std::string& bytes) const;

  // Nothing for a malformed, unknown, revoked or expired one; the reason is not told apart.
  std::optional<Identity> check(std::string_view text, Micros wall_us) const;
  // Why it is refused, for the server's own record: which token a text names that is revoked or expired; 0: none.
  std::uint64_t refused_id(std::string_view text) const;

  // When the token ends: 0 never; nothing if check() would give nothing.
  std::optional<Micros> expiry(std::string_view text, Micros wall_us) const;

  // From this call on it opens nothing; the row to write. Nothing if there is none, or it is revoked already: so of two
  // that want to use up a join token, one gets the row.
  std::optional<TokenRow> revoke(std::uint64_t id, Micros wall_us);
  // Good for this worker alone from now on; the row to write. Nothing if it is another's.
  std::optional<TokenRow> bind(std::uint64_t id, const std::string& spool_id);
  // Changes with every revocation: what was remembered before it is to be asked for again.
  std::uint64_t revocations() const { return revocations_; }

  // Remembers that it was used. take_used(): rows of tokens used since they were last written, if that is a minute ago.
  void used(std::uint64_t id, Micros wall_us);
  std::vector<TokenRow> take_used();

  const TokenRow* find(std::uint64_t id) const;
  const std::map<std::uint64_t, TokenRow>& all() const { return rows_; }

 private:
  const TokenRow* find_good(std::string_view text, Micros wall_us) const;
  std::map<std::uint64_t, TokenRow> rows_;
  std::map<std::uint64_t, Micros> used_;  // since the rows were written
  std::uint64_t revocations_ = 0;
};

}  // namespace muster::front
