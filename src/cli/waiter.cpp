// The loop of waiting and what is said at its end.
// Each round is one long poll: short where a live line is to move, long where nobody looks.
#include "cli/waiter.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "cli/interrupt.h"
#include "cli/pinned_selectors.h"
#include "cli/printer.h"
#include "cli/progress.h"
#include "cli/progress_show.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"

namespace muster::cli {

using client::Document;
using client::join_text;
using client::Json;

namespace {

constexpr std::int64_t kShortestRound_us = 20'000;
constexpr std::int64_t kLiveRound_us = 250'000;
constexpr std::int64_t kPlainRound_us = 2'000'000;
constexpr std::int64_t kSilentRound_us = 30'000'000;
constexpr int kTimeoutExit = 124;
constexpr std::uint64_t kFailuresLooked = 1000;

class Waiter {
 public:
  Waiter(Session& session, const std::vector<std::string>& selectors, const std::string& label,
         const WaitOptions& options)
      : session_(session),
        selectors_(selectors),
        options_(options),
        show_(choose_progress(session, options.progress)),
        meter_(label),
        deadline_mono_us_(options.timeout_us ? client::mono_now_us() + *options.timeout_us : INT64_MAX) {}

  Result<int> run(FirstContact contact);

 private:
  Result<Document> poll(FirstContact contact);
  std::int64_t round_us() const;
  void show();
  void end_live_line();
  void say_away(const Error& error);
  int finish(const Document& document);
  int detach(int exit_code, std::string_view why);
  void explain_failures();
  void hint_when_held();

  Session& session_;
  const std::vector<std::string>& selectors_;
  const WaitOptions& options_;
  ProgressShow show_;
  ProgressMeter meter_;
  std::int64_t deadline_mono_us_;
  bool live_line_open_ = false;
  bool held_said_ = false;
  bool answered_ = false;
};

std::int64_t Waiter::round_us() const {
  // The first answer is wanted at once, so that there is a first line.
  if (!answered_) return 0;
  const std::int64_t round = show_ == ProgressShow::live    ? kLiveRound_us
                             : show_ == ProgressShow::plain ? kPlainRound_us
                                                            : kSilentRound_us;
  return std::max<std::int64_t>(0, std::min(round, deadline_mono_us_ - client::mono_now_us()));
}

Result<Document> Waiter::poll(FirstContact contact) {
  const auto call = [&](client::Api& api) { return api.wait(selectors_, round_us()); };
  if (answered_ || contact == FirstContact::was_made) return session_.connector().patient(call);
  Result<client::Api*> api = session_.api();
  if (!api) return std::unexpected(api.error());
  return call(**api);
}

void Waiter::end_live_line() {
  if (!std::exchange(live_line_open_, false)) return;
  session_.err().write("\n");
  session_.err().flush();
}

void Waiter::show() {
  Output& err = session_.err();
  if (show_ == ProgressShow::live) {
    Terminal terminal = session_.err_terminal();
    // --progress tty may be asked for where there is no terminal.
    if (terminal.width == 0) terminal.width = 80;
    err.write(join_text('\r', meter_.live_line(terminal), "\x1b[K"));
    live_line_open_ = true;
  } else if (show_ == ProgressShow::plain) {
    if (const auto line = meter_.plain_line()) err.line(*line);
  }
  err.flush();
}

void Waiter::say_away(const Error& error) {
  end_live_line();
  const std::size_t end = error.what.find('\n');
  session_.note(join_text("the server is away (", error.what.substr(0, end),
                          "); waiting for it, the work goes on meanwhile"));
}

// A batch that only waits for a person would be waited for in vain.
void Waiter::hint_when_held() {
  const Counts& counts = meter_.counts();
  const bool only_held = counts.held > 0 && counts.waiting + counts.ready + counts.running == 0;
  if (!only_held || std::exchange(held_said_, true)) return;
  end_live_line();
  session_.note(join_text(counts.held, " tasks are held and nothing else is left; go on:  muster release ",
                          joined_selectors(selectors_)));
}

int Waiter::detach(int exit_code, std::string_view why) {
  end_live_line();
  session_.note(join_text(why, "; it goes on. reattach:  muster wait ", joined_selectors(selectors_)));
  return exit_code;
}

void Waiter::explain_failures() {
  std::map<std::string, std::uint64_t> causes;
  std::string first;
  for (const std::string& selector : selectors_) {
    client::ListQuery query;
    query.selector = selector;
    query.states = "failed";
    query.limit = kFailuresLooked;
    const Result<client::Api*> api = session_.api();
    if (!api) return;
    const Result<Document> page = (*api)->tasks(query);
    if (!page) return;
    const Json items = page->root()["items"];
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Json task = items.at(i);
      if (first.empty()) first = task["id"].text();
      const std::string_view cause = task["cause"].text("unknown");
      const Json& number = cause == "signal" ? task["signal"] : task["exit_code"];
      ++causes[number.is_number() ? join_text(cause, ' ', number.serialize()) : std::string(cause)];
    }
  }
  if (first.empty()) return;
  std::vector<std::pair<std::uint64_t, std::string>> ranking;
  ranking.reserve(causes.size());
  for (const auto& [cause, count] : causes) ranking.emplace_back(count, cause);
  // The most frequent first, equal ones by name.
  std::sort(ranking.begin(), ranking.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::string text;
  for (std::size_t i = 0; i < ranking.size() && i < 4; ++i) {
    text += join_text(i == 0 ? "" : ", ", ranking[i].first, "x ", ranking[i].second);
  }
  const std::size_t more = ranking.size() > 4 ? ranking.size() - 4 : 0;
  if (more > 0) text += join_text(", ", more, more == 1 ? " more cause" : " more causes");
  session_.note(join_text(meter_.counts().failed, " failed: ", text));
  session_.note(
      join_text("  see it:  muster logs ", first, "    again:  muster retry ", joined_selectors(selectors_)));
}

int Waiter::finish(const Document& document) {
  end_live_line();
  const Counts& counts = meter_.counts();
  if (counts.failed > 0) explain_failures();
  if (counts.failed == 0 && counts.cancelled > 0) {
    session_.note(
        join_text(counts.cancelled, " cancelled.  again:  muster retry ", joined_selectors(selectors_)));
  }
  if (options_.json) print_json(session_, document.root());
  session_.out().flush();
  return counts.failed + counts.cancelled > 0 ? 1 : 0;
}

Result<int> Waiter::run(FirstContact contact) {
  const Interrupt interrupt;
  client::Connector& connector = session_.connector();
  connector.set_interrupt(interrupt.descriptor());
  connector.set_deadline(deadline_mono_us_);
  connector.set_report({[this](const Error& error) { say_away(error); },
                        [this](std::int64_t after_us) {
                          session_.note(join_text("the server is back after ", format_duration(after_us)));
                        }});
  for (;;) {
    const std::int64_t asked_mono_us = client::mono_now_us();
    Result<Document> answer = poll(contact);
    if (interrupt.requested()) return detach(kInterruptedExit, "detached");
    const bool time_is_over = client::mono_now_us() >= deadline_mono_us_;
    if (!answer) {
      if (time_is_over && answered_) return detach(kTimeoutExit, "the --timeout is over");
      end_live_line();
      return std::unexpected(answer.error());
    }
    answered_ = true;
    meter_.observe(client::mono_now_us(), counts_of(answer->root()["counts"]));
    meter_.expect(answer->root()["left"]);
    show();
    if (answer->root()["done"].truth()) return finish(*answer);
    if (time_is_over) return detach(kTimeoutExit, "the --timeout is over");
    hint_when_held();
    // A server that does not hold its answer back is not asked more often for that.
    const std::int64_t took_us = client::mono_now_us() - asked_mono_us;
    client::pause_unless(interrupt.descriptor(), kShortestRound_us - took_us);
  }
}

}  // namespace

void declare_wait(Options& options, WaitOptions& target) {
  options.duration_us("--timeout", target.timeout_us,
                      "stop waiting after this time (exit 124); the work goes on");
  declare_progress(options, target.progress);
}

Result<int> wait_for_end(Session& session, const std::vector<std::string>& selectors,
                         const std::string& label, const WaitOptions& options, FirstContact contact) {
  const Result<int> exit_code = Waiter(session, selectors, label, options).run(contact);
  session.connector().set_interrupt(-1);
  session.connector().set_report({});
  return exit_code;
}

}  // namespace muster::cli
