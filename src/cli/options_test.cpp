// Tests of parsing options: every spelling, every word kept as typed, every wrong one named.
// Nothing here prints or reads anything.
#include "cli/options.h"

#include <gtest/gtest.h>

#include <rapidcheck.h>

namespace muster::cli {
namespace {

using Words = std::vector<std::string>;

struct Targets {
  bool hold = false;
  bool quiet = false;
  std::string name;
  std::optional<std::uint64_t> cpus;
  std::optional<std::int64_t> priority;
  std::optional<std::string> shell;
  Words after;
  Words each;
  Words selectors;
  Words command;
};

void declare(Options& options, Targets& targets) {
  options.flag("--hold", targets.hold, "");
  options.flag("-q,--quiet", targets.quiet, "");
  options.text("-n,--name", "NAME", targets.name, "");
  options.number("--cpus", "N", targets.cpus, "");
  options.integer("--priority", "N", targets.priority, "");
  options.attached("--shell", "SHELL", "sh", targets.shell, "");
  options.texts("--after", "SELECTOR", targets.after, "");
  options.words("--each", "GLOB", targets.each, "");
}

Result<Targets> parse(const Words& words) {
  Targets targets;
  Options options;
  declare(options, targets);
  options.positional("SELECTOR", targets.selectors, 0, 2, "");
  const Result<void> parsed = options.parse(words, "test");
  if (!parsed) return std::unexpected(parsed.error());
  return targets;
}

Result<Targets> parse_command(const Words& words) {
  Targets targets;
  Options options;
  declare(options, targets);
  options.command_words("COMMAND", targets.command, "");
  const Result<void> parsed = options.parse(words, "test");
  if (!parsed) return std::unexpected(parsed.error());
  return targets;
}

TEST(Options, take_values_in_every_spelling) {
  for (const Words& words :
       {Words{"--name", "x"}, Words{"--name=x"}, Words{"-n", "x"}, Words{"-nx"}, Words{"-qnx"}}) {
    const auto targets = parse(words);
    ASSERT_TRUE(targets) << words.front();
    EXPECT_EQ(targets->name, "x");
  }
}

TEST(Options, keep_empty_values_and_values_like_options) {
  EXPECT_EQ(parse({"--name=", "--hold"})->name, "");
  EXPECT_TRUE(parse({"--name=", "--hold"})->hold);
  EXPECT_EQ(parse({"--name", ""})->name, "");
  EXPECT_EQ(parse({"--name", "--hold"})->name, "--hold");
  EXPECT_EQ(parse({"--name=a=b"})->name, "a=b");
}

TEST(Options, take_negative_numbers_for_numbers) {
  EXPECT_EQ(parse({"--priority", "-5"})->priority, -5);
  EXPECT_EQ(parse({"--priority=-5"})->priority, -5);
  EXPECT_EQ(parse({"-5"})->selectors, Words{"-5"});
  EXPECT_EQ(parse({"-"})->selectors, Words{"-"});
}

TEST(Options, attach_a_value_only_with_an_equals_sign) {
  EXPECT_EQ(parse({"--shell", "42"})->shell, "sh");
  EXPECT_EQ(parse({"--shell", "42"})->selectors, Words{"42"});
  EXPECT_EQ(parse({"--shell=bash"})->shell, "bash");
}

TEST(Options, several_words_end_at_the_next_option) {
  const auto targets = parse({"--each", "a", "b", "-q", "--each=c", "--", "42"});
  ASSERT_TRUE(targets);
  EXPECT_EQ(targets->each, (Words{"a", "b", "c"}));
  EXPECT_TRUE(targets->quiet);
  EXPECT_EQ(targets->selectors, Words{"42"});
  EXPECT_FALSE(parse({"--each", "--", "a"}));
  EXPECT_FALSE(parse({"--each"}));
}

TEST(Options, repeated_ones_add_up) {
  EXPECT_EQ(parse({"--after", "1", "--after=2"})->after, (Words{"1", "2"}));
}

TEST(Options, positionals_stand_anywhere_and_are_counted) {
  EXPECT_EQ(parse({"1", "--hold", "2"})->selectors, (Words{"1", "2"}));
  EXPECT_EQ(parse({"1", "2", "3"}).error().code, kUnknownWord);
  EXPECT_EQ(parse({"--", "--hold", "-q"})->selectors, (Words{"--hold", "-q"}));
}

TEST(Options, a_command_takes_everything_from_its_first_word) {
  EXPECT_EQ(parse_command({"--hold", "grep", "-n", "--name", "x"})->command,
            (Words{"grep", "-n", "--name", "x"}));
  EXPECT_EQ(parse_command({"--", "--hold", "--", "x"})->command, (Words{"--hold", "--", "x"}));
  EXPECT_EQ(parse_command({"a", "--", "b"})->command, (Words{"a", "--", "b"}));
  EXPECT_FALSE(parse_command({"grep", "--hold"})->hold);
}

TEST(Options, whatever_follows_the_dashes_arrives_unchanged) {
  rc::check([](const Words& command) {
    Words words = {"--hold", "--"};
    words.insert(words.end(), command.begin(), command.end());
    const auto targets = parse_command(words);
    RC_ASSERT(targets.has_value());
    RC_ASSERT(targets->command == command);
  });
}

TEST(Options, any_value_behind_an_equals_sign_arrives_unchanged) {
  rc::check([](const std::string& value) {
    const auto targets = parse({"--name=" + value, "-q"});
    RC_ASSERT(targets.has_value());
    RC_ASSERT(targets->name == value && targets->quiet);
  });
}

TEST(Options, name_what_is_wrong) {
  const auto what = [](const Words& words) { return parse(words).error().what; };
  EXPECT_EQ(what({"--nmae", "x"}), "'muster test' has no option --nmae; did you mean --name?");
  EXPECT_EQ(what({"--xyzzy"}), "'muster test' has no option --xyzzy");
  EXPECT_EQ(what({"-x"}), "'muster test' has no option -x");
  EXPECT_EQ(what({"-qx"}), "'muster test' has no option -x");
  EXPECT_EQ(what({"--name"}), "--name needs a value: NAME");
  EXPECT_EQ(what({"--hold=1"}), "--hold takes no value");
  EXPECT_EQ(what({"--cpus", "four"}), "'four' is no N for --cpus");
  EXPECT_EQ(what({"--cpus=-1"}), "'-1' is no N for --cpus");
  EXPECT_EQ(what({"--cpus", "18446744073709551616"}), "'18446744073709551616' is no N for --cpus");
}

TEST(Options, numbers_may_be_grouped) { EXPECT_EQ(parse({"--cpus", "1_000"})->cpus, 1000U); }

TEST(Options, quantities_are_read_with_their_units) {
  std::optional<std::uint64_t> mem_mb;
  std::optional<std::uint64_t> bytes;
  std::optional<std::int64_t> time_us;
  Options options;
  options.memory_mb("--mem", mem_mb, "");
  options.bytes("--tail", "BYTES", bytes, "");
  options.duration_us("--time", time_us, "");
  ASSERT_TRUE(options.parse(Words{"--mem", "2G", "--tail=1k", "--time", "1h30m"}, "test"));
  EXPECT_EQ(mem_mb, 2048U);
  EXPECT_EQ(bytes, 1024U);
  EXPECT_EQ(time_us, 5'400'000'000);
  const auto wrong = options.parse(Words{"--mem", "lots"}, "test");
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(wrong.error().what.starts_with("--mem: ")) << wrong.error().what;
}

TEST(Options, choices_are_offered) {
  static constexpr std::string_view kChoices[] = {"plain", "none", "tty"};
  std::string chosen;
  Options options;
  options.choice("--progress", kChoices, chosen, "");
  ASSERT_TRUE(options.parse(Words{"--progress", "tty"}, "test"));
  EXPECT_EQ(chosen, "tty");
  const auto wrong = options.parse(Words{"--progress=plian"}, "test");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().what, "'plian' is no choice of --progress; did you mean 'plain'?");
  EXPECT_EQ(wrong.error().next, "one of: plain, none, tty");
}

TEST(Options, too_few_positionals_are_an_error) {
  Words selectors;
  Options options;
  options.positional("SELECTOR", selectors, 1, kAnyCount, "");
  const auto parsed = options.parse(Words{}, "wait");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().what, "'muster wait' needs a SELECTOR");
}

TEST(Options, remember_what_was_given) {
  Targets targets;
  Options options;
  declare(options, targets);
  ASSERT_TRUE(options.parse(Words{"-q", "--cpus=1"}, "test"));
  EXPECT_TRUE(options.given("--quiet"));
  EXPECT_TRUE(options.given("--cpus"));
  EXPECT_FALSE(options.given("--hold"));
}

}  // namespace
}  // namespace muster::cli
