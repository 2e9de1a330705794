// `watch`: what happens to a batch or some tasks, as it happens, until they are final.
// Failures are told one by one, successes are counted; it ends as `wait` does, with the same exit code.
#include <optional>

#include "cli/commands/commands.h"
#include "cli/following.h"
#include "cli/pinned_selectors.h"
#include "cli/progress.h"
#include "cli/views/cells.h"
#include "cli/waiter.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/selector.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::Document;
using client::join_text;
using client::Json;
using client::StreamMessage;

constexpr std::int64_t kLookEvery_us = 250'000;

class Watcher {
 public:
  Watcher(Session& session, std::string selector, Selector parsed)
      : session_(session), selector_(std::move(selector)), parsed_(std::move(parsed)), meter_(selector_) {}

  Result<int> run() {
    std::optional<Interrupt> interrupt(std::in_place);
    if (auto looked = look(); !looked) return std::unexpected(looked.error());
    show();
    if (!done_) {
      const Result<bool> interrupted = follow(*interrupt);
      clear_line();
      if (!interrupted) return std::unexpected(interrupted.error());
      if (failure_) return std::unexpected(*failure_);
      if (*interrupted) {
        session_.note(join_text("detached; it goes on. reattach:  muster watch ", selector_));
        return kInterruptedExit;
      }
    }
    interrupt.reset();
    WaitOptions options;
    options.progress = "none";
    return wait_for_end(session_, {selector_}, selector_, options, FirstContact::was_made);
  }

 private:
  Result<bool> follow(const Interrupt& interrupt) {
    client::EventWish wish;
    wish.batch = join_text(parsed_.number);
    wish.tasks = true;
    wish.pulse_us = kLookEvery_us;
    Follower follower;
    follower.take = [this](const StreamMessage& message) { return take(message); };
    follower.away = [this](const Error& error) {
      clear_line();
      session_.note(join_text("the server is away (", error.what.substr(0, error.what.find('\n')),
                              "); waiting for it, the work goes on meanwhile"));
    };
    return follow_events(session_, wish, interrupt, follower);
  }

  bool take(const StreamMessage& message) {
    if (message.kind == "tasks") {
      if (const auto document = Document::parse(message.data)) tell_tasks(document->root());
    }
    old_ = old_ || !message.kind.empty();
    // Tasks stand last in a telling: the end is not seen before what led to it was told.
    const bool whole = message.kind.empty() || message.kind == "tasks" || message.kind == "hello";
    const std::int64_t now = client::mono_now_us();
    if (old_ && whole && now - looked_mono_us_ >= kLookEvery_us) {
      const Result<void> looked = look();
      const Result<client::Api*> api = session_.api();
      if (!looked && api && !(*api)->server_was_away()) {
        failure_ = looked.error();
        return false;
      }
    }
    show();
    // What is looked at may be ahead of what is told: the end is believed when nothing more was told after it.
    const bool ended = done_ && whole && std::exchange(seen_done_, done_);
    return !ended;
  }

  // How far it is: asked when something was told, and not otherwise.
  Result<void> look() {
    const Result<client::Api*> api = session_.api();
    if (!api) return std::unexpected(api.error());
    const Result<Document> answer = (*api)->wait({selector_}, 0);
    if (!answer) return std::unexpected(answer.error());
    looked_mono_us_ = client::mono_now_us();
    old_ = false;
    done_ = answer->root()["done"].truth();
    meter_.observe(looked_mono_us_, counts_of(answer->root()["counts"]));
    meter_.expect(answer->root()["left"]);
    return {};
  }

  // [index, state, attempts, worker, seconds]
  void tell_tasks(const Json& told) {
    const Json tasks = told["tasks"];
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const Json task = tasks.at(i);
      const std::string_view state = task.at(1).text();
      const bool bad = state == "failed" || state == "cancelled";
      if (!bad || !parsed_.holds(task.at(0).number())) continue;
      tell(task, state);
    }
  }

  void tell(const Json& task, std::string_view state) {
    const Terminal& terminal = session_.out_terminal();
    const std::string id = join_text(told_batch(), ".", task.at(0).number());
    clear_line();
    if (!terminal.is_terminal) {
      session_.out().line(join_text(id, "\t", state, "\t", task.at(2).serialize(), "\t",
                                    escape_text(task.at(3).text()), "\t",
                                    task.at(4).is_number() ? task.at(4).serialize() : ""));
      session_.out().flush();
      return;
    }
    const std::string sign = paint(join_text(sign_of_state(state, terminal.signs), " ", state),
                                   tone_of_state(state), terminal.colour);
    std::string line = join_text(id, "  ", sign);
    if (task.at(3).is_text()) line += join_text("  on ", escape_text(task.at(3).text()));
    if (task.at(2).number() > 1) line += join_text("  attempt ", task.at(2).number());
    session_.out().line(line);
    session_.out().flush();
  }

  std::uint64_t told_batch() const { return parsed_.number; }

  void show() {
    if (done_) return;
    if (!session_.err_terminal().is_terminal) {
      if (const auto line = meter_.plain_line()) session_.note(*line);
      return;
    }
    session_.err().write(join_text("\r", meter_.live_line(session_.err_terminal()), "\x1b[K"));
    session_.err().flush();
    line_open_ = true;
  }

  void clear_line() {
    if (!std::exchange(line_open_, false)) return;
    session_.err().write("\r\x1b[K");
    session_.err().flush();
  }

  Session& session_;
  std::string selector_;
  Selector parsed_;
  ProgressMeter meter_;
  std::optional<Error> failure_;
  std::int64_t looked_mono_us_ = 0;
  bool old_ = false;
  bool done_ = false;
  bool seen_done_ = false;
  bool line_open_ = false;
};

class Watch final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("SELECTOR", selector_, 1, 1, "a batch, or some of its tasks");
  }

  Result<int> run(Session& session) override {
    const Result<std::string> pinned = pin_selector(session, selector_.front());
    if (!pinned) return std::unexpected(pinned.error());
    Result<Selector> parsed = parse_selector(*pinned);
    if (!parsed) return std::unexpected(parsed.error());
    if (parsed->by != BatchBy::id) return by_task_number(session, *pinned);
    return Watcher(session, *pinned, std::move(*parsed)).run();
  }

 private:
  // T100017 is told as 42.17.
  static Result<int> by_task_number(Session& session, const std::string& selector) {
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const Result<Document> task = (*api)->task(selector);
    if (!task) return std::unexpected(task.error());
    const std::string id(task->root()["id"].text());
    Result<Selector> parsed = parse_selector(id);
    if (!parsed) return std::unexpected(parsed.error());
    return Watcher(session, id, std::move(*parsed)).run();
  }

  std::vector<std::string> selector_;
};

}  // namespace

const Command kWatchCommand = {"watch",
                               CommandSection::work,
                               CommonOptions::connection,
                               "SELECTOR",
                               "tell what fails as it happens, until everything is final",
                               "muster watch last\n"
                               "muster watch 42.1-100                  # exit codes as of wait\n",
                               &make_body<Watch>};

}  // namespace muster::cli
