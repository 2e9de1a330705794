// The COMMAND rule as tables: which words are shell text, what is a placeholder, what is refused and where.
// That values never change how a command is parsed is shown with real shells in command_shell_test.cpp.
#include "core/command.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace muster {
namespace {

using Words = std::vector<std::string>;

Result<CommandTemplate> compile(const Words& words, ItemSource source = ItemSource::line,
                                const Words& columns = {}, const std::optional<std::string>& shell = {}) {
  return compile_command(words, shell, source == ItemSource::line && columns.empty() ? Words{""} : columns,
                         source);
}

// What runs for index 7 and the given fields.
ExpandedCommand run(const CommandTemplate& command, const std::vector<std::string_view>& fields) {
  return expand_command(command, 7, fields);
}

struct ArgvCase {
  Words words;
  Words argv;  // for the line "a b" and index 7
};

TEST(Command, words_are_arguments_and_placeholders_stay_inside_them) {
  const ArgvCase cases[] = {
      {{"gzip", "{}"}, {"gzip", "a b"}},
      {{"gzip"}, {"gzip", "a b"}},
      {{"gzip", "-9"}, {"gzip", "-9", "a b"}},
      {{"cp", "{}", "{}.bak"}, {"cp", "a b", "a b.bak"}},
      {{"echo", "x{#}y{}z"}, {"echo", "x7ya bz"}},
      {{"echo", "{#}"}, {"echo", "7"}},
      {{"{}", "--help"}, {"a b", "--help"}},
      {{"{}"}, {"a b"}},
      {{"echo", ""}, {"echo", "", "a b"}},
      {{"echo", "{{}", "{}"}, {"echo", "{}", "a b"}},
      {{"echo", "{{{}}", "{}"}, {"echo", "{a b}", "a b"}},
      {{"echo", "{{name}", "{}"}, {"echo", "{name}", "a b"}},
      {{"echo", "{{", "}}", "}", "{}"}, {"echo", "{", "}}", "}", "a b"}},
      {{"echo", "{{{{", "{}"}, {"echo", "{{", "a b"}},
      {{"echo", "{a,b}", "{ x; }", "{1..3}", "{", "{}"}, {"echo", "{a,b}", "{ x; }", "{1..3}", "{", "a b"}},
      {{"awk", "{print $1}", "{}"}, {"awk", "{print $1}", "a b"}},
      {{"echo", "${HOME}", "${#}", "{}"}, {"echo", "${HOME}", "${#}", "a b"}},
      {{"echo", "${}"}, {"echo", "$a b"}},
      {{"echo", "\\{}"}, {"echo", "\\a b"}},
      {{"echo", "{\"a\":1}", "{}"}, {"echo", "{\"a\":1}", "a b"}},
      {{"echo", "{1x}", "{}"}, {"echo", "{1x}", "a b"}},
      {{"python3", "-c", "print('{}')"}, {"python3", "-c", "print('a b')"}},
      {{"a|b", "$(c)", "{}"}, {"a|b", "$(c)", "a b"}},
  };
  for (const ArgvCase& c : cases) {
    const Result<CommandTemplate> command = compile(c.words);
    ASSERT_TRUE(command) << c.words.back() << ": " << command.error().what;
    EXPECT_EQ(command->kind, CommandKind::argv);
    EXPECT_EQ(run(*command, {"a b"}).argv, c.argv);
    EXPECT_TRUE(command->env_bindings.empty());
  }
}

TEST(Command, items_are_appended_to_lines_only) {
  EXPECT_EQ(run(*compile({"gzip"}, ItemSource::index), {}).argv, (Words{"gzip"}));
  EXPECT_EQ(run(*compile({"gzip"}, ItemSource::none), {}).argv, (Words{"gzip"}));
  EXPECT_EQ(run(*compile({"gzip"}, ItemSource::table, {"a"}), {"v"}).argv, (Words{"gzip"}));
  EXPECT_EQ(run(*compile({"gzip", "{#}"}, ItemSource::none), {}).argv, (Words{"gzip", "7"}));
  EXPECT_EQ(run(*compile({"gzip", "{#}"}, ItemSource::line), {"v"}).argv, (Words{"gzip", "7"}));
  EXPECT_EQ(run(*compile({"gzip", "{}"}, ItemSource::index), {}).argv, (Words{"gzip", "7"}));
}

TEST(Command, columns_are_named) {
  const Words columns = {"sample", "Read Group", "größe"};
  const CommandTemplate command =
      *compile({"x", "{sample}-{Read Group}", "{größe}{#}", "{other thing}"}, ItemSource::table, columns);
  EXPECT_EQ(run(command, {"s", "r", "g"}).argv, (Words{"x", "s-r", "g7", "{other thing}"}));
  EXPECT_EQ(run(*compile({"x", "{}"}, ItemSource::table, {"only"}), {"v"}).argv, (Words{"x", "v"}));
  EXPECT_EQ(command.placeholders.size(), 4U);
  EXPECT_EQ(command.placeholders[1], (Placeholder{ValueKind::field, 1, "Read Group"}));
}

struct ShellCase {
  const char* text;
  const char* rewritten;
  std::size_t variables;
};

TEST(Command, one_word_with_a_blank_is_shell_text) {
  const ShellCase cases[] = {
      {"gzip -9 {}", "gzip -9 \"$M1\"", 1},
      {"gzip -9", "gzip -9 \"$M1\"", 1},
      {"gzip -9 \n", "gzip -9 \"$M1\"", 1},
      {"cat <in | wc -l", "cat <in | wc -l \"$M1\"", 1},
      {"echo \"x {} y\"", "echo \"x ${M1} y\"", 1},
      {"echo 'x {} y'", "echo 'x '\"$M1\"' y'", 1},
      {"a {} {#} '{}' \"{#}\"", "a \"$M1\" \"$M2\" ''\"$M1\"'' \"${M2}\"", 2},
      {"echo \"$(cat '{}')\"", "echo \"$(cat ''\"$M1\"'')\"", 1},
      {"echo M1 $M2 {}", "echo M1 $M2 \"$M3\"", 1},
      {"echo XM1 M10 {}", "echo XM1 M10 \"$M1\"", 1},
      {"echo {{} {{x} {}", "echo {} {x} \"$M1\"", 1},
      {"echo ${HOME} ${#} {}", "echo ${HOME} ${#} \"$M1\"", 1},
      {"echo \\{} \"\\{}\" {}", "echo \\{} \"\\{}\" \"$M1\"", 1},
      {"echo {a,b} { } {}", "echo {a,b} { } \"$M1\"", 1},
      {"awk '{print $1}' {}", "awk '{print $1}' \"$M1\"", 1},
      {"awk '{print ${}}'", "awk '{print $'\"$M1\"'}'", 1},
      {"awk '{print ${x}}' {}", "awk '{print ${x}}' \"$M1\"", 1},
      {"f() { echo {}; }; f", "f() { echo \"$M1\"; }; f", 1},
      {"-x {}", " -x \"$M1\"", 1},
      {"echo\t{}", "echo\t\"$M1\"", 1},
      {"echo \\${} {#}", "echo \\$\"$M1\" \"$M2\"", 2},
  };
  for (const ShellCase& c : cases) {
    const Result<CommandTemplate> command = compile({c.text});
    ASSERT_TRUE(command) << c.text << ": " << command.error().what;
    EXPECT_EQ(command->kind, CommandKind::shell);
    const ExpandedCommand expanded = run(*command, {"a b"});
    EXPECT_EQ(expanded.argv, (Words{"/bin/sh", "-c", c.rewritten}));
    EXPECT_EQ(expanded.env.size(), c.variables) << c.text;
  }
}

TEST(Command, variables_carry_the_values) {
  const CommandTemplate command = *compile({"a {x} {#} {y} '{x}'"}, ItemSource::table, {"y", "x"});
  EXPECT_EQ(run(command, {"yy", "xx"}).env,
            (std::vector<std::pair<std::string, std::string>>{{"M1", "xx"}, {"M2", "7"}, {"M3", "yy"}}));
}

TEST(Command, shells_are_chosen_by_name) {
  EXPECT_EQ(run(*compile({"echo {}"}, ItemSource::line, {}, "bash"), {"v"}).argv,
            (Words{"bash", "-c", "echo \"$M1\""}));
  EXPECT_EQ(run(*compile({"{}"}, ItemSource::line, {}, ""), {"v"}).argv, (Words{"/bin/sh", "-c", "\"$M1\""}));
  EXPECT_EQ(run(*compile({"ls"}, ItemSource::none, {}, "sh"), {}).argv, (Words{"/bin/sh", "-c", "ls"}));
  EXPECT_EQ(run(*compile({"ls"}, ItemSource::none, {}, "/opt/bin/zsh"), {}).argv,
            (Words{"/opt/bin/zsh", "-c", "ls"}));
  for (const char* shell : {"fish", "python3", "bash -e", " "}) {
    const auto refused = compile({"ls"}, ItemSource::none, {}, shell);
    ASSERT_FALSE(refused) << shell;
    EXPECT_EQ(refused.error().code, kMalformedValue);
  }
  const auto several = compile({"echo", "hi"}, ItemSource::none, {}, "bash");
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code, kMalformedValue);
}

TEST(Command, the_word_behind_a_shells_c_is_shell_text) {
  const ArgvCase cases[] = {
      {{"sh", "-c", "echo {}"}, {"sh", "-c", "echo \"$M1\""}},
      {{"sh", "-c", "{}"}, {"sh", "-c", "\"$M1\""}},
      {{"/bin/bash", "-ec", "echo '{}'"}, {"/bin/bash", "-ec", "echo ''\"$M1\"''"}},
      {{"bash", "-lc", "echo \"{}\""}, {"bash", "-lc", "echo \"${M1}\""}},
      {{"bash", "-e", "-o", "pipefail", "-c", "a {}"}, {"bash", "-e", "-o", "pipefail", "-c", "a \"$M1\""}},
      {{"bash", "-euo", "pipefail", "-c", "a {}"}, {"bash", "-euo", "pipefail", "-c", "a \"$M1\""}},
      {{"bash", "--norc", "-c", "--", "a {}"}, {"bash", "--norc", "-c", "--", "a \"$M1\""}},
      {{"dash", "-c", "wc -l"}, {"dash", "-c", "wc -l \"$M1\""}},
      {{"zsh", "-c", "wc -l \"$1\"", "zsh"}, {"zsh", "-c", "wc -l \"$1\"", "zsh", "a b"}},
      {{"ksh", "-c", "a {} $1", "ksh", "{}"}, {"ksh", "-c", "a \"$M1\" $1", "ksh", "a b"}},
      {{"timeout", "10", "bash", "-c", "a {}"}, {"timeout", "10", "bash", "-c", "a \"$M1\""}},
      {{"env", "X=1", "bash", "-c", "a {}"}, {"env", "X=1", "bash", "-c", "a \"$M1\""}},
      {{"bash", "run.sh", "-c", "{}"}, {"bash", "run.sh", "-c", "a b"}},
      {{"gcc", "-c", "{}"}, {"gcc", "-c", "a b"}},
      {{"ssh", "host", "sh", "-c", "ls"}, {"ssh", "host", "sh", "-c", "ls", "a b"}},
      {{"docker", "run", "x", "sh", "-c", "ls \"$1\"", "sh", "{}"},
       {"docker", "run", "x", "sh", "-c", "ls \"$1\"", "sh", "a b"}},
  };
  for (const ArgvCase& c : cases) {
    const Result<CommandTemplate> command = compile(c.words);
    ASSERT_TRUE(command) << c.words.back() << ": " << command.error().what;
    EXPECT_EQ(command->kind, CommandKind::argv);
    EXPECT_EQ(run(*command, {"a b"}).argv, c.argv);
  }
}

struct RefusedCase {
  Words words;
  ItemSource source;
  const char* code;
  const char* why;
  const char* marked;  // the text above the carets
};

TEST(Command, refuses_with_code_and_place) {
  const RefusedCase cases[] = {
      {{}, ItemSource::none, kMalformedValue, "missing", nullptr},
      {{""}, ItemSource::none, kMalformedValue, "missing", nullptr},
      {{"  "}, ItemSource::none, kMalformedValue, "missing", nullptr},
      {{"echo", std::string("a\0b", 3)}, ItemSource::none, kMalformedValue, "NUL", nullptr},
      {{"echo", "x{}"}, ItemSource::none, kPlaceholderWithoutValue, "a placeholder without a value", "{}"},
      {{"find . -exec rm {} ;"}, ItemSource::none, kPlaceholderWithoutValue, "no items", "{}"},
      {{"echo", "{name}"}, ItemSource::none, kUnknownPlaceholder, "{name}", "{name}"},
      {{"echo", "{name}"}, ItemSource::line, kUnknownPlaceholder, "no table", "{name}"},
      {{"echo", "{name}"}, ItemSource::index, kUnknownPlaceholder, "no table", "{name}"},
      {{"awk", "{print}"}, ItemSource::line, kUnknownPlaceholder, "{print}", "{print}"},
      {{"echo", "a-{nme}"}, ItemSource::table, kUnknownPlaceholder, "sample, depth", "{nme}"},
      {{"echo {nme}"}, ItemSource::table, kUnknownPlaceholder, "sample, depth", "{nme}"},
      {{"echo", "{}"}, ItemSource::table, kUnknownPlaceholder, "sample, depth", "{}"},
      {{"echo {}"}, ItemSource::table, kUnknownPlaceholder, "sample, depth", "{}"},
      {{"echo hi # {}"}, ItemSource::line, kPlaceholderUnquotable, "comment", "{}"},
      {{"cat <<E\n{}\nE"}, ItemSource::line, kPlaceholderUnquotable, "here-document", "{}"},
      {{"echo $(( {} ))"}, ItemSource::line, kPlaceholderUnquotable, "arithmetic", "{}"},
      {{"echo ${x:-{}}"}, ItemSource::line, kPlaceholderUnquotable, "${ }", "{}"},
      {{"echo ${}"}, ItemSource::line, kPlaceholderUnquotable, "dollar", "{}"},
      {{"echo \"{}"}, ItemSource::line, kPlaceholderUnquotable, "never closed", "\""},
      {{"echo {} 'x"}, ItemSource::line, kPlaceholderUnquotable, "never closed", "'"},
      {{"xargs sh -c 'a {}'"}, ItemSource::line, kPlaceholderUnquotable, "another shell", "{}"},
      {{"eval \"a {}\""}, ItemSource::line, kPlaceholderUnquotable, "another shell", "{}"},
      {{"echo $'{}'"}, ItemSource::line, kPlaceholderUnquotable, "$' '", "{}"},
      {{"echo $[1] {}"}, ItemSource::line, kPlaceholderUnquotable, "differently", "{}"},
      {{"docker", "run", "x", "sh", "-c", "a {}"}, ItemSource::line, kPlaceholderUnquotable, "docker", "{}"},
      {{"env", "-i", "sh", "-c", "a {}"}, ItemSource::line, kPlaceholderUnquotable, "env", "{}"},
      {{"sudo", "bash", "-c", "{} x"}, ItemSource::line, kPlaceholderUnquotable, "sudo", "{}"},
      {{"ls a; "}, ItemSource::line, kPlaceholderUnquotable, "appended", nullptr},
      {{"for i in 1; do ls; done"}, ItemSource::line, kPlaceholderUnquotable, "appended", nullptr},
      {{"ls # all"}, ItemSource::line, kPlaceholderUnquotable, "appended", nullptr},
      {{"ls 'a"}, ItemSource::line, kPlaceholderUnquotable, "appended", nullptr},
      {{"x= "}, ItemSource::line, kPlaceholderUnquotable, "appended", nullptr},
      {{"echo", std::string(kArgumentBytesMax, 'x')}, ItemSource::none, kArgumentsTooLong, "131072", nullptr},
  };
  for (const RefusedCase& c : cases) {
    const bool table = c.source == ItemSource::table;
    const auto refused = compile(c.words, c.source, table ? Words{"sample", "depth"} : Words{});
    ASSERT_FALSE(refused) << (c.words.empty() ? "" : c.words.back());
    EXPECT_EQ(refused.error().code, c.code) << refused.error().what;
    const std::string& what = refused.error().what;
    EXPECT_NE(what.find(c.why), std::string::npos) << what;
    if (c.marked == nullptr) continue;
    const std::size_t caret_line = what.rfind('\n') + 1;
    const std::size_t text_line = what.rfind('\n', caret_line - 2) + 1;
    const std::size_t caret = what.find('^', caret_line) - caret_line;
    EXPECT_EQ(what.substr(text_line + caret, what.size() - caret_line - caret), c.marked) << what;
    EXPECT_FALSE(refused.error().next.empty());
  }
}

TEST(Command, a_column_name_that_a_shell_would_read_is_refused_in_shell_text_only) {
  EXPECT_TRUE(compile({"echo", "{a;b}"}, ItemSource::table, {"a;b"}));
  const auto refused = compile({"echo {a;b}"}, ItemSource::table, {"a;b"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, kPlaceholderUnquotable);
  EXPECT_TRUE(compile({"echo {Read Group}"}, ItemSource::table, {"Read Group"}));
}

TEST(Command, errors_carry_no_control_characters_of_the_input) {
  const auto refused = compile({"echo {} \x1b]0;x\x07 '"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what.find('\x1b'), std::string::npos);
}

TEST(Command, argument_limit_counts_what_execve_gets) {
  const CommandTemplate argv = *compile({"echo", "{}"});
  EXPECT_EQ(expanded_bytes(argv, 1, std::vector<std::string_view>{"abc"}), 5U + 4U);
  const CommandTemplate shell = *compile({"echo {}"});
  EXPECT_EQ(expanded_bytes(shell, 1, std::vector<std::string_view>{"abc"}), 8U + 3U + 11U + (3U + 3U + 1U));
  const std::string largest(kArgumentBytesMax - 6, 'x');
  EXPECT_TRUE(check_argument_limit(argv, 1, std::vector<std::string_view>{largest}));
  const std::string larger(kArgumentBytesMax - 5, 'x');
  const Result<void> refused = check_argument_limit(argv, 1, std::vector<std::string_view>{larger});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, kArgumentsTooLong);
  EXPECT_EQ(refused.error().kind, ErrorKind::too_large);
}

TEST(Command, expanding_into_a_used_value_leaves_nothing_behind) {
  ExpandedCommand out =
      run(*compile({"echo {} {#} with many words"}), {"some long value that needs the heap"});
  expand_command_into(*compile({"ls", "{}"}), 3, std::vector<std::string_view>{"x"}, out);
  EXPECT_EQ(out, (ExpandedCommand{{"ls", "x"}, {}}));
}

TEST(Command, is_shown_as_it_was_typed) {
  struct Case {
    Words words;
    const char* shown;
    const char* expanded;  // with the line "a'b"
  };
  const Case cases[] = {
      {{"gzip", "-9", "{}"}, "gzip -9 {}", "gzip -9 'a'\\''b'"},
      {{"gzip"}, "gzip {}", "gzip 'a'\\''b'"},
      {{"echo", "a b", "", "it's"}, "echo 'a b' '' 'it'\\''s' {}", "echo 'a b' '' 'it'\\''s' 'a'\\''b'"},
      {{"echo", "{{}", "{{x}", "{a,b}", "{1..3}", "{{{{", "{}"},
       "echo {{} {{x} '{a,b}' '{1..3}' {{{ {}",
       "echo {} {x} '{a,b}' '{1..3}' {{ 'a'\\''b'"},
      {{"X=1", "{}"}, "'X=1' {}", "'X=1' 'a'\\''b'"},
      {{"if", "--x=1", "{}"}, "'if' --x=1 {}", "'if' --x=1 'a'\\''b'"},
      {{"echo", "a\nb\x1b", "{}"}, "echo 'a\\nb\\x1b' {}", "echo 'a\\nb\\x1b' 'a'\\''b'"},
      {{"cat {} | wc"}, "cat {} | wc", "cat 'a'\\''b' | wc"},
      {{"cat \"{}\" '{}' {#}"}, "cat \"{}\" '{}' {#}", "cat \"a'b\" 'a'\\''b' 7"},
      {{"bash", "-c", "a {} \"x\""},
       "bash -c 'a {} \"x\"'",
       "bash -c 'a '\\''a'\\''\\'\\'''\\''b'\\'' \"x\"'"},
      {{"echo", "#x", "=x", "~", "{}"}, "echo '#x' '=x' '~' {}", "echo '#x' '=x' '~' 'a'\\''b'"},
  };
  for (const Case& c : cases) {
    const CommandTemplate command = *compile(c.words);
    EXPECT_EQ(display_command(command), c.shown);
    EXPECT_EQ(display_expanded(command, 7, std::vector<std::string_view>{"a'b"}), c.expanded);
  }
  EXPECT_EQ(display_command(*compile({"cd x && make"}, ItemSource::none, {}, "bash")),
            "bash -c 'cd x && make'");
  EXPECT_EQ(display_expanded(*compile({"echo \"{}\""}), 1, std::vector<std::string_view>{"$x`\"\\"}),
            "echo \"\\$x\\`\\\"\\\\\"");
}

// Any text comes through as itself.
TEST(Command, a_literal_word_means_the_text_itself) {
  EXPECT_TRUE(rc::check("literal", [](const std::vector<std::string>& tail) {
    Words words = {"x"};
    Words wanted = {"x"};
    for (const std::string& word : tail) {
      if (word.find('\0') != std::string::npos) continue;
      wanted.push_back(word);
      words.push_back(literal_word(word));
    }
    const Result<CommandTemplate> command = compile(words, ItemSource::index);
    RC_ASSERT(command.has_value());
    RC_ASSERT(run(*command, {}).argv == wanted);
  }));
}

TEST(Command, argv_is_the_words_with_values_in_place) {
  const auto piece = rc::gen::element<std::string>("{a}", "{b}", "{#}", "{{", "x", " ", "'", "$(", "}", "-");
  EXPECT_TRUE(rc::check("substitution", [&](const std::string& a, const std::string& b) {
    Words words = {"x"};
    Words wanted = {"x"};
    const auto count = *rc::gen::inRange(0, 5);
    for (int i = 0; i < count; ++i) {
      words.emplace_back();
      wanted.emplace_back();
      for (const std::string& part : *rc::gen::container<std::vector<std::string>>(piece)) {
        words.back() += part;
        wanted.back() += part == "{a}"   ? a
                         : part == "{b}" ? b
                         : part == "{#}" ? "7"
                         : part == "{{"  ? "{"
                                         : part;
      }
    }
    const Result<CommandTemplate> command = compile(words, ItemSource::table, {"a", "b"});
    RC_ASSERT(command.has_value());
    RC_ASSERT(run(*command, {a, b}).argv == wanted);
  }));
}

}  // namespace
}  // namespace muster
