// Who may come in, as the server holds it: users, tokens, secrets, the audit chain, and the two tokens it keeps in files.
// A file is written only when its token is not good any more, so that copies of it keep working.
#pragma once

#include <string>

#include "core/error.h"
#include "front/audit_chain.h"
#include "front/directory.h"
#include "front/tokens.h"
#include "front/vault.h"
#include "ports/store.h"
#include "runtime/data_folder.h"

namespace muster::runtime {

class ServerTokens {
 public:
  // Both outlive this.
  ServerTokens(Store& store, AccessStore& tokens, DataFolder folder, std::string owner);

  // The first user and the first project, if there is none. Once, before anybody is let in.
  void keep_first_rows(Micros wall_us);
  // Makes what is missing or ends within 30 days anew; older ones stay good until they end. At the start, then now and then.
  Result<void> keep_fresh(Micros wall_us);
  front::Tokens& tokens() { return tokens_; }
  front::Directory& directory() { return directory_; }
  front::AuditChain& audit() { return audit_; }
  front::Vault& vault() { return vault_; }
  // After a commit that failed.
  void reload();

 private:
  Result<void> keep_one(front::TokenKind kind, const std::string& path, Micros wall_us);
  Store& store_;
  AccessStore& kept_;
  DataFolder folder_;
  std::string owner_;
  front::Tokens tokens_;
  front::Directory directory_;
  front::AuditChain audit_;
  front::Vault vault_;
};

}  // namespace muster::runtime
