// `help`: the overview, a command, a topic or an error code.
// Needs no server: everything is in the program.
#include <algorithm>

#include "cli/command_tree.h"
#include "cli/commands/commands.h"
#include "cli/declared.h"
#include "cli/help_text.h"
#include "cli/printer.h"
#include "cli/session.h"
#include "cli/topics.h"
#include "cli/tree_json.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/nearest_word.h"
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
  return join_text(entry.code, ": ", entry.title, "\n\n", wrap_text(entry.cause, width, 0), "\n\n",
                   wrap_text(entry.fix, width, 0), "\n\n  ", entry.example, "\n");
}

std::string catalogue_page() {
  std::string text = "Error codes; muster help CODE says what each means and what to do\n\n";
  for (const CatalogueEntry* entry = kErrorCatalogue; entry->code != nullptr; ++entry) {
    text += join_text("  ", entry->code, "  ", entry->title, "\n");
  }
  return text;
}

class Help final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("TOPIC", words_, 0, 3, "a command, a topic or an error code; nothing: all commands");
    options.flag("--json", json_, "the whole tree, or one command, as JSON for programs");
  }

  Result<int> run(Session& session) override {
    if (json_) return print_tree(session);
    const Result<std::string> text = page(session);
    if (!text) return std::unexpected(text.error());
    session.out().write(*text);
    return 0;
  }

 private:
  Result<int> print_tree(Session& session) const {
    std::string json;
    if (words_.empty()) {
      json = tree_json(session.commands(), session.version());
    } else {
      const Result<FoundCommand> found = find_command(session.commands(), words_);
      if (!found) return std::unexpected(found.error());
      json = command_json(*found->command);
    }
    const Result<client::Document> document = client::Document::parse(std::move(json));
    if (!document) return std::unexpected(document.error());
    print_json(session, document->root());
    return 0;
  }

  Result<std::string> page(Session& session) const {
    const Terminal& terminal = session.out_terminal();
    const std::size_t width = terminal.is_terminal ? std::min<std::size_t>(terminal.width, 100) : 100;
    if (words_.empty()) return overview_help(session.commands(), width);
    const std::string& word = words_.front();
    if (word == "options") return option_list(session.commands());
    if (word == "errors" && words_.size() == 1) return catalogue_page();
    // Into a pipe go the complete tables: docs/states.md is made of them.
    if (word == "states" && !terminal.is_terminal) return states_markdown();
    if (auto text = topic_text(word); text && words_.size() == 1) return std::move(*text);
    if (const CatalogueEntry* entry = find_error(upper(word))) return error_page(*entry, width);
    const Result<FoundCommand> found = find_command(session.commands(), words_);
    if (found) return page_of(*found->command, width);
    return object_page(session);
  }

  static std::string page_of(const Command& command, std::size_t width) {
    const Declared declared(command);
    return command_help(command, declared.options, width);
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
  bool json_ = false;
};

}  // namespace

const Command kHelpCommand = {"help",
                              CommandSection::other,
                              CommonOptions::none,
                              "[options] [COMMAND | TOPIC | CODE]",
                              "explain a command, a topic or an error code",
                              "muster help submit\n"
                              "muster help selectors\n"
                              "muster help E204\n"
                              "muster help --json                     # the whole tree, for programs\n",
                              &make_body<Help>};

}  // namespace muster::cli
