// At most one credential is on offer in a session, so that a worker which never answers gathers none.
// Only credentials bound to a worker are renewed; the local worker's is a file of the server's.
#include "runtime/agent_credentials.h"

#include <utility>

namespace muster::runtime {

AgentCredentials::AgentCredentials(front::Tokens& tokens, Doors doors, Micros renew_us)
    : tokens_(tokens), doors_(std::move(doors)), renew_us_(renew_us) {}

void AgentCredentials::connected(SessionId session, const front::Identity& who, Micros wall_us) {
  if (who.spool_id.empty()) return;
  sessions_[session] = {who, 0};
  std::vector<std::uint64_t> stale;
  for (const auto& [id, row] : tokens_.all()) {
    const bool same_worker =
        row.kind == front::to_text(front::TokenKind::agent) && row.spool_id == who.spool_id;
    if (same_worker && id != who.token_id && row.revoked_wall_us == 0) stale.push_back(id);
  }
  std::vector<TokenRow> rows;
  for (const std::uint64_t id : stale) {
    if (auto row = tokens_.revoke(id, wall_us)) rows.push_back(std::move(*row));
  }
  if (!rows.empty()) doors_.write(std::move(rows), [] {});
}

void AgentCredentials::kept(SessionId session, Micros wall_us) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.offered == 0) return;
  Held& held = found->second;
  auto row = tokens_.revoke(std::exchange(held.who.token_id, std::exchange(held.offered, 0)), wall_us);
  if (row) doors_.write({std::move(*row)}, [] {});
}

void AgentCredentials::look(Micros wall_us) {
  for (auto& [session, held] : sessions_) {
    if (held.offered != 0) continue;
    const TokenRow* row = tokens_.find(held.who.token_id);
    if (row != nullptr && wall_us - row->created_wall_us >= renew_us_) offer(session, held, wall_us);
  }
}

void AgentCredentials::offer(SessionId session, Held& held, Micros wall_us) {
  front::TokenWish wish;
  wish.kind = front::TokenKind::agent;
  wish.owner = held.who.owner;
  wish.worker = held.who.worker;
  wish.spool_id = held.who.spool_id;
  wish.expires_wall_us = wall_us + front::kAgentTokenLife_us;
  front::MintedToken minted = tokens_.mint(wish, wall_us);
  held.offered = minted.row.id;
  doors_.write({std::move(minted.row)},
               [this, session, text = std::move(minted.text)] { doors_.offer(session, text); });
}

}  // namespace muster::runtime
