// The stream has a connection of its own, so that what it tells of can be looked at meanwhile.
// A telling marks what is shown as old; it is made anew at most four times a second.
#include "cli/following.h"

#include <unordered_set>

#include "cli/live_screen.h"
#include "cli/pinned_selectors.h"
#include "client/text.h"
#include "core/selector.h"
#include "core/units.h"

namespace muster::cli {

using client::join_text;
using client::StreamMessage;

namespace {

constexpr std::int64_t kRefreshEvery_us = 250'000;
constexpr std::int64_t kAskEvery_us = 2'000'000;

}  // namespace

Result<bool> follow_events(Session& session, client::EventWish wish, const Interrupt& interrupt,
                           const Follower& follower) {
  client::Connector connector(session.endpoint_options, session.environment());
  connector.set_interrupt(interrupt.descriptor());
  client::AwayReport report{follower.away, follower.back};
  if (!report.away) {
    report.away = [&session](const Error& error) {
      session.note(join_text("the server is away (", error.what.substr(0, error.what.find('\n')),
                             "); waiting for it"));
    };
  }
  if (!report.back) {
    report.back = [&session](std::int64_t after_us) {
      session.note(join_text("the server is back after ", format_duration(after_us)));
    };
  }
  connector.set_report(std::move(report));
  const auto take = [&](const StreamMessage& message) {
    if (interrupt.requested()) return false;
    if (message.kind == "hello") {
      connector.note_back();
      session.connector().renew();
    }
    if (!message.id.empty()) wish.after = message.id;
    return follower.take(message);
  };
  const Result<void> heard = connector.patient([&](client::Api& api) { return api.follow(wish, take); });
  if (interrupt.requested()) return true;
  if (!heard) return std::unexpected(heard.error());
  return false;
}

namespace {

// One printing after another in the same place, or only what is new of it.
class Reprinter {
 public:
  Reprinter(Session& session, const std::function<Result<bool>()>& print)
      : session_(session), print_(print) {}

  Result<bool> refresh() {
    std::string text;
    session_.out().capture(&text);
    const Result<bool> more = print_();
    session_.out().flush();
    session_.out().capture(nullptr);
    if (!more) return more;
    if (session_.out_terminal().is_terminal) {
      session_.out().write(join_text("\x1b[H\x1b[2J", text));
    } else {
      add_new_lines(text);
    }
    session_.out().flush();
    return more;
  }

 private:
  void add_new_lines(std::string_view text) {
    std::unordered_set<std::string> seen;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size() - 1);
      std::string line(text.substr(0, end + 1));
      if (!seen_.contains(line)) session_.out().write(line);
      seen.insert(std::move(line));
      text.remove_prefix(end + 1);
    }
    seen_ = std::move(seen);
  }

  Session& session_;
  const std::function<Result<bool>()>& print_;
  std::unordered_set<std::string> seen_;
};

}  // namespace

void declare_watch(Options& options, bool& target) {
  options.flag("-w,--watch", target,
               "go on, and show what changes: in place on a terminal, new lines elsewhere; Ctrl-C ends it");
}

std::uint64_t watched_rows() {
  constexpr std::size_t kOtherLines = 2;
  const std::size_t rows = LiveScreen::size().rows;
  return rows > kOtherLines + 1 ? rows - kOtherLines : 1;
}

client::EventWish wish_for(const std::string& pinned_selector, Watched watched) {
  client::EventWish wish;
  const Result<Selector> selector = parse_selector(pinned_selector);
  if (!selector || selector->by != BatchBy::id) return wish;
  wish.batch = join_text(selector->number);
  wish.tasks = watched == Watched::tasks;
  return wish;
}

Result<int> watch_printed(Session& session, const client::EventWish& wish,
                          const std::function<Result<bool>()>& print, Told told) {
  const Interrupt interrupt;
  Reprinter reprinter(session, print);
  Result<bool> more = reprinter.refresh();
  if (!more) return std::unexpected(more.error());
  std::int64_t printed_mono_us = client::mono_now_us();
  bool old = false;
  Follower follower;
  follower.take = [&](const StreamMessage& message) {
    const std::int64_t shown_us = client::mono_now_us() - printed_mono_us;
    old = old || !message.kind.empty() || (told == Told::some && shown_us >= kAskEvery_us);
    if (!old || shown_us < kRefreshEvery_us) return true;
    const Result<client::Api*> api = session.api();
    Result<bool> made = reprinter.refresh();
    // What the stream does not survive either is waited for there.
    const bool away = !made && (!api || (*api)->server_was_away());
    if (away) return true;
    more = std::move(made);
    old = false;
    printed_mono_us = client::mono_now_us();
    return more && *more;
  };
  client::EventWish quick = wish;
  quick.pulse_us = kRefreshEvery_us;
  if (!*more) return 0;
  const Result<bool> interrupted = follow_events(session, quick, interrupt, follower);
  if (!interrupted) return std::unexpected(interrupted.error());
  if (*interrupted) return kInterruptedExit;
  if (!more) return std::unexpected(more.error());
  return 0;
}

}  // namespace muster::cli
