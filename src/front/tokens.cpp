// Minting and checking tokens.
// The checksum only tells a mistyped token from a wrong one early; what counts is the hash.
#include "front/tokens.h"

#include <sodium.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/check.h"
#include "core/crc32.h"

namespace muster::front {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kTokenBytesMax = 200;
constexpr std::string_view kPrefix = "mst_";

std::string hex(const unsigned char* bytes, std::size_t size) {
  std::string text(size * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes, size);
  text.pop_back();
  return text;
}

std::string checksum(std::string_view text) { return crc32_text(text); }

constexpr std::array kKinds{TokenKind::user, TokenKind::agent, TokenKind::join, TokenKind::link};

std::optional<TokenKind> kind_from_text(std::string_view text) {
  for (const TokenKind kind : kKinds) {
    if (to_text(kind) == text) return kind;
  }
  return std::nullopt;
}

std::string hash_of(std::string_view secret) {
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                     reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  return hash;
}

std::string text_of(const TokenRow& row, const std::string& secret) {
  const std::string text = std::string(kPrefix) + row.kind + "_" + std::to_string(row.id) + "_" + secret;
  return text + "_" + checksum(text);
}

struct TokenParts {
  std::string_view kind;
  std::uint64_t id = 0;
  std::string_view secret;
};

// mst_<kind>_<id>_<secret>_<crc>
std::optional<TokenParts> split(std::string_view text) {
  if (text.size() > kTokenBytesMax || !text.starts_with(kPrefix)) return std::nullopt;
  const std::size_t last = text.rfind('_');
  if (checksum(text.substr(0, last)) != text.substr(last + 1)) return std::nullopt;
  std::string_view rest = text.substr(kPrefix.size(), last - kPrefix.size());
  const std::size_t first = rest.find('_');
  const std::size_t second = rest.find('_', first == std::string_view::npos ? first : first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  TokenParts parts;
  parts.kind = rest.substr(0, first);
  parts.secret = rest.substr(second + 1);
  const std::string_view id = rest.substr(first + 1, second - first - 1);
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), parts.id);
  if (error != std::errc() || end != id.data() + id.size()) return std::nullopt;
  return parts;
}

}  // namespace

std::string_view to_text(TokenKind kind) {
  switch (kind) {
    case TokenKind::user:
      return "user";
    case TokenKind::agent:
      return "agent";
    case TokenKind::join:
      return "join";
    case TokenKind::link:
      return "link";
  }
  MUSTER_UNREACHABLE("a kind of token");
}

void Tokens::reload(const std::vector<TokenRow>& rows) {
  MUSTER_CHECK(sodium_init() >= 0, "the kernel gives random bytes");
  rows_.clear();
  for (const TokenRow& row : rows) rows_.emplace(row.id, row);
  ++revocations_;
}

MintedToken Tokens::mint(const TokenWish& wish, Micros wall_us, const std::string& bytes) {
  std::array<unsigned char, kSecretBytes> random;
  randombytes_buf(random.data(), random.size());
  MUSTER_CHECK(bytes.empty() || bytes.size() == random.size(), "a token's secret has 32 bytes");
  std::copy(bytes.begin(), bytes.end(), random.begin());
  std::string secret = hex(random.data(), random.size());
  MintedToken minted;
  TokenRow& row = minted.row;
  row.id = rows_.empty() ? 1 : rows_.rbegin()->first + 1;
  row.kind = to_text(wish.kind);
  row.owner = wish.owner;
  row.worker = wish.worker;
  row.spool_id = wish.spool_id;
  row.project = wish.project;
  row.role = wish.role;
  row.note = wish.note;
  row.hash = hash_of(secret);
  row.created_wall_us = wall_us;
  row.expires_wall_us = wish.expires_wall_us;
  minted.text = text_of(row, secret);
  sodium_memzero(secret.data(), secret.size());
  sodium_memzero(random.data(), random.size());
  rows_.emplace(row.id, row);
  return minted;
}

std::string Tokens::text_again(std::uint64_t id, const std::string& bytes) const {
  const TokenRow* row = find(id);
  const std::string secret = hex(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  if (row == nullptr || row->hash != hash_of(secret)) return {};
  return text_of(*row, secret);
}

const TokenRow* Tokens::find_good(std::string_view text, Micros wall_us) const {
  const std::optional<TokenParts> parts = split(text);
  const TokenRow* row = parts ? find(parts->id) : nullptr;
  if (row == nullptr || row->hash.size() != crypto_hash_sha256_BYTES) return nullptr;
  const std::string hash = hash_of(parts->secret);
  if (sodium_memcmp(hash.data(), row->hash.data(), hash.size()) != 0) return nullptr;
  if (parts->kind != row->kind || row->revoked_wall_us != 0) return nullptr;
  if (row->expires_wall_us != 0 && row->expires_wall_us <= wall_us) return nullptr;
  return row;
}

std::optional<Identity> Tokens::check(std::string_view text, Micros wall_us) const {
  const TokenRow* row = find_good(text, wall_us);
  const std::optional<TokenKind> kind = row == nullptr ? std::nullopt : kind_from_text(row->kind);
  if (!kind) return std::nullopt;  // of a later version: not accepted here
  return Identity{row->id, *kind, row->owner, row->worker, row->spool_id, row->project, row->role};
}

std::uint64_t Tokens::refused_id(std::string_view text) const {
  const std::optional<TokenParts> parts = split(text);
  const TokenRow* row = parts ? find(parts->id) : nullptr;
  if (row == nullptr || row->hash != hash_of(parts->secret)) return 0;
  return row->id;
}

std::optional<Micros> Tokens::expiry(std::string_view text, Micros wall_us) const {
  const TokenRow* row = find_good(text, wall_us);
  if (row == nullptr) return std::nullopt;
  return row->expires_wall_us;
}

std::optional<TokenRow> Tokens::revoke(std::uint64_t id, Micros wall_us) {
  const auto found = rows_.find(id);
  if (found == rows_.end() || found->second.revoked_wall_us != 0) return std::nullopt;
  found->second.revoked_wall_us = std::max<Micros>(wall_us, 1);
  ++revocations_;
  return found->second;
}

std::optional<TokenRow> Tokens::bind(std::uint64_t id, const std::string& spool_id) {
  const auto found = rows_.find(id);
  if (found == rows_.end() || (!found->second.spool_id.empty() && found->second.spool_id != spool_id))
    return std::nullopt;
  found->second.spool_id = spool_id;
  ++revocations_;
  return found->second;
}

void Tokens::used(std::uint64_t id, Micros wall_us) { used_[id] = wall_us; }

std::vector<TokenRow> Tokens::take_used() {
  constexpr Micros kMinute_us = 60'000'000;
  std::vector<TokenRow> rows;
  for (const auto& [id, wall_us] : std::exchange(used_, {})) {
    const auto found = rows_.find(id);
    if (found == rows_.end() || wall_us - found->second.last_used_wall_us < kMinute_us) continue;
    found->second.last_used_wall_us = wall_us;
    rows.push_back(found->second);
  }
  return rows;
}

const TokenRow* Tokens::find(std::uint64_t id) const {
  const auto found = rows_.find(id);
  return found == rows_.end() ? nullptr : &found->second;
}

}  // namespace muster::front
