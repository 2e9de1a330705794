// At every brace the reader knows the quoting as real shells see it, or says that it does not.
// `%` in a text stands for a brace to be looked at; each case lists the places in order.
#include "core/shell_text.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace muster {
namespace {

using enum ShellPlace;

std::vector<ShellPlace> places(std::string text) {
  std::replace(text.begin(), text.end(), '%', '{');
  std::vector<ShellPlace> out;
  for (const BraceMark& brace : scan_shell_text(text).braces) out.push_back(brace.place);
  return out;
}

struct Case {
  const char* text;
  std::vector<ShellPlace> wanted;
};

void expect(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(places(c.text), c.wanted) << c.text;
    EXPECT_FALSE(scan_shell_text(c.text).unclosed) << c.text;
  }
}

TEST(ShellText, knows_the_quotes) {
  expect({
      {"echo hi", {}},
      {"echo %", {bare}},
      {"%", {bare}},
      {"echo a%b", {bare}},
      {"echo \"%\"", {double_quoted}},
      {"echo '%'", {single_quoted}},
      {"echo 'a'%'b'\"c\"%\"%\"", {bare, bare, double_quoted}},
      {"echo \\% %", {escaped, bare}},
      {"echo \"\\% %\"", {escaped, double_quoted}},
      {"echo \"\\\\%\"", {double_quoted}},
      {"echo '\\%'", {single_quoted}},
      {"echo \\\\%", {bare}},
      {"echo \\\"%", {bare}},
      {"echo \\'%", {bare}},
      {"echo \"'%'\"", {double_quoted}},
      {"echo '\"%\"'", {single_quoted}},
      {"echo \"a\\\"%\"", {double_quoted}},
      {"echo $%x} %", {after_dollar, bare}},
      {"echo \"$%x}%\"", {after_dollar, double_quoted}},
      {"echo \\$%", {bare}},
      {"echo $x%", {bare}},
      {"echo $$% $#% $1% $?%", {bare, bare, bare, bare}},
      {"echo $'a%' %", {ansi_quoted, bare}},
      {"echo $\"a%\"", {double_quoted}},
      {"echo \"$'%'\"", {double_quoted}},
      {"a % b; c % | d % && e % || f %& g >%", {bare, bare, bare, bare, bare, bare}},
      {"x=% cmd >\"%\" 2>'%'", {bare, double_quoted, single_quoted}},
      {"cat <<< %", {bare}},
      {"{ echo %; }", {bare, bare}},
  });
}

TEST(ShellText, knows_substitutions) {
  expect({
      {"echo $(cat %)", {bare}},
      {"echo \"$(cat %)\" %", {bare, bare}},
      {"echo \"$(cat \"%\")%\"", {double_quoted, double_quoted}},
      {"echo \"$(cat '%')\"", {single_quoted}},
      {"echo \"$(a $(b \"$(c %)\" %) %)%\"", {bare, bare, bare, double_quoted}},
      {"echo `cat %` %", {bare, bare}},
      {"echo \"`cat \"%\"`%\"", {double_quoted, double_quoted}},
      {"echo `cat '%'`", {single_quoted}},
      {"(cd %; ls) %", {bare, bare}},
      {"diff <(sort %) >(tee %) %", {bare, bare, bare}},
      {"a=(% \"%\") b", {bare, double_quoted}},
      {"f() { echo %; }; f", {bare, bare}},
      {"echo $(echo ')' \")\" \\) %) %", {bare, bare}},
      {"echo $(echo hi # ) no\n %) %", {bare, bare}},
      {"echo `echo \\`date\\` %` %", {doubtful, bare}},
      {"echo $((%+1)) %", {arithmetic, bare}},
      {"echo $(( (1+2)*(%) )) %", {arithmetic, bare}},
      {"echo \"$((%))%\"", {arithmetic, double_quoted}},
      {"echo $(( \"%\" ))", {arithmetic}},
      {"echo $(( $(cat %) + 1 ))", {bare}},
      {"((i=%)); echo %", {arithmetic, bare}},
      {"for ((i=0;i<%;i++)); do echo %; done", {arithmetic, bare}},
      {"while ((1<<%)); do echo %; done", {arithmetic, bare}},
      {"echo ${x:-%} %", {after_dollar, parameter, bare}},
      {"echo \"${x:-\"%\"}\"", {after_dollar, parameter}},
      {"echo ${x:-$(cat %)}", {after_dollar, bare}},
      {"echo ${x:-'}'} %", {after_dollar, bare}},
      {"echo ${x#\\}} %", {after_dollar, bare}},
      {"a[%]=5", {arithmetic}},
      {"a[1]=%", {bare}},
      {"let x=% y=%; echo %", {arithmetic, arithmetic, bare}},
      {"[ % = x ]", {bare}},
      {"[[ % == *.gz ]] && echo %", {bare, bare}},
      {"[[ % -eq 3 || x == \"%\" ]] && echo %", {arithmetic, arithmetic, bare}},
  });
}

TEST(ShellText, knows_comments_and_here_documents) {
  expect({
      {"echo hi # %\necho %", {comment, bare}},
      {"# it's %\n%", {comment, bare}},
      {"echo a#% %", {bare, bare}},
      {"echo \"# %\"", {double_quoted}},
      {"echo \\# %", {bare}},
      {"echo;# %", {comment}},
      {"cat <<EOF\n%\nEOF\necho %", {here_document, bare}},
      {"cat <<'EOF'\n% it's\nEOF\necho %", {here_document, bare}},
      {"cat <<-EOF\n\t%\n\tEOF\necho %", {here_document, bare}},
      {"cat <<EOF %\n%\n EOF\nEOF\n%", {bare, here_document, bare}},
      {"cat <<\"E F\" | grep %\n%\nE F\n%", {bare, here_document, bare}},
      {"cat <<A <<B\n%\nA\n%\nB\n%", {here_document, here_document, bare}},
      {"cat <<EOF\n%\\\nEOF\nEOF\n%", {here_document, bare}},
      {"cat <<'EOF'\n%\\\nEOF\n%", {here_document, bare}},
      {"cat <<EOF\n%", {here_document}},
      {"cat <<E\n`a` $(b \"c)\" $(d)) $%x:-\"y\"} \\` $x\nE\necho %", {here_document, bare}},
      {"cat <<'E'\na ` $( $%\nE\necho %", {here_document, bare}},
      {"x=$(cat <<EOF\n) %\nEOF\n) %", {here_document, bare}},
      {"cat <<%\nx\n%\n%", {here_document, bare}},
      {"echo $((1<<2)) %\n%", {bare, bare}},
      {"echo \\\n% #%", {bare, comment}},
  });
}

TEST(ShellText, knows_that_case_patterns_have_no_opening_parenthesis) {
  expect({
      {"case % in a) echo %;; b|c) echo '%';; esac; echo %", {bare, bare, single_quoted, bare}},
      {"x=$(case y in a) echo %;; esac) %", {bare, bare}},
      {"x=\"$(case y in a) echo %;; esac)%\"", {bare, double_quoted}},
      {"x=\"$(case y in (a) echo %;; (b) ;; esac)%\"", {bare, double_quoted}},
      {"x=\"$(case y in\n# %\na)\necho %\n;;\nesac)%\"", {comment, bare, double_quoted}},
      {"x=\"$(case y in a) case z in b) echo %;; esac;; c) d; esac)%\"", {bare, double_quoted}},
      {"x=\"$(case y in esac)%\"", {double_quoted}},
      {"x=\"$(case $(a b) in *\")\"*|')') echo %;; esac)%\"", {bare, double_quoted}},
      {"x=\"$(if true; then case y in a) b;& c) d;;& *) e; esac; fi)%\"", {double_quoted}},
      {"x=\"$(echo case y in a)%\"", {double_quoted}},
      {"x=`case y in a) echo %;; esac` %", {bare, bare}},
      {"case % in @(a|b)) echo %;; esac", {bare, bare}},
      {"f() case x in a) echo %;; esac; x=\"$(f)%\"", {bare, double_quoted}},
  });
}

TEST(ShellText, knows_text_that_another_shell_reads) {
  expect({
      {"sh -c 'echo %'", {nested_shell}},
      {"xargs -n1 bash -ec \"echo %\" %", {nested_shell, bare}},
      {"/bin/dash -e -c %", {nested_shell}},
      {"bash -c -e '%' sh %", {nested_shell, bare}},
      {"bash -euo pipefail -c 'echo %'", {nested_shell}},
      {"bash -ceuo pipefail 'echo %'", {nested_shell}},
      {"bash --norc --rcfile x -c '%'", {nested_shell}},
      {"eval \"echo %\" %; echo %", {nested_shell, nested_shell, bare}},
      {"zsh -oerrexit -c %", {nested_shell}},
      {"bash % -c", {bare}},
      {"bash run.sh -c %", {bare}},
      {"sh -c 'echo $1' sh %", {bare}},
      {"gcc -c %", {bare}},
      {"sh -e; gcc -c %", {bare}},
  });
}

TEST(ShellText, admits_doubt) {
  for (const char* text :
       {"echo $'it\\'s' %", "echo $[1] %", "echo \"${x:-'a'}\" %", "echo ) %", "echo $(( 'a' )) %",
        "case x y z) %", "cat <<$x\nx\n$x\n%", "echo ${ ls; } %", "echo `echo '`' %", "cat <<A $(x\n) %",
        "cat <<E\na ` b\nE\necho %", "cat <<E\n$(a\nE\necho %", "cat <<E\n${x\nE\necho %"}) {
    const std::vector<ShellPlace> found = places(text);
    ASSERT_FALSE(found.empty()) << text;
    EXPECT_EQ(found.back(), doubtful) << text;
  }
  EXPECT_EQ(places("echo % $'it\\'s'"), (std::vector<ShellPlace>{bare}));
}

TEST(ShellText, finds_what_is_never_closed) {
  struct Open {
    const char* text;
    std::size_t where;
  };
  const Open cases[] = {{"echo \"%", 5},      {"echo '%", 5},        {"echo $(ls %", 5},
                        {"echo `ls %", 5},    {"echo ${x", 5},       {"echo $((1", 5},
                        {"(ls", 0},           {"case x in a) b", 4}, {"a \"$(b '%)\"", 7},
                        {"cat <<'E\nx\n", 4}, {"echo $'x", 5},       {"echo \"a\" \"b", 9}};
  for (const Open& c : cases) EXPECT_EQ(scan_shell_text(c.text).unclosed, c.where) << c.text;
  EXPECT_FALSE(scan_shell_text("it\\'s").unclosed);
}

TEST(ShellText, knows_whether_one_more_argument_fits) {
  for (const char* text :
       {"wc -l", "a | b", "a; b", "x=1 cmd", "cat <in >out", "! grep x", "if", "echo \"a b\"", "wc -l 2>&1",
        "time sort", "cd /tmp && ls", "echo $(ls)", "echo $((1+1))", "diff a <(sort b)", "echo fi"}) {
    EXPECT_EQ(scan_shell_text(text).takes_argument, std::string_view(text) != "if") << text;
  }
  for (const char* text : {"",
                           "  ",
                           "a;",
                           "a &",
                           "a |",
                           "a &&",
                           "for i in 1 2; do echo $i; done",
                           "if a; then b; fi",
                           "{ a; }",
                           "(a)",
                           "case x in a) b;; esac",
                           "x=1",
                           "> file",
                           "2>file",
                           "a # comment",
                           "echo \\",
                           "cat <<EOF",
                           "cat <<EOF\nx\nEOF",
                           "a >",
                           "for x in a b",
                           "[[ a == b ]]",
                           "((1))",
                           "f() { a; }",
                           "echo 'x",
                           "a &> b",
                           "if a; then",
                           "a=(1 2)",
                           "ls\n"}) {
    EXPECT_FALSE(scan_shell_text(text).takes_argument) << text;
  }
}

TEST(ShellText, gives_up_on_text_that_nobody_writes) {
  for (const char* piece : {"(", "$(", "\"$(", "$((", "${", "$(cat <<E\n", "case x in a) "}) {
    std::string text;
    while (text.size() < 100'000) text += piece;
    const ShellScan scan = scan_shell_text(text + "{}");
    EXPECT_EQ(scan.braces.back().offset, text.size()) << piece;
    EXPECT_TRUE(scan.unclosed || scan.braces.back().place != bare) << piece;
  }
}

TEST(ShellText, marks_every_brace_once_and_in_order) {
  const auto token = rc::gen::element<std::string>("{", "}", "'", "\"", "`", "$", "(", ")", "\\", "#", "\n",
                                                   " ", ";", "<<E", "E", "case ", " in ", "esac", "a", "$((",
                                                   "((", "${", "[[ ", "$'", "-c ", "sh ");
  EXPECT_TRUE(rc::check("braces", [&]() {
    std::string text;
    for (const std::string& piece : *rc::gen::container<std::vector<std::string>>(token)) text += piece;
    const ShellScan scan = scan_shell_text(text);
    std::vector<std::size_t> found;
    std::vector<std::size_t> wanted;
    for (const BraceMark& brace : scan.braces) found.push_back(brace.offset);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '{') wanted.push_back(i);
    }
    RC_ASSERT(found == wanted);
  }));
}

}  // namespace
}  // namespace muster
