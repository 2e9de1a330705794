// Many rows of one table as one value: an array of the table's own row type, in binary.
// Must hold: columns are filled in the order of the table, which is that of tables/columns.h (checked when a store is opened).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "store/postgres/connection.h"

namespace muster::store::postgres {

struct TableType {
  std::string name;
  std::uint32_t row_type = 0;
  std::vector<std::uint32_t> column_types;
};

class RowBatch {
 public:
  explicit RowBatch(const TableType& type) : type_(type) { clear(); }

  void begin_row();
  template <class Value>
  void add(const Value& value) {
    put32(type_.column_types[column_++]);
    if constexpr (std::is_same_v<Value, tables::Null>) {
      put32(UINT32_MAX);
    } else if constexpr (std::is_same_v<Value, tables::Blob>) {
      put32(static_cast<std::uint32_t>(value.bytes.size()));
      bytes_.append(value.bytes);
    } else if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
      const std::size_t place = bytes_.size();
      put32(0);
      append_to_postgres(std::string_view(value), bytes_);
      set32(place, static_cast<std::uint32_t>(bytes_.size() - place - 4));
    } else {
      put32(8);
      const auto number = __builtin_bswap64(static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
      bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
    }
  }
  void end_row();

  std::uint32_t rows() const { return rows_; }
  std::size_t size() const { return bytes_.size(); }
  // The whole value of $1.
  std::string_view finish();
  void clear();

 private:
  void put32(std::uint32_t value) {
    const std::uint32_t swapped = __builtin_bswap32(value);
    bytes_.append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
  }
  void set32(std::size_t at, std::uint32_t value);

  const TableType& type_;
  std::string bytes_;
  std::size_t row_start_ = 0;
  std::size_t column_ = 0;
  std::uint32_t rows_ = 0;
};

}  // namespace muster::store::postgres
