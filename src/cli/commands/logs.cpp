// `logs`: what tasks wrote, raw into a pipe, escaped and with headings on a terminal.
// Following goes on where it stopped when the server was away; nothing is kept in memory but a page.
#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "cli/commands/commands.h"
#include "cli/interrupt.h"
#include "cli/log_lines.h"
#include "cli/log_printer.h"
#include "cli/pinned_selectors.h"
#include "client/query.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/line_pattern.h"
#include "core/selector.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::Api;
using client::Document;
using client::join_text;
using client::Json;
using client::LogPage;

constexpr std::uint64_t kFollowRound_s = 25;
constexpr std::uint64_t kPageBytes = 1 << 20;
constexpr std::uint64_t kFirstWindowBytes = 64 << 10;
constexpr std::uint64_t kLastWindowBytes = 1ULL << 40;
// A server that does not hold an empty answer back is not asked more often for that.
constexpr std::int64_t kShortestRound_us = 20'000;

class Logs final : public CommandBody {
 public:
  void declare(Options& options) override {
    static constexpr std::array<std::string_view, 3> kStreams = {"stdout", "stderr", "both"};
    static constexpr std::array<std::string_view, 2> kOrders = {"index", "time"};
    options.positional("SELECTOR", selectors_, 1, kAnyCount,
                       "a task (its newest attempt), an attempt, or a whole batch");
    options.text("--where", "FILTER", where_, "of them, the tasks that match now (muster help filters)");
    options.choice("--stream", kStreams, stream_,
                   "only what went there; default: both, in the order written");
    options.flag("-f,--follow", follow_, "go on until the attempt, or the batch, has ended");
    options.bytes("--head", "BYTES", head_bytes_, "only the first BYTES; of a batch: of each task");
    options.bytes("--tail", "BYTES", tail_bytes_, "only the last BYTES; of a batch: of each task");
    options.number("--head-lines", "N", head_lines_, "only the first N lines; of a batch: of each task");
    options.number("--tail-lines", "N", tail_lines_, "only the last N lines; of a batch: of each task");
    options.choice("--order", kOrders, order_,
                   "tasks of a batch by index (the default), or by when they started");
    options.text("--grep", "TEXT", grep_,
                 "only lines that hold TEXT; the server looks, through all of a batch");
    options.flag("--regex", regex_,
                 "with --grep: TEXT is an expression (. [a-z] \\d \\s ( ) | * + ? {2} ^ $)");
    options.flag("--ignore-case", ignore_case_, "with --grep: a and A are the same");
    options.flag("--raw", raw_, "control characters as they are, also on a terminal");
  }

  Result<int> run(Session& session) override {
    if (auto checked = check(); !checked) return std::unexpected(checked.error());
    std::optional<Interrupt> interrupt;
    if (follow_) watch_connection(session, interrupt.emplace());
    LogPrinter printer(session, raw_ ? Rawness::raw : Rawness::safe);
    const Result<std::vector<std::string>> pinned = pin_filtered(session, selectors_, where_);
    if (!pinned) return std::unexpected(pinned.error());
    for (const std::string& selector : *pinned) {
      const Result<void> printed = print_selected(session, printer, selector, interrupt);
      if (interrupt && interrupt->requested()) return detach(session, selector);
      if (!printed) return std::unexpected(printed.error());
    }
    return 0;
  }

 private:
  bool cuts() const { return head_bytes_ || tail_bytes_ || head_lines_ || tail_lines_; }

  Result<void> check() const {
    const auto refused = [](std::string_view a, std::string_view b) {
      return refuse(ErrorKind::usage, kMalformedValue, join_text(a, " and ", b, " contradict each other"),
                    "leave one of them out");
    };
    if (head_bytes_ && head_lines_) return refused("--head", "--head-lines");
    if (tail_bytes_ && tail_lines_) return refused("--tail", "--tail-lines");
    if (follow_ && order_ == "time") return refused("--follow", "--order time");
    if (!grep_) {
      if (!ignore_case_ && !regex_) return {};
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text(regex_ ? "--regex" : "--ignore-case", " belongs to --grep"),
                    "name the text with --grep");
    }
    if (order_ == "time") return refused("--grep", "--order time");
    if (cuts()) return refused("--grep", "a part of the log");
    if (grep_->empty()) return refuse(ErrorKind::usage, kMalformedValue, "--grep needs a text");
    const auto compiled = pattern();
    return compiled ? Result<void>() : std::unexpected(compiled.error());
  }

  Result<LinePattern> pattern() const {
    return LinePattern::compile(*grep_, regex_ ? PatternKind::regex : PatternKind::text,
                                ignore_case_ ? LetterCase::ignored : LetterCase::exact);
  }

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

  // What a selector of several tasks has to be taken apart for is done attempt by attempt.
  Result<void> print_selected(Session& session, LogPrinter& printer, const std::string& selector,
                              const std::optional<Interrupt>& interrupt) const {
    const Result<Selector> parsed = parse_selector(selector);
    if (!parsed) return std::unexpected(parsed.error());
    if (grep_ && follow_) return follow_lines(session, selector, !parsed->one_task(), interrupt);
    if (grep_) return search(session, selector, !parsed->one_task());
    const bool apart = !parsed->one_task() && !follow_ && (cuts() || order_ == "time");
    if (!apart) return print_one(session, printer, selector, interrupt);
    const Result<std::vector<std::string>> attempts = newest_attempts(session, selector);
    if (!attempts) return std::unexpected(attempts.error());
    for (const std::string& attempt : *attempts) {
      const Result<void> printed = print_one(session, printer, attempt, interrupt);
      if (!printed) return printed;
    }
    if (attempts->empty()) printer.nothing(selector);
    return {};
  }

  // The newest started attempt of each task, in the order wanted.
  Result<std::vector<std::string>> newest_attempts(Session& session, const std::string& selector) const {
    struct Started {
      std::string time;
      std::uint64_t index = 0;
      std::string id;
    };
    std::map<std::string, Started> newest;
    client::ListQuery query;
    query.selector = selector;
    query.limit = 1000;
    do {
      const Result<Api*> api = session.api();
      if (!api) return std::unexpected(api.error());
      const Result<Document> page = (*api)->attempts(query);
      if (!page) return std::unexpected(page.error());
      const Json items = page->root()["items"];
      for (std::size_t i = 0; i < items.size(); ++i) {
        const Json attempt = items.at(i);
        if (!attempt["started"].is_text()) continue;
        const Result<Selector> task = parse_selector(attempt["task"].text());
        const std::uint64_t index = task && !task->ranges.empty() ? task->ranges.front().first : 0;
        newest[std::string(attempt["task"].text())] = {std::string(attempt["started"].text()), index,
                                                       std::string(attempt["id"].text())};
      }
      query.after = page->root()["next"].text();
    } while (!query.after.empty());
    std::vector<Started> all;
    all.reserve(newest.size());
    for (auto& [task, started] : newest) all.push_back(std::move(started));
    const bool by_time = order_ == "time";
    std::sort(all.begin(), all.end(), [by_time](const Started& a, const Started& b) {
      return by_time && a.time != b.time ? a.time < b.time : a.index < b.index;
    });
    std::vector<std::string> ids;
    ids.reserve(all.size());
    for (Started& one : all) ids.push_back(std::move(one.id));
    return ids;
  }

  Result<void> search(Session& session, const std::string& selector, bool several) const {
    std::string after;
    bool any = false;
    do {
      client::Query query("/logs/search");
      query.add("selector", selector).add("text", *grep_).add("limit", std::uint64_t{1000});
      if (stream_ != "both") query.add("stream", stream_);
      if (regex_) query.add("regex", "true");
      if (ignore_case_) query.add("ignore_case", "true");
      const Result<Api*> api = session.api();
      if (!api) return std::unexpected(api.error());
      const Result<Document> page = (*api)->read(query.add_given("after", after).str());
      if (!page) return std::unexpected(page.error());
      const Json items = page->root()["items"];
      for (std::size_t i = 0; i < items.size(); ++i) {
        const Json line = items.at(i);
        print_line(session, several ? line["task"].text() : std::string_view(), line["text"].text(),
                   line["cut"].truth());
      }
      any = any || items.size() > 0;
      session.out().flush();
      after = page->root()["next"].text();
    } while (!after.empty());
    if (!any && session.err_terminal().is_terminal) {
      session.note(join_text("no line of ", selector, " holds ", *grep_));
    }
    return {};
  }

  // What is written from now on passes through here, and lines that match are printed as a search prints them.
  Result<void> follow_lines(Session& session, const std::string& selector, bool several,
                            const std::optional<Interrupt>& interrupt) const {
    Result<LinePattern> wanted = pattern();
    if (!wanted) return std::unexpected(wanted.error());
    std::string attempt;
    LineSplitter lines(*wanted, [&](std::string_view line, bool cut) {
      const std::string task = attempt.substr(0, attempt.find('#'));
      print_line(session, several ? std::string_view(task) : std::string_view(), line, cut);
    });
    client::LogQuery query;
    query.selector = selector;
    query.stream = stream_;
    for (bool first = true;; first = false) {
      query.limit_bytes = kPageBytes;
      query.wait_s = first ? 0 : kFollowRound_s;
      const Result<LogPage> page = fetch(session, query, first);
      if (!page) return std::unexpected(page.error());
      if (!page->bytes.empty() && page->attempt != attempt) {
        lines.end();
        attempt = page->attempt;
      }
      lines.add(page->bytes);
      session.out().flush();
      if (page->final || interrupt->requested()) break;
      if (!several && !page->attempt.empty()) query.selector = page->attempt;
      if (page->bytes.empty()) client::pause_unless(interrupt->descriptor(), kShortestRound_us);
      query.from = page->next;
    }
    lines.end();
    session.out().flush();
    return {};
  }

  // With the task before it where there are several, as grep does with files.
  void print_line(Session& session, std::string_view task, std::string_view text, bool cut) const {
    const Terminal& terminal = session.out_terminal();
    const std::string shown =
        terminal.is_terminal && !raw_ ? escape_text(text, LineBreaks::kept) : std::string(text);
    const std::string head = task.empty() ? "" : join_text(paint(task, Tone::dim, terminal.colour), ":");
    session.out().line(join_text(head, shown, cut ? " […]" : ""));
  }

  Result<LogPage> fetch(Session& session, const client::LogQuery& query, bool first) const {
    const auto call = [&](Api& api) { return api.logs(query); };
    if (follow_ && !first) return session.connector().patient(call);
    const Result<Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    return call(**api);
  }

  // How many lines the last `bytes` of the log have, and whether those are all of it.
  struct Counted {
    std::uint64_t lines = 0;
    bool all = false;
    std::string attempt;
  };
  Result<Counted> count_lines(Session& session, client::LogQuery query, std::uint64_t bytes) const {
    LineCounter counter;
    Counted counted;
    query.tail_bytes = bytes;
    query.limit_bytes = kPageBytes;
    for (bool first = true;; first = false) {
      const Result<LogPage> page = fetch(session, query, true);
      if (!page) return std::unexpected(page.error());
      if (first) counted.all = page->start == 0 || bytes >= kLastWindowBytes;
      if (first) counted.attempt = page->attempt;
      counter.add(page->bytes);
      if (page->bytes.empty() || page->final) break;
      if (!page->attempt.empty()) query.selector = page->attempt;
      query.from = page->next;
      query.tail_bytes.reset();
    }
    counted.lines = counter.lines();
    return counted;
  }

  // Looks back in ever larger steps until there are enough lines; then only what is too much is left out.
  Result<std::uint64_t> find_tail(Session& session, client::LogQuery& query) const {
    for (std::uint64_t bytes = kFirstWindowBytes;; bytes *= 16) {
      const Result<Counted> counted = count_lines(session, query, bytes);
      if (!counted) return std::unexpected(counted.error());
      if (!counted->all && counted->lines <= *tail_lines_) continue;
      if (!counted->attempt.empty()) query.selector = counted->attempt;
      query.tail_bytes = bytes;
      return counted->lines - std::min(counted->lines, *tail_lines_);
    }
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
    Result<std::uint64_t> skip = std::uint64_t{0};
    if (tail_lines_ && parsed->one_task()) skip = find_tail(session, query);
    if (!skip) return std::unexpected(skip.error());
    LineWindow window(*skip, head_lines_.value_or(UINT64_MAX));
    std::uint64_t left = head_bytes_.value_or(UINT64_MAX);
    bool any = false;
    for (bool first = true; left > 0 && !window.done(); first = false) {
      query.limit_bytes = std::min(left, kPageBytes);
      // The first page is wanted at once: it tells that the thing exists, and what it wrote until now.
      query.wait_s = follow_ && !first ? kFollowRound_s : 0;
      Result<LogPage> page = fetch(session, query, first);
      if (!page) return std::unexpected(page.error());
      const bool empty = page->bytes.empty();
      left -= std::min<std::uint64_t>(left, page->bytes.size());
      any = any || !empty;
      page->bytes = std::string(window.filter(page->bytes));
      printer.print(*page);
      if (page->final || interrupted()) break;
      if (!follow_ && empty) break;
      // A newer attempt has a log of its own, in which this place means nothing.
      if (parsed->one_task() && !page->attempt.empty()) query.selector = page->attempt;
      if (empty) client::pause_unless(interrupt_descriptor, kShortestRound_us);
      query.from = page->next;
      query.tail_bytes.reset();
    }
    printer.end();
    if (!any && !follow_) printer.nothing(selector);
    return {};
  }

  std::vector<std::string> selectors_;
  std::string where_;
  std::string stream_ = "both";
  bool follow_ = false;
  std::optional<std::uint64_t> head_bytes_;
  std::optional<std::uint64_t> tail_bytes_;
  std::optional<std::uint64_t> head_lines_;
  std::optional<std::uint64_t> tail_lines_;
  std::string order_ = "index";
  std::optional<std::string> grep_;
  bool regex_ = false;
  bool ignore_case_ = false;
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
                              "muster logs 42 --tail-lines 3          # how each task ended\n"
                              "muster logs 42 --grep 'out of memory'  # in all of a batch\n"
                              "muster logs -f 42 --grep 'error|warning' --regex\n"
                              "muster logs 42 --stream stderr | sort | uniq -c\n"
                              "muster logs 42 --where 'state=failed exit=137' --tail 2k\n",
                              &make_body<Logs>};

}  // namespace muster::cli
