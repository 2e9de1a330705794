// `failures`: the failed tasks of a batch grouped by cause, and the command that tries each group again.
// Also the last part of `batch show` and `status BATCH`.
#include <vector>

#include "cli/commands/commands.h"
#include "cli/commands/shows.h"
#include "cli/failure_text.h"
#include "cli/pinned_selectors.h"
#include "cli/printer.h"
#include "cli/views/cells.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::Document;
using client::join_text;
using client::Json;

constexpr std::size_t kWorkersShown = 3;

std::string workers_text(const Json& workers) {
  std::string text;
  for (std::size_t i = 0; i < workers.size() && i < kWorkersShown; ++i)
    text += join_text(i == 0 ? "" : ", ", escape_text(workers.key(i)));
  if (workers.size() > kWorkersShown) text += join_text(" and ", workers.size() - kWorkersShown, " more");
  return text;
}

void print_group(Session& session, const Json& group, const ViewContext& context) {
  Output& out = session.out();
  out.line(join_text("  ", group["count"].number(), "x ", failure_cause_text(group), "  (",
                     group["phase"].text(), ")"));
  const std::string_view line = group["line"].text();
  if (!line.empty()) out.line(join_text("      ", escape_text(line)));
  if (!group["line_read"].truth()) out.line("      (what these wrote was not looked at)");
  std::string samples;
  for (std::size_t i = 0; i < group["samples"].size(); ++i)
    samples += join_text(i == 0 ? "" : " ", group["samples"].at(i).text());
  out.line(join_text("      on ", workers_text(group["workers"]), ", last ",
                     time_cell(group["last"], context).text, "  see:  muster logs ",
                     group["samples"].at(0).text(), "  samples:  ", samples));
  out.line(join_text("      again:  ", escape_text(group["retry"].text())));
}

class Failures final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("SELECTOR", selector_, 0, 1, "a batch or some of its tasks; default: last");
    options.text("--where", "FILTER", where_, "of them, only tasks that match (muster help filters)");
    options.section("Output");
    options.flag("--json", json_, "everything, as JSON");
  }

  Result<int> run(Session& session) override {
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const std::string selector = selector_.empty() ? "last" : selector_.front();
    const Result<Document> document = (*api)->failures(selector, where_);
    if (!document) return std::unexpected(document.error());
    if (json_) {
      print_json(session, document->root());
    } else if (document->root()["failed"].number() == 0) {
      session.out().line(join_text("nothing failed in ", selector));
    } else {
      print_failures(session, document->root());
    }
    session.out().flush();
    return 0;
  }

 private:
  std::vector<std::string> selector_;
  std::string where_;
  bool json_ = false;
};

}  // namespace

void print_failures(Session& session, const Json& failures) {
  const ViewContext context = view_context(session, Format::table);
  const Json groups = failures["groups"];
  const std::uint64_t total = failures["groups_total"].number();
  session.out().line(
      join_text(failures["failed"].number(), " failed, ", total, total == 1 ? " cause" : " causes"));
  for (std::size_t i = 0; i < groups.size(); ++i) print_group(session, groups.at(i), context);
  if (total > groups.size()) session.out().line(join_text("  and ", total - groups.size(), " causes more"));
}

const Command kFailuresCommand = {"failures",
                                  CommandSection::work,
                                  CommonOptions::connection,
                                  "[options] [SELECTOR]",
                                  "group failed tasks by cause, and say how to try them again",
                                  "muster failures 42\n"
                                  "muster failures 42 --where 'worker=gra-3 ended=1h+'\n",
                                  &make_body<Failures>};

}  // namespace muster::cli
