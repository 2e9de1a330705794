// A value never changes how a command is parsed: shown with the real shells of this machine and values made to break out.
// Each shell that is installed takes part; sh and bash are on every Debian machine.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/command.h"
#include "core/escape.h"

namespace muster {
namespace {

const std::string kPath = "PATH=/usr/local/bin:/usr/bin:/bin";

// A new empty folder that the commands run in, so that a value taken for a pattern or a file name shows.
class Folder {
 public:
  Folder() {
    std::string path = "/tmp/muster-command-XXXXXX";
    if (mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ~Folder() { rmdir(path_.c_str()); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string read_all(int descriptor) {
  std::string out;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = read(descriptor, buffer.data(), buffer.size())) > 0;) {
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return out;
}

struct Outcome {
  std::string output;
  int status = -1;  // as from waitpid; -1 when it could not be started
};

Outcome run(const ExpandedCommand& command, const std::string& folder) {
  std::vector<std::string> environment = {kPath, "LC_ALL=C.UTF-8"};
  for (const auto& [name, value] : command.env) environment.push_back(name + "=" + value);
  std::vector<char*> argv;
  std::vector<char*> envp;
  for (const std::string& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& entry : environment) envp.push_back(const_cast<char*>(entry.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  Outcome outcome;
  if (failed == 0) {
    outcome.output = read_all(ends[0]);
    waitpid(pid, &outcome.status, 0);
  }
  close(ends[0]);
  return outcome;
}

std::vector<std::string> shells() {
  std::vector<std::string> found;
  for (const char* path : {"/bin/sh", "/bin/bash", "/bin/zsh", "/bin/ksh93", "/bin/ksh", "/bin/mksh"}) {
    if (access(path, X_OK) == 0) found.emplace_back(path);
  }
  return found;
}

const std::vector<std::string>& hostile_values() {
  static const std::vector<std::string> values = {
      "plain",
      "",
      " ",
      "a b",
      "  two  blanks  ",
      "-n",
      "--help",
      "*",
      "?[a-z]",
      "~",
      "it's",
      "''",
      "\"quoted\"",
      "'\"$M1\"'",
      "$HOME",
      "${M1}",
      "$(echo BROKEN)",
      "`echo BROKEN`",
      "; echo BROKEN",
      "| echo BROKEN",
      "&& echo BROKEN #",
      "x\necho BROKEN\n",
      "\n",
      "\ttab\t",
      "\\",
      "\\\\n\\x",
      "{a,b}",
      "{}",
      "$((1+1))",
      "a[$(echo BROKEN)]",
      "%s%n",
      "<in >out",
      "!history",
      "#comment",
      "\xc3\xa9t\xc3\xa9",
      "\xff\xfe",
      "\x01\x7f",
      "EOF",
  };
  return values;
}

// One in seven of them, others at each call: every placement meets few, every value meets many, and a run takes a second.
std::vector<std::string> some_values() {
  static std::size_t offset = 0;
  std::vector<std::string> some;
  for (std::size_t i = ++offset % 7; i < hostile_values().size(); i += 7) some.push_back(hostile_values()[i]);
  return some;
}

struct Placement {
  const char* text;
  const char* output;  // V stands for the value
};

// printf is given its format first, so that a value with a leading dash is an argument like any other.
const Placement kPlacements[] = {
    {"printf '<%s>' {}", "<V>"},
    {"printf '<%s>' a{}b {}", "<aVb><V>"},
    {"printf '<%s>' \"{}\" \"a {} b\"", "<V><a V b>"},
    {"printf '<%s>' '{}' 'a {} b'", "<V><a V b>"},
    {"printf '<%s>' 'a'{}\"b{}\"'{}c'", "<aVbVVc>"},
    {"printf '<%s>' \"$(printf 'x%sx' {})\"", "<xVx>"},
    {"printf '<%s>' \"$(printf 'x%sx' \"{}\")\"", "<xVx>"},
    {"printf '<%s>' \"$(printf 'x%sx' '{}')\"", "<xVx>"},
    {"printf '<%s>' \"$(printf '%s' \"$(printf 'x%sx' '{}')\" \"{}x\")\"", "<xVxVx>"},
    {"printf '<%s>' \"`printf 'x%sx' {}`\"", "<xVx>"},
    {"printf '<%s>' \"`printf 'x%sx' '{}'`\"", "<xVx>"},
    {"printf '<%s>' \"`printf 'x%sx' \"{}\"`\"", "<xVx>"},
    {"x={}; printf '<%s>' \"$x\"", "<V>"},
    {"x=\"a{}\" y='{}'; printf '<%s>' \"$x\" \"$y\"", "<aV><V>"},
    {"for i in {} b; do printf '<%s>' \"$i\"; done", "<V><b>"},
    {"case {} in {}) printf '<%s>' {};; *) echo BROKEN;; esac", "<V>"},
    {"case '{}' in \"{}\") printf '<%s>' {};; *) echo BROKEN;; esac", "<V>"},
    {"f() { printf '<%s>' \"$@\"; }; f {} {}", "<V><V>"},
    {"( printf '<%s>' {} ) | cat", "<V>"},
    {"if [ x{} = \"x{}\" ]; then printf '<%s>' {}; fi", "<V>"},
    {"set -- {}; printf '<%s>' $# \"$1\"", "<1><V>"},
    {"# a comment with a ' quote\nprintf '<%s>' {}", "<V>"},
    {"cat <<E\nit's \"here\nE\nprintf '<%s>' {}", "it's \"here\n<V>"},
    {"printf '<%s>' \\{\\} \\\"{} \\'{}", "<{}><\"V><'V>"},
    {"printf '<%s>' {{} \"{{}\" '{{}' {}", "<{}><{}><{}><V>"},
    {"printf '<%s>' \"\\\\{}\"", "<\\V>"},
    {"x=\"$(case a in a) printf '<%s>' {};; esac)\"; printf '%sx' \"$x\"", "<V>x"},
    {"printf '<%s>'", "<V>"},
    {"true && printf '<%s>' a", "<a><V>"},
};

std::string with_value(std::string_view output, const std::string& value) {
  std::string out;
  for (const char c : output) out += c == 'V' ? value : std::string(1, c);
  return out;
}

TEST(CommandInShell, a_value_is_one_word_wherever_it_stands) {
  const Folder folder;
  for (const std::string& shell : shells()) {
    for (const Placement& placement : kPlacements) {
      const auto command = compile_command({placement.text}, shell, {""}, ItemSource::line);
      ASSERT_TRUE(command) << command.error().what;
      for (const std::string& value : some_values()) {
        const std::vector<std::string_view> fields = {value};
        const Outcome outcome = run(expand_command(*command, 1, fields), folder.path());
        EXPECT_EQ(outcome.output, with_value(placement.output, value)) << shell << ": " << placement.text;
        EXPECT_EQ(outcome.status, 0) << shell << ": " << placement.text;
      }
    }
  }
}

TEST(CommandInShell, arguments_reach_a_program_as_they_are) {
  const Folder folder;
  const auto argv = compile_command({"printf", "<%s>", "{}", "a{}b"}, {}, {""}, ItemSource::line);
  const auto text = compile_command({"bash", "-c", "printf '<%s>' {} 'a{}b'"}, {}, {""}, ItemSource::line);
  ASSERT_TRUE(argv && text);
  for (const std::string& value : hostile_values()) {
    const std::vector<std::string_view> fields = {value};
    const Outcome plain = run(expand_command(*argv, 1, fields), folder.path());
    EXPECT_EQ(plain.output, "<" + value + "><a" + value + "b>");
    EXPECT_EQ(run(expand_command(*text, 1, fields), folder.path()).output, plain.output);
  }
}

TEST(CommandInShell, what_is_shown_does_the_same_when_it_is_pasted) {
  const Folder folder;
  for (const Placement& placement : kPlacements) {
    const auto command = compile_command({placement.text}, "bash", {""}, ItemSource::line);
    ASSERT_TRUE(command);
    for (const std::string& value : some_values()) {
      const std::vector<std::string_view> fields = {value};
      const std::string shown = display_expanded(*command, 1, fields);
      if (needs_escape(value) || needs_escape(placement.text)) continue;  // shown escaped, for people
      if (std::string_view(placement.text).find('\\') != std::string_view::npos) continue;
      if (std::string_view(placement.text).find("\"`") != std::string_view::npos)
        continue;  // backticks unescape once more
      const ExpandedCommand pasted{{"sh", "-c", shown}, {}};
      EXPECT_EQ(run(pasted, folder.path()).output,
                run(expand_command(*command, 1, fields), folder.path()).output)
          << shown;
    }
  }
}

TEST(CommandInShell, quoted_words_are_read_back) {
  const Folder folder;
  for (const std::string& value : hostile_values()) {
    for (const std::string& shell : shells()) {
      const ExpandedCommand command{{shell, "-c", "printf '<%s>' " + shell_quote(value)}, {}};
      EXPECT_EQ(run(command, folder.path()).output, "<" + value + ">") << shell;
    }
  }
}

// Random shell text: commands in all the shapes that quoting depends on, nested, with a placeholder in every other word.
// `p` prints its arguments; see kPrinter.
class TextMaker {
 public:
  explicit TextMaker(std::uint64_t seed) : random_(seed) {}

  std::string text() { return "p start; " + commands(3, true); }

  // Takes a character out or puts a telling one in; the text may lose all sense.
  void disturb(std::string& text) {
    const std::size_t at = below(text.size());
    if (below(2) == 0) {
      text.erase(at, 1);
    } else {
      text.insert(at, one_of({"\"", "'", ")", "(", "`", "$(", "\\", " ", "\n", "{}", "#", ";;", "esac",
                              "case a in "}));
    }
  }

 private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
  std::string one_of(const std::vector<std::string>& texts) { return texts[below(texts.size())]; }

  std::string substitution(int depth, bool ticks) {
    if (depth <= 0) return "x";
    return ticks && below(2) == 0 ? "`" + commands(depth - 1, false) + "`"
                                  : "$(" + commands(depth - 1, ticks) + ")";
  }
  std::string double_quoted(int depth, bool ticks) {
    std::string out = "\"";
    for (std::size_t n = below(4); n > 0; --n) {
      out += below(6) == 0
                 ? substitution(depth, ticks)
                 : one_of({"{}", "{}", "a'b", ticks ? "\\\"" : "", ticks ? "\\{}" : "", "${u:-q}", "# )"});
    }
    return out + "\"";
  }
  std::string word(int depth, bool ticks) {
    std::string out;
    for (std::size_t n = 1 + below(3); n > 0; --n) {
      const std::size_t kind = below(8);
      out += kind == 0   ? double_quoted(depth, ticks)
             : kind == 1 ? substitution(depth, ticks)
                         : one_of({"{}", "{}", "{}", "a", "b#", "'{}'", "'x {} \" # $(y) )'",
                                   ticks ? "\\{\\}" : "c", ticks ? "\\'" : "d", "$((1+2))"});
    }
    return out;
  }
  std::string simple(int depth, bool ticks) {
    std::string out = "p";
    for (std::size_t n = 1 + below(3); n > 0; --n) out += " " + word(depth, ticks);
    return below(12) == 0 && ticks ? out + " # comment ' \" )\n :" : out;
  }
  std::string here_document(int depth) {
    const std::string command = commands(depth - 1, true);
    if (below(2) == 0) return "cat <<E\nit's \" $u `echo x` $(echo \"y )\")\nE\n" + command;
    return "cat <<'E' # it's\nit's \" ) `\nE\n" + command;
  }
  std::string command(int depth, bool ticks) {
    if (depth <= 0) return simple(0, ticks);
    const std::string body = commands(depth - 1, ticks);
    switch (below(12)) {
      case 0:
        return "case " + word(depth - 1, ticks) + " in (q" + word(0, ticks) + ") :;; *) " + body + ";; esac";
      case 1:
        return "case a in a) case b in b) " + body + "\nesac ;; c|d) :;; esac";
      case 2:
        return "if true; then " + body + "; fi";
      case 3:
        return "( " + body + " ) | cat";
      case 4:
        return "for i in " + word(depth - 1, ticks) + " b; do " + body + "; done";
      case 5:
        return ticks ? here_document(depth) : body;
      case 6:
        return "f() { " + body + "; }; f";
      case 7:
        return "x=$(case a in a) " + body + ";; esac) && p \"$x\" " + word(0, ticks);
      default:
        return simple(depth, ticks);
    }
  }
  std::string commands(int depth, bool ticks) {
    std::string out = command(depth, ticks);
    while (below(4) == 0) out += one_of({"; ", " && ", "\n"}) + command(depth, ticks);
    return out;
  }

  std::mt19937_64 random_;
};

// Prints arguments in brackets, the value written as @: an argument that was split or parsed does not hold the value any more.
const std::string kPrinter =
    "p() { for pp do px=$pp; while case $px in *\"$H\"*) true;; *) false;; esac; do "
    "px=\"${px%%\"$H\"*}@${px#*\"$H\"}\"; done; "
    "printf '<%s>' \"$px\"; done; }\n";

std::string printed(const CommandTemplate& command, const std::string& shell, const std::string& value,
                    const std::string& folder) {
  ExpandedCommand expanded = expand_command(command, 1, std::vector<std::string_view>{value});
  expanded.argv[0] = shell;
  expanded.argv[2] = kPrinter + expanded.argv[2];
  expanded.env.emplace_back("H", value);
  return run(expanded, folder).output;
}

// A lone & starts something whose output comes at any time; $$ is another number each time.
bool repeatable(const std::string& text) {
  for (std::size_t at = text.find('&'); at != std::string::npos; at = text.find('&', at + 2)) {
    if (text.compare(at, 2, "&&") != 0) return false;
  }
  return text.find("$$") == std::string::npos;
}

TEST(CommandInShell, any_accepted_text_treats_all_values_alike) {
  const Folder folder;
  const std::string hostile = "v  w*?[$(printf BROKEN)\"'`printf BROKEN`;printf BROKEN #";
  const std::string harmless = "QQ";
  EXPECT_TRUE(rc::check("hostile and harmless", [&]() {
    TextMaker maker(*rc::gen::arbitrary<std::uint64_t>());
    std::string text = maker.text();
    for (int changes = *rc::gen::inRange(0, 3); changes > 0; --changes) maker.disturb(text);
    const auto command = compile_command({text}, "", {""}, ItemSource::line);
    if (!command || !repeatable(text)) return;
    for (const char* shell : {"/bin/sh", "/bin/bash"}) {
      RC_LOG() << shell << ": " << text << "\n=> "
               << expand_command(*command, 1, std::vector<std::string_view>{""}).argv[2] << "\n";
      const std::string output = printed(*command, shell, hostile, folder.path());
      RC_ASSERT(output == printed(*command, shell, harmless, folder.path()));
      RC_ASSERT(output.find("$M1") == std::string::npos);
      RC_ASSERT(output.find("${M1") == std::string::npos);
    }
  }));
}

}  // namespace
}  // namespace muster
