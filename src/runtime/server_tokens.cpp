// Tokens of 90 days, renewed when 30 are left.
// The token is in the store before its file is there: a crash between the two leaves one that nobody knows.
#include "runtime/server_tokens.h"

#include "runtime/server_key.h"

namespace muster::runtime {
namespace {

constexpr Micros kDay_us = 24LL * 3600 * 1'000'000;
constexpr Micros kLife_us = 90 * kDay_us;
constexpr Micros kRenew_us = 30 * kDay_us;

}  // namespace

ServerTokens::ServerTokens(Store& store, AccessStore& tokens, DataFolder folder, std::string owner)
    : store_(store),
      kept_(tokens),
      folder_(std::move(folder)),
      owner_(std::move(owner)),
      tokens_(tokens.tokens()),
      directory_(tokens),
      audit_(tokens),
      vault_(tokens, [path = folder_.secrets_key()](front::KeyWish wish) { return server_key(path, wish); }) {
}

void ServerTokens::reload() {
  tokens_.reload(kept_.tokens());
  directory_.reload(kept_);
  audit_.reload(kept_);
  vault_.reload(kept_);
}

void ServerTokens::keep_first_rows(Micros wall_us) {
  const Changes changes = directory_.first_rows(owner_, wall_us);
  if (!changes.empty()) store_.commit(changes);
}

Result<void> ServerTokens::keep_fresh(Micros wall_us) {
  if (Result<void> kept = keep_one(front::TokenKind::agent, folder_.agent_token(), wall_us); !kept)
    return kept;
  return keep_one(front::TokenKind::user, folder_.admin_token(), wall_us);
}

Result<void> ServerTokens::keep_one(front::TokenKind kind, const std::string& path, Micros wall_us) {
  if (const std::optional<std::string> present = read_line_file(path)) {
    const std::optional<front::Identity> identity = tokens_.check(*present, wall_us);
    const std::optional<Micros> expiry = tokens_.expiry(*present, wall_us);
    if (identity && identity->kind == kind && (*expiry == 0 || *expiry - wall_us > kRenew_us)) return {};
  }
  front::TokenWish wish;
  wish.kind = kind;
  wish.owner = owner_;
  wish.note = kind == front::TokenKind::user ? "admin.token of the data folder" : "worker of the data folder";
  wish.expires_wall_us = wall_us + kLife_us;
  front::MintedToken minted = tokens_.mint(wish, wall_us);
  Changes changes;
  changes.tokens.push_back(std::move(minted.row));
  store_.commit(changes);
  return write_file_atomically(path, minted.text + "\n", 0600);
}

}  // namespace muster::runtime
