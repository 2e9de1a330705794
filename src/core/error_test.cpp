// The catalogue is whole: every code of error.h has a page, sorted, with a title and something to do.
// Exit codes and statuses are those of the contract.
#include "core/error.h"

#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

#include "core/check.h"

namespace muster {
namespace {

// Every `k… = "Ennn"` of the headers that name codes, read from the files themselves so that a new code cannot be forgotten.
std::set<std::string> codes_in_header() {
  // A test may run from any folder of the checkout.
  std::set<std::string> codes;
  for (std::string path : {"src/core/error.h", "src/core/join_key.h"}) {
    std::ifstream header(path);
    for (int levels = 0; levels < 4 && !header; ++levels) header.open(path.insert(0, "../"));
    for (std::string line; std::getline(header, line);) {
      const std::size_t at = line.find("constexpr const char* k");
      if (at == std::string::npos) continue;
      const std::size_t quote = line.find('"', at);
      EXPECT_TRUE(codes.insert(line.substr(quote + 1, 4)).second) << line;
    }
  }
  return codes;
}

TEST(ErrorCatalogue, has_a_row_for_every_code_and_no_other) {
  const std::set<std::string> codes = codes_in_header();
  ASSERT_GE(codes.size(), 30U);
  std::set<std::string> rows;
  std::string before;
  for (const CatalogueEntry* entry = kErrorCatalogue; entry->code != nullptr; ++entry) {
    EXPECT_LT(before, entry->code);
    before = entry->code;
    EXPECT_TRUE(rows.insert(entry->code).second);
    EXPECT_EQ(find_error(entry->code), entry);
  }
  EXPECT_EQ(rows, codes);
}

TEST(ErrorCatalogue, explains_each_code_in_full_sentences) {
  for (const CatalogueEntry* entry = kErrorCatalogue; entry->code != nullptr; ++entry) {
    const std::string_view title = entry->title;
    EXPECT_LE(title.size(), 40U) << title;
    ASSERT_TRUE(entry->cause != nullptr && entry->fix != nullptr && entry->example != nullptr) << entry->code;
    EXPECT_GE(std::string_view(entry->cause).size() + std::string_view(entry->fix).size(), 100U)
        << entry->code;
    for (const std::string_view text : {std::string_view(entry->cause), std::string_view(entry->fix)}) {
      ASSERT_GE(text.size(), 10U) << entry->code;
      const auto first = static_cast<unsigned char>(text.front());
      EXPECT_TRUE(std::isupper(first) || text.front() == '-' || text.front() == '\'') << text;
      EXPECT_EQ(text.back(), '.') << text;
      EXPECT_EQ(text.find('\n'), std::string_view::npos);
    }
    const std::string_view example = entry->example;
    EXPECT_GE(example.size(), 4U) << entry->code;
    EXPECT_NE(example.back(), '.') << example;
  }
}

TEST(ErrorCatalogue, does_not_find_what_is_not_there) {
  EXPECT_EQ(find_error(""), nullptr);
  EXPECT_EQ(find_error("E000"), nullptr);
  EXPECT_EQ(find_error("E2020"), nullptr);
  EXPECT_EQ(find_error("E999"), nullptr);
}

TEST(Error, exit_codes_are_those_of_the_contract) {
  EXPECT_EQ(exit_code_of(ErrorKind::usage), 2);
  EXPECT_EQ(exit_code_of(ErrorKind::too_large), 2);
  EXPECT_EQ(exit_code_of(ErrorKind::not_found), 3);
  EXPECT_EQ(exit_code_of(ErrorKind::wrong_state), 3);
  EXPECT_EQ(exit_code_of(ErrorKind::not_allowed), 4);
  EXPECT_EQ(exit_code_of(ErrorKind::infeasible), 5);
  EXPECT_EQ(exit_code_of(ErrorKind::confirmation), 6);
  EXPECT_EQ(exit_code_of(ErrorKind::unreachable), 69);
  EXPECT_EQ(exit_code_of(ErrorKind::temporary), 75);
}

TEST(Error, statuses_follow_from_kind_and_code) {
  const auto status = [](ErrorKind kind, const char* code) {
    return http_status_of(Error{kind, code, "", ""});
  };
  EXPECT_EQ(status(ErrorKind::usage, kMalformedValue), 400);
  EXPECT_EQ(status(ErrorKind::not_found, kNoSuchThing), 404);
  EXPECT_EQ(status(ErrorKind::wrong_state, kWrongState), 409);
  EXPECT_EQ(status(ErrorKind::not_allowed, kTokenMissing), 401);
  EXPECT_EQ(status(ErrorKind::not_allowed, kTokenWrong), 401);
  EXPECT_EQ(status(ErrorKind::not_allowed, kNotAllowed), 403);
  EXPECT_EQ(status(ErrorKind::infeasible, kInfeasible), 422);
  EXPECT_EQ(status(ErrorKind::confirmation, kConfirmationNeeded), 428);
  EXPECT_EQ(status(ErrorKind::too_large, kBodyTooLarge), 413);
  EXPECT_EQ(status(ErrorKind::temporary, kBusy), 503);
  EXPECT_EQ(status(ErrorKind::temporary, kDiskFull), 507);
  EXPECT_EQ(status(ErrorKind::temporary, kInternal), 500);
}

TEST(CheckDeathTest, a_broken_promise_stops_the_process) {
  EXPECT_DEATH(MUSTER_CHECK(1 == 2, "one is not two"), "broken promise at .*error_test.cpp.*one is not two");
  MUSTER_CHECK(true, "nothing happens");
}

}  // namespace
}  // namespace muster
