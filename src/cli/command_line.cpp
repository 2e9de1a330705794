// From words to a finished command.
// Common options before the command are moved behind it; everything else is parsed in one place.
#include "cli/command_line.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_tree.h"
#include "cli/common_options.h"
#include "cli/error_text.h"
#include "cli/help_text.h"
#include "cli/output.h"
#include "cli/session.h"
#include "client/text.h"

namespace muster::cli {

namespace {

constexpr std::size_t kHelpColumns = 100;

// Errors are JSON when the output is; also when the words could not be parsed, so this looks at the words themselves.
bool wants_json(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    const std::string& word = words[i];
    if (word == "--json" || word == "-ojson" || word == "--output=json" || word == "-ojsonl" ||
        word == "--output=jsonl") {
      return true;
    }
    const bool output = word == "-o" || word == "--output";
    if (output && i + 1 < words.size() && (words[i + 1] == "json" || words[i + 1] == "jsonl")) return true;
  }
  return false;
}

std::size_t help_width(const Terminal& terminal) {
  return terminal.is_terminal ? std::min(terminal.width, kHelpColumns) : kHelpColumns;
}

void print_error(Session& session, const Error& error, bool json) {
  session.out().flush();
  session.err().write(json ? error_json(error) : error_text(error, session.err_terminal()));
  session.err().flush();
}

// How many words of common options stand before the command.
std::size_t leading_options(const std::vector<std::string>& words) {
  CommonTargets unused;
  Options common;
  declare_common(common, CommonOptions::connection, unused);
  std::size_t at = 0;
  while (at < words.size() && words[at].size() > 1 && words[at][0] == '-') {
    bool takes_next = false;
    for (const OptionSpec& option : common.options()) {
      const bool named = option.long_name == words[at] || option.short_name == words[at];
      if (option.shape == ValueShape::one && named) takes_next = true;
    }
    at += takes_next ? 2 : 1;
  }
  return std::min(at, words.size());
}

Result<int> run_found(Session& session, const Command& command, const std::vector<std::string>& words) {
  const std::unique_ptr<CommandBody> body = command.make();
  Options options;
  CommonTargets common;
  body->declare(options);
  declare_common(options, command.common, common);
  Result<void> parsed = options.parse(words, command.path);
  if (common.no_color) session.set_colour(ColourChoice::never);
  if (common.help) {
    session.out().write(command_help(command, options, help_width(session.out_terminal())));
    return 0;
  }
  if (!parsed) return std::unexpected(parsed.error());
  session.endpoint_options = std::move(common.endpoint);
  return body->run(session);
}

// Options alone: the one that is wrong is named, right ones lack a command.
Result<int> without_command(const std::vector<std::string>& words) {
  CommonTargets unused;
  Options common;
  declare_common(common, CommonOptions::connection, unused);
  if (Result<void> parsed = common.parse(words, ""); !parsed) return std::unexpected(parsed.error());
  return refuse(ErrorKind::usage, kUnknownWord, "there is no command, only options",
                "all commands:  muster help");
}

Result<int> run_words(Session& session, std::vector<std::string> words) {
  const std::size_t leading = leading_options(words);
  const auto asked = [&](std::string_view name) {
    return std::find(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(leading), name) !=
           words.begin() + static_cast<std::ptrdiff_t>(leading);
  };
  if (asked("--version")) {
    session.out().line(client::join_text("muster ", session.version()));
    return 0;
  }
  if (leading == words.size() && (words.empty() || asked("--help") || asked("-h"))) {
    session.out().write(overview_help(session.commands(), help_width(session.out_terminal())));
    return 0;
  }
  if (leading == words.size()) return without_command(words);
  std::rotate(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(leading), words.end());
  const std::size_t own = words.size() - leading;
  Result<FoundCommand> found = find_command(session.commands(), std::span(words).first(own));
  if (!found) return std::unexpected(found.error());
  // Common options stand first again, so that a command to be run behind them stays the last thing.
  std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(own), words.end());
  rest.insert(rest.end(), words.begin() + static_cast<std::ptrdiff_t>(found->words),
              words.begin() + static_cast<std::ptrdiff_t>(own));
  return run_found(session, *found->command, rest);
}

}  // namespace

int run_command_line(int argc, char** argv, const Program& program) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  Session session(client::process_environment, program.version, all_commands(program.commands));
  const bool json = wants_json(words);
  try {
    const Result<int> exit_code = run_words(session, std::move(words));
    if (!exit_code) {
      print_error(session, exit_code.error(), json);
      return exit_code_of(exit_code.error().kind);
    }
    session.out().flush();
    session.err().flush();
    return *exit_code;
  } catch (const OutputFailed& failure) {
    const Error error{ErrorKind::temporary, kOutputFailed,
                      client::join_text("the output cannot be written: ", failure.what()), ""};
    try {
      print_error(session, error, json);
    } catch (const OutputFailed&) {
      // Standard error is gone as well: the exit code is all that is left to say it with.
      return exit_code_of(error.kind);
    }
    return exit_code_of(error.kind);
  }
}

}  // namespace muster::cli
