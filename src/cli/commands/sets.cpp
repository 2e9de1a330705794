// `batch set`: settings that may change while work goes on.
// The former values are read first, so that the way back can be printed.
#include <optional>

#include "cli/commands/commands.h"
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

Result<void> report(Session& session, const OutputOptions& output, const Json& changed,
                    const std::string& subject, bool dry_run, const std::string& undo) {
  const Result<OutputChoice> choice = choose_output(output, session.out_terminal());
  if (!choice) return std::unexpected(choice.error());
  if (print_action(session, *choice, changed, subject)) return {};
  session.out().line(join_text(dry_run ? "would have set " : "set ", escape_text(subject)));
  session.out().flush();
  if (!dry_run) session.note(join_text("  undo:  ", undo));
  return {};
}

class BatchSet final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("SELECTOR", selector_, 1, 1, "the batch");
    options.integer("--priority", "N", settings_.priority, "higher ones are started first; may be negative");
    options.number("--max-running", "N", settings_.max_running,
                   "at most N of its tasks at a time; 0: no limit");
    options.text("-n,--name", "NAME", settings_.name, "call it so");
    options.flag("--close", close_, "it takes no more tasks");
    options.flag("--open", open_, "it takes tasks again");
    options.flag("--dry-run", settings_.dry_run, "check it, and change nothing");
    declare_output(options, output_, OutputKind::action);
  }

  Result<int> run(Session& session) override {
    if (close_ && open_) {
      return refuse(ErrorKind::usage, kMalformedValue, "--close and --open contradict each other");
    }
    if (close_ || open_) settings_.closed = close_;
    if (!settings_.priority && !settings_.max_running && !settings_.closed && settings_.name.empty()) {
      return refuse(ErrorKind::usage, kMalformedValue, "nothing to set",
                    "one of --priority, --max-running, --name, --close, --open");
    }
    if (!client::is_utf8(settings_.name))
      return refuse(ErrorKind::usage, kMalformedValue, "--name is not UTF-8 text");
    const Result<Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const Result<Document> former = (*api)->batch(selector_.front());
    if (!former) return std::unexpected(former.error());
    const std::string id = former->root()["id"].serialize();
    const Result<Document> changed = (*api)->set_batch(id, settings_);
    if (!changed) return std::unexpected(changed.error());
    const Result<void> reported =
        report(session, output_, changed->root(), id, settings_.dry_run, undo(id, former->root()));
    if (!reported) return std::unexpected(reported.error());
    return 0;
  }

 private:
  std::string undo(const std::string& id, const Json& former) const {
    std::string command = join_text("muster batch set ", id);
    if (settings_.priority) command += join_text(" --priority ", former["priority"].serialize());
    if (settings_.max_running) command += join_text(" --max-running ", former["max_running"].serialize());
    if (!settings_.name.empty()) command += join_text(" --name ", shell_quote(former["name"].text()));
    if (settings_.closed) command += former["closed"].truth() ? " --close" : " --open";
    return command;
  }

  std::vector<std::string> selector_;
  client::BatchSettings settings_;
  bool close_ = false;
  bool open_ = false;
  OutputOptions output_;
};

}  // namespace

const Command kBatchSetCommand = {"batch set",
                                  CommandSection::objects,
                                  CommonOptions::connection,
                                  "[options] SELECTOR",
                                  "change a batch's priority, limit, name, or close it",
                                  "muster batch set 42 --priority 10\n"
                                  "muster batch set @align --max-running 8\n",
                                  &make_body<BatchSet>};

}  // namespace muster::cli
