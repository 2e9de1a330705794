// The reference part of the manual in Markdown: commands, topics, errors.
// What every command has is said once, at the end of the commands.
#include "cli/declared.h"
#include "cli/manual_pages.h"
#include "cli/topics.h"
#include "client/text.h"
#include "core/error.h"

namespace muster::cli {

using client::join_text;

namespace {

constexpr std::string_view kMade =
    "Made by `muster man --format markdown --dir docs/reference`; not to be changed by hand.\n\n";

// Inside a cell of a table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string code_cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out.push_back('\\');
    out.push_back(c);
  }
  return join_text("`", out, "`");
}

void append_row(std::string& out, std::string_view names, std::string_view help) {
  out += join_text("| ", code_cell(names), " | ", cell(help), " |\n");
}

void append_options(std::string& out, const Options& options, std::size_t from, std::size_t to) {
  std::string_view section = "-";
  for (std::size_t i = from; i < to; ++i) {
    const OptionSpec& option = options.options()[i];
    if (option.section != section) {
      section = option.section;
      out += join_text("\n| ", section.empty() ? "option" : section, " | |\n|---|---|\n");
    }
    append_row(out, option_names(option), option.help);
  }
}

void append_command(std::string& out, const Command& command) {
  const Declared declared(command);
  out += join_text("## muster ", command.path, "\n\n", command.summary, "\n\n```\nmuster ", command.path,
                   command.usage.empty() ? "" : " ", command.usage, "\n```\n");
  if (!declared.options.positionals().empty()) out += "\n| word | |\n|---|---|\n";
  for (const PositionalSpec& positional : declared.options.positionals()) {
    append_row(out, positional.value_name, positional.help);
  }
  append_options(out, declared.options, 0, declared.own);
  out += join_text("\n```\n", command.examples, "```\n\n");
}

ManualPage commands_page(const std::vector<const Command*>& commands) {
  std::string out = join_text("# Commands\n\n", kMade);
  out +=
      "How they are used together is in the manual; what all of them share is in [topics.md](topics.md).\n\n";
  for (const Command* command : commands) {
    if (command->section != CommandSection::hidden) append_command(out, *command);
  }
  Options common;
  CommonTargets targets;
  declare_common(common, CommonOptions::connection, targets);
  out += "## Options that every command has\n\nThose of the connection only where there is one.\n";
  append_options(out, common, 0, common.options().size());
  return {"commands.md", std::move(out)};
}

ManualPage topics_page() {
  std::string out =
      join_text("# Topics\n\n", kMade, "Each is also `muster help TOPIC` and `man 7 muster-TOPIC`.\n");
  for (const std::string_view topic : topic_names()) {
    out += join_text("\n## ", topic, "\n\n```\n", topic_text(topic).value_or(""), "```\n");
  }
  return {"topics.md", std::move(out)};
}

ManualPage errors_page() {
  std::string out = join_text("# Errors\n\n", kMade, "Each is also `muster help CODE`.\n");
  for (const CatalogueEntry* entry = kErrorCatalogue; entry->code != nullptr; ++entry) {
    out += join_text("\n## ", entry->code, ": ", entry->title, "\n\n", entry->cause, "\n\n", entry->fix,
                     "\n\n```\n", entry->example, "\n```\n");
  }
  return {"errors.md", std::move(out)};
}

}  // namespace

std::vector<ManualPage> reference_pages(const std::vector<const Command*>& commands) {
  return {commands_page(commands), topics_page(), errors_page()};
}

}  // namespace muster::cli
