// Tests of cells: what a person sees and what a script gets from the same value.
// Null is told from zero for both.
#include "cli/views/cells.h"

#include <gtest/gtest.h>

namespace muster::cli {
namespace {

using client::Document;

constexpr std::int64_t kNow_us = 1'700'000'000'000'000;  // 2023-11-14T22:13:20Z
const ViewContext kPerson{Reader::person, true, kNow_us};
const ViewContext kScript{Reader::script, true, kNow_us};

class Cells : public testing::Test {
 protected:
  client::Json value(std::string json) {
    document_ = Document::parse(std::move(json)).value();
    return document_.root();
  }
  Document document_;
};

TEST_F(Cells, null_is_a_dash_or_nothing) {
  for (const auto cell :
       {&text_cell, &number_cell, &flag_cell, &seconds_cell, &memory_cell, &bytes_cell, &time_cell}) {
    EXPECT_EQ(cell(value("null"), kPerson).text, "-");
    EXPECT_EQ(cell(value("null"), kScript).text, "");
  }
}

TEST_F(Cells, durations) {
  EXPECT_EQ(seconds_cell(value("4.25"), kPerson).text, "4.2s");
  EXPECT_EQ(seconds_cell(value("4.25"), kScript).text, "4.25");
  EXPECT_EQ(seconds_cell(value("0"), kScript).text, "0");
  EXPECT_EQ(seconds_cell(value("3600"), kScript).text, "3600");
}

TEST_F(Cells, sizes) {
  EXPECT_EQ(memory_cell(value("512.5"), kScript).text, "512.5");
  EXPECT_EQ(memory_cell(value("1536"), kPerson).text, "1.5G");
  EXPECT_EQ(bytes_cell(value("1048576"), kPerson).text, "1M");
  EXPECT_EQ(bytes_cell(value("1048576"), kScript).text, "1048576");
}

TEST_F(Cells, times) {
  EXPECT_EQ(time_cell(value("\"2023-11-14T22:13:15Z\""), kPerson).text, "5s ago");
  EXPECT_EQ(time_cell(value("\"2023-11-14T22:13:20.400000Z\""), kPerson).text, "now");
  EXPECT_EQ(time_cell(value("\"2023-11-14T22:14:20Z\""), kPerson).text, "in 1m00s");
  EXPECT_EQ(time_cell(value("\"2023-11-14T22:13:15Z\""), kScript).text, "2023-11-14T22:13:15Z");
  EXPECT_EQ(time_cell(value("\"soon\""), kPerson).text, "soon");
}

TEST_F(Cells, states_have_sign_and_word) {
  EXPECT_EQ(state_cell("failed", kPerson).text, "✗ failed");
  EXPECT_EQ(state_cell("running", kPerson, "executing").text, "▶ executing");
  EXPECT_EQ(state_cell("running", kScript, "executing").text, "running");
  EXPECT_EQ(state_cell("a-state-of-the-future", kPerson).text, "· a-state-of-the-future");
  EXPECT_EQ(state_cell("failed", {Reader::person, false, 0}).text, "x failed");
}

TEST_F(Cells, text_that_is_no_text_is_still_shown) {
  EXPECT_EQ(text_cell(value("[1,2]"), kPerson).text, "[1,2]");
}

}  // namespace
}  // namespace muster::cli
