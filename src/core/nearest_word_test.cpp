// Tests of the nearest word.
// What is offered has to be near; nothing is better than nonsense.
#include "core/nearest_word.h"

#include <gtest/gtest.h>

#include <array>

namespace muster {
namespace {

constexpr std::array<std::string_view, 6> kWords = {"submit", "status", "wait", "logs", "cancel", "retry"};

TEST(EditDistance, counts_steps) {
  EXPECT_EQ(edit_distance("wait", "wait"), 0U);
  EXPECT_EQ(edit_distance("wiat", "wait"), 1U);
  EXPECT_EQ(edit_distance("wat", "wait"), 1U);
  EXPECT_EQ(edit_distance("waits", "wait"), 1U);
  EXPECT_EQ(edit_distance("want", "wait"), 1U);
  EXPECT_EQ(edit_distance("", "wait"), 4U);
  EXPECT_EQ(edit_distance("logs", "wait"), 4U);
}

TEST(NearestWord, is_found_for_a_slip) {
  EXPECT_EQ(nearest_word("sumbit", kWords), "submit");
  EXPECT_EQ(nearest_word("stat", kWords), "status");
  EXPECT_EQ(nearest_word("log", kWords), "logs");
  EXPECT_EQ(nearest_word("cancle", kWords), "cancel");
}

TEST(NearestWord, is_not_forced) {
  EXPECT_EQ(nearest_word("xyzzy", kWords), "");
  EXPECT_EQ(nearest_word("", kWords), "");
  EXPECT_EQ(nearest_word(std::string(100000, 'a'), kWords), "");
  EXPECT_EQ(nearest_word("wait", {}), "");
}

}  // namespace
}  // namespace muster
