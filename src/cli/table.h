// Tables of text for people: columns aligned, fitted to a width, nothing wider than the terminal.
// Cells are escaped here; a column that does not fit is cut with an ellipsis, then left out, the most dispensable first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "core/escape.h"

namespace muster::cli {

struct Cell {
  std::string text;  // as it came; escaped when printed
  Tone tone = Tone::plain;
};

struct TableColumn {
  std::string header;
  Alignment alignment = Alignment::left;
  // 0: never left out; otherwise the highest goes first.
  unsigned dispensable = 0;
  // The column may be cut to so many columns; 0: it is shown whole or not at all (unless it stands alone).
  std::size_t cut_to = 0;
};

struct TableStyle {
  std::size_t width = 0;  // 0: no limit, nothing is cut or left out
  bool colour = false;
  bool header = true;
};

// One string per line, without newline, no blanks at the end.
std::vector<std::string> layout_table(const std::vector<TableColumn>& columns,
                                      const std::vector<std::vector<Cell>>& rows, const TableStyle& style);

}  // namespace muster::cli
