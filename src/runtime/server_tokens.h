// The two tokens a server keeps in files: its owner's, and that of the worker on the same machine.
// A file is written only when its token is not good any more, so that copies of it keep working.
#pragma once

#include <string>

#include "core/error.h"
#include "front/tokens.h"
#include "ports/store.h"
#include "runtime/data_folder.h"

namespace muster::runtime {

class ServerTokens {
 public:
  // Both outlive this.
  ServerTokens(Store& store, AccessStore& tokens, DataFolder folder, std::string owner);

  // Makes what is missing or ends within 30 days anew; older ones stay good until they end. At the start, then now and then.
  Result<void> keep_fresh(Micros wall_us);
  front::Tokens& tokens() { return tokens_; }
  // After a commit that failed.
  void reload() { tokens_.reload(kept_.tokens()); }

 private:
  Result<void> keep_one(front::TokenKind kind, const std::string& path, Micros wall_us);
  Store& store_;
  AccessStore& kept_;
  DataFolder folder_;
  std::string owner_;
  front::Tokens tokens_;
};

}  // namespace muster::runtime
