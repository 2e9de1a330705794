// `cancel`, `hold`, `release`, `retry`: one operation each, then what changed and how to take it back.
// Only a cancel asks first: it throws away what running tasks have done, which a retry does not bring back.
#include <array>

#include "cli/bulk_change.h"
#include "cli/commands/commands.h"
#include "cli/pairs.h"
#include "cli/pinned_selectors.h"
#include "cli/printer.h"
#include "cli/progress.h"
#include "cli/progress_show.h"
#include "client/text.h"
#include "core/escape.h"

namespace muster::cli {

namespace {

using client::Api;
using client::Document;
using client::join_text;
using client::Json;
using client::Verb;

struct Words {
  std::string_view done;      // "cancelled 3 tasks"
  std::string_view opposite;  // the command that takes it back
};

Words words_of(Verb verb) {
  switch (verb) {
    case Verb::cancel:
      return {"cancelled", "retry"};
    case Verb::hold:
      return {"held", "release"};
    case Verb::release:
      return {"released", "hold"};
    case Verb::retry:
      return {"retried", "cancel"};
    case Verb::set:
      return {"changed", ""};
  }
  return {};
}

std::string counted(std::uint64_t count) { return join_text(count, count == 1 ? " task" : " tasks"); }

class ChangeBody : public CommandBody {
 public:
  explicit ChangeBody(Verb verb) : verb_(verb) {}

  void declare(Options& options) override {
    options.positional("SELECTOR", change_.selectors, 1, kAnyCount, "batches or tasks, or all");
    options.text("--where", "FILTER", change_.where,
                 "of them, only tasks that match, as in 'state=failed exit=137' (muster help filters)");
    options.text("--reason", "TEXT", change_.reason, "kept in the history and shown with the batch");
    options.text("--key", "KEY", change_.key, "said again with the same KEY, it is done once");
    options.flag("--dry-run", change_.dry_run, "say how many tasks it would be, and change nothing");
    options.flag("--yes", yes_, "do not ask");
    declare_progress(options, progress_);
  }

  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    if (!client::is_utf8(change_.reason)) {
      return refuse(ErrorKind::usage, kMalformedValue, "--reason is not UTF-8 text");
    }
    // What is counted, asked about, done and undone has to be the same batch.
    Result<std::vector<std::string>> pinned = pin_selectors(session, change_.selectors);
    if (!pinned) return std::unexpected(pinned.error());
    change_.selectors = std::move(*pinned);
    const Result<Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    if (!change_.dry_run) {
      const Result<bool> allowed = confirmed(session, **api);
      if (!allowed) return std::unexpected(allowed.error());
      if (!*allowed) {
        session.note("nothing was changed");
        return exit_code_of(ErrorKind::confirmation);
      }
    }
    const Result<Document> changed =
        change_tasks(session, verb_, change_, choose_progress(session, progress_));
    if (!changed) return std::unexpected(changed.error());
    report(session, *choice, changed->root());
    return 0;
  }

 protected:
  // What stops running tasks, and what means everything there is, is asked about with its count.
  Result<bool> confirmed(Session& session, Api& api) const {
    const bool everything = names_everything(change_.selectors);
    if (yes_ || (verb_ != Verb::cancel && !everything)) return true;
    client::Change preview = change_;
    preview.dry_run = true;
    const Result<Document> planned =
        change_tasks(session, verb_, preview, choose_progress(session, progress_));
    if (!planned) return std::unexpected(planned.error());
    const std::uint64_t count = planned->root()["count"].number();
    if (count <= 1 && !everything) return true;
    std::string consequence = counted(count);
    if (verb_ == Verb::cancel && change_.where.empty() && !everything) {
      const Result<Document> now = api.wait(change_.selectors, 0);
      if (!now) return std::unexpected(now.error());
      const std::uint64_t running = now->root()["counts"]["running"].number();
      if (running > 0) consequence += join_text(", stopping ", running, " that run");
    }
    const std::string_view verb = client::to_text(verb_);
    if (session.can_ask()) return session.ask(join_text(verb, " ", consequence, "?"));
    return refuse(ErrorKind::confirmation, kConfirmationNeeded,
                  join_text("this would ", verb, " ", consequence, ", and there is no terminal to ask at"),
                  change_.where.empty() ? join_text("if that is meant:  muster ", verb, " --yes ",
                                                    joined_selectors(change_.selectors))
                                        : join_text("if that is meant, say it again with --yes"));
  }

  void report(Session& session, const OutputChoice& choice, const Json& changed) const {
    std::string batches;
    for (std::size_t i = 0; i < changed["batches"].size(); ++i) {
      batches += join_text(i == 0 ? "" : "\n", changed["batches"].at(i).serialize());
    }
    if (print_action(session, choice, changed, batches)) return;
    const std::uint64_t count = changed["count"].number();
    const std::uint64_t skipped = changed["skipped"].number();
    const Words words = words_of(verb_);
    const std::string verb = change_.dry_run ? join_text("would have ", words.done) : std::string(words.done);
    std::string line = count == 0 && !change_.dry_run ? join_text("nothing to ", client::to_text(verb_))
                                                      : join_text(verb, " ", counted(count));
    if (skipped > 0) line += join_text(" (", skipped, " left alone)");
    session.out().line(line);
    session.out().flush();
    // Of a filter the opposite would mean other tasks by now.
    if (count > 0 && !change_.dry_run && !words.opposite.empty() && change_.where.empty())
      session.note(join_text("  undo:  muster ", words.opposite, " ", joined_selectors(change_.selectors)));
  }

  Verb verb_;
  client::Change change_;
  OutputOptions output_;
  bool yes_ = false;
  std::string progress_;
};

class Cancel final : public ChangeBody {
 public:
  Cancel() : ChangeBody(Verb::cancel) {}
  void declare(Options& options) override {
    ChangeBody::declare(options);
    declare_output(options, output_, OutputKind::action);
  }
};

template <Verb kVerb>
class Plain final : public ChangeBody {
 public:
  Plain() : ChangeBody(kVerb) {}
  void declare(Options& options) override {
    ChangeBody::declare(options);
    declare_output(options, output_, OutputKind::action);
  }
};

// retry, and task set: the same tasks with other needs.
template <Verb kVerb>
class WithNeeds final : public ChangeBody {
 public:
  WithNeeds() : ChangeBody(kVerb) {}

  void declare(Options& options) override {
    ChangeBody::declare(options);
    options.section("From now on these tasks have");
    options.memory_mb("--mem", change_.mem_mb, "this much memory");
    options.memory_mb("--disk", change_.disk_mb, "this much disk");
    options.number("--cpus", "N", change_.cpus, "these CPUs");
    options.number("--slots", "N", change_.slots, "these CPU slots");
    options.number("--gpus", "N", change_.gpus, "these GPU slots");
    options.duration_us("--time", change_.time_us, "this time limit");
    options.number("--retry", "N", change_.retries, "so many retries when they fail");
    options.texts("--env", "NAME=VALUE", environment_, "this variable; NAME alone takes today's value");
    options.section("");
    declare_output(options, output_, OutputKind::action);
  }

  Result<int> run(Session& session) override {
    Result<Pairs> pairs = read_environment(environment_, session.environment());
    if (!pairs) return std::unexpected(pairs.error());
    change_.environment = std::move(*pairs);
    return ChangeBody::run(session);
  }

 private:
  std::vector<std::string> environment_;
};

}  // namespace

const Command kCancelCommand = {"cancel",
                                CommandSection::work,
                                CommonOptions::connection,
                                "[options] SELECTOR…",
                                "stop tasks; retry brings them back",
                                "muster cancel 42\n"
                                "muster cancel 42.1-500 --reason 'wrong reference' --yes\n"
                                "muster cancel 42 --where 'state=running time=2h+'\n",
                                &make_body<Cancel>};

const Command kHoldCommand = {"hold",
                              CommandSection::work,
                              CommonOptions::connection,
                              "[options] SELECTOR…",
                              "start no more of these tasks until they are released",
                              "muster hold 42\n"
                              "muster hold 42.100-200 --reason 'disk is filling'\n",
                              &make_body<Plain<Verb::hold>>};

const Command kReleaseCommand = {"release",
                                 CommandSection::work,
                                 CommonOptions::connection,
                                 "[options] SELECTOR…",
                                 "let held tasks start",
                                 "muster release 42\n",
                                 &make_body<Plain<Verb::release>>};

const Command kRetryCommand = {
    "retry",
    CommandSection::work,
    CommonOptions::connection,
    "[options] SELECTOR…",
    "run failed and cancelled tasks again, if need be with more",
    "muster retry 42                        # every failed or cancelled task of it\n"
    "muster retry 42.17 --mem 16G --time 4h\n"
    "muster retry 42 --where cause=oom --mem 32G --dry-run    # how many would it be?\n",
    &make_body<WithNeeds<Verb::retry>>};

const Command kTaskSetCommand = {"task set",
                                 CommandSection::objects,
                                 CommonOptions::connection,
                                 "[options] SELECTOR…",
                                 "change what tasks need that were not started yet",
                                 "muster task set 42.118 --mem 60G\n"
                                 "muster task set 42 --where 'reason=too-big mem=64G+' --mem 60G\n",
                                 &make_body<WithNeeds<Verb::set>>};

}  // namespace muster::cli
