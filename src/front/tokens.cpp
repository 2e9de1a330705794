// Minting and checking tokens.
// The checksum only tells a mistyped token from a wrong one early; what counts is the hash.
#include "front/tokens.h"

#include <sodium.h>

#include <charconv>
#include <cstdio>
#include <vector>

#include "core/check.h"

namespace muster::front {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kTokenBytesMax = 200;
constexpr std::string_view kPrefix = "mst_";

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = crc_table();

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

std::string hex(const unsigned char* bytes, std::size_t size) {
  std::string text(size * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes, size);
  text.pop_back();
  return text;
}

std::string checksum(std::string_view text) {
  const std::uint32_t crc = crc32(text);
  const unsigned char bytes[4] = {static_cast<unsigned char>(crc >> 24),
                                  static_cast<unsigned char>(crc >> 16), static_cast<unsigned char>(crc >> 8),
                                  static_cast<unsigned char>(crc)};
  return hex(bytes, sizeof bytes);
}

std::optional<TokenKind> kind_from_text(std::string_view text) {
  if (text == "admin") return TokenKind::admin;
  if (text == "agent") return TokenKind::agent;
  return std::nullopt;
}

std::array<unsigned char, 32> hash_of(std::string_view secret) {
  std::array<unsigned char, 32> hash;
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  return hash;
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

std::string_view to_text(TokenKind kind) { return kind == TokenKind::admin ? "admin" : "agent"; }

Tokens::Tokens(TokenStore& store) : store_(store) {
  MUSTER_CHECK(sodium_init() >= 0, "the kernel gives random bytes");
  for (const TokenRow& row : store_.tokens()) {
    const std::optional<TokenKind> kind = kind_from_text(row.kind);
    if (!kind || row.hash.size() != 32) continue;  // of a later version: not accepted here
    Known known;
    std::copy(row.hash.begin(), row.hash.end(), known.hash.begin());
    known.identity = {row.id, *kind, row.owner};
    known.expires_wall_us = row.expires_wall_us;
    known_.emplace(row.id, std::move(known));
  }
}

std::string Tokens::mint(TokenKind kind, const std::string& owner, Micros created_wall_us,
                         Micros expires_wall_us) {
  unsigned char random[kSecretBytes];
  randombytes_buf(random, sizeof random);
  const std::string secret = hex(random, sizeof random);
  Known known;
  known.hash = hash_of(secret);
  known.expires_wall_us = expires_wall_us;
  TokenRow row;
  row.kind = to_text(kind);
  row.owner = owner;
  row.hash.assign(known.hash.begin(), known.hash.end());
  row.created_wall_us = created_wall_us;
  row.expires_wall_us = expires_wall_us;
  const std::uint64_t id = store_.add_token(row);
  known.identity = {id, kind, owner};
  known_.emplace(id, std::move(known));
  std::string text = std::string(kPrefix) + row.kind + "_" + std::to_string(id) + "_" + secret;
  return text + "_" + checksum(text);
}

const Tokens::Known* Tokens::find(std::string_view text, Micros wall_us) const {
  const std::optional<TokenParts> parts = split(text);
  if (!parts) return nullptr;
  const auto found = known_.find(parts->id);
  if (found == known_.end()) return nullptr;
  const Known& known = found->second;
  const std::array<unsigned char, 32> hash = hash_of(parts->secret);
  if (sodium_memcmp(hash.data(), known.hash.data(), hash.size()) != 0) return nullptr;
  if (parts->kind != to_text(known.identity.kind)) return nullptr;
  if (known.expires_wall_us != 0 && known.expires_wall_us <= wall_us) return nullptr;
  return &known;
}

std::optional<Identity> Tokens::check(std::string_view text, Micros wall_us) const {
  const Known* known = find(text, wall_us);
  if (known == nullptr) return std::nullopt;
  return known->identity;
}

std::optional<Micros> Tokens::expiry(std::string_view text, Micros wall_us) const {
  const Known* known = find(text, wall_us);
  if (known == nullptr) return std::nullopt;
  return known->expires_wall_us;
}

void Tokens::revoke(std::uint64_t id) {
  store_.remove_token(id);
  known_.erase(id);
  ++revocations_;
}

}  // namespace muster::front
