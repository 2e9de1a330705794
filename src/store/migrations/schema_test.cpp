// The text of a schema that was released never changes: its digest is written here.
// Whoever needs another one adds a number, a step, and a line.
#include "store/migrations/schema.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace muster::store {
namespace {

// FNV-1a; only tells texts apart.
std::uint64_t digest(const std::string& text) {
  std::uint64_t value = 0xcbf29ce484222325ULL;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return value;
}

TEST(Schema, HasAStepForEveryNumberAboveTheFirst) {
  const SchemaPlan& plan = current_schema();
  ASSERT_EQ(plan.steps.size() + 1, static_cast<std::size_t>(plan.number));
  for (std::size_t i = 0; i < plan.steps.size(); ++i) EXPECT_EQ(plan.steps[i].to, static_cast<int>(i) + 2);
}

TEST(Schema, TheTextOfANumberDoesNotChange) {
  EXPECT_EQ(current_schema().number, 1);
  EXPECT_EQ(digest(current_schema().create), 4013785718286675375ULL)
      << "a released schema is changed by a new number and a migration step";
}

TEST(Schema, EveryTableIsStrictAndEveryStateIsChecked) {
  const std::string& sql = current_schema().create;
  std::size_t tables = 0;
  for (std::size_t at = sql.find("CREATE TABLE"); at != std::string::npos;
       at = sql.find("CREATE TABLE", at + 1)) {
    const std::string table = sql.substr(at, sql.find(';', at) - at);
    EXPECT_NE(table.find("STRICT"), std::string::npos) << table;
    ++tables;
  }
  EXPECT_GT(tables, 10u);
  EXPECT_NE(sql.find("CHECK (state BETWEEN 0 AND 6)"), std::string::npos);
  EXPECT_NE(sql.find("CHECK (attempt_state BETWEEN 0 AND 11)"), std::string::npos);
  EXPECT_NE(sql.find("('task', 6, 'cancelled')"), std::string::npos);
}

}  // namespace
}  // namespace muster::store
