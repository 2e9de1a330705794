// Laying out the front page.
// When rows are scarce, events go first, then workers; what needs a person stays.
#include "cli/overview.h"

#include <algorithm>

#include "cli/table.h"
#include "cli/views/cells.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"

namespace muster::cli {

using client::join_text;
using client::Json;

namespace {

constexpr std::size_t kBarColumns = 20;
constexpr std::size_t kTimeColumns = 9;
constexpr std::size_t kAttentionShown = 4;

std::string bar(std::uint64_t part, std::uint64_t whole, bool signs) {
  std::string text;
  const std::uint64_t full =
      whole == 0 ? 0 : std::min<std::uint64_t>(kBarColumns, kBarColumns * part / whole);
  for (std::size_t i = 0; i < kBarColumns; ++i) text += i < full ? (signs ? "█" : "#") : (signs ? "░" : ".");
  return text;
}

std::string fitted(std::string_view text, const Terminal& terminal) {
  return terminal.width == 0 ? std::string(text) : truncate_text(text, terminal.width);
}

using Lines = std::vector<std::string>;

void add_section(Lines& lines, const Lines& section) {
  if (section.empty()) return;
  if (!lines.empty()) lines.emplace_back();
  lines.insert(lines.end(), section.begin(), section.end());
}

Lines event_lines(const std::vector<Json>& events, const Terminal& terminal, std::int64_t now_wall_us) {
  Lines lines;
  for (const Json& event : events) {
    const ViewContext context{Reader::person, terminal.signs, now_wall_us};
    std::string what =
        join_text(pad_text(time_cell(event["time"], context).text, kTimeColumns), "  ", event["kind"].text());
    if (event["task"].is_text()) {
      what += join_text("  ", event["task"].text());
    } else if (event["batch"].is_number()) {
      what += join_text("  batch ", event["batch"].number());
    } else if (event["worker"].is_text()) {
      what += join_text("  ", event["worker"].text());
    }
    if (event["who"].is_text()) what += join_text("  by ", event["who"].text());
    if (!event["text"].text().empty()) what += join_text("  ", event["text"].text());
    lines.push_back(paint(fitted(escape_text(what), terminal), Tone::dim, terminal.colour));
  }
  return lines;
}

}  // namespace

Lines attention_lines(const Json& attention, const Terminal& terminal) {
  Lines lines;
  for (std::size_t i = 0; i < attention.size() && i < kAttentionShown; ++i) {
    const Json need = attention.at(i);
    const bool bad = need["severity"].text() == "bad";
    const std::string_view sign = bad ? (terminal.signs ? "✗" : "x") : (terminal.signs ? "‖" : "=");
    const std::string text = fitted(join_text(sign, " ", escape_text(need["text"].text())), terminal);
    const std::string next = escape_text(need["next"].text());
    std::string line = paint(text, bad ? Tone::bad : Tone::warning, terminal.colour);
    const std::size_t used = display_width(text) + display_width(next) + 4;
    if (terminal.width == 0 || used <= terminal.width) line += join_text("    ", next);
    lines.push_back(std::move(line));
  }
  if (attention.size() > kAttentionShown) {
    lines.push_back(fitted(
        join_text("and ", attention.size() - kAttentionShown, " more:  muster status --json"), terminal));
  }
  return lines;
}

std::string capacity_line(std::uint64_t online, std::uint64_t total, std::uint64_t busy, std::uint64_t slots,
                          const Terminal& terminal) {
  const std::string counts =
      join_text(online, " of ", total, " online, ", busy, " of ", slots, " slots busy");
  const std::string all = join_text(bar(busy, slots, terminal.signs), "  ", counts);
  return terminal.width == 0 || display_width(all) <= terminal.width ? all : fitted(counts, terminal);
}

Lines view_lines(const View& view, const std::vector<Json>& items, const Terminal& terminal,
                 std::int64_t now_wall_us, bool header) {
  const ViewContext context{Reader::person, terminal.signs, now_wall_us};
  std::vector<TableColumn> columns;
  std::vector<const ViewColumn*> shown;
  for (const ViewColumn& column : view.columns) {
    if (column.importance != Importance::main) continue;
    shown.push_back(&column);
    columns.push_back({std::string(column.header), column.alignment, column.dispensable, column.cut_to});
  }
  std::vector<std::vector<Cell>> rows;
  for (const Json& item : items) {
    std::vector<Cell> cells;
    cells.reserve(shown.size());
    for (const ViewColumn* column : shown) cells.push_back(column->cell(item, context));
    rows.push_back(std::move(cells));
  }
  // A column in which nobody has anything is left out.
  for (std::size_t i = columns.size(); i-- > 0;) {
    const bool empty = columns[i].dispensable > 0 &&
                       std::all_of(rows.begin(), rows.end(),
                                   [&](const auto& row) { return row[i].text == dash(context).text; });
    if (!empty) continue;
    columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(i));
    for (auto& row : rows) row.erase(row.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return layout_table(columns, rows, {terminal.width, terminal.colour, header});
}

Lines overview_frame(const OverviewState& state, const Terminal& terminal, std::size_t rows,
                     std::int64_t now_wall_us) {
  Lines lines;
  const std::string link =
      state.link.empty() ? "" : join_text("  ", terminal.signs ? "● " : "* ", state.link);
  const std::string head = fitted(join_text(escape_text(state.title), link), terminal);
  lines.push_back(paint(head, state.live ? Tone::strong : Tone::warning, terminal.colour));
  std::uint64_t online = 0;
  std::uint64_t slots = 0;
  std::uint64_t busy = 0;
  for (const Json& worker : state.workers) {
    if (!worker["connected"].truth()) continue;
    ++online;
    slots += worker["slots"]["enabled"].number() + worker["slots"]["gpu_enabled"].number();
  }
  for (const Json& batch : state.batches) busy += batch["counts"]["executing"].number();
  lines.push_back(capacity_line(online, state.workers.size(), std::min(busy, slots), slots, terminal));
  if (!state.attention.empty()) add_section(lines, attention_lines(state.attention.front().root(), terminal));
  if (state.batches.empty()) {
    add_section(lines, {fitted("no batch is live; submit one:  muster submit -- COMMAND…", terminal)});
  } else {
    add_section(lines, view_lines(kLiveBatchView, state.batches, terminal, now_wall_us));
  }
  if (state.more_batches > 0)
    lines.push_back(fitted(
        join_text(state.more_batches, state.more_batches == 1 ? " more live batch" : " more live batches"),
        terminal));
  const std::size_t without_workers = lines.size();
  if (!state.workers.empty())
    add_section(lines, view_lines(kWorkerView, state.workers, terminal, now_wall_us));
  if (rows != 0 && lines.size() > rows) lines.resize(std::max(without_workers, rows));
  add_section(lines, event_lines(state.events, terminal, now_wall_us));
  if (rows != 0 && lines.size() > rows) lines.resize(rows);
  return lines;
}

}  // namespace muster::cli
