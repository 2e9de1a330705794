// `status`: the whole on one screen, in one round trip; with a selector, the thing it names.
// What needs a look is said in words: no worker, a disk that runs full.
#include "cli/commands/commands.h"
#include "cli/commands/shows.h"
#include "cli/following.h"
#include "cli/overview.h"
#include "cli/pinned_selectors.h"
#include "cli/printer.h"
#include "cli/progress.h"
#include "cli/views/cells.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/selector.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::Document;
using client::join_text;
using client::Json;

std::string state_counts(const Counts& counts) {
  struct Part {
    std::uint64_t count;
    std::string_view word;
  };
  const Part parts[] = {{counts.waiting, "waiting"},     {counts.held, "held"},
                        {counts.ready, "ready"},         {counts.running, "running"},
                        {counts.succeeded, "succeeded"}, {counts.failed, "failed"},
                        {counts.cancelled, "cancelled"}};
  std::string text;
  for (const Part& part : parts) {
    if (part.count > 0) text += join_text(text.empty() ? "" : ", ", part.count, " ", part.word);
  }
  return text.empty() ? "none yet" : text;
}

class Status final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("SELECTOR", selector_, 0, 1, "show this batch, task or attempt instead");
    declare_watch(options, watch_);
    declare_output(options, output_, OutputKind::thing);
  }

  Result<int> run(Session& session) override {
    if (!watch_) return show(session);
    client::EventWish wish;
    if (!selector_.empty()) {
      Result<std::string> pinned = pin_selector(session, selector_.front());
      if (!pinned) return std::unexpected(pinned.error());
      selector_.front() = std::move(*pinned);
      wish = wish_for(selector_.front(), Watched::tasks);
    }
    return watch_printed(session, wish, [&]() -> Result<bool> {
      const Result<int> shown = show(session);
      if (!shown) return std::unexpected(shown.error());
      return true;
    });
  }

 private:
  Result<int> show(Session& session) const {
    if (!selector_.empty()) return show_selected(session);
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const Result<Document> document = (*api)->status();
    if (!document) return std::unexpected(document.error());
    return print(session, *choice, document->root());
  }

  Result<int> show_selected(Session& session) const {
    const Result<Selector> selector = parse_selector(selector_.front());
    if (!selector) return std::unexpected(selector.error());
    if (selector->attempt) return show_attempt(session, output_, selector_.front());
    if (selector->one_task()) return show_task(session, output_, selector_.front());
    return show_batch(session, output_, selector_.front());
  }

  static Result<int> print(Session& session, const OutputChoice& choice, const Json& status) {
    const bool json = choice.format == Format::json || choice.format == Format::jsonl;
    const bool person = choice.format == Format::table || choice.format == Format::wide;
    if (json) {
      print_json(session, status);
    } else if (person) {
      print_overview(session, status);
    } else if (choice.format == Format::tsv) {
      print_values(session, status);
    }
    if (json || (person && status["batches"].size() == 0)) return 0;
    // The batches are a list like any other; only its source is this document.
    if (choice.format == Format::table && choice.columns.empty()) {
      print_live(session, status, choice);
    } else {
      const Result<void> printed =
          print_list(session, kBatchView, choice, std::nullopt, [&](const std::string&, std::uint64_t) {
            return Document::parse(join_text(R"({"schema":"muster.batches/1","items":)",
                                             status["batches"].serialize(), R"(,"next":null})"));
          });
      if (!printed) return std::unexpected(printed.error());
    }
    const std::uint64_t shown = status["batches"].size();
    if (person && status["batches_live"].number() > shown) {
      session.note(
          join_text(status["batches_live"].number() - shown, " more live batches: muster batch list"));
    }
    return 0;
  }

  static void print_overview(Session& session, const Json& status) {
    const Terminal& terminal = session.out_terminal();
    const ViewContext context = view_context(session, Format::table);
    const Json workers = status["workers"];
    const Cell age = time_cell(status["started"], context);
    std::vector<std::vector<Cell>> rows;
    rows.push_back(
        {{"server", Tone::dim},
         {join_text(status["url"].text(), "  version ", status["version"].text(), "  started ", age.text)}});
    rows.push_back(
        {{"data", Tone::dim}, {join_text(status["data"].text(), "  (", status["store"].text(), ")")}});
    rows.push_back({{"workers", Tone::dim},
                    {capacity_line(workers["online"].number(), workers["total"].number(),
                                   workers["busy"].number(), workers["slots"].number(), inner(terminal))}});
    rows.push_back({{"tasks", Tone::dim}, {state_counts(counts_of(status["counts"]))}});
    const std::vector<TableColumn> columns = {{"", Alignment::left, 0, 4}, {"", Alignment::left, 0, 1}};
    for (const std::string& line : layout_table(columns, rows, {terminal.width, terminal.colour, false})) {
      session.out().line(line);
    }
    const std::vector<std::string> needs = attention_lines(status["attention"], terminal);
    if (!needs.empty()) session.out().line("");
    for (const std::string& line : needs) session.out().line(line);
    session.out().line("");
    if (status["batches"].size() == 0)
      session.out().line("no batch is live; submit one:  muster submit -- COMMAND…");
  }

  static void print_live(Session& session, const Json& status, const OutputChoice& choice) {
    std::vector<Json> batches;
    for (std::size_t i = 0; i < status["batches"].size(); ++i) batches.push_back(status["batches"].at(i));
    for (const std::string& line :
         view_lines(kLiveBatchView, batches, session.out_terminal(), client::wall_now_us(), choice.header)) {
      session.out().line(line);
    }
  }

  // What is left of a terminal beside the names.
  static Terminal inner(Terminal terminal) {
    constexpr std::size_t kNames = 9;
    if (terminal.width != 0) terminal.width -= std::min(terminal.width - 1, kNames);
    return terminal;
  }

  static void print_values(Session& session, const Json& status) {
    const auto line = [&](std::string_view name, const Json& value) {
      const std::string text = value.is_text() ? std::string(value.text()) : value.serialize();
      session.out().line(join_text(name, '\t', escape_text(text)));
    };
    for (const char* name : {"url", "version", "started", "data", "store", "disk"}) line(name, status[name]);
    for (const char* name : {"online", "total", "slots", "busy"})
      line(join_text("workers_", name), status["workers"][name]);
    const Json counts = status["counts"];
    for (std::size_t i = 0; i < counts.size(); ++i) line(join_text("tasks_", counts.key(i)), counts.at(i));
    session.out().line("");
  }

  std::vector<std::string> selector_;
  bool watch_ = false;
  OutputOptions output_;
};

}  // namespace

const Command kStatusCommand = {"status",
                                CommandSection::work,
                                CommonOptions::connection,
                                "[options] [SELECTOR]",
                                "show the server, its workers and the live batches",
                                "muster status\n"
                                "muster status 42.17          # one task and its attempts\n"
                                "muster status --json\n",
                                &make_body<Status>};

}  // namespace muster::cli
