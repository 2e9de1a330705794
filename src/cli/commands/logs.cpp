// `logs`: what tasks wrote, raw into a pipe, escaped and with headings on a terminal.
// Following goes on where it stopped when the server was away.
#include <algorithm>
#include <array>
#include <optional>

#include "cli/commands/commands.h"
#include "cli/interrupt.h"
#include "cli/log_printer.h"
#include "cli/pinned_selectors.h"
#include "client/text.h"
#include "core/selector.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::Api;
using client::join_text;
using client::LogPage;

constexpr std::uint64_t kFollowRound_s = 25;
constexpr std::uint64_t kPageBytes = 1 << 20;
// A server that does not hold an empty answer back is not asked more often for that.
constexpr std::int64_t kShortestRound_us = 20'000;

class Logs final : public CommandBody {
 public:
  void declare(Options& options) override {
    static constexpr std::array<std::string_view, 3> kStreams = {"stdout", "stderr", "both"};
    options.positional("SELECTOR", selectors_, 1, kAnyCount,
                       "a task (its newest attempt), an attempt, or a whole batch");
    options.choice("--stream", kStreams, stream_,
                   "only what went there; default: both, in the order written");
    options.flag("-f,--follow", follow_, "go on until the attempt, or the batch, has ended");
    options.bytes("--head", "BYTES", head_bytes_, "only the first BYTES");
    options.bytes("--tail", "BYTES", tail_bytes_, "only the last BYTES");
    options.flag("--raw", raw_, "control characters as they are, also on a terminal");
  }

  Result<int> run(Session& session) override {
    std::optional<Interrupt> interrupt;
    if (follow_) watch_connection(session, interrupt.emplace());
    LogPrinter printer(session, raw_ ? Rawness::raw : Rawness::safe);
    const Result<std::vector<std::string>> pinned = pin_selectors(session, selectors_);
    if (!pinned) return std::unexpected(pinned.error());
    for (const std::string& selector : *pinned) {
      const Result<void> printed = print_one(session, printer, selector, interrupt);
      if (interrupt && interrupt->requested()) return detach(session, selector);
      if (!printed) return std::unexpected(printed.error());
    }
    return 0;
  }

 private:
  static void watch_connection(Session& session, const Interrupt& interrupt) {
    session.connector().set_interrupt(interrupt.descriptor());
    session.connector().set_report(
        {[&session](const Error& error) {
           session.note(join_text("the server is away (", error.what.substr(0, error.what.find('\n')),
                                  "); waiting for it"));
         },
         [&session](std::int64_t after_us) {
           session.note(join_text("the server is back after ", format_duration(after_us)));
         }});
  }

  static Result<int> detach(Session& session, const std::string& selector) {
    session.note(join_text("detached; it goes on. reattach:  muster logs -f ", selector));
    return kInterruptedExit;
  }

  Result<LogPage> fetch(Session& session, const client::LogQuery& query, bool first) const {
    const auto call = [&](Api& api) { return api.logs(query); };
    if (follow_ && !first) return session.connector().patient(call);
    const Result<Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    return call(**api);
  }

  Result<void> print_one(Session& session, LogPrinter& printer, const std::string& selector,
                         const std::optional<Interrupt>& interrupt) const {
    const auto interrupted = [&] { return interrupt && interrupt->requested(); };
    const int interrupt_descriptor = interrupt ? interrupt->descriptor() : -1;
    const Result<Selector> parsed = parse_selector(selector);
    if (!parsed) return std::unexpected(parsed.error());
    client::LogQuery query;
    query.selector = selector;
    query.stream = stream_;
    query.tail_bytes = tail_bytes_;
    std::uint64_t left = head_bytes_.value_or(UINT64_MAX);
    bool any = false;
    for (bool first = true; left > 0; first = false) {
      query.limit_bytes = std::min(left, kPageBytes);
      // The first page is wanted at once: it tells that the thing exists, and what it wrote until now.
      query.wait_s = follow_ && !first ? kFollowRound_s : 0;
      Result<LogPage> page = fetch(session, query, first);
      if (!page) return std::unexpected(page.error());
      left -= std::min<std::uint64_t>(left, page->bytes.size());
      any = any || !page->bytes.empty();
      printer.print(*page);
      if (page->final || interrupted()) break;
      if (!follow_ && page->bytes.empty()) break;
      // A newer attempt has a log of its own, in which this place means nothing.
      if (parsed->one_task() && !page->attempt.empty()) query.selector = page->attempt;
      if (page->bytes.empty()) client::pause_unless(interrupt_descriptor, kShortestRound_us);
      query.from = page->next;
      query.tail_bytes.reset();
    }
    printer.end();
    if (!any && !follow_) printer.nothing(selector);
    return {};
  }

  std::vector<std::string> selectors_;
  std::string stream_ = "both";
  bool follow_ = false;
  std::optional<std::uint64_t> head_bytes_;
  std::optional<std::uint64_t> tail_bytes_;
  bool raw_ = false;
};

}  // namespace

const Command kLogsCommand = {"logs",
                              CommandSection::work,
                              CommonOptions::connection,
                              "[options] SELECTOR…",
                              "print what tasks wrote",
                              "muster logs 42.17\n"
                              "muster logs -f last.1                  # follow until it ends\n"
                              "muster logs 42 --stream stderr | sort | uniq -c\n",
                              &make_body<Logs>};

}  // namespace muster::cli
