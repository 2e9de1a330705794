// `batch show`, `task show`, `attempt show`, `worker show`.
// Below the values stand the parts that have no column: segments and template
// of a batch, the attempts of a task.
#include "cli/commands/shows.h"

#include "cli/commands/commands.h"
#include "cli/following.h"
#include "cli/pinned_selectors.h"
#include "cli/printer.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::Document;
using client::join_text;
using client::Json;

using Fetch = std::function<Result<Document>(client::Api&)>;
using Extra = std::function<void(Session&, const Json&)>;

Result<int> show(Session& session, const View& view, const OutputOptions& output, const Fetch& fetch,
                 const Extra& extra) {
  const Result<OutputChoice> choice = choose_output(output, session.out_terminal());
  if (!choice) return std::unexpected(choice.error());
  const Result<client::Api*> api = session.api();
  if (!api) return std::unexpected(api.error());
  const Result<Document> document = fetch(**api);
  if (!document) return std::unexpected(document.error());
  const bool wanted = choice->columns.empty() && extra;
  const Result<void> printed =
      print_thing(session, view, *choice, *document,
                  wanted ? ExtraLines([&](Output&) { extra(session, document->root()); }) : ExtraLines());
  if (!printed) return std::unexpected(printed.error());
  return 0;
}

void print_table(Session& session, std::string_view title, const std::vector<TableColumn>& columns,
                 const std::vector<std::vector<Cell>>& rows) {
  if (rows.empty()) return;
  const Terminal& terminal = session.out_terminal();
  session.out().line(join_text("\n", title));
  for (const std::string& line : layout_table(columns, rows, {terminal.width, terminal.colour, true})) {
    session.out().line(line);
  }
}

void print_segments(Session& session, const Json& batch) {
  std::vector<std::vector<Cell>> rows;
  const Json segments = batch["segments"];
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Json segment = segments.at(i);
    std::string after;
    for (std::size_t j = 0; j < segment["after"].size(); ++j) {
      const Json dependency = segment["after"].at(j);
      after += join_text(j == 0 ? "" : ", ", dependency["batch"].number());
      if (dependency["index"].is_number()) after += join_text(".", dependency["index"].number());
      if (dependency["kind"].text() == "index") after += " index by index";
      if (dependency["any_end"].truth()) after += " (any end)";
    }
    rows.push_back({{segment["first"].serialize()},
                    {segment["last"].serialize()},
                    {segment["count"].serialize()},
                    {std::string(segment["first_number"].text())},
                    {after}});
  }
  print_table(session, "segments",
              {{"FIRST", Alignment::right, 0, 0},
               {"LAST", Alignment::right, 0, 0},
               {"TASKS", Alignment::right, 1, 0},
               {"FROM", Alignment::left, 3, 0},
               {"AFTER", Alignment::left, 2, 6}},
              rows);
}

// Whatever the template holds, name by name: what a later server adds is shown
// too.
void print_template(Session& session, const Json& batch) {
  std::vector<std::vector<Cell>> rows;
  const Json body = batch["template"];
  const auto add = [&](std::string name, const Json& value) {
    if (value.is_null() || ((value.is_array() || value.is_object()) && value.size() == 0)) return;
    rows.push_back(
        {{std::move(name), Tone::dim}, {value.is_text() ? std::string(value.text()) : value.serialize()}});
  };
  for (std::size_t i = 0; i < body.size(); ++i) {
    const Json value = body.at(i);
    const std::string name(body.key(i));
    if (!value.is_object()) {
      add(name, value);
      continue;
    }
    for (std::size_t j = 0; j < value.size(); ++j) add(join_text(name, ".", value.key(j)), value.at(j));
  }
  if (rows.empty()) return;
  const Terminal& terminal = session.out_terminal();
  session.out().line("\neach task");
  for (const std::string& line : layout_table({{"", Alignment::left, 0, 4}, {"", Alignment::left, 0, 1}},
                                              rows, {terminal.width, terminal.colour, false})) {
    session.out().line(line);
  }
}

// What the tasks that ended have used, and what to ask for instead.
void print_usage(Session& session, const Json& usage) {
  if (!usage.is_object()) return;
  const auto seconds = [&](std::string_view key) {
    return format_duration(static_cast<std::int64_t>(usage[key].real() * 1e6));
  };
  const std::uint64_t tasks = usage["tasks"].number();
  Output& out = session.out();
  out.line(join_text("\nusage of ", tasks, tasks == 1 ? " task" : " tasks", " that ended"));
  out.line(join_text("  time    half took ", seconds("time_p50_s"), " or less, 95 of 100 took ",
                     seconds("time_p95_s"), " or less"));
  if (!usage["mem_peak_p95_mb"].is_number()) return;
  const std::uint64_t asked_mb = usage["mem_asked_mb"].number();
  const std::uint64_t suggested_mb = usage["mem_suggested_mb"].number();
  std::string line =
      join_text("  memory  95 of 100 used ", format_memory_mb(usage["mem_peak_p95_mb"].number()), " or less");
  if (asked_mb > 0) line += join_text(" of ", format_memory_mb(asked_mb), " asked for");
  out.line(line);
  if (suggested_mb > 0) {
    out.line(join_text("  ask for ", format_memory_mb(suggested_mb), ":  ", usage["try"].text()));
  }
}

void print_history(Session& session, const Json& task) {
  const ViewContext context = view_context(session, Format::table);
  std::vector<TableColumn> columns;
  std::vector<const ViewColumn*> shown;
  for (const ViewColumn& column : kAttemptView.columns) {
    if (column.importance != Importance::main) continue;
    shown.push_back(&column);
    columns.push_back({std::string(column.header), column.alignment, column.dispensable, column.cut_to});
  }
  std::vector<std::vector<Cell>> rows;
  const Json history = task["history"];
  for (std::size_t i = 0; i < history.size(); ++i) {
    std::vector<Cell> cells;
    cells.reserve(shown.size());
    for (const ViewColumn* column : shown) cells.push_back(column->cell(history.at(i), context));
    rows.push_back(std::move(cells));
  }
  print_table(session, "attempts", columns, rows);
}

enum class Named : std::uint8_t { by_selector, worker };

template <Result<int> (*kShow)(Session&, const OutputOptions&, const std::string&),
          Named kNamed = Named::by_selector>
class Show final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("SELECTOR", selector_, 1, 1, "which one");
    declare_watch(options, watch_);
    declare_output(options, output_, OutputKind::thing);
  }
  Result<int> run(Session& session) override {
    if (!watch_) return kShow(session, output_, selector_.front());
    const Result<std::string> pinned = pin(session);
    if (!pinned) return std::unexpected(pinned.error());
    const std::string& selector = *pinned;
    return watch_printed(session, wish_for(selector, Watched::tasks), [&]() -> Result<bool> {
      const Result<int> shown = kShow(session, output_, selector);
      if (!shown) return std::unexpected(shown.error());
      return true;
    });
  }

 private:
  // A worker is known by its name.
  Result<std::string> pin(Session& session) const {
    if constexpr (kNamed == Named::worker) return selector_.front();
    return pin_selector(session, selector_.front());
  }

  bool watch_ = false;
  std::vector<std::string> selector_;
  OutputOptions output_;
};

Result<int> show_worker(Session& session, const OutputOptions& output, const std::string& name) {
  return show(session, kWorkerView, output, [&](client::Api& api) { return api.worker(name); }, {});
}

}  // namespace

Result<int> show_batch(Session& session, const OutputOptions& output, const std::string& selector) {
  return show(
      session, kBatchView, output, [&](client::Api& api) { return api.batch(selector); },
      [](Session& where, const Json& batch) {
        print_segments(where, batch);
        print_template(where, batch);
        print_usage(where, batch["usage"]);
        if (batch["counts"]["failed"].number() == 0) return;
        const Result<client::Api*> api = where.api();
        const Result<Document> failures =
            api ? (*api)->failures(join_text(batch["id"].number()), {}) : std::unexpected(api.error());
        if (!failures) return;
        where.out().line("");
        print_failures(where, failures->root());
      });
}

Result<int> show_task(Session& session, const OutputOptions& output, const std::string& selector) {
  return show(
      session, kTaskView, output, [&](client::Api& api) { return api.task(selector); }, &print_history);
}

Result<int> show_attempt(Session& session, const OutputOptions& output, const std::string& selector) {
  return show(session, kAttemptView, output, [&](client::Api& api) { return api.attempt(selector); }, {});
}

const Command kBatchShowCommand = {"batch show",
                                   CommandSection::objects,
                                   CommonOptions::connection,
                                   "[options] SELECTOR",
                                   "show one batch: its counts, its tasks' common settings",
                                   "muster batch show last\n"
                                   "muster batch show @align --json\n",
                                   &make_body<Show<&show_batch>>};

const Command kTaskShowCommand = {"task show",
                                  CommandSection::objects,
                                  CommonOptions::connection,
                                  "[options] SELECTOR",
                                  "show one task and its attempts",
                                  "muster task show 42.17\n"
                                  "muster task show T100017 -o json\n",
                                  &make_body<Show<&show_task>>};

const Command kAttemptShowCommand = {"attempt show",
                                     CommandSection::objects,
                                     CommonOptions::connection,
                                     "[options] SELECTOR",
                                     "show one try of a task: how it ended, what it used",
                                     "muster attempt show 42.17#2\n",
                                     &make_body<Show<&show_attempt>>};

const Command kWorkerShowCommand = {"worker show",
                                    CommandSection::objects,
                                    CommonOptions::connection,
                                    "[options] NAME",
                                    "show one worker: its slots, what it is, when it was seen",
                                    "muster worker show nimbus\n",
                                    &make_body<Show<&show_worker, Named::worker>>};

}  // namespace muster::cli
