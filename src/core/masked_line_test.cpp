// Tests of masked lines: what differs between sisters is gone, what says the cause stays.
// Whatever goes in, what comes out is one safe line.
#include "core/masked_line.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/escape.h"

namespace muster {
namespace {

TEST(MaskedLine, takes_out_what_differs) {
  EXPECT_EQ(masked_line("KeyError: '17'"), "KeyError: '#'");
  EXPECT_EQ(masked_line("cannot open /data/S0118.fq.gz: No such file"), "cannot open <path>: No such file");
  EXPECT_EQ(masked_line("get s3://bucket/S1177.fq.gz failed"), "get <path> failed");
  EXPECT_EQ(masked_line("segfault at 0x7ffe12ab in commit deadbeef01"), "segfault at # in commit #");
  EXPECT_EQ(masked_line("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301 lost"), "id # lost");
  EXPECT_EQ(masked_line("[M::process] read 66 666 sequences..."), "[M::process] read # # sequences...");
  EXPECT_EQ(masked_line("file=/tmp/a/b,code=12"), "file=<path>,code=#");
}

TEST(MaskedLine, keeps_words) {
  EXPECT_EQ(masked_line("Killed"), "Killed");
  EXPECT_EQ(masked_line("read and/or write"), "read and/or write");
  EXPECT_EQ(masked_line("  a \t  b  "), "a b");
  EXPECT_EQ(masked_line("deface the facade"), "deface the facade");
}

TEST(MaskedLine, finds_the_last_line) {
  EXPECT_EQ(last_line("a\nb\n\n  \n"), "b");
  EXPECT_EQ(last_line("10 %\r20 %\r"), "20 %");
  EXPECT_EQ(last_line(" \n"), "");
  EXPECT_EQ(last_line("one"), "one");
}

RC_GTEST_PROP(MaskedLine, is_one_safe_line, (const std::string& text)) {
  const std::string masked = masked_line(last_line(text));
  RC_ASSERT(!needs_escape(masked));
  RC_ASSERT(display_width(masked) <= 160U);
}

}  // namespace
}  // namespace muster
