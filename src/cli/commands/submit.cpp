// `submit`: new tasks, and with --wait their end.
// Every submission carries a key, so that asking again after a broken connection cannot make the tasks twice.
#include "cli/commands/commands.h"
#include "cli/printer.h"
#include "cli/submission_options.h"
#include "cli/waiter.h"
#include "client/submission_key.h"
#include "client/text.h"
#include "core/escape.h"

namespace muster::cli {

namespace {

using client::Api;
using client::Document;
using client::join_text;
using client::Json;

constexpr std::int64_t kSubmitPatience_us = 60'000'000;

class Submit final : public CommandBody {
 public:
  void declare(Options& options) override {
    declare_submission(options, options_);
    options.text("--key", "KEY", key_,
                 "submitting again with the same key gives the first answer, not a second batch");
    options.flag("--dry-run", options_.submission.dry_run, "check everything, and submit nothing");
    options.section("Waiting");
    options.flag("--wait", wait_, "until everything is final; exit 0 or 1 as it went");
    declare_wait(options, wait_options_);
    declare_output(options, output_, OutputKind::action);
  }

  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    if (!wait_ && (wait_options_.timeout_us || !wait_options_.progress.empty())) {
      return refuse(ErrorKind::usage, kMalformedValue, "--timeout and --progress belong to --wait",
                    "add --wait");
    }
    if (session.endpoint_options.token_file == "-") {
      // The token is the first line of standard input; items may follow it.
      if (const Result<Api*> api = session.api(); !api) return std::unexpected(api.error());
    }
    Result<PreparedSubmission> prepared = prepare_submission(std::move(options_), session);
    if (!prepared) return std::unexpected(prepared.error());
    const Result<Document> submitted = send(session, *prepared);
    if (!submitted) return std::unexpected(submitted.error());
    const bool dry_run = prepared->submission.dry_run;
    report(session, *choice, submitted->root(), dry_run);
    if (!wait_ || dry_run) return 0;
    const std::string id = submitted->root()["batch"].serialize();
    const std::string label = join_text(id, ' ', submitted->root()["name"].text());
    return wait_for_end(session, {id}, label, wait_options_, FirstContact::was_made);
  }

 private:
  Result<Document> send(Session& session, PreparedSubmission& prepared) {
    const bool own_key = !key_.empty();
    const std::string key = own_key || prepared.submission.dry_run ? key_ : client::new_submission_key();
    const bool repeatable = !key.empty() && (!prepared.items || prepared.items->repeatable);
    const auto call = [&](Api& api) -> Result<Document> {
      if (!prepared.items) return api.submit(prepared.submission, key);
      const std::string_view kind = items_kind(prepared.items->format);
      return api.submit_items(prepared.submission, key, kind, prepared.items->source);
    };
    const Result<Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    Result<Document> answer = call(**api);
    if (answer || !(*api)->outcome_unknown()) return answer;
    if (!repeatable) return std::unexpected(unknown_outcome(answer.error()));
    session.note("the server went away before it answered; asking again with the same key");
    session.connector().set_deadline(client::mono_now_us() + kSubmitPatience_us);
    answer = session.connector().patient([&](Api& again) {
      if (prepared.items) rewind_items(*prepared.items);
      return call(again);
    });
    if (!answer && answer.error().kind == ErrorKind::unreachable)
      return std::unexpected(unknown_outcome(answer.error()));
    return answer;
  }

  static Error unknown_outcome(Error error) {
    error.what += "\nwhether the tasks were accepted is not known";
    error.next = "see whether they are there:  muster batch list";
    return error;
  }

  void report(Session& session, const OutputChoice& choice, const Json& submitted, bool dry_run) const {
    const std::string id = submitted["batch"].is_null() ? "" : submitted["batch"].serialize();
    if (print_action(session, choice, submitted, id)) {
      session.out().flush();
      return;
    }
    const std::uint64_t count = submitted["count"].number();
    const std::string tasks = join_text(count, count == 1 ? " task" : " tasks");
    const std::string name = escape_text(submitted["name"].text());
    if (dry_run) {
      session.out().line(join_text("would submit ", tasks,
                                   id.empty() ? " as a new batch " : join_text(" to batch ", id, ' '), name));
      return;
    }
    std::string line = join_text("batch ", id, ' ', name, ": ", tasks);
    const std::uint64_t first = submitted["first"].number();
    if (first > 1) line += join_text(", from ", id, '.', first, " on");
    if (submitted["replayed"].truth()) line += " (submitted before with this key)";
    session.out().line(line);
    session.out().flush();
    if (session.err_terminal().is_terminal && !wait_) {
      session.note(join_text("  follow:  muster wait ", id, "    output:  muster logs ", id,
                             "    undo:  muster cancel ", id));
    }
  }

  SubmissionOptions options_;
  std::string key_;
  bool wait_ = false;
  WaitOptions wait_options_;
  OutputOptions output_;
};

}  // namespace

const Command kSubmitCommand = {
    "submit",
    CommandSection::work,
    CommonOptions::connection,
    "[options] -- COMMAND…",
    "submit tasks",
    "muster submit -- gzip -9 big.txt\n"
    "muster submit --wait --each 'data/*.txt' -- gzip -9 {}     # one task per file\n"
    "seq 1 100 | muster submit -n sweep -- ./simulate --seed {} # one task per line\n"
    "muster submit --from samples.tsv --cpus 4 --mem 8G -- ./align {sample} {fastq}\n"
    "muster submit --array 1-1000 --retry 2 -- ./step {}\n"
    "muster submit --after 42 -- 'cat part-* | sort > all.txt'  # one word: shell text\n",
    &make_body<Submit>};

}  // namespace muster::cli
