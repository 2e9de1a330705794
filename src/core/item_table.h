// Items for arrays of work: lines, tsv, csv and jsonl as a stream of blocks of about 1 MiB, whatever size the chunks come in.
// Memory stays at one block and one record; a value never holds a NUL; an error names line and column and ends the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/flat_object.h"

namespace muster {

// Rows of one table, column by column: field k of row r ends at ends[r * columns + k] and begins where the one before ends.
struct ItemBlock {
  std::vector<std::string> columns;  // one unnamed "" for plain lines
  std::string bytes;
  std::vector<std::uint32_t> ends;
  bool operator==(const ItemBlock&) const = default;

  std::size_t rows() const { return columns.empty() ? 0 : ends.size() / columns.size(); }
  std::string_view field(std::size_t row, std::size_t column) const;
  // All fields of a row into `out`, which is used again from row to row.
  void row(std::size_t row, std::vector<std::string_view>& out) const;
  // True when sizes and ends fit together: for blocks that come from a store or the network.
  bool consistent() const;
};

enum class ItemFormat : std::uint8_t {
  lines,      // one item per line; CRLF tolerated; lines of blanks only are skipped and counted
  nul_lines,  // items end with a NUL and may hold newlines; empty ones are skipped and counted
  tsv,        // header line, values between tabs, no quoting
  csv,        // header line, RFC 4180 quoting, values may span lines
  jsonl,  // one flat object per line: strings, numbers (kept as written), booleans; the first names the columns
};

// By the name's ending: .tsv .tab .csv .jsonl .ndjson, any case; lines otherwise.
ItemFormat item_format_of(std::string_view file_name);

struct ItemLimits {
  std::uint64_t rows_max = 10'000'000;
  std::size_t record_bytes_max = 1024 * 1024;  // one line, or one csv record
  std::size_t columns_max = 10'000;
  std::size_t block_bytes = 1024 * 1024;  // a block is complete once it holds so much
};

// feed() chunks, take_block() while there is one, finish(), take_block() again until there is none.
// Values are bytes: invalid UTF-8 is accepted as it is (not produced by JSON escapes). A UTF-8 byte order mark is skipped.
// Errors: kTableError; kNoItems from finish() when there was no row. After an error only destruction is allowed.
class ItemParser {
 public:
  explicit ItemParser(ItemFormat format, ItemLimits limits = {});

  Result<void> feed(std::string_view chunk);
  Result<void> finish();
  std::optional<ItemBlock> take_block();

  // Known after the header or the first object; {""} for plain lines from the start.
  const std::vector<std::string>& columns() const { return columns_; }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t blank_lines() const { return blank_lines_; }

 private:
  Result<void> split(std::string_view chunk);
  std::size_t find_record_end(std::string_view chunk);
  Result<void> check_record_size(std::size_t bytes);
  Result<void> take_record(std::string_view record);
  Result<void> take_line(std::string_view record);
  Result<void> take_tsv(std::string_view record);
  Result<void> take_csv(std::string_view record);
  Result<void> take_json(std::string_view record);
  Result<void> take_header(std::vector<std::string> names);
  Result<std::string_view> take_csv_value(std::string_view record, std::size_t& at, std::size_t column);
  Result<void> begin_row();
  void add_value(std::string_view value);
  Result<void> end_row(std::size_t values, std::string_view last_value);
  void close_block();
  std::string column_text(std::size_t column) const;
  std::unexpected<Error> fail(const std::string& what, std::string next = {}) const;

  ItemFormat format_;
  ItemLimits limits_;
  std::vector<std::string> columns_;
  ItemBlock block_;
  std::deque<ItemBlock> complete_;
  std::string head_;               // the first bytes, until it is clear whether they are a byte order mark
  std::string carry_;              // the record that the last chunk left unfinished
  std::string unquoted_;           // csv: a value without its quotes
  std::vector<FlatField> fields_;  // jsonl: the object at hand
  std::vector<std::uint32_t> positions_;  // jsonl: where each column stands in it
  bool head_done_ = false;
  bool in_quotes_ = false;  // csv: carry_ ends inside quotes
  bool holds_nul_ = false;  // a NUL was among the bytes so far
  std::uint64_t line_ = 1;  // of the record's first byte
  std::uint64_t rows_ = 0;
  std::uint64_t blank_lines_ = 0;
};

// The whole text at once; for tests and small inputs.
Result<std::vector<ItemBlock>> parse_items(ItemFormat format, std::string_view text, ItemLimits limits = {});

}  // namespace muster
