// Writing the tree out.
// Every option says what its value names, so that a program can fill it in.
#include "cli/tree_json.h"

#include "cli/completion.h"
#include "cli/declared.h"
#include "cli/topics.h"
#include "core/error.h"
#include "wire/native/json_writer.h"

namespace muster::cli {

namespace {

std::string_view text_of(CommandSection section) {
  switch (section) {
    case CommandSection::start:
      return "start";
    case CommandSection::work:
      return "work";
    case CommandSection::objects:
      return "objects";
    case CommandSection::other:
      return "other";
    case CommandSection::hidden:
      return "hidden";
  }
  return "hidden";
}

std::string_view text_of(ValueShape shape) {
  switch (shape) {
    case ValueShape::none:
      return "flag";
    case ValueShape::one:
      return "one";
    case ValueShape::attached:
      return "attached";
    case ValueShape::several:
      return "several";
  }
  return "flag";
}

std::string_view text_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::free:
      return "text";
    case ValueKind::words:
      return "word";
    case ValueKind::file:
      return "file";
    case ValueKind::folder:
      return "folder";
    case ValueKind::command:
      return "command";
    case ValueKind::selector:
      return "selector";
    case ValueKind::batch:
      return "batch";
    case ValueKind::batch_name:
      return "batch-name";
    case ValueKind::worker:
      return "worker";
    case ValueKind::user:
      return "user";
    case ValueKind::token:
      return "token";
    case ValueKind::project:
      return "project";
    case ValueKind::limit:
      return "limit";
    case ValueKind::context:
      return "context";
    case ValueKind::secret:
      return "secret";
  }
  return "text";
}

void write_lines(wire::JsonWriter& out, std::string_view lines) {
  out.begin_array();
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    out.text(lines.substr(0, end));
    if (end == std::string_view::npos) break;
    lines.remove_prefix(end + 1);
  }
  out.end_array();
}

void write_option(wire::JsonWriter& out, std::string_view path, const OptionSpec& option, bool common) {
  out.begin_object().key("name").text(option.long_name).key("short").text_or_null(option.short_name);
  out.key("shape").text(text_of(option.shape)).key("value").text_or_null(option.value_name);
  out.key("kind");
  if (option.shape == ValueShape::none) {
    out.null();
  } else {
    out.text(text_of(value_kind(path, option.long_name, option.value_name)));
  }
  out.key("section").text_or_null(option.section).key("common").flag(common);
  out.key("help").text(option.help).end_object();
}

void write_command(wire::JsonWriter& out, const Command& command) {
  const Declared declared(command);
  out.key("path").text(command.path).key("section").text(text_of(command.section));
  out.key("summary").text(command.summary).key("usage").text(command.usage);
  out.key("examples");
  write_lines(out, command.examples);
  out.key("positionals").begin_array();
  for (const PositionalSpec& positional : declared.options.positionals()) {
    out.begin_object().key("name").text(positional.value_name).key("least").number(positional.least);
    out.key("most");
    if (positional.most == kAnyCount) {
      out.null();
    } else {
      out.number(positional.most);
    }
    out.key("kind").text(text_of(value_kind(command.path, "", positional.value_name)));
    out.key("help").text(positional.help).end_object();
  }
  out.end_array().key("options").begin_array();
  for (std::size_t i = 0; i < declared.options.options().size(); ++i) {
    write_option(out, command.path, declared.options.options()[i], i >= declared.own);
  }
  out.end_array();
}

}  // namespace

std::string command_json(const Command& command) {
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.command/1");
  write_command(out, command);
  out.end_object();
  return json;
}

std::string tree_json(const std::vector<const Command*>& commands, std::string_view version) {
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.help/1").key("version").text(version);
  out.key("commands").begin_array();
  for (const Command* command : commands) {
    if (command->section == CommandSection::hidden) continue;
    out.begin_object();
    write_command(out, *command);
    out.end_object();
  }
  out.end_array().key("topics").begin_array();
  for (const std::string_view topic : topic_names()) {
    out.begin_object().key("name").text(topic).key("text").text(topic_text(topic).value_or("")).end_object();
  }
  out.end_array().key("errors").begin_array();
  for (const CatalogueEntry* entry = kErrorCatalogue; entry->code != nullptr; ++entry) {
    out.begin_object().key("code").text(entry->code).key("title").text(entry->title);
    out.key("cause").text(entry->cause).key("fix").text(entry->fix).key("example").text(entry->example);
    out.end_object();
  }
  out.end_array().end_object();
  return json;
}

}  // namespace muster::cli
