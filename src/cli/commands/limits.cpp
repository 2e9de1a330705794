// `limit list`, `limit set`, `limit delete`: how much users, projects and labels may have running at once.
// Setting says everything anew, so what is left out is not limited.
#include "cli/access_body.h"
#include "cli/commands/commands.h"
#include "cli/following.h"
#include "cli/printer.h"
#include "client/text.h"
#include "core/command.h"
#include "core/escape.h"

namespace muster::cli {

namespace {

using client::Api;
using client::Document;
using client::join_text;
using client::Json;

class LimitList final : public CommandBody {
 public:
  void declare(Options& options) override {
    declare_watch(options, watch_);
    declare_output(options, output_, OutputKind::list);
  }

  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    const FetchPage fetch = [&](const std::string&, std::uint64_t) -> Result<Document> {
      const Result<Api*> api = session.api();
      if (!api) return std::unexpected(api.error());
      return (*api)->limits();
    };
    return print_or_watch(session, watch_, [&]() -> Result<bool> {
      const Result<void> printed = print_list(session, kLimitView, *choice, 0, fetch);
      if (!printed) return std::unexpected(printed.error());
      return true;
    });
  }

 private:
  OutputOptions output_;
  bool watch_ = false;
};

// The options that bring a limit back as it is.
std::string options_of(const Json& limits, const std::string& name) {
  const Json items = limits["items"];
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Json limit = items.at(i);
    if (limit["id"].text() != name) continue;
    std::string text = join_text("set ", shell_quote(name));
    if (limit["max_running"].is_number())
      text += join_text(" --max-running ", limit["max_running"].serialize());
    if (limit["max_cpus"].is_number()) text += join_text(" --max-cpus ", limit["max_cpus"].serialize());
    if (limit["weight"].number() != 1) text += join_text(" --weight ", limit["weight"].serialize());
    return text;
  }
  return join_text("delete ", shell_quote(name));
}

class LimitChange : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("WHAT", name_, 1, 1, "user:NAME, project:NAME or label:NAME=VALUE");
    options.flag("--dry-run", settings_.dry_run, "check it, and change nothing");
  }

 protected:
  Result<int> apply(Session& session, std::string_view done) {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    if (!client::is_utf8(name_.front()))
      return refuse(ErrorKind::usage, kMalformedValue, "the name is not UTF-8 text");
    const Result<Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const Result<Document> former = (*api)->limits();
    if (!former) return std::unexpected(former.error());
    const Result<Document> changed = (*api)->set_limit(name_.front(), settings_);
    if (!changed) return std::unexpected(changed.error());
    if (print_action(session, *choice, changed->root(), name_.front())) return 0;
    session.out().line(join_text(settings_.dry_run ? "would have " : "", done, " the limit of ",
                                 escape_text(name_.front())));
    session.out().flush();
    if (!settings_.dry_run)
      session.note(join_text("  undo:  muster limit ", options_of(former->root(), name_.front())));
    return 0;
  }

  std::vector<std::string> name_;
  client::LimitSettings settings_;
  OutputOptions output_;
};

class LimitSet final : public LimitChange {
 public:
  void declare(Options& options) override {
    LimitChange::declare(options);
    options.number("--max-running", "N", settings_.max_running, "at most N of its tasks at a time");
    options.number("--max-cpus", "N", settings_.max_cpus, "its running tasks have at most N CPUs together");
    options.number("--weight", "N", settings_.weight,
                   "of users: 2 gets twice the share of 1 when there is not enough for both");
    declare_output(options, output_, OutputKind::action);
  }

  Result<int> run(Session& session) override {
    if (!settings_.max_running && !settings_.max_cpus && !settings_.weight) {
      return refuse(ErrorKind::usage, kMalformedValue, "nothing to set",
                    "one of --max-running, --max-cpus, --weight; to take a limit away: muster limit delete");
    }
    return apply(session, "set");
  }
};

class LimitDelete final : public LimitChange {
 public:
  void declare(Options& options) override {
    LimitChange::declare(options);
    declare_output(options, output_, OutputKind::action);
  }
  Result<int> run(Session& session) override { return apply(session, "deleted"); }
};

}  // namespace

const Command kLimitListCommand = {"limit list",
                                   CommandSection::objects,
                                   CommonOptions::connection,
                                   "[options]",
                                   "list what is limited, and how much of it is used",
                                   "muster limit list\n",
                                   &make_body<LimitList>};

const Command kLimitSetCommand = {"limit set",
                                  CommandSection::objects,
                                  CommonOptions::connection,
                                  "[options] WHAT",
                                  "limit what a user, a project or a label has running at once",
                                  "muster limit set user:ann --max-running 100 --weight 2\n"
                                  "muster limit set project:default --max-cpus 64\n"
                                  "muster limit set label:storage=lustre --max-running 20\n",
                                  &make_body<LimitSet>};

const Command kLimitDeleteCommand = {
    "limit delete",      CommandSection::objects,          CommonOptions::connection, "[options] WHAT",
    "take a limit away", "muster limit delete user:ann\n", &make_body<LimitDelete>};

}  // namespace muster::cli
