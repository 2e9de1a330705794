// The COMMAND rule: words as typed become a template, and a template with an item's values becomes what is executed.
// A value never changes how a command is parsed: it is one argument, or an environment variable that quoted text names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace muster {

// Where the tasks of a submission get their values from.
enum class ItemSource : std::uint8_t {
  none,   // a single task: `{}` has no value
  index,  // an array: `{}` is the index
  line,   // plain lines: `{}` is the line, one unnamed column
  table,  // named columns: `{name}`; `{}` only when there is one column
};

enum class CommandKind : std::uint8_t {
  argv,   // words, run without a shell (one of them may still be the text after a shell's -c)
  shell,  // one word of shell text; words are then {SHELL, "-c", text}
};

enum class ValueKind : std::uint8_t {
  index,  // the task's index, in decimal
  field,  // a field of the item's row
};

struct Placeholder {
  ValueKind kind = ValueKind::index;
  std::uint32_t column = 0;  // of a field
  std::string name;          // what was typed between the braces: "", "#" or a column's name
  bool operator==(const Placeholder&) const = default;
};

enum class PieceKind : std::uint8_t {
  literal,    // `text`
  value,      // the placeholder's value, inside an argument
  reference,  // shell text: `text` names the variable, quoted for its place; the placeholder is for display
};

struct Piece {
  PieceKind kind = PieceKind::literal;
  std::uint32_t placeholder = 0;  // into CommandTemplate::placeholders; 0 for a literal
  std::string text;               // empty for a value
  bool operator==(const Piece&) const = default;
};

// `variable` is set to the placeholder's value in the task's environment; it wins over variables set otherwise.
struct EnvBinding {
  std::string variable;  // M1, M2, … (numbers that the shell text uses itself are left out)
  std::uint32_t placeholder = 0;
  bool operator==(const EnvBinding&) const = default;
};

// Only compile_command() makes one; it may be written down and read back field by field.
struct CommandTemplate {
  CommandKind kind = CommandKind::argv;
  std::vector<Placeholder> placeholders;  // distinct, in order of appearance
  std::vector<std::vector<Piece>> words;  // what is executed, argv[0] first; never empty
  std::vector<EnvBinding> env_bindings;
  bool operator==(const CommandTemplate&) const = default;
};

struct ExpandedCommand {
  std::vector<std::string> argv;                         // argv[0] is looked up in PATH unless it has a slash
  std::vector<std::pair<std::string, std::string>> env;  // added to the task's environment
  bool operator==(const ExpandedCommand&) const = default;
};

// Argument vector and bound variables of one task, terminating zeros included.
inline constexpr std::size_t kArgumentBytesMax = 128 * 1024;

// `words` is what follows `--`; `shell` is the value of --shell ("" or "sh" for /bin/sh, else sh bash dash zsh ksh or a path to
// one); `columns` are the table's (empty unless the source is a table).
// Placeholders are `{}`, `{#}` (the index, 1 for a single task), `{identifier}` and `{NAME}` for any exact column name; `{{` is a
// literal `{`; `}` alone or doubled is literal, and so is every other brace. `${name}` is a shell variable. In shell text a
// backslash before `{` makes it literal. With plain lines and no placeholder the item is appended.
// Errors: kUnknownPlaceholder, kPlaceholderWithoutValue, kPlaceholderUnquotable (text and caret in `what`), kArgumentsTooLong,
// kMalformedValue (no command, a NUL, an unknown shell).
Result<CommandTemplate> compile_command(const std::vector<std::string>& words,
                                        const std::optional<std::string>& shell,
                                        const std::vector<std::string>& columns, ItemSource source);

// `fields` is one row of an ItemBlock, as many as the table has columns; empty when the source is none or an index.
ExpandedCommand expand_command(const CommandTemplate& command, std::uint64_t index,
                               std::span<const std::string_view> fields);

// The same into a value that is used again, so that a million expansions allocate next to nothing.
void expand_command_into(const CommandTemplate& command, std::uint64_t index,
                         std::span<const std::string_view> fields, ExpandedCommand& out);

// Bytes the expansion hands to execve: arguments and bound variables with their terminating zeros.
std::size_t expanded_bytes(const CommandTemplate& command, std::uint64_t index,
                           std::span<const std::string_view> fields);

// kArgumentsTooLong when the expansion would pass kArgumentBytesMax; called for every item when it is read.
Result<void> check_argument_limit(const CommandTemplate& command, std::uint64_t index,
                                  std::span<const std::string_view> fields);

// For people, on one line: what was typed, quoted so that it can be pasted into a shell; control characters escaped.
std::string display_command(const CommandTemplate& command);
// The same with one item's values in place of the placeholders.
std::string display_expanded(const CommandTemplate& command, std::uint64_t index,
                             std::span<const std::string_view> fields);

// `text` as a word of a command that means itself: every brace that could open a placeholder is doubled.
std::string literal_word(std::string_view text);

// One shell word that means exactly `text` to any POSIX shell, without quotes when it needs none.
std::string shell_quote(std::string_view text);

}  // namespace muster
