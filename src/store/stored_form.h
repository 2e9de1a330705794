// What every store agrees on: how a row reads after it was stored, how long a page is, how an item is cut out of its block.
// Must hold: a store that remembers more than this form would hide a loss that another one has.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "ports/store.h"

namespace muster::store {

// An end exists only with a final state, which is its outcome; whose end it is says the row.
template <class Row>
Row stored_form(Row row) {
  if (is_final(row.attempt.state)) {
    row.attempt.end.attempt = {};
    row.attempt.end.outcome = row.attempt.state;
  } else {
    row.attempt.end = {};
  }
  return row;
}

// What load() gives the engine, beside the batches these depend on.
inline bool is_loaded(BatchState state, bool revivable) { return !is_final(state) || revivable; }

inline std::uint32_t page_limit(const Page& page) { return std::clamp<std::uint32_t>(page.limit, 1, 1000); }

inline std::vector<std::string> row_of(const ItemBlock& items, std::uint64_t row) {
  std::vector<std::string> fields;
  if (row >= items.rows()) return fields;
  std::vector<std::string_view> views;
  items.row(row, views);
  return {views.begin(), views.end()};
}

}  // namespace muster::store
