// The secrets of projects: sealed with the server's key, opened only for a grant that leaves for an agent.
// Must hold: what was opened is in no row, answer or log; a sealed value opens for its project and name alone.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "core/agent_messages.h"
#include "core/error.h"
#include "core/rows.h"
#include "ports/store.h"

namespace muster::front {

inline constexpr std::size_t kServerKeyBytes = 32;
inline constexpr std::size_t kSecretBytesMax = 16 << 10;

enum class KeyWish : std::uint8_t {
  read,  // the key there is
  make,  // … or a new one, kept for ever, where there is none
};
// Where the server's key is kept; kServerKeyBytes of it, or why there is none.
using ServerKeySource = std::function<Result<std::string>(KeyWish)>;

class Vault {
 public:
  using Key = std::pair<std::string, std::string>;  // project, name

  Vault(AccessStore& store, ServerKeySource source);
  ~Vault();
  Vault(const Vault&) = delete;
  Vault& operator=(const Vault&) = delete;
  // After a commit that failed: what counts is what is written.
  void reload(AccessStore& store);

  const std::map<Key, SecretRow>& all() const { return rows_; }
  const SecretRow* find(const std::string& project, const std::string& name) const;
  void put(const SecretRow& row);

  // Makes the server's key when there is none yet.
  Result<std::string> seal(const std::string& project, const std::string& name, std::string_view value);
  // Why this one cannot be opened here; empty: it can.
  std::string problem_of(const SecretRow& row);
  // The values of all secrets that the grants name, or why there is none.
  void fill(ServerMessage& message);

  // The same for the same words as long as the key is the same, and nobody without the key can tell it. 32 bytes.
  Result<std::string> keyed_hash(std::string_view purpose, std::string_view text);

 private:
  Result<void> need_key(KeyWish wish);
  Result<std::string> open(const SecretRow& row);
  void fill(GrantSecret& secret);
  std::map<Key, SecretRow> rows_;
  ServerKeySource source_;
  std::string key_;  // empty: not read yet
};

// Over every value that was opened for it.
void wipe(ServerMessage& message);

}  // namespace muster::front
