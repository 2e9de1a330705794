// Fitting a table to a width.
// Widths are display columns, not bytes: wide characters count two.
#include "cli/table.h"

#include <algorithm>

namespace muster::cli {

namespace {

constexpr std::size_t kGap = 2;

struct Shown {
  std::size_t column = 0;
  std::size_t width = 0;
};

std::size_t total_width(const std::vector<Shown>& shown) {
  std::size_t sum = shown.empty() ? 0 : (shown.size() - 1) * kGap;
  for (const Shown& one : shown) sum += one.width;
  return sum;
}

// Takes from the widest column that may be cut, until the table fits or nothing may be cut further.
void cut_columns(const std::vector<TableColumn>& columns, std::vector<Shown>& shown, std::size_t width) {
  for (std::size_t total = total_width(shown); total > width; --total) {
    Shown* widest = nullptr;
    for (Shown& one : shown) {
      const TableColumn& column = columns[one.column];
      // A header is not cut: it would no longer say what stands below it.
      if (column.cut_to == 0 || one.width <= std::max(column.cut_to, display_width(column.header))) continue;
      if (widest == nullptr || one.width > widest->width) widest = &one;
    }
    if (widest == nullptr) return;
    --widest->width;
  }
}

bool leave_one_out(const std::vector<TableColumn>& columns, std::vector<Shown>& shown) {
  const auto worst = std::max_element(shown.begin(), shown.end(), [&](const Shown& a, const Shown& b) {
    return columns[a.column].dispensable < columns[b.column].dispensable;
  });
  if (worst == shown.end() || columns[worst->column].dispensable == 0) return false;
  shown.erase(worst);
  return true;
}

// What must be shown is still too wide: shares of the width, at least one column each.
void squeeze(std::vector<Shown>& shown, std::size_t width) {
  while (total_width(shown) > width) {
    auto widest = std::max_element(shown.begin(), shown.end(),
                                   [](const Shown& a, const Shown& b) { return a.width < b.width; });
    if (widest == shown.end() || widest->width <= 1) {
      if (shown.size() <= 1) return;
      shown.pop_back();
      continue;
    }
    --widest->width;
  }
}

std::vector<Shown> fit(const std::vector<TableColumn>& columns, const std::vector<std::size_t>& natural,
                       std::size_t width) {
  std::vector<Shown> shown(columns.size());
  const auto restore = [&] {
    for (Shown& one : shown) one.width = natural[one.column];
  };
  for (std::size_t i = 0; i < columns.size(); ++i) shown[i].column = i;
  restore();
  if (width == 0) return shown;
  cut_columns(columns, shown, width);
  while (total_width(shown) > width && leave_one_out(columns, shown)) {
    restore();
    cut_columns(columns, shown, width);
  }
  squeeze(shown, width);
  return shown;
}

std::string fitted(const Cell& cell, const TableColumn& column, std::size_t width, bool last, bool colour) {
  const std::string text = truncate_text(cell.text, width);
  const std::size_t used = display_width(text);
  const std::string blanks(width > used ? width - used : 0, ' ');
  const std::string painted = paint(text, cell.tone, colour);
  if (column.alignment == Alignment::right) return blanks + painted;
  return last ? painted : painted + blanks;
}

std::string line_of(const std::vector<TableColumn>& columns, const std::vector<Shown>& shown,
                    const std::vector<Cell>& cells, bool colour) {
  std::string line;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (i > 0) line.append(kGap, ' ');
    line += fitted(cells[shown[i].column], columns[shown[i].column], shown[i].width, i + 1 == shown.size(),
                   colour);
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace

std::vector<std::string> layout_table(const std::vector<TableColumn>& columns,
                                      const std::vector<std::vector<Cell>>& rows, const TableStyle& style) {
  std::vector<Cell> header;
  std::vector<std::size_t> natural;
  for (const TableColumn& column : columns) {
    header.push_back({column.header, Tone::dim});
    natural.push_back(style.header ? display_width(column.header) : 0);
  }
  std::vector<std::vector<Cell>> safe = rows;
  for (std::vector<Cell>& row : safe) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i].text = escape_text(row[i].text);
      natural[i] = std::max(natural[i], display_width(row[i].text));
    }
  }
  const std::vector<Shown> shown = fit(columns, natural, style.width);
  std::vector<std::string> lines;
  if (style.header) lines.push_back(line_of(columns, shown, header, style.colour));
  for (const std::vector<Cell>& row : safe) lines.push_back(line_of(columns, shown, row, style.colour));
  return lines;
}

}  // namespace muster::cli
