// The audit chain: what was written fits; any change of any row shows.
// Rows that are taken out or put in show too, but for the newest, whose hash is the head.
#include "front/audit_chain.h"

#include <gtest/gtest.h>

namespace muster::front {
namespace {

class FakeAccess final : public AccessStore {
 public:
  std::vector<TokenRow> tokens() override { return {}; }
  std::vector<UserRow> users() override { return {}; }
  std::vector<ProjectRow> projects() override { return {}; }
  std::vector<SecretRow> secrets() override { return {}; }
  std::vector<AuditRow> audit(const Page& page) override {
    std::vector<AuditRow> found;
    for (const AuditRow& row : rows) {
      if (row.seq > page.after && found.size() < page.limit) found.push_back(row);
    }
    return found;
  }
  std::optional<AuditRow> newest_audit() override {
    if (rows.empty()) return std::nullopt;
    return rows.back();
  }
  std::vector<AuditRow> rows;
};

FakeAccess filled() {
  FakeAccess store;
  for (int part = 0; part < 3; ++part) {
    AuditChain chain(store);  // as after a restart
    std::vector<AuditRow> rows(5);
    for (AuditRow& row : rows) {
      row.who = "ada";
      row.action = "batch.cancel";
      row.object = "42";
      row.result = "ok";
      row.wall_us = 1000 + part;
    }
    chain.seal(rows);
    store.rows.insert(store.rows.end(), rows.begin(), rows.end());
  }
  return store;
}

TEST(AuditChain, WhatWasWrittenFits) {
  FakeAccess store = filled();
  const AuditVerdict verdict = verify_audit_chain(store);
  EXPECT_EQ(verdict.rows, 15U);
  EXPECT_EQ(verdict.bad, 0U);
  EXPECT_EQ(verdict.head, store.rows.back().hash);
}

TEST(AuditChain, EveryChangeShows) {
  using Change = void (*)(AuditRow&);
  for (const Change change : std::initializer_list<Change>{
           [](AuditRow& row) { row.who = "eve"; }, [](AuditRow& row) { ++row.wall_us; },
           [](AuditRow& row) { ++row.token; }, [](AuditRow& row) { row.role = "admin"; },
           [](AuditRow& row) { row.project = "x"; }, [](AuditRow& row) { row.address = "x"; },
           [](AuditRow& row) { row.action = "x"; }, [](AuditRow& row) { row.object = "43"; },
           [](AuditRow& row) { row.result = "E401"; }, [](AuditRow& row) { row.request = "x"; },
           [](AuditRow& row) { row.hash[0] = static_cast<char>(row.hash[0] ^ 1); },
           [](AuditRow& row) { std::swap(row.who, row.role); }}) {
    FakeAccess store = filled();
    change(store.rows[6]);
    EXPECT_EQ(verify_audit_chain(store).bad, 7U);
  }
}

TEST(AuditChain, RowsTakenOutShow) {
  FakeAccess store = filled();
  store.rows.erase(store.rows.begin() + 6);
  EXPECT_EQ(verify_audit_chain(store).bad, 7U);
  FakeAccess cut = filled();
  const std::string head = cut.rows.back().hash;
  cut.rows.pop_back();
  EXPECT_EQ(verify_audit_chain(cut).bad, 0U);
  EXPECT_NE(verify_audit_chain(cut).head, head);
}

}  // namespace
}  // namespace muster::front
