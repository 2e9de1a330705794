// Sealing: a value comes back for its project and name with its key, and for nothing else.
// The key is made once, when it is first needed.
#include "front/vault.h"

#include <gtest/gtest.h>

namespace muster::front {
namespace {

class Rows final : public AccessStore {
 public:
  std::vector<TokenRow> tokens() override { return {}; }
  std::vector<UserRow> users() override { return {}; }
  std::vector<ProjectRow> projects() override { return {}; }
  std::vector<SecretRow> secrets() override { return rows; }
  std::vector<AuditRow> audit(const Page&) override { return {}; }
  std::optional<AuditRow> newest_audit() override { return std::nullopt; }
  std::vector<SecretRow> rows;
};

ServerKeySource key_of(char c) {
  return [c](KeyWish) { return std::string(kServerKeyBytes, c); };
}

SecretRow sealed(Vault& vault, const std::string& name, std::string_view value) {
  SecretRow row;
  row.project = "atlas";
  row.name = name;
  row.sealed = *vault.seal(row.project, row.name, value);
  vault.put(row);
  return row;
}

GrantSecret filled(Vault& vault, const std::string& project, const std::string& name) {
  ServerMessage message;
  message.grants.resize(1);
  message.grants[0].secrets.resize(1);
  message.grants[0].secrets[0].project = project;
  message.grants[0].secrets[0].name = name;
  vault.fill(message);
  return message.grants[0].secrets[0];
}

TEST(Vault, AValueComesBackInAGrantAndNowhereElse) {
  Rows rows;
  Vault vault(rows, key_of('k'));
  const SecretRow row = sealed(vault, "db", "open sesame");
  EXPECT_EQ(row.sealed.find("sesame"), std::string::npos);
  const GrantSecret told = filled(vault, "atlas", "db");
  EXPECT_EQ(told.value, "open sesame");
  EXPECT_EQ(told.problem, "");
  EXPECT_EQ(vault.problem_of(row), "");
  EXPECT_NE(sealed(vault, "db", "open sesame").sealed,
            row.sealed);  // the same words look different every time
}

TEST(Vault, WhatIsNotThereSaysSo) {
  Rows rows;
  Vault vault(rows, key_of('k'));
  sealed(vault, "db", "open sesame");
  EXPECT_NE(filled(vault, "default", "db").problem.find("deleted"), std::string::npos);
  EXPECT_NE(filled(vault, "atlas", "other").problem.find("deleted"), std::string::npos);
  SecretRow gone = *vault.find("atlas", "db");
  gone.removed = true;
  vault.put(gone);
  const GrantSecret told = filled(vault, "atlas", "db");
  EXPECT_NE(told.problem.find("deleted"), std::string::npos);
  EXPECT_EQ(told.value, "");
}

TEST(Vault, ASealIsForItsProjectNameAndKeyAlone) {
  Rows rows;
  Vault vault(rows, key_of('k'));
  const SecretRow row = sealed(vault, "db", "open sesame");
  SecretRow moved = row;
  moved.project = "default";
  EXPECT_NE(vault.problem_of(moved).find("altered"), std::string::npos);
  SecretRow renamed = row;
  renamed.name = "dc";
  EXPECT_NE(vault.problem_of(renamed).find("altered"), std::string::npos);
  for (std::size_t at = 0; at < row.sealed.size(); ++at) {
    SecretRow changed = row;
    changed.sealed[at] = static_cast<char>(changed.sealed[at] ^ 1);
    EXPECT_NE(vault.problem_of(changed), "") << at;
  }
  for (std::size_t size = 0; size < row.sealed.size(); ++size) {
    SecretRow cut = row;
    cut.sealed.resize(size);
    EXPECT_NE(vault.problem_of(cut), "") << size;
  }
  rows.rows = {row};
  Vault other(rows, key_of('l'));
  EXPECT_NE(other.problem_of(row).find("another server's key"), std::string::npos);
  EXPECT_EQ(filled(other, "atlas", "db").value, "");
}

TEST(Vault, TheKeyIsMadeForTheFirstSecretAndReadForTheRest) {
  Rows rows;
  std::vector<KeyWish> wishes;
  const ServerKeySource source = [&](KeyWish wish) -> Result<std::string> {
    wishes.push_back(wish);
    if (wish == KeyWish::read) return refuse(ErrorKind::not_found, kNoSuchThing, "there is no key");
    return std::string(kServerKeyBytes, 'k');
  };
  Vault vault(rows, source);
  EXPECT_TRUE(wishes.empty());
  SecretRow row;
  row.sealed = std::string(80, 'x');
  EXPECT_EQ(vault.problem_of(row), "there is no key");
  sealed(vault, "db", "open sesame");
  sealed(vault, "dc", "open sesame");
  EXPECT_EQ(wishes, (std::vector{KeyWish::read, KeyWish::make}));
}

TEST(Vault, AKeyedHashIsTheSameOnlyForTheSameWordsAndKey) {
  Rows rows;
  Vault vault(rows, key_of('k'));
  Vault other(rows, key_of('l'));
  const std::string hash = *vault.keyed_hash("token", "words");
  EXPECT_EQ(hash.size(), 32U);
  EXPECT_EQ(*vault.keyed_hash("token", "words"), hash);
  EXPECT_NE(*vault.keyed_hash("tokenw", "ords"), hash);
  EXPECT_NE(*vault.keyed_hash("token", "word"), hash);
  EXPECT_NE(*other.keyed_hash("token", "words"), hash);
}

TEST(Vault, WipingLeavesNoValue) {
  ServerMessage message;
  message.grants.resize(1);
  message.grants[0].secrets = {{"V", "atlas", "db", "open sesame", ""}};
  wipe(message);
  EXPECT_EQ(message.grants[0].secrets[0].value, "");
}

}  // namespace
}  // namespace muster::front
