// Any words, any columns: a command is refused in words that are safe to print, or becomes a template that can be run and shown.
// Input: one byte of choices, then words separated by byte 1.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/command.h"
#include "core/escape.h"

namespace {

using namespace muster;

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == '\1') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

void examine(const CommandTemplate& command, std::size_t columns) {
  MUSTER_CHECK(!command.words.empty(), "there is a program");
  for (const std::vector<Piece>& word : command.words) {
    for (const Piece& piece : word) {
      const bool in_range =
          piece.kind == PieceKind::literal || piece.placeholder < command.placeholders.size();
      MUSTER_CHECK(in_range && piece.text.empty() == (piece.kind == PieceKind::value),
                   "pieces refer to placeholders");
    }
  }
  const std::string value = "x y'\"$(id)`id`\n{}*";
  const std::vector<std::string_view> fields(columns, value);
  const ExpandedCommand expanded = expand_command(command, 7, fields);
  std::size_t bytes = 0;
  for (const std::string& word : expanded.argv) bytes += word.size() + 1;
  for (const auto& [name, text] : expanded.env) bytes += name.size() + text.size() + 2;
  MUSTER_CHECK(bytes == expanded_bytes(command, 7, fields), "the limit is checked against what is run");
  const bool is_shell = command.kind == CommandKind::shell;
  MUSTER_CHECK(!is_shell || expanded.argv.size() == 3, "shell text is SHELL -c TEXT");
  MUSTER_CHECK(!is_shell || expanded.argv[2].find(value) == std::string::npos,
               "no value is pasted into shell text");
  MUSTER_CHECK(!needs_escape(display_command(command)), "what is shown is safe");
  MUSTER_CHECK(!needs_escape(display_expanded(command, 7, fields)), "what is shown is safe");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choices = data[0];
  const std::vector<std::string> words = split_words({reinterpret_cast<const char*>(data) + 1, size - 1});
  const auto source = static_cast<ItemSource>(choices & 3U);
  std::vector<std::string> columns;
  if (source == ItemSource::line) columns = {""};
  if (source == ItemSource::table)
    columns =
        (choices & 4U) != 0 ? std::vector<std::string>{"a"} : std::vector<std::string>{"a", "b c", "x;y"};
  std::optional<std::string> shell;
  if ((choices & 8U) != 0) shell = (choices & 16U) != 0 ? "bash" : "";
  const Result<CommandTemplate> command = compile_command(words, shell, columns, source);
  if (command) {
    examine(*command, columns.size());
  } else {
    MUSTER_CHECK(!command.error().code.empty(), "a refusal has a code");
    MUSTER_CHECK(!needs_escape(command.error().what, LineBreaks::kept), "a refusal is safe to print");
    MUSTER_CHECK(!needs_escape(command.error().next), "a refusal is safe to print");
  }
  return 0;
}
