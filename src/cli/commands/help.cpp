// `help`: the overview, a command, a topic or an error code.
// Needs no server: everything is in the program.
#include <algorithm>

#include "cli/command_tree.h"
#include "cli/commands/commands.h"
#include "cli/common_options.h"
#include "cli/help_text.h"
#include "cli/session.h"
#include "cli/suggestion.h"
#include "cli/topics.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/states_markdown.h"

namespace muster::cli {

namespace {

using client::join_text;

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string error_page(const CatalogueEntry& entry, std::size_t width) {
  return join_text(entry.code, ": ", entry.title, "\n\n", wrap_text(entry.text, width, 0), "\n");
}

class Help final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("TOPIC", words_, 0, 3, "a command, a topic or an error code; nothing: all commands");
  }

  Result<int> run(Session& session) override {
    const Result<std::string> text = page(session);
    if (!text) return std::unexpected(text.error());
    session.out().write(*text);
    return 0;
  }

 private:
  Result<std::string> page(Session& session) const {
    const Terminal& terminal = session.out_terminal();
    const std::size_t width = terminal.is_terminal ? std::min<std::size_t>(terminal.width, 100) : 100;
    if (words_.empty()) return overview_help(session.commands(), width);
    const std::string& word = words_.front();
    if (word == "options") return option_list(session.commands());
    // Into a pipe go the complete tables: docs/states.md is made of them.
    if (word == "states" && !terminal.is_terminal) return states_markdown();
    if (auto text = topic_text(word); text && words_.size() == 1) return std::move(*text);
    if (const CatalogueEntry* entry = find_error(upper(word))) return error_page(*entry, width);
    const Result<FoundCommand> found = find_command(session.commands(), words_);
    if (found) return page_of(*found->command, width);
    return object_page(session);
  }

  static std::string page_of(const Command& command, std::size_t width) {
    const std::unique_ptr<CommandBody> body = command.make();
    Options options;
    CommonTargets common;
    body->declare(options);
    declare_common(options, command.common, common);
    return command_help(command, options, width);
  }

  // `muster help batch`: its verbs. Anything else is unknown.
  Result<std::string> object_page(const Session& session) const {
    const std::string& word = words_.front();
    std::vector<const Command*> verbs;
    std::vector<std::string_view> known = topic_names();
    for (const Command* command : session.commands()) {
      if (command->path.starts_with(word + " ")) verbs.push_back(command);
      if (command->section != CommandSection::hidden) known.push_back(command->path);
    }
    if (!verbs.empty() && words_.size() == 1) {
      std::string text;
      for (const Command* command : verbs)
        text += join_text("muster ", command->path, ": ", command->summary, "\n");
      return text;
    }
    const std::string near = nearest_word(word, known);
    return refuse(ErrorKind::usage, kUnknownWord,
                  join_text("there is no help on '", escape_text(word), "'",
                            near.empty() ? "" : join_text("; did you mean '", near, "'?")),
                  "topics and commands:  muster help");
  }

  std::vector<std::string> words_;
};

}  // namespace

const Command kHelpCommand = {"help",
                              CommandSection::other,
                              CommonOptions::none,
                              "[COMMAND | TOPIC | CODE]",
                              "explain a command, a topic or an error code",
                              "muster help submit\n"
                              "muster help selectors\n"
                              "muster help E204\n",
                              &make_body<Help>};

}  // namespace muster::cli
