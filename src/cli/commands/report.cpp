// `report`: one batch as one HTML file.
// Attempts are asked for page by page and counted as they come; the file is written at once, at the end.
#include "cli/commands/commands.h"
#include "cli/output_file.h"
#include "cli/pinned_selectors.h"
#include "cli/report/figures.h"
#include "cli/report/html.h"
#include "cli/session.h"
#include "client/text.h"
#include "core/escape.h"

namespace muster::cli {

namespace {

using client::Document;
using client::join_text;
using client::Json;

class Report final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("SELECTOR", selector_, 1, 1, "the batch");
    options.text("-f,--file", "FILE", file_,
                 "where to; default: batch-N.html in this folder, or standard output when that is a pipe");
  }

  Result<int> run(Session& session) override {
    const Result<std::string> selector = pin_selector(session, selector_.front());
    if (!selector) return std::unexpected(selector.error());
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const Result<Document> batch = (*api)->batch(*selector);
    if (!batch) return std::unexpected(batch.error());
    const Result<Document> failures = (*api)->failures(batch->root()["id"].serialize(), "");
    if (!failures) return std::unexpected(failures.error());
    const std::int64_t now_wall_us = client::wall_now_us();
    const Result<Figures> figures = collect(**api, batch->root(), now_wall_us);
    if (!figures) return std::unexpected(figures.error());
    const std::string html =
        report_html(batch->root(), failures->root(), *figures, now_wall_us, session.version());
    if (file_.empty() && !session.out_terminal().is_terminal) {
      session.out().write(html);
      return 0;
    }
    const std::string file =
        file_.empty() ? join_text("batch-", batch->root()["id"].number(), ".html") : file_;
    if (auto written = write_output_file(file, html, "name another file with --file"); !written)
      return std::unexpected(written.error());
    session.out().line(join_text("report of batch ", batch->root()["id"].number(), " in ", escape_text(file),
                                 " (", html.size() / 1024 + 1, " KiB)"));
    return 0;
  }

 private:
  static Result<Figures> collect(client::Api& api, const Json& batch, std::int64_t now_wall_us) {
    FigureCollector collector(batch, now_wall_us);
    client::ListQuery query;
    query.selector = batch["id"].serialize();
    query.limit = 1000;
    do {
      const Result<Document> page = api.attempts(query);
      if (!page) return std::unexpected(page.error());
      const Json items = page->root()["items"];
      for (std::size_t i = 0; i < items.size(); ++i) collector.add(items.at(i));
      query.after = page->root()["next"].text();
    } while (!query.after.empty());
    return collector.finish();
  }

  std::vector<std::string> selector_;
  std::string file_;
};

}  // namespace

const Command kReportCommand = {
    "report",
    CommandSection::work,
    CommonOptions::connection,
    "[options] SELECTOR",
    "write what became of a batch as one HTML file",
    "muster report 42\n"
    "muster report @align -f align.html     # counts, timeline, causes, resources\n",
    &make_body<Report>};

}  // namespace muster::cli
