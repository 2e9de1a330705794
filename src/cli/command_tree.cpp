// Finding commands.
// The words of a path are looked up one by one, so that the message names the word that is wrong.
#include "cli/command_tree.h"

#include <algorithm>

#include "cli/commands/commands.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/nearest_word.h"

namespace muster::cli {

using client::join_text;

namespace {

std::string_view first_word(std::string_view path) { return path.substr(0, path.find(' ')); }

std::string_view second_word(std::string_view path) {
  const std::size_t blank = path.find(' ');
  return blank == std::string_view::npos ? std::string_view() : path.substr(blank + 1);
}

bool is_plural_of(std::string_view word, std::string_view object) {
  if (object == "batch") return word == "batches";
  return word.size() == object.size() + 1 && word.starts_with(object) && word.ends_with('s');
}

void add_once(std::vector<std::string_view>& words, std::string_view word) {
  if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
}

std::string listed(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text += join_text(text.empty() ? "" : ", ", word);
  return text;
}

std::unexpected<Error> no_command(std::string_view word, const std::vector<std::string_view>& known) {
  const std::string near = nearest_word(word, known);
  return refuse(ErrorKind::usage, kUnknownWord,
                join_text("there is no command '", escape_text(word), "'",
                          near.empty() ? "" : join_text("; did you mean '", near, "'?")),
                "all commands:  muster help");
}

std::unexpected<Error> no_verb(std::string_view object, std::string_view verb,
                               const std::vector<std::string_view>& verbs) {
  if (verb.empty()) {
    return refuse(ErrorKind::usage, kUnknownWord,
                  join_text("'muster ", object, "' needs a verb: ", listed(verbs)),
                  join_text("for instance:  muster ", object, " ", verbs.front()));
  }
  const std::string near = nearest_word(verb, verbs);
  return refuse(ErrorKind::usage, kUnknownWord,
                join_text("'muster ", object, "' has no verb '", escape_text(verb), "'",
                          near.empty() ? "" : join_text("; did you mean '", near, "'?")),
                join_text("its verbs: ", listed(verbs)));
}

}  // namespace

std::vector<const Command*> all_commands(std::span<const Command> passed_in) {
  std::vector<const Command*> commands;
  for (const CommandSection section : {CommandSection::start, CommandSection::work, CommandSection::objects,
                                       CommandSection::other, CommandSection::hidden}) {
    for (const Command* command : kOwnCommands) {
      if (command->section == section) commands.push_back(command);
    }
    for (const Command& command : passed_in) {
      if (command.section == section) commands.push_back(&command);
    }
  }
  return commands;
}

Result<FoundCommand> find_command(const std::vector<const Command*>& commands,
                                  std::span<const std::string> words) {
  const std::string_view word = words.empty() ? std::string_view() : std::string_view(words[0]);
  std::vector<std::string_view> known;
  std::vector<std::string_view> verbs;
  std::string_view object;
  for (const Command* command : commands) {
    const std::string_view first = first_word(command->path);
    const std::string_view verb = second_word(command->path);
    if (verb.empty() && first == word) return FoundCommand{command, 1};
    if (command->section != CommandSection::hidden) add_once(known, first);
    if (verb.empty() || (first != word && !is_plural_of(word, first))) continue;
    object = first;
    verbs.push_back(verb);
    if (words.size() > 1 && words[1] == verb) return FoundCommand{command, 2};
  }
  if (object.empty()) return no_command(word, known);
  return no_verb(object, words.size() > 1 ? std::string_view(words[1]) : std::string_view(), verbs);
}

}  // namespace muster::cli
