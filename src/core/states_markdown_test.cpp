// Tests of the written life cycles.
// Every state, event and way of the tables has to appear; a way that is not in the tables must not.
#include "core/states_markdown.h"

#include <gtest/gtest.h>

#include "core/states.h"

namespace muster {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

template <class Cycle>
void expect_complete(const std::string& text, const Cycle& cycle) {
  const std::size_t begin = text.find("## " + std::string(cycle.name) + "\n");
  ASSERT_NE(begin, std::string::npos) << cycle.name;
  const std::string part = text.substr(begin, text.find("\n## ", begin + 1) - begin);
  for (const auto& info : cycle.states) {
    EXPECT_TRUE(has(part, "| `" + std::string(info.name) + "` | " +
                              (cycle.is_final(info.state) ? "yes" : "") + " | " + std::string(info.meaning)))
        << info.name;
  }
  for (const auto& row : cycle.table) {
    const std::size_t line = part.find("\n| `" + std::string(cycle.text(row.from)) + "` | ");
    bool found = false;
    for (std::size_t at = line; at != std::string::npos && !found; at = part.find("\n| `", at + 1)) {
      const std::string one = part.substr(at + 1, part.find('\n', at + 1) - at - 1);
      found = one.starts_with("| `" + std::string(cycle.text(row.from)) + "` | ") &&
              has(one, cycle.text(row.event).data()) &&
              one.ends_with("| `" + std::string(cycle.text(row.to)) + "` |");
    }
    EXPECT_TRUE(found) << cycle.name << ": " << cycle.text(row.from) << " " << cycle.text(row.event);
  }
}

TEST(StatesMarkdown, holds_every_state_and_every_way) {
  const std::string text = states_markdown();
  expect_complete(text, kTaskCycle);
  expect_complete(text, kAttemptCycle);
  expect_complete(text, kBatchCycle);
  expect_complete(text, kWorkerCycle);
}

TEST(StatesMarkdown, names_no_way_that_is_not_there) {
  EXPECT_FALSE(has(states_markdown(), "| `succeeded` | fail | `failed` |"));
  EXPECT_TRUE(has(states_markdown(), "| `ready` | grant | `running` |"));
}

TEST(StatesText, says_which_states_are_final) {
  EXPECT_TRUE(has(states_text(), "task\n  waiting"));
  EXPECT_TRUE(has(states_text(), "an attempt succeeded (final)\n"));
  EXPECT_FALSE(has(states_text(), "can start as soon as a worker has room (final)"));
}

}  // namespace
}  // namespace muster
