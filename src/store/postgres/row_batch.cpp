// An array: dimensions 1, no nulls, element type, length, lower bound; each element: its size, then the row.
// A row: number of columns, then for each its type, its size and its bytes.
#include "store/postgres/row_batch.h"

#include <cstring>

#include "core/check.h"

namespace muster::store::postgres {

namespace {

constexpr std::size_t kRowsAt = 12;  // where the number of rows stands

}  // namespace

void RowBatch::set32(std::size_t at, std::uint32_t value) {
  const std::uint32_t swapped = __builtin_bswap32(value);
  std::memcpy(bytes_.data() + at, &swapped, sizeof swapped);
}

void RowBatch::clear() {
  bytes_.clear();
  rows_ = 0;
  put32(1);
  put32(0);
  put32(type_.row_type);
  put32(0);
  put32(1);
}

void RowBatch::begin_row() {
  row_start_ = bytes_.size();
  column_ = 0;
  put32(0);
  put32(static_cast<std::uint32_t>(type_.column_types.size()));
}

void RowBatch::end_row() {
  MUSTER_CHECK(column_ == type_.column_types.size(), "every column of a row is filled");
  set32(row_start_, static_cast<std::uint32_t>(bytes_.size() - row_start_ - 4));
  ++rows_;
}

std::string_view RowBatch::finish() {
  set32(kRowsAt, rows_);
  return bytes_;
}

}  // namespace muster::store::postgres
