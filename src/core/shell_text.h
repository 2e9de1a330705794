// Reads shell text far enough to know, at each brace, which quoting it stands in and how a variable must be written there.
// In doubt it says so: a place is given as bare or quoted only when sh, bash, dash, zsh and ksh all read it so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace muster {

enum class ShellPlace : std::uint8_t {
  bare,           // written "$M1"
  double_quoted,  // written ${M1}
  single_quoted,  // written '"$M1"'
  escaped,        // after a backslash: a literal brace
  after_dollar,   // ${: a shell variable, or nothing at all
  comment,
  here_document,
  arithmetic,    // $(( )), (( )), a[ ]=
  parameter,     // ${x… }
  nested_shell,  // text that another shell parses again: sh -c '…', eval
  ansi_quoted,   // $'…'
  doubtful,      // after something that shells read differently
};

struct BraceMark {
  std::size_t offset = 0;  // of a `{`
  ShellPlace place = ShellPlace::bare;
  bool operator==(const BraceMark&) const = default;
};

struct ShellScan {
  std::vector<BraceMark> braces;        // every `{`, in order
  std::optional<std::size_t> unclosed;  // where a quote or substitution begins that never ends
  std::optional<std::size_t> doubt;     // where shells begin to differ
  bool takes_argument = false;          // one more word at the end would be an argument of the last command
};

ShellScan scan_shell_text(std::string_view text);

}  // namespace muster
