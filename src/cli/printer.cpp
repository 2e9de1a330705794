// Formats of lists and things.
// Rows leave page by page: a million tasks in a pipe need the memory of a thousand.
#include "cli/printer.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "cli/json_text.h"
#include "cli/views/cells.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/nearest_word.h"

namespace muster::cli {

using client::Document;
using client::join_text;
using client::Json;

namespace {

constexpr std::uint64_t kPageMax = 1000;
constexpr std::uint64_t kTerminalRows = 100;

using Columns = std::vector<const ViewColumn*>;

Result<Columns> choose_columns(const View& view, const OutputChoice& choice) {
  Columns columns;
  const bool all = choice.format == Format::wide || choice.format == Format::csv;
  if (choice.columns.empty()) {
    for (const ViewColumn& column : view.columns) {
      if (all || column.importance == Importance::main) columns.push_back(&column);
    }
    return columns;
  }
  std::vector<std::string_view> names;
  for (const ViewColumn& column : view.columns) names.push_back(column.name);
  for (const std::string& wanted : choice.columns) {
    const auto found = std::find(names.begin(), names.end(), wanted);
    if (found == names.end()) {
      std::string all_names;
      for (const std::string_view name : names) all_names += join_text(all_names.empty() ? "" : ",", name);
      const std::string near = nearest_word(wanted, names);
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text("a ", view.thing, " has no column '", wanted, "'",
                              near.empty() ? "" : join_text("; did you mean '", near, "'?")),
                    join_text("its columns: ", all_names));
    }
    columns.push_back(&view.columns[static_cast<std::size_t>(found - names.begin())]);
  }
  return columns;
}

// Quoted when it has to be; a terminal gets no control characters even here.
std::string csv_value(const std::string& text, const Terminal& terminal) {
  std::string safe = terminal.is_terminal ? escape_text(text) : text;
  if (safe.find_first_of(",\"\r\n") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + '"';
}

std::string separated(const Columns& columns, const Json& item, const ViewContext& context, Format format,
                      const Terminal& terminal) {
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) line.push_back(format == Format::csv ? ',' : '\t');
    const std::string text = columns[i]->cell(item, context).text;
    line += format == Format::csv ? csv_value(text, terminal) : escape_text(text);
  }
  return line;
}

// One kind of output over all pages of a list.
class ListWriter {
 public:
  ListWriter(Session& session, const View& view, const OutputChoice& choice, Columns columns)
      : session_(session),
        view_(view),
        choice_(choice),
        columns_(std::move(columns)),
        context_(view_context(session, choice.format)) {}

  void begin(const Json& page) {
    Output& out = session_.out();
    if (choice_.format == Format::json) {
      out.write(join_text("{\"schema\":\"", page["schema"].text(view_.schema), "\",\"items\":["));
    } else if (choice_.header && (choice_.format == Format::tsv || choice_.format == Format::csv)) {
      std::string header;
      for (const ViewColumn* column : columns_) {
        if (column != columns_.front()) header.push_back(choice_.format == Format::csv ? ',' : '\t');
        header += column->name;
      }
      out.line(header);
    }
  }

  void add(const Json& items, std::size_t count) {
    if (choice_.format == Format::table || choice_.format == Format::wide) {
      add_table(items, count);
      return;
    }
    for (std::size_t i = 0; i < count; ++i) add_item(items.at(i));
  }

  void end(const std::string& next) {
    if (choice_.format != Format::json) return;
    Output& out = session_.out();
    const std::string_view close = rows_ > 0 && pretty() ? "\n" : "";
    out.line(join_text(close, "],\"next\":", next.empty() ? "null" : json_text_literal(next), "}"));
  }

  std::uint64_t rows() const { return rows_; }

 private:
  bool pretty() const { return session_.out_terminal().is_terminal; }

  void add_item(const Json& item) {
    Output& out = session_.out();
    switch (choice_.format) {
      case Format::json:
        out.write(join_text(rows_ == 0 ? "" : ",", pretty() ? "\n" : ""));
        out.write(json_for(session_.out_terminal(), item.serialize()));
        break;
      case Format::jsonl:
        out.line(json_for(session_.out_terminal(), item.serialize()));
        break;
      case Format::name:
        out.line(escape_text(view_.name(item)));
        break;
      default:
        out.line(separated(columns_, item, context_, choice_.format, session_.out_terminal()));
    }
    ++rows_;
  }

  // Widths are those of one page: later pages of a long table may be aligned differently.
  void add_table(const Json& items, std::size_t count) {
    std::vector<TableColumn> columns;
    for (const ViewColumn* column : columns_) {
      columns.push_back(
          {std::string(column->header), column->alignment, column->dispensable, column->cut_to});
    }
    std::vector<std::vector<Cell>> rows;
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<Cell> cells;
      for (const ViewColumn* column : columns_) cells.push_back(column->cell(items.at(i), context_));
      rows.push_back(std::move(cells));
    }
    const Terminal& terminal = session_.out_terminal();
    const bool fitted = choice_.format == Format::table && terminal.is_terminal;
    const TableStyle style{fitted ? terminal.width : 0, terminal.colour, choice_.header && rows_ == 0};
    for (const std::string& line : layout_table(columns, rows, style)) session_.out().line(line);
    rows_ += count;
  }

  Session& session_;
  const View& view_;
  const OutputChoice& choice_;
  Columns columns_;
  ViewContext context_;
  std::uint64_t rows_ = 0;
};

}  // namespace

ViewContext view_context(const Session& session, Format format) {
  const bool person = format == Format::table || format == Format::wide;
  return {person ? Reader::person : Reader::script, session.out_terminal().signs, client::wall_now_us()};
}

void print_json(Session& session, const Json& document) {
  const unsigned indent = session.out_terminal().is_terminal ? 2 : 0;
  session.out().line(json_for(session.out_terminal(), document.serialize(indent)));
}

bool print_action(Session& session, const OutputChoice& choice, const Json& document,
                  const std::string& name) {
  if (choice.format == Format::json) {
    print_json(session, document);
    return true;
  }
  if (choice.format != Format::name) return false;
  if (!name.empty()) session.out().line(name);
  return true;
}

Result<void> print_list(Session& session, const View& view, const OutputChoice& choice,
                        std::optional<std::uint64_t> limit, const FetchPage& fetch) {
  Result<Columns> columns = choose_columns(view, choice);
  if (!columns) return std::unexpected(columns.error());
  const bool on_terminal = session.out_terminal().is_terminal && choice.format == Format::table;
  const std::uint64_t most = limit.value_or(on_terminal ? kTerminalRows : 0);
  ListWriter writer(session, view, choice, std::move(*columns));
  std::string next;
  bool first = true;
  do {
    const std::uint64_t left = most == 0 ? kPageMax : most - writer.rows();
    Result<Document> page = fetch(next, std::min(left, kPageMax));
    if (!page) return std::unexpected(page.error());
    if (std::exchange(first, false)) writer.begin(page->root());
    const Json items = page->root()["items"];
    writer.add(items, static_cast<std::size_t>(std::min<std::uint64_t>(items.size(), left)));
    next = page->root()["next"].text();
    session.out().flush();
  } while (!next.empty() && (most == 0 || writer.rows() < most));
  writer.end(next);
  session.out().flush();
  if (!next.empty() && choice.format != Format::json) {
    session.note(join_text("there are more ", view.plural, ": --limit 0 shows all"));
  }
  return {};
}

namespace {

// Name and value, one per line; a person is spared what is not known.
void print_values(Session& session, const Columns& columns, const OutputChoice& choice, const Json& thing) {
  const ViewContext context = view_context(session, choice.format);
  std::vector<std::vector<Cell>> rows;
  for (const ViewColumn* column : columns) {
    Cell cell = column->cell(thing, context);
    const bool named = !choice.columns.empty() || choice.format == Format::wide;
    if (!named && cell.text == dash(context).text) continue;
    std::string label(column->header);
    for (char& c : label) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    rows.push_back({{std::move(label), Tone::dim}, std::move(cell)});
  }
  const Terminal& terminal = session.out_terminal();
  TableStyle style{choice.format == Format::table ? terminal.width : 0, terminal.colour, false};
  for (const std::string& line :
       layout_table({{"", Alignment::left, 0, 4}, {"", Alignment::left, 0, 1}}, rows, style)) {
    session.out().line(line);
  }
}

}  // namespace

Result<void> print_thing(Session& session, const View& view, const OutputChoice& choice,
                         const Document& document, const ExtraLines& extra) {
  OutputChoice all = choice;
  if (choice.format == Format::table || choice.format == Format::tsv) all.format = Format::wide;
  Result<Columns> columns = choose_columns(view, all);
  if (!columns) return std::unexpected(columns.error());
  const Json thing = document.root();
  Output& out = session.out();
  const ViewContext context = view_context(session, choice.format);
  if (choice.format == Format::json) {
    print_json(session, thing);
  } else if (choice.format == Format::jsonl) {
    out.line(json_for(session.out_terminal(), thing.serialize()));
  } else if (choice.format == Format::name) {
    out.line(escape_text(view.name(thing)));
  } else if (choice.format == Format::csv) {
    ListWriter writer(session, view, choice, *columns);
    writer.begin(thing);
    out.line(separated(*columns, thing, context, Format::csv, session.out_terminal()));
  } else if (choice.format == Format::tsv) {
    for (const ViewColumn* column : *columns) {
      out.line(join_text(choice.header ? join_text(column->name, '\t') : "",
                         escape_text(column->cell(thing, context).text)));
    }
  } else {
    print_values(session, *columns, choice, thing);
    if (extra) extra(out);
  }
  out.flush();
  return {};
}

}  // namespace muster::cli
