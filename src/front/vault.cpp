// XChaCha20-Poly1305 of libsodium. A sealed value: one byte of version, 8 of which key, 24 of nonce, the rest.
// Project and name are under the seal, so that a row that was moved or renamed does not open.
#include "front/vault.h"

#include <sodium.h>

#include <array>

#include "core/check.h"

namespace muster::front {
namespace {

constexpr char kVersion = '\1';
constexpr std::size_t kKeyIdBytes = 8;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kHeadBytes = 1 + kKeyIdBytes + kNonceBytes;
static_assert(kServerKeyBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void erase(std::string& text) {
  sodium_memzero(text.data(), text.size());
  text.clear();
}

std::string bound_to(const std::string& project, const std::string& name) { return project + '\0' + name; }

std::string hash(std::string_view key, std::string_view purpose, std::string_view text, std::size_t size) {
  std::string out(size, '\0');
  crypto_generichash_state state;
  crypto_generichash_init(&state, bytes_of(key), key.size(), size);
  const std::string head = std::string(purpose) + '\0';
  crypto_generichash_update(&state, bytes_of(head), head.size());
  crypto_generichash_update(&state, bytes_of(text), text.size());
  crypto_generichash_final(&state, bytes_of(out), size);
  return out;
}

std::string id_of(std::string_view key) {
  return hash(key, "muster key", {}, crypto_generichash_BYTES_MIN).substr(0, kKeyIdBytes);
}

std::unexpected<Error> cannot_open(std::string why) {
  return refuse(ErrorKind::wrong_state, kWrongState, std::move(why),
                "set its value again: muster secret set");
}

}  // namespace

Vault::Vault(AccessStore& store, ServerKeySource source) : source_(std::move(source)) {
  MUSTER_CHECK(sodium_init() >= 0, "the kernel gives random bytes");
  reload(store);
}

Vault::~Vault() { erase(key_); }

void Vault::reload(AccessStore& store) {
  rows_.clear();
  for (SecretRow& row : store.secrets()) rows_.emplace(Key(row.project, row.name), std::move(row));
}

const SecretRow* Vault::find(const std::string& project, const std::string& name) const {
  const auto found = rows_.find({project, name});
  return found == rows_.end() ? nullptr : &found->second;
}

void Vault::put(const SecretRow& row) {
  if (row.removed) {
    rows_.erase({row.project, row.name});
  } else {
    rows_[{row.project, row.name}] = row;
  }
}

Result<void> Vault::need_key(KeyWish wish) {
  if (!key_.empty()) return {};
  Result<std::string> key = source_(wish);
  if (!key) return std::unexpected(std::move(key.error()));
  MUSTER_CHECK(key->size() == kServerKeyBytes, "the server's key has 32 bytes");
  key_ = std::move(*key);
  return {};
}

Result<std::string> Vault::seal(const std::string& project, const std::string& name, std::string_view value) {
  if (Result<void> there = need_key(KeyWish::make); !there) return std::unexpected(there.error());
  std::string sealed = kVersion + id_of(key_);
  sealed.resize(kHeadBytes + value.size() + kTagBytes);
  unsigned char* const nonce = bytes_of(sealed) + 1 + kKeyIdBytes;
  randombytes_buf(nonce, kNonceBytes);
  const std::string bound = bound_to(project, name);
  crypto_aead_xchacha20poly1305_ietf_encrypt(bytes_of(sealed) + kHeadBytes, nullptr, bytes_of(value),
                                             value.size(), bytes_of(bound), bound.size(), nullptr, nonce,
                                             bytes_of(key_));
  return sealed;
}

Result<std::string> Vault::open(const SecretRow& row) {
  if (Result<void> there = need_key(KeyWish::read); !there) return std::unexpected(there.error());
  const std::string_view sealed = row.sealed;
  if (sealed.size() < kHeadBytes + kTagBytes || sealed[0] != kVersion)
    return cannot_open("it was sealed by another version of the server");
  if (sealed.substr(1, kKeyIdBytes) != id_of(key_))
    return cannot_open("it was sealed with another server's key");
  const std::string bound = bound_to(row.project, row.name);
  std::string value(sealed.size() - kHeadBytes - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          bytes_of(value), nullptr, nullptr, bytes_of(sealed.substr(kHeadBytes)), sealed.size() - kHeadBytes,
          bytes_of(bound), bound.size(), bytes_of(sealed.substr(1 + kKeyIdBytes)), bytes_of(key_)) != 0) {
    return cannot_open("what is stored of it was altered");
  }
  return value;
}

std::string Vault::problem_of(const SecretRow& row) {
  Result<std::string> value = open(row);
  if (!value) return value.error().what;
  erase(*value);
  return {};
}

void Vault::fill(GrantSecret& secret) {
  const SecretRow* row = find(secret.project, secret.name);
  if (row == nullptr) {
    secret.problem = "it was deleted; make it again with muster secret create, then retry the task";
    return;
  }
  Result<std::string> value = open(*row);
  if (!value) {
    secret.problem = std::move(value.error().what);
    return;
  }
  secret.value = std::move(*value);
  secret.problem.clear();
}

void Vault::fill(ServerMessage& message) {
  for (Grant& grant : message.grants) {
    for (GrantSecret& secret : grant.secrets) fill(secret);
  }
}

Result<std::string> Vault::keyed_hash(std::string_view purpose, std::string_view text) {
  if (Result<void> there = need_key(KeyWish::make); !there) return std::unexpected(there.error());
  return hash(key_, purpose, text, crypto_generichash_BYTES);
}

void wipe(ServerMessage& message) {
  for (Grant& grant : message.grants) {
    for (GrantSecret& secret : grant.secrets) erase(secret.value);
  }
}

}  // namespace muster::front
