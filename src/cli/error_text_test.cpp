// Tests of rendered errors.
// The first line is the message; the code is on it; everything else is indented below.
#include "cli/error_text.h"

#include <gtest/gtest.h>

namespace muster::cli {
namespace {

const Error kError{ErrorKind::unreachable, kNoServer, "no server at X\nnothing listens there",
                   "start one:  muster up -d"};

TEST(ErrorText, puts_the_code_at_the_right_edge_of_a_terminal) {
  EXPECT_EQ(error_text(kError, {true, false, true, 40}),
            "error: no server at X             [E101]\n"
            "  nothing listens there\n"
            "  start one:  muster up -d\n"
            "  more: muster help E101\n");
}

TEST(ErrorText, puts_the_code_behind_the_message_elsewhere) {
  EXPECT_TRUE(error_text(kError, {}).starts_with("error: no server at X  [E101]\n"));
  EXPECT_TRUE(error_text(kError, {true, false, true, 10}).starts_with("error: no server at X  [E101]\n"));
}

TEST(ErrorText, of_usage_is_short) {
  const Error error{ErrorKind::usage, kUnknownWord, "there is no command 'x'", ""};
  EXPECT_EQ(error_text(error, {}), "error: there is no command 'x'  [E219]\n");
}

TEST(ErrorText, keeps_a_marked_place_where_it_is) {
  const Error error{ErrorKind::usage, kMalformedSelector, "wrong\n  42.x\n     ^", "correct it"};
  EXPECT_EQ(error_text(error, {}), "error: wrong  [E201]\n  42.x\n     ^\n  correct it\n");
}

TEST(ErrorText, is_safe) {
  const Error error{ErrorKind::usage, "E203", "a\x1b[2Jb", "c\x07"};
  EXPECT_EQ(error_text(error, {}), "error: a\\x1b[2Jb  [E203]\n  c\\x07\n");
}

TEST(ErrorJson, has_everything) {
  EXPECT_EQ(error_json({ErrorKind::confirmation, kConfirmationNeeded, "say \"yes\"", ""}),
            "{\"schema\":\"muster.error/1\",\"code\":\"E216\",\"title\":\"a confirmation is "
            "needed\",\"detail\":\"say \\\"yes\\\"\","
            "\"next\":null,\"exit_code\":6}\n");
}

}  // namespace
}  // namespace muster::cli
