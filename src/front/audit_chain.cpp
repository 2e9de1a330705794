// Sealing and checking the chain.
// Fields are hashed with their lengths, so that no two rows have the same bytes.
#include "front/audit_chain.h"

#include <sodium.h>

namespace muster::front {
namespace {

void add_number(std::string& bytes, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift));
}

void add_text(std::string& bytes, std::string_view text) {
  add_number(bytes, text.size());
  bytes += text;
}

}  // namespace

std::string audit_hash(std::string_view before, const AuditRow& row) {
  std::string bytes;
  add_text(bytes, before);
  add_number(bytes, row.seq);
  add_number(bytes, static_cast<std::uint64_t>(row.wall_us));
  add_number(bytes, row.token);
  for (const std::string* field : {&row.who, &row.role, &row.project, &row.address, &row.action, &row.object,
                                   &row.result, &row.request}) {
    add_text(bytes, *field);
  }
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                     reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return hash;
}

void AuditChain::reload(AccessStore& store) {
  const std::optional<AuditRow> newest = store.newest_audit();
  seq_ = newest ? newest->seq : 0;
  hash_ = newest ? newest->hash : std::string();
}

void AuditChain::seal(std::vector<AuditRow>& rows) {
  for (AuditRow& row : rows) {
    row.seq = ++seq_;
    hash_ = audit_hash(hash_, row);
    row.hash = hash_;
  }
}

AuditVerdict verify_audit_chain(AccessStore& store) {
  AuditVerdict verdict;
  for (;;) {
    const std::vector<AuditRow> rows = store.audit(Page{verdict.rows, 1000});
    for (const AuditRow& row : rows) {
      ++verdict.rows;
      if (row.seq != verdict.rows || row.hash != audit_hash(verdict.head, row)) {
        verdict.bad = verdict.rows;
        return verdict;
      }
      verdict.head = row.hash;
    }
    if (rows.size() < 1000) return verdict;
  }
}

}  // namespace muster::front
