// Reads contexts with toml++, which is included here and in context_edit.cpp only.
// Paths in the file are absolute, or begin with ~/ for the user's own folder.
#include "client/context_file.h"

#include <unistd.h>

#include <toml++/toml.h>
#include <string_view>

#include "client/text.h"
#include "core/escape.h"

namespace muster::client {

namespace {

std::string config_file(const Environment& environment) {
  if (const auto folder = environment("XDG_CONFIG_HOME")) return *folder + "/muster/config.toml";
  if (const auto home = environment("HOME")) return *home + "/.config/muster/config.toml";
  return {};
}

std::string expand_home(std::string path, const Environment& environment) {
  const auto home = environment("HOME");
  if (home && path.starts_with("~/")) return *home + path.substr(1);
  return path;
}

std::string text_at(const toml::table& table, std::string_view key) {
  return table[key].value_or(std::string());
}

Result<toml::table> read_file(const std::string& path) {
  try {
    return toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text("line ", error.source().begin.line, " of ", escape_text(path), ": ",
                            escape_text(error.description())),
                  "correct the file, or name the server with --url");
  }
}

Result<std::optional<Context>> missing_context(const std::string& name, const std::string& path) {
  if (name.empty()) return std::optional<Context>();
  return refuse(
      ErrorKind::not_found, kNoSuchThing,
      join_text("there is no context '", escape_text(name), "' in ", path.empty() ? "a config file" : path),
      join_text("make it:  muster context create ", escape_text(name),
                " --url http://…          all:  muster context list"));
}

}  // namespace

Result<std::optional<Context>> find_context(const std::string& name, const Environment& environment) {
  const std::string path = config_file(environment);
  if (path.empty() || access(path.c_str(), F_OK) != 0) return missing_context(name, path);
  const Result<toml::table> table = read_file(path);
  if (!table) return std::unexpected(table.error());
  const std::string wanted = name.empty() ? text_at(*table, "current") : name;
  if (wanted.empty()) return std::optional<Context>();
  const toml::table* found = (*table)["contexts"][wanted].as_table();
  if (found == nullptr) return missing_context(wanted, path);
  Context context;
  context.name = wanted;
  context.url = text_at(*found, "url");
  context.token_file = expand_home(text_at(*found, "token_file"), environment);
  context.pin = text_at(*found, "pin");
  context.ca_file = expand_home(text_at(*found, "ca_file"), environment);
  context.data_folder = expand_home(text_at(*found, "data"), environment);
  context.project = text_at(*found, "project");
  if (context.url.empty() && context.data_folder.empty()) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text("context '", escape_text(wanted), "' in ", path, " names neither url nor data"),
                  "add  url = \"http://127.0.0.1:7420\"  to it");
  }
  return std::optional<Context>(std::move(context));
}

Result<ContextList> list_contexts(const Environment& environment) {
  ContextList list;
  list.file = config_file(environment);
  if (list.file.empty() || access(list.file.c_str(), F_OK) != 0) return list;
  const Result<toml::table> table = read_file(list.file);
  if (!table) return std::unexpected(table.error());
  list.current = text_at(*table, "current");
  const toml::table* contexts = (*table)["contexts"].as_table();
  if (contexts == nullptr) return list;
  for (const auto& [name, value] : *contexts) {
    const toml::table* found = value.as_table();
    if (found == nullptr) continue;
    list.contexts.push_back({std::string(name.str()), text_at(*found, "url"), text_at(*found, "token_file"),
                             text_at(*found, "data"), text_at(*found, "pin"), text_at(*found, "ca_file"),
                             text_at(*found, "project")});
  }
  return list;
}

}  // namespace muster::client
