// `explain`: why a task, a batch or a worker does not move, and the command that would help.
// Exit 5 when nothing that is there can ever run it.
#include "cli/commands/commands.h"
#include "cli/pinned_selectors.h"
#include "cli/printer.h"
#include "cli/table.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::Document;
using client::join_text;
using client::Json;

std::string amount(std::string_view what, std::uint64_t value) {
  return what == "mem" || what == "disk" ? format_memory_mb(value) : std::to_string(value);
}

std::string shortage_text(const Json& shortage) {
  const std::string_view what = shortage["what"].text();
  if (what == "exclusive") return "not alone there";
  if (what == "user") return join_text("serves ", shortage["label"].text(), " alone, its tasks are root's");
  if (what.starts_with("label ")) return join_text("no ", what, "=", shortage["label"].text());
  const std::uint64_t asked = shortage["asked"].number();
  const std::uint64_t total = shortage["total"].number();
  if (asked > total) return join_text(amount(what, total), " ", what, " of ", amount(what, asked));
  return join_text(amount(what, shortage["free"].number()), " of ", amount(what, total), " ", what, " free");
}

std::string shortages_text(const Json& worker) {
  std::string text;
  const Json shortages = worker["shortages"];
  for (std::size_t i = 0; i < shortages.size(); ++i)
    text += join_text(i == 0 ? "" : ", ", shortage_text(shortages.at(i)));
  return text;
}

std::string needs_text(const Json& needs) {
  std::string text;
  const auto add = [&](const std::string& part) { text += join_text(text.empty() ? "" : ", ", part); };
  const auto count = [&](std::string_view key, std::string_view one, std::string_view many) {
    const std::uint64_t value = needs[key].number();
    if (value > 0) add(join_text(value, " ", value == 1 ? one : many));
  };
  count("slots", "slot", "slots");
  count("gpus", "GPU slot", "GPU slots");
  count("cpus", "CPU", "CPUs");
  if (const std::uint64_t mem_mb = needs["mem_mb"].number(); mem_mb > 0)
    add(join_text(format_memory_mb(mem_mb), " of memory"));
  if (const std::uint64_t disk_mb = needs["disk_mb"].number(); disk_mb > 0)
    add(join_text(format_memory_mb(disk_mb), " of disk"));
  if (needs["exclusive"].truth()) add("a worker alone");
  for (std::size_t i = 0; i < needs["use"].size(); ++i)
    add(join_text(needs["use"].at(i).number(), " ", needs["use"].key(i)));
  for (std::size_t i = 0; i < needs["on"].size(); ++i)
    add(join_text(needs["on"].key(i), "=", needs["on"].at(i).text()));
  return text;
}

class Explain final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("SELECTOR", selector_, 0, 1, "a task or a batch; default: last");
    options.text("--worker", "NAME", worker_, "this worker instead: why it is idle");
    options.section("Output");
    options.flag("--json", json_, "everything, as JSON");
  }

  Result<int> run(Session& session) override {
    if (!worker_.empty() && !selector_.empty()) {
      return refuse(ErrorKind::usage, kMalformedValue, "this explains a selector or a worker, not both",
                    "leave one of them out");
    }
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const std::string selector = selector_.empty() ? "last" : selector_.front();
    const Result<Document> document = (*api)->explain(worker_.empty() ? selector : "", worker_);
    if (!document) return std::unexpected(document.error());
    const Json root = document->root();
    if (json_) {
      print_json(session, root);
    } else {
      print(session, root);
    }
    session.out().flush();
    return root["feasible"].truth() ? 0 : exit_code_of(ErrorKind::infeasible);
  }

 private:
  static void print(Session& session, const Json& root) {
    std::string first = escape_text(root["sentence"].text());
    if (const std::string_view reason = root["reason"].text(); !reason.empty())
      first += join_text("  (", reason, ")");
    session.out().line(first);
    if (root["thing"].text() == "batch") {
      print_reasons(session, root);
    } else if (root["thing"].text() == "task") {
      print_workers(session, root);
    }
    print_try(session, root["try"], "try:  ");
    if (!root["feasible"].truth()) session.out().line("nothing that is there can ever run it");
  }

  static void print_try(Session& session, const Json& commands, std::string_view label) {
    for (std::size_t i = 0; i < commands.size(); ++i)
      session.out().line(join_text(i == 0 ? label : "or:   ", escape_text(commands.at(i).text())));
  }

  static void print_table(Session& session, const std::vector<TableColumn>& columns,
                          const std::vector<std::vector<Cell>>& rows) {
    if (rows.empty()) return;
    const Terminal& terminal = session.out_terminal();
    const std::size_t width = terminal.is_terminal ? terminal.width : 0;
    for (const std::string& line : layout_table(columns, rows, {width, terminal.colour, true}))
      session.out().line(join_text("  ", line));
  }

  static void print_workers(Session& session, const Json& root) {
    const Json nearest = root["nearest"];
    if (nearest.size() == 0) return;
    session.out().line(join_text("  needs ", needs_text(root["needs"])));
    std::vector<std::vector<Cell>> rows;
    for (std::size_t i = 0; i < nearest.size(); ++i) {
      const Json worker = nearest.at(i);
      const std::string_view code = worker["code"].text();
      rows.push_back(
          {{std::string(worker["worker"].text())},
           {std::string(worker["state"].text())},
           {std::string(code.empty() ? "has room" : code), code.empty() ? Tone::good : Tone::plain},
           {shortages_text(worker)}});
    }
    print_table(session,
                {{"WORKER", Alignment::left, 0, 8},
                 {"STATE", Alignment::left, 2, 0},
                 {"WHAT", Alignment::left, 0, 0},
                 {"WHY", Alignment::left, 1, 8}},
                rows);
    const std::uint64_t total = root["workers"]["total"].number();
    if (total > nearest.size())
      session.out().line(join_text("  and ", total - nearest.size(), " workers more"));
  }

  static void print_reasons(Session& session, const Json& root) {
    const Json reasons = root["reasons"];
    std::vector<std::vector<Cell>> rows;
    for (std::size_t i = 0; i < reasons.size(); ++i) {
      const Json reason = reasons.at(i);
      rows.push_back(
          {{reason["tasks"].serialize()},
           {std::string(reason["reason"].text("next")), reason["never"].truth() ? Tone::bad : Tone::plain},
           {std::string(reason["sample"].text())},
           {std::string(reason["sentence"].text())}});
    }
    print_table(session,
                {{"TASKS", Alignment::right, 0, 0},
                 {"REASON", Alignment::left, 0, 0},
                 {"FOR INSTANCE", Alignment::left, 1, 0},
                 {"WHY", Alignment::left, 2, 12}},
                rows);
    for (std::size_t i = 0; i < reasons.size(); ++i)
      print_try(session, reasons.at(i)["try"],
                join_text("for ", reasons.at(i)["reason"].text("next"), ":  "));
  }

  std::vector<std::string> selector_;
  std::string worker_;
  bool json_ = false;
};

}  // namespace

const Command kExplainCommand = {"explain",
                                 CommandSection::work,
                                 CommonOptions::connection,
                                 "[options] [SELECTOR]",
                                 "say why a task, a batch or a worker does not move",
                                 "muster explain 42.118             # exit 5: nothing there can ever run it\n"
                                 "muster explain 42                 # how many tasks wait for what\n"
                                 "muster explain --worker lab1      # why it is idle\n",
                                 &make_body<Explain>};

}  // namespace muster::cli
