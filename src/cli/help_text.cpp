// Laying out help.
// Not wider than 100 columns: longer lines are hard to read.
#include "cli/help_text.h"

#include "cli/declared.h"
#include "cli/topics.h"
#include "client/text.h"
#include "core/escape.h"

namespace muster::cli {

using client::join_text;

namespace {

constexpr std::size_t kNamesColumns = 28;

// Long names stand below each other whether there is a short one or not.
std::string names_of(const OptionSpec& option) {
  return join_text(option.short_name.empty() ? "    " : "", option_names(option));
}

std::string entry(std::string_view names, std::string_view help, std::size_t width) {
  std::string line = join_text("  ", names);
  const std::size_t used = display_width(line);
  if (used + 2 > kNamesColumns) {
    line += join_text("\n", std::string(kNamesColumns, ' '));
  } else {
    line.append(kNamesColumns - used, ' ');
  }
  return join_text(
      line, wrap_text(help, width > kNamesColumns + 20 ? width - kNamesColumns : 20, kNamesColumns), "\n");
}

std::string indented_lines(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    out += join_text("  ", lines.substr(0, end), "\n");
    if (end == std::string_view::npos) break;
    lines.remove_prefix(end + 1);
  }
  return out;
}

std::string_view title_of(CommandSection section) {
  switch (section) {
    case CommandSection::start:
      return "Start and stop";
    case CommandSection::work:
      return "Work";
    case CommandSection::objects:
      return "Look at things and set them";
    case CommandSection::other:
      return "Other";
    case CommandSection::hidden:
      return "";
  }
  return "";
}

}  // namespace

std::string option_names(const OptionSpec& option) {
  std::string text = join_text(option.short_name, option.short_name.empty() ? "" : ", ", option.long_name);
  if (option.shape == ValueShape::none) return text;
  if (option.shape == ValueShape::attached) return join_text(text, "[=", option.value_name, "]");
  return join_text(text, " ", option.value_name, option.shape == ValueShape::several ? "…" : "");
}

std::string wrap_text(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    const std::size_t word_width = display_width(word);
    if (column > 0 && column + 1 + word_width > width) {
      out += join_text("\n", std::string(indent, ' '));
      column = 0;
    } else if (column > 0) {
      out.push_back(' ');
      ++column;
    }
    out += word;
    column += word_width;
    if (blank == std::string_view::npos) break;
    text.remove_prefix(blank + 1);
  }
  return out;
}

std::string command_help(const Command& command, const Options& options, std::size_t width) {
  std::string out = wrap_text(join_text("muster ", command.path, ": ", command.summary), width, 2) + "\n\n";
  out += indented_lines(command.examples);
  out += join_text("\nusage: muster ", command.path, command.usage.empty() ? "" : " ", command.usage, "\n");
  if (!options.positionals().empty()) out += "\n";
  for (const PositionalSpec& positional : options.positionals()) {
    out += entry(positional.value_name, positional.help, width);
  }
  for (const std::string_view section : option_sections(options)) {
    out += section.empty() ? "\n" : join_text("\n", section, ":\n");
    for (const OptionSpec& option : options.options()) {
      if (option.section == section) out += entry(names_of(option), option.help, width);
    }
  }
  return out;
}

std::string overview_help(const std::vector<const Command*>& commands, std::size_t width) {
  std::string out =
      "muster: one control plane for batch compute\n\n"
      "  muster up -d                                       # a server and a worker on this machine\n"
      "  seq 1 200 | muster submit --wait -- ./simulate {}  # 200 tasks, one per line\n"
      "  muster logs 1.13                                   # what task 13 of batch 1 wrote\n"
      "  muster retry 1                                     # what failed, again\n";
  CommandSection section = CommandSection::hidden;
  for (const Command* command : commands) {
    if (command->section == CommandSection::hidden) continue;
    if (command->section != section) out += join_text("\n", title_of(command->section), ":\n");
    section = command->section;
    out += entry(command->path, command->summary, width);
  }
  std::string topics = "muster help COMMAND, muster help E204, and help on:";
  for (const std::string_view topic : topic_names()) topics += join_text(" ", topic);
  out += join_text("\n", wrap_text(topics, width, 2), "\n");
  return out;
}

std::string option_list(const std::vector<const Command*>& commands) {
  std::string out;
  const auto add = [&out](std::string_view path, const Options& options) {
    for (const OptionSpec& option : options.options()) {
      out += join_text(path, path.empty() ? "" : " ", option.short_name, option.short_name.empty() ? "" : ",",
                       option.long_name, "\n");
    }
  };
  for (const Command* command : commands) {
    // What only the program itself types is used by every test that has a worker.
    if (command->section == CommandSection::hidden) continue;
    const std::unique_ptr<CommandBody> body = command->make();
    Options options;
    body->declare(options);
    add(command->path, options);
  }
  CommonTargets targets;
  Options common;
  declare_common(common, CommonOptions::connection, targets);
  add("", common);
  return out + "--version\n";
}

}  // namespace muster::cli
