// `worker create`, `worker set`, and the verbs that say what a worker takes: pause, resume, drain, lost, remove.
// Only what cannot be taken back asks first: a worker that is lost gives up its attempts, one that is removed is gone.
#include "cli/commands/commands.h"
#include "cli/pairs.h"
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

struct SettingOptions {
  client::WorkerSettings settings;
  std::vector<std::string> labels;
  std::vector<std::string> offers;
  std::optional<std::string> serves;
};

void declare_settings(Options& options, SettingOptions& target) {
  options.number("--slots", "N", target.settings.slots, "so many CPU slots; what runs goes on");
  options.number("--gpu-slots", "N", target.settings.gpu_slots, "so many GPU slots");
  options.texts("--label", "NAME=VALUE", target.labels,
                "a label that tasks ask for with --on; those given replace all there were; none: no label");
  options.texts("--offer", "NAME=N", target.offers,
                "N of something that tasks take with --use; those given replace all; none: nothing");
  options.text("--serves", "BATCH", target.serves,
               "take tasks of batches of this name only; everything: take all again");
}

bool is_none(const std::vector<std::string>& words) { return words.size() == 1 && words.front() == "none"; }

Result<void> read_settings(SettingOptions& options) {
  if (!options.labels.empty()) {
    Result<Pairs> labels = is_none(options.labels) ? Pairs{} : read_pairs("--label", options.labels);
    if (!labels) return std::unexpected(labels.error());
    options.settings.labels = std::move(*labels);
  }
  if (!options.offers.empty()) {
    Result<Amounts> offers = is_none(options.offers) ? Amounts{} : read_amounts("--offer", options.offers);
    if (!offers) return std::unexpected(offers.error());
    options.settings.offers = std::move(*offers);
  }
  if (options.serves) {
    if (!client::is_utf8(*options.serves))
      return refuse(ErrorKind::usage, kMalformedValue, "--serves is not UTF-8 text");
    options.settings.serves = *options.serves == "everything" ? "" : *options.serves;
  }
  return {};
}

// " --label a=b --label c=d", or " --label none"
std::string pairs_option(std::string_view option, const Json& pairs) {
  std::string text;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Json value = pairs.at(i);
    text += join_text(" ", option, " ", pairs.key(i), "=",
                      value.is_text() ? std::string(value.text()) : value.serialize());
  }
  return text.empty() ? join_text(" ", option, " none") : text;
}

class WorkerSet final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the worker, by name or number");
    declare_settings(options, settings_);
    options.text("-n,--name", "NAME", settings_.settings.name, "call it so");
    options.duration_us(
        "--lease", settings_.settings.lease_us,
        "how long what runs there may go on without a word from the server; 0: as the server has it");
    options.flag("--dry-run", settings_.settings.dry_run, "check it, and change nothing");
    declare_output(options, output_, OutputKind::action);
  }

  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    if (Result<void> read = read_settings(settings_); !read) return std::unexpected(read.error());
    const client::WorkerSettings& wanted = settings_.settings;
    if (!wanted.slots && !wanted.gpu_slots && !wanted.labels && !wanted.offers && !wanted.serves &&
        !wanted.lease_us && wanted.name.empty()) {
      return refuse(ErrorKind::usage, kMalformedValue, "nothing to set",
                    "one of --slots, --gpu-slots, --label, --offer, --serves, --lease, --name");
    }
    const Result<Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const Result<Document> former = (*api)->worker(name_.front());
    if (!former) return std::unexpected(former.error());
    const std::string name(former->root()["name"].text(name_.front()));
    const Result<Document> changed = (*api)->set_worker(name, wanted);
    if (!changed) return std::unexpected(changed.error());
    if (print_action(session, *choice, changed->root(), name)) return 0;
    session.out().line(join_text(wanted.dry_run ? "would have set " : "set ", escape_text(name)));
    session.out().flush();
    if (!wanted.dry_run) session.note(join_text("  undo:  ", undo(name, former->root())));
    return 0;
  }

 private:
  std::string undo(const std::string& name, const Json& former) const {
    const client::WorkerSettings& wanted = settings_.settings;
    const Json slots = former["slots"];
    std::string command =
        join_text("muster worker set ", shell_quote(wanted.name.empty() ? name : wanted.name));
    if (!wanted.name.empty()) command += join_text(" --name ", shell_quote(name));
    if (wanted.slots) command += join_text(" --slots ", slots["enabled"].serialize());
    if (wanted.gpu_slots) command += join_text(" --gpu-slots ", slots["gpu_enabled"].serialize());
    if (wanted.labels) command += pairs_option("--label", former["labels"]);
    if (wanted.offers) command += pairs_option("--offer", former["offers"]);
    if (wanted.serves) command += join_text(" --serves ", shell_quote(former["serves"].text("everything")));
    if (wanted.lease_us) {
      const Json lease = former["lease_s"];
      command += join_text(" --lease ", lease.is_number() ? join_text(lease.serialize(), "s") : "0s");
    }
    return command;
  }

  std::vector<std::string> name_;
  SettingOptions settings_;
  OutputOptions output_;
};

class WorkerCreate final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("NAME", name_, 1, 1, "the name its agent will connect under");
    declare_settings(options, settings_);
    options.flag("--dry-run", settings_.settings.dry_run, "check it, and change nothing");
    declare_output(options, output_, OutputKind::action);
  }

  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    if (Result<void> read = read_settings(settings_); !read) return std::unexpected(read.error());
    client::WorkerSettings& wanted = settings_.settings;
    wanted.name = name_.front();
    const Result<Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const Result<Document> created = (*api)->create_worker(wanted);
    if (!created) return std::unexpected(created.error());
    if (print_action(session, *choice, created->root(), wanted.name)) return 0;
    session.out().line(join_text(wanted.dry_run ? "would have declared " : "declared ",
                                 escape_text(wanted.name),
                                 "; the agent that connects under this name takes it over"));
    session.out().flush();
    if (!wanted.dry_run) session.note(join_text("  undo:  muster worker remove ", shell_quote(wanted.name)));
    return 0;
  }

 private:
  std::vector<std::string> name_;
  SettingOptions settings_;
  OutputOptions output_;
};

struct VerbWords {
  std::string_view verb;
  std::string_view done;
  std::string_view opposite;     // empty: there is none
  std::string_view consequence;  // what a yes means; empty: nobody is asked
};
constexpr VerbWords kPause = {"pause", "paused", "resume", ""};
constexpr VerbWords kResume = {"resume", "resumed", "pause", ""};
constexpr VerbWords kDrain = {"drain", "draining", "resume", ""};
constexpr VerbWords kLost = {"lost", "given up as lost:", "",
                             "if one of them still runs, its tasks run twice at the same time"};
constexpr VerbWords kRemove = {"remove", "removed", "", "they do not come back under this folder"};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += join_text(text.empty() ? "" : " ", shell_quote(name));
  return text;
}

template <const VerbWords& kWords>
class WorkerVerbBody final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("NAME", names_, 1, kAnyCount, "workers, by name or number");
    options.text("--reason", "TEXT", change_.reason, "kept in the history and shown with the worker");
    options.flag("--dry-run", change_.dry_run, "check it, and change nothing");
    if (!kWords.consequence.empty()) options.flag("--yes", yes_, "do not ask");
    declare_output(options, output_, OutputKind::action);
  }

  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    if (!client::is_utf8(change_.reason))
      return refuse(ErrorKind::usage, kMalformedValue, "--reason is not UTF-8 text");
    const Result<Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    // Each is tried first: when one of several is refused, none has changed.
    std::uint64_t assigned = 0;
    for (std::string& name : names_) {
      const Result<Document> worker = (*api)->worker(name);
      if (!worker) return std::unexpected(worker.error());
      name = worker->root()["name"].text(name);
      assigned += worker->root()["assigned"].number();
      client::WorkerChange probe = change_;
      probe.dry_run = true;
      const Result<Document> possible = (*api)->change_worker(name, kWords.verb, probe);
      if (!possible) return std::unexpected(possible.error());
    }
    const Result<bool> allowed = confirmed(session, assigned);
    if (!allowed) return std::unexpected(allowed.error());
    if (!*allowed) {
      session.note("nothing was changed");
      return exit_code_of(ErrorKind::confirmation);
    }
    for (const std::string& name : names_) {
      const Result<Document> changed = (*api)->change_worker(name, kWords.verb, change_);
      if (!changed) return std::unexpected(changed.error());
      if (print_action(session, *choice, changed->root(), name)) continue;
      session.out().line(join_text(change_.dry_run ? "would be " : "", kWords.done, " ", escape_text(name)));
    }
    session.out().flush();
    if (!kWords.opposite.empty() && !change_.dry_run)
      session.note(join_text("  undo:  muster worker ", kWords.opposite, " ", joined(names_)));
    return 0;
  }

 private:
  Result<bool> confirmed(Session& session, std::uint64_t assigned) const {
    if (kWords.consequence.empty() || yes_ || change_.dry_run) return true;
    std::string what = join_text(names_.size(), names_.size() == 1 ? " worker" : " workers");
    if (assigned > 0) what += join_text(" with ", assigned, assigned == 1 ? " attempt" : " attempts");
    if (session.can_ask()) return session.ask(join_text(kWords.verb, " ", what, "? ", kWords.consequence));
    return refuse(ErrorKind::confirmation, kConfirmationNeeded,
                  join_text(kWords.verb, " of ", what,
                            " needs a yes, and there is no terminal to ask at: ", kWords.consequence),
                  join_text("if that is meant:  muster worker ", kWords.verb, " --yes ", joined(names_)));
  }

  std::vector<std::string> names_;
  client::WorkerChange change_;
  bool yes_ = false;
  OutputOptions output_;
};

}  // namespace

const Command kWorkerCreateCommand = {"worker create",
                                      CommandSection::objects,
                                      CommonOptions::connection,
                                      "[options] NAME",
                                      "declare a worker before its agent connects",
                                      "muster worker create big1 --slots 32 --label storage=lustre\n",
                                      &make_body<WorkerCreate>};

const Command kWorkerSetCommand = {
    "worker set",
    CommandSection::objects,
    CommonOptions::connection,
    "[options] NAME",
    "change a worker's slots, labels, offers, or whom it serves, while it runs",
    "muster worker set nimbus --slots 8\n"
    "muster worker set nimbus --label storage=lustre --offer license=4\n"
    "muster worker set nimbus --serves align\n",
    &make_body<WorkerSet>};

const Command kWorkerPauseCommand = {"worker pause",
                                     CommandSection::objects,
                                     CommonOptions::connection,
                                     "[options] NAME…",
                                     "give workers nothing new until they are resumed; what runs goes on",
                                     "muster worker pause nimbus --reason 'disk swap'\n",
                                     &make_body<WorkerVerbBody<kPause>>};

const Command kWorkerResumeCommand = {"worker resume",
                                      CommandSection::objects,
                                      CommonOptions::connection,
                                      "[options] NAME…",
                                      "let workers take tasks again; lifts a quarantine, too",
                                      "muster worker resume nimbus\n",
                                      &make_body<WorkerVerbBody<kResume>>};

const Command kWorkerDrainCommand = {"worker drain",
                                     CommandSection::objects,
                                     CommonOptions::connection,
                                     "[options] NAME…",
                                     "let workers finish what runs and take nothing more, for good",
                                     "muster worker drain nimbus --reason 'goes back tomorrow'\n",
                                     &make_body<WorkerVerbBody<kDrain>>};

const Command kWorkerLostCommand = {"worker lost",
                                    CommandSection::objects,
                                    CommonOptions::connection,
                                    "[options] NAME…",
                                    "say that workers are dead: their tasks run again elsewhere, at no cost",
                                    "muster worker lost nimbus --yes\n",
                                    &make_body<WorkerVerbBody<kLost>>};

const Command kWorkerRemoveCommand = {"worker remove",
                                      CommandSection::objects,
                                      CommonOptions::connection,
                                      "[options] NAME…",
                                      "take workers out that are drained, offline or lost",
                                      "muster worker remove nimbus --yes\n",
                                      &make_body<WorkerVerbBody<kRemove>>};

}  // namespace muster::cli
