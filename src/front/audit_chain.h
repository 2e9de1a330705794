// The audit log's chain: each row's hash covers the row and the hash before it, so that a changed or missing row shows.
// Rows are sealed in the order they are written; after a commit that failed the chain goes on from what is stored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/rows.h"
#include "ports/store.h"

namespace muster::front {

// SHA-256 over the hash before and every field but the hash, each with its length.
std::string audit_hash(std::string_view before, const AuditRow& row);

class AuditChain {
 public:
  explicit AuditChain(AccessStore& store) { reload(store); }
  void reload(AccessStore& store);
  // Gives number and hash to rows that are about to be written.
  void seal(std::vector<AuditRow>& rows);

 private:
  std::uint64_t seq_ = 0;
  std::string hash_;
};

struct AuditVerdict {
  std::uint64_t rows = 0;  // that were looked at
  std::uint64_t bad = 0;   // the first that does not fit; 0: none
  std::string head;        // hash of the newest row: who noted it down sees rows cut off at the end
};
AuditVerdict verify_audit_chain(AccessStore& store);

}  // namespace muster::front
