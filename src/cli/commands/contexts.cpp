// `context list|show|create|set|delete|use|current`: named servers in the config file of this person.
// Needs no server; what is wrong with a context is said before it is written.
#include <array>

#include "cli/commands/commands.h"
#include "cli/printer.h"
#include "client/context_file.h"
#include "client/text.h"
#include "core/escape.h"
#include "net/server_url.h"
#include "wire/native/json_writer.h"

namespace muster::cli {

namespace {

using client::Context;
using client::ContextChange;
using client::ContextList;
using client::Document;
using client::join_text;

void write_context(wire::JsonWriter& out, const Context& context, const std::string& current) {
  out.key("name").text(context.name);
  out.key("current").flag(context.name == current);
  out.key("url").text_or_null(context.url);
  out.key("data").text_or_null(context.data_folder);
  out.key("token_file").text_or_null(context.token_file);
  out.key("pin").text_or_null(context.pin);
  out.key("ca_file").text_or_null(context.ca_file);
  out.key("project").text_or_null(context.project);
}

const Context* find_in(const ContextList& list, std::string_view name) {
  for (const Context& context : list.contexts) {
    if (context.name == name) return &context;
  }
  return nullptr;
}

std::unexpected<Error> no_context(const ContextList& list, std::string_view name) {
  return refuse(ErrorKind::not_found, kNoSuchThing,
                join_text("there is no context '", escape_text(name), "' in ", escape_text(list.file)),
                "all of them:  muster context list");
}

// The one that commands use now, as far as the environment and the file say it.
std::string context_in_use(const Session& session, const ContextList& list) {
  return session.environment()("MUSTER_CONTEXT").value_or(list.current);
}

class ListContexts final : public CommandBody {
 public:
  void declare(Options& options) override { declare_output(options, output_, OutputKind::list); }

  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    const Result<ContextList> list = client::list_contexts(session.environment());
    if (!list) return std::unexpected(list.error());
    std::string json;
    wire::JsonWriter out(json);
    out.begin_object().key("schema").text(kContextView.schema).key("items").begin_array();
    for (const Context& context : list->contexts) {
      out.begin_object();
      write_context(out, context, context_in_use(session, *list));
      out.end_object();
    }
    out.end_array().key("next").null().end_object();
    const Result<void> printed =
        print_list(session, kContextView, *choice, 0,
                   [&](const std::string&, std::uint64_t) { return Document::parse(json); });
    if (!printed) return std::unexpected(printed.error());
    if (list->contexts.empty() && session.err_terminal().is_terminal) {
      session.note("there is none; make one:  muster context create lab --url http://127.0.0.1:7420");
    }
    return 0;
  }

 private:
  OutputOptions output_;
};

class ShowContext final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 0, 1, "the context; default: the one in use");
    declare_output(options, output_, OutputKind::thing);
  }

  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    const Result<ContextList> list = client::list_contexts(session.environment());
    if (!list) return std::unexpected(list.error());
    const std::string in_use = context_in_use(session, *list);
    const std::string& name = name_.empty() ? in_use : name_.front();
    const Context* context = find_in(*list, name);
    if (context == nullptr) {
      if (!name.empty()) return no_context(*list, name);
      return refuse(ErrorKind::not_found, kNoSuchThing, "no context is in use",
                    "choose one:  muster context use NAME          all:  muster context list");
    }
    std::string json;
    wire::JsonWriter out(json);
    out.begin_object().key("schema").text("muster.context/1");
    write_context(out, *context, in_use);
    out.end_object();
    const Result<Document> document = Document::parse(json);
    if (!document) return std::unexpected(document.error());
    const Result<void> printed = print_thing(session, kContextView, *choice, *document, {});
    if (!printed) return std::unexpected(printed.error());
    return 0;
  }

 private:
  std::vector<std::string> name_;
  OutputOptions output_;
};

// For a prompt: the name and nothing else, never an error for want of one.
class CurrentContext final : public CommandBody {
 public:
  void declare(Options&) override {}
  Result<int> run(Session& session) override {
    const Result<ContextList> list = client::list_contexts(session.environment());
    if (!list) return std::unexpected(list.error());
    const std::string name = context_in_use(session, *list);
    if (!name.empty()) session.out().line(escape_text(name));
    return 0;
  }
};

// What the four that write have in common.
class ChangeBody : public CommandBody {
 protected:
  void declare_change(Options& options) {
    options.flag("--dry-run", dry_run_, "check it, and change nothing");
    declare_output(options, output_, OutputKind::action);
  }

  Result<int> finish(Session& session, const ContextChange& change, const std::string& done) const {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    if (!dry_run_) {
      const Result<void> changed = client::change_context(change, session.environment());
      if (!changed) return std::unexpected(changed.error());
    }
    std::string json;
    wire::JsonWriter out(json);
    out.begin_object().key("schema").text("muster.context-changed/1").key("name").text(change.name);
    out.key("removed").flag(change.remove).end_object();
    const Result<Document> document = Document::parse(json);
    if (!document) return std::unexpected(document.error());
    if (print_action(session, *choice, document->root(), change.name)) return 0;
    session.out().line(escape_text(join_text(dry_run_ ? "would have " : "", done)));
    return 0;
  }

  bool dry_run_ = false;

 private:
  OutputOptions output_;
};

bool is_context_name(std::string_view name) {
  for (const char c : name) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!plain) return false;
  }
  return !name.empty() && name.size() <= 64;
}

Result<void> check_setting(std::string_view key, const std::string& value) {
  if (value.empty()) return {};
  if (needs_escape(value)) {
    return refuse(ErrorKind::usage, kMalformedValue, join_text("--", key, " holds a control character"));
  }
  if (key == "url") {
    if (const auto url = net::parse_url(value); !url) return std::unexpected(url.error());
  }
  if (key == "pin" && !net::is_pin(value)) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text("'", escape_text(value), "' is not the fingerprint of a key"),
                  "it looks like sha256//… and is printed by muster invite");
  }
  return {};
}

enum class SetHow : std::uint8_t { create, set };

template <SetHow kHow>
class WriteContext final : public ChangeBody {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1,
                       kHow == SetHow::create ? "letters, digits, _ and -" : "the context");
    options.text("--url", "URL", settings_[0], "the server's address");
    options.text("--data", "DIR", settings_[1], "the data folder of a server on this machine");
    options.text("--token-file", "FILE", settings_[2], "a file (0600) whose first line is the token");
    options.text("--pin", "PIN", settings_[3], "fingerprint of an https server's key, sha256//…");
    options.text("--ca-file", "FILE", settings_[4], "certificate authorities, instead of the system's");
    options.text("--project", "NAME", settings_[5], "the project, where you have several");
    if (kHow == SetHow::create) options.flag("--use", use_, "use it from now on");
    declare_change(options);
  }

  Result<int> run(Session& session) override {
    const Result<ContextList> list = client::list_contexts(session.environment());
    if (!list) return std::unexpected(list.error());
    const Context* former = find_in(*list, name_.front());
    if (Result<void> named = check_name(*list, former); !named) return std::unexpected(named.error());
    ContextChange change;
    change.name = name_.front();
    change.make_current = use_;
    for (std::size_t i = 0; i < settings_.size(); ++i) {
      if (!settings_[i]) continue;
      if (auto checked = check_setting(client::kContextKeys[i], *settings_[i]); !checked)
        return std::unexpected(checked.error());
      change.settings.emplace_back(client::kContextKeys[i], *settings_[i]);
    }
    if (Result<void> whole = check_whole(former); !whole) return std::unexpected(whole.error());
    return finish(session, change,
                  join_text(kHow == SetHow::create ? "made context " : "changed context ", change.name,
                            use_ ? ", which is used from now on" : ""));
  }

 private:
  Result<void> check_name(const ContextList& list, const Context* former) const {
    const std::string& name = name_.front();
    if (kHow == SetHow::set && former == nullptr) return no_context(list, name);
    if (kHow == SetHow::set) return {};
    if (!is_context_name(name)) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text("'", escape_text(name), "' is no name for a context"),
                    "up to 64 letters, digits, _ and -");
    }
    if (former == nullptr) return {};
    return refuse(ErrorKind::wrong_state, kWrongState, join_text("there is a context '", name, "' already"),
                  join_text("change it:  muster context set ", name, " …"));
  }

  // Without an address or a folder it would name nothing.
  Result<void> check_whole(const Context* former) const {
    const bool url = settings_[0] ? !settings_[0]->empty() : former != nullptr && !former->url.empty();
    const bool data =
        settings_[1] ? !settings_[1]->empty() : former != nullptr && !former->data_folder.empty();
    if (!url && !data) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    "the context would name neither an address nor a data folder",
                    "say --url URL or --data DIR");
    }
    for (const auto& setting : settings_) {
      if (setting) return {};
    }
    return refuse(ErrorKind::usage, kMalformedValue, "there is nothing to change",
                  "one of --url, --data, --token-file, --pin, --ca-file, --project");
  }

  std::vector<std::string> name_;
  std::array<std::optional<std::string>, client::kContextKeys.size()> settings_;
  bool use_ = false;
};

class DeleteContext final : public ChangeBody {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the context");
    options.flag("--yes", yes_, "do not ask");
    declare_change(options);
  }

  Result<int> run(Session& session) override {
    const std::string& name = name_.front();
    const Result<ContextList> list = client::list_contexts(session.environment());
    if (!list) return std::unexpected(list.error());
    if (find_in(*list, name) == nullptr) return no_context(*list, name);
    if (!yes_ && !dry_run_) {
      const std::string what = join_text("delete context ", name);
      if (!session.can_ask()) {
        return refuse(ErrorKind::confirmation, kConfirmationNeeded,
                      join_text("this would ", what, ", and there is no terminal to ask at"),
                      "if that is meant, say so with --yes");
      }
      if (!session.ask(join_text(what, "?"))) return exit_code_of(ErrorKind::confirmation);
    }
    ContextChange change;
    change.name = name;
    change.remove = true;
    return finish(session, change, join_text("deleted context ", name));
  }

 private:
  std::vector<std::string> name_;
  bool yes_ = false;
};

class UseContext final : public ChangeBody {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the context");
    declare_change(options);
  }

  Result<int> run(Session& session) override {
    const Result<ContextList> list = client::list_contexts(session.environment());
    if (!list) return std::unexpected(list.error());
    if (find_in(*list, name_.front()) == nullptr) return no_context(*list, name_.front());
    ContextChange change;
    change.name = name_.front();
    change.make_current = true;
    const auto named = session.environment()("MUSTER_CONTEXT");
    if (named && *named != change.name) {
      session.note(join_text("MUSTER_CONTEXT=", *named, " is set and wins"));
    }
    return finish(session, change, join_text("use context ", change.name, " from now on"));
  }

 private:
  std::vector<std::string> name_;
};

}  // namespace

const Command kContextListCommand = {"context list",
                                     CommandSection::objects,
                                     CommonOptions::none,
                                     "[options]",
                                     "list the servers named in the config file",
                                     "muster context list\n",
                                     &make_body<ListContexts>};

const Command kContextShowCommand = {"context show",
                                     CommandSection::objects,
                                     CommonOptions::none,
                                     "[options] [NAME]",
                                     "show one named server, or the one in use",
                                     "muster context show lab\n",
                                     &make_body<ShowContext>};

const Command kContextCreateCommand = {
    "context create",
    CommandSection::objects,
    CommonOptions::none,
    "[options] NAME",
    "name a server in the config file",
    "muster context create lab --url https://10.0.0.5:7420 --pin sha256//… --token-file ~/lab.token --use\n"
    "muster context create here --data ~/.local/share/muster\n",
    &make_body<WriteContext<SetHow::create>>};

const Command kContextSetCommand = {"context set",
                                    CommandSection::objects,
                                    CommonOptions::none,
                                    "[options] NAME",
                                    "change a named server; an empty value takes a setting away",
                                    "muster context set lab --project atlas\n"
                                    "muster context set lab --pin ''\n",
                                    &make_body<WriteContext<SetHow::set>>};

const Command kContextDeleteCommand = {"context delete",
                                       CommandSection::objects,
                                       CommonOptions::none,
                                       "[options] NAME",
                                       "take a named server out of the config file",
                                       "muster context delete lab --yes\n",
                                       &make_body<DeleteContext>};

const Command kContextUseCommand = {"context use",
                                    CommandSection::objects,
                                    CommonOptions::none,
                                    "[options] NAME",
                                    "use this named server when none is given",
                                    "muster context use lab\n"
                                    "muster -c lab status                   # once\n",
                                    &make_body<UseContext>};

const Command kContextCurrentCommand = {"context current",
                                        CommandSection::objects,
                                        CommonOptions::none,
                                        "",
                                        "print the name of the context in use, if there is one",
                                        "muster context current                 # for a prompt\n",
                                        &make_body<CurrentContext>};

}  // namespace muster::cli
