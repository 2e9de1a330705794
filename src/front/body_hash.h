// The hash of a request's body, kept with its idempotency key: the same key with another body is refused.
// SHA-256, taken piece by piece.
#pragma once

#include <sodium.h>

#include <string>
#include <string_view>

namespace muster::front {

class BodyHash {
 public:
  BodyHash() { crypto_hash_sha256_init(&state_); }
  void add(std::string_view bytes) {
    crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  }
  std::string take() {
    std::string hash(crypto_hash_sha256_BYTES, '\0');
    crypto_hash_sha256_final(&state_, reinterpret_cast<unsigned char*>(hash.data()));
    return hash;
  }

 private:
  crypto_hash_sha256_state state_;
};

}  // namespace muster::front
