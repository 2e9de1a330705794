// What is offered at each place of a command line, without a server.
// The commands of this room are enough: those passed in by main are read the same way.
#include "cli/completion.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/command_tree.h"

namespace muster::cli {
namespace {

Completion at(const std::vector<std::string>& words) {
  static const std::vector<const Command*> commands = all_commands({});
  return complete_words(commands, words);
}

std::vector<std::string> texts(const std::vector<std::string>& words) {
  std::vector<std::string> found;
  for (const Candidate& candidate : at(words).candidates) found.push_back(candidate.text);
  return found;
}

using Texts = std::vector<std::string>;

TEST(Completion, offers_commands_verbs_and_options) {
  EXPECT_EQ(texts({"sub"}), Texts{"submit"});
  EXPECT_EQ(texts({"bat"}), Texts{"batch"});
  EXPECT_EQ(texts({"batch", "s"}), (Texts{"show", "set"}));
  EXPECT_EQ(texts({"batches", "l"}), Texts{"list"});
  EXPECT_EQ(texts({"submit", "--max-r"}), Texts{"--max-running"});
  EXPECT_EQ(texts({"--no-c"}), Texts{"--no-color"});
  EXPECT_TRUE(texts({"nothing", ""}).empty());
  EXPECT_TRUE(texts({"complet"}) == Texts{"completion"}) << "what is hidden is not offered";
}

TEST(Completion, offers_the_words_of_a_choice_and_of_lists) {
  EXPECT_EQ(texts({"task", "list", "-o", "js"}), (Texts{"json", "jsonl"}));
  EXPECT_EQ(texts({"task", "list", "--output=cs"}), Texts{"--output=csv"});
  EXPECT_EQ(texts({"task", "list", "--state", "failed,su"}), Texts{"failed,succeeded"});
  EXPECT_EQ(texts({"worker", "list", "--columns", "name,boot"}), Texts{"name,boot_id"});
  EXPECT_EQ(texts({"completion", "z"}), Texts{"zsh"});
}

TEST(Completion, knows_what_a_value_names) {
  EXPECT_EQ(at({"logs", ""}).kind, ValueKind::selector);
  EXPECT_EQ(at({"logs", "1.1", "2"}).kind, ValueKind::selector);
  EXPECT_EQ(at({"submit", "--from", "sam"}).kind, ValueKind::file);
  EXPECT_EQ(at({"submit", "--cwd", ""}).kind, ValueKind::folder);
  EXPECT_EQ(at({"submit", "--after", ""}).kind, ValueKind::selector);
  EXPECT_EQ(at({"submit", "--batch=al"}).kind, ValueKind::batch_name);
  EXPECT_EQ(at({"submit", "--each", "a", ""}).kind, ValueKind::free);
  EXPECT_EQ(at({"worker", "drain", ""}).kind, ValueKind::worker);
  EXPECT_EQ(at({"worker", "create", ""}).kind, ValueKind::free);
  EXPECT_EQ(at({"-c", ""}).kind, ValueKind::context);
  EXPECT_EQ(at({"context", "use", "l"}).kind, ValueKind::context);
  EXPECT_EQ(at({"status", "--project", ""}).kind, ValueKind::project);
  EXPECT_EQ(at({"token", "revoke", ""}).kind, ValueKind::token);
  EXPECT_EQ(at({"status", "1", ""}).kind, ValueKind::free) << "it takes one word";
}

TEST(Completion, leaves_another_program_to_the_shell) {
  const Completion command = at({"submit", "--cpus", "4", "--", "sed", "-"});
  EXPECT_EQ(command.kind, ValueKind::command);
  EXPECT_EQ(command.command_from, 4U);
  EXPECT_EQ(at({"submit", "-q", ""}).command_from, 2U);
  EXPECT_EQ(at({"-c", "lab", "submit", "--", ""}).command_from, 4U);
}

TEST(Completion, asks_the_server_that_the_line_names) {
  EXPECT_EQ(at({"--data", "/srv/a", "logs", ""}).endpoint.data_folder, "/srv/a");
  EXPECT_EQ(at({"logs", "--url", "http://127.0.0.1:1", ""}).endpoint.url, "http://127.0.0.1:1");
}

// Whatever is on the line, something comes back: every prefix of every example is a line that somebody is typing.
TEST(Completion, survives_every_beginning_of_every_example) {
  for (const Command* command : all_commands({})) {
    std::string examples(command->examples);
    for (std::size_t length = 0; length <= examples.size(); ++length) {
      std::vector<std::string> words(1);
      for (const char c : examples.substr(0, length)) {
        if (c == ' ' || c == '\n') {
          words.emplace_back();
        } else {
          words.back().push_back(c);
        }
      }
      at(words);
    }
  }
}

}  // namespace
}  // namespace muster::cli
