// Splits a stream into records, records into values, and packs values into blocks.
// Copies each value once, straight into its block; what ends in the middle of a chunk waits in carry_.
#include "core/item_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/escape.h"

namespace muster {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view without_return(std::string_view record) {
  if (!record.empty() && record.back() == '\r') record.remove_suffix(1);
  return record;
}

bool is_blank(std::string_view record) {
  if (record.empty()) return true;
  if (record.front() != ' ' && record.front() != '\t') return false;
  return record.find_first_not_of(" \t") == std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::string quoted(std::string_view value) {
  return "'" + truncate_text(escape_text(value.substr(0, 200)), 60) + "'";
}

}  // namespace

std::string_view ItemBlock::field(std::size_t row, std::size_t column) const {
  const std::size_t at = row * columns.size() + column;
  const std::uint32_t begin = at == 0 ? 0 : ends[at - 1];
  return std::string_view(bytes).substr(begin, ends[at] - begin);
}

void ItemBlock::row(std::size_t row, std::vector<std::string_view>& out) const {
  out.resize(columns.size());
  std::size_t at = row * columns.size();
  std::uint32_t begin = at == 0 ? 0 : ends[at - 1];
  for (std::string_view& value : out) {
    const std::uint32_t end = ends[at++];
    value = std::string_view(bytes.data() + begin, end - begin);
    begin = end;
  }
}

bool ItemBlock::consistent() const {
  if (columns.empty() || ends.size() % columns.size() != 0) return false;
  if (!std::is_sorted(ends.begin(), ends.end())) return false;
  return bytes.size() == (ends.empty() ? 0 : ends.back()) && bytes.find('\0') == std::string::npos;
}

ItemFormat item_format_of(std::string_view file_name) {
  constexpr std::array<std::pair<std::string_view, ItemFormat>, 5> kEndings = {
      {{".tsv", ItemFormat::tsv},
       {".tab", ItemFormat::tsv},
       {".csv", ItemFormat::csv},
       {".jsonl", ItemFormat::jsonl},
       {".ndjson", ItemFormat::jsonl}}};
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  for (const auto& [ending, format] : kEndings) {
    if (file_name.size() < ending.size()) continue;
    const std::string_view tail = file_name.substr(file_name.size() - ending.size());
    if (std::equal(tail.begin(), tail.end(), ending.begin(), same)) return format;
  }
  return ItemFormat::lines;
}

ItemParser::ItemParser(ItemFormat format, ItemLimits limits) : format_(format), limits_(limits) {
  if (format_ == ItemFormat::lines || format_ == ItemFormat::nul_lines) columns_ = {""};
}

std::unexpected<Error> ItemParser::fail(const std::string& what, std::string next) const {
  const std::string place = format_ == ItemFormat::nul_lines ? "item " : "line ";
  return refuse(ErrorKind::usage, kTableError, place + std::to_string(line_) + ": " + what, std::move(next));
}

std::string ItemParser::column_text(std::size_t column) const {
  std::string out = "column " + std::to_string(column + 1);
  return column < columns_.size() ? out + " (" + escape_text(columns_[column]) + ")" : out;
}

Result<void> ItemParser::feed(std::string_view chunk) {
  if (format_ != ItemFormat::nul_lines && !holds_nul_) {
    holds_nul_ = !chunk.empty() && std::memchr(chunk.data(), '\0', chunk.size()) != nullptr;
  }
  if (head_done_) return split(chunk);
  head_ += chunk;
  if (head_.size() < kByteOrderMark.size()) return {};
  head_done_ = true;
  const std::string head = std::exchange(head_, {});
  const bool marked = head.starts_with(kByteOrderMark);
  return split(std::string_view(head).substr(marked ? kByteOrderMark.size() : 0));
}

Result<void> ItemParser::finish() {
  if (!head_done_) {
    head_done_ = true;
    if (Result<void> taken = split(std::exchange(head_, {})); !taken) return taken;
  }
  if (!carry_.empty()) {
    const std::string record = std::exchange(carry_, {});
    if (Result<void> taken = take_record(record); !taken) return taken;
  }
  close_block();
  if (rows_ > 0) return {};
  const bool header_only = !columns_.empty() && !columns_.front().empty();
  return refuse(ErrorKind::usage, kNoItems,
                header_only ? "the table has a header and no rows" : "there are no items",
                "one task is made for each line; check what the items come from");
}

std::optional<ItemBlock> ItemParser::take_block() {
  if (complete_.empty()) return {};
  std::optional<ItemBlock> block = std::move(complete_.front());
  complete_.pop_front();
  return block;
}

Result<void> ItemParser::split(std::string_view chunk) {
  while (!chunk.empty()) {
    const std::size_t end = find_record_end(chunk);
    if (end == std::string_view::npos) {
      carry_ += chunk;
      return check_record_size(carry_.size());
    }
    std::string_view record = chunk.substr(0, end);
    chunk.remove_prefix(end + 1);
    if (carry_.empty()) {
      if (Result<void> taken = take_record(record); !taken) return taken;
      continue;
    }
    carry_ += record;
    if (Result<void> taken = take_record(carry_); !taken) return taken;
    carry_.clear();
  }
  return {};
}

// Where the record ends that carry_ and the chunk begin with; quotes of csv hide line ends.
std::size_t ItemParser::find_record_end(std::string_view chunk) {
  const char separator = format_ == ItemFormat::nul_lines ? '\0' : '\n';
  if (format_ != ItemFormat::csv) return chunk.find(separator);
  std::size_t at = 0;
  for (;;) {
    if (in_quotes_) {
      const std::size_t quote = chunk.find('"', at);
      if (quote == std::string_view::npos) return quote;
      in_quotes_ = false;
      at = quote + 1;
    }
    const std::size_t end = std::min(chunk.find(separator, at), chunk.size());
    const std::size_t quote = chunk.substr(0, end).find('"', at);
    if (quote == std::string_view::npos) return end == chunk.size() ? std::string_view::npos : end;
    in_quotes_ = true;
    at = quote + 1;
  }
}

Result<void> ItemParser::check_record_size(std::size_t bytes) {
  if (bytes <= limits_.record_bytes_max) return {};
  // A stray quote makes the rest of a csv file one record: then the record itself says so better.
  if (format_ == ItemFormat::csv && in_quotes_) return take_csv(without_return(carry_));
  return fail("longer than " + std::to_string(limits_.record_bytes_max) + " bytes",
              "put long values into files and name the files");
}

Result<void> ItemParser::take_record(std::string_view record) {
  if (Result<void> fits = check_record_size(record.size()); !fits) return fits;
  if (holds_nul_ && record.find('\0') != std::string_view::npos) {
    return fail("a NUL at byte " + std::to_string(record.find('\0') + 1),
                "is it binary, or UTF-16? Items that are separated by NUL are read with -0");
  }
  Result<void> taken;
  const std::string_view text = format_ == ItemFormat::nul_lines ? record : without_return(record);
  if (format_ == ItemFormat::nul_lines
          ? text.empty()
          : is_blank(text) && (format_ != ItemFormat::tsv || text.find('\t') == text.npos)) {
    ++blank_lines_;
  } else {
    switch (format_) {
      case ItemFormat::lines:
      case ItemFormat::nul_lines:
        taken = take_line(text);
        break;
      case ItemFormat::tsv:
        taken = take_tsv(text);
        break;
      case ItemFormat::csv:
        taken = take_csv(text);
        break;
      case ItemFormat::jsonl:
        taken = take_json(text);
        break;
    }
  }
  line_ += 1;
  if (format_ == ItemFormat::csv)
    line_ += static_cast<std::uint64_t>(std::count(record.begin(), record.end(), '\n'));
  return taken;
}

Result<void> ItemParser::take_line(std::string_view record) {
  if (Result<void> room = begin_row(); !room) return room;
  add_value(record);
  return end_row(1, record);
}

Result<void> ItemParser::take_tsv(std::string_view record) {
  const bool header = columns_.empty();
  std::vector<std::string> names;
  std::size_t values = 0;
  std::string_view value;
  if (!header) {
    if (Result<void> room = begin_row(); !room) return room;
  }
  for (std::size_t at = 0; at <= record.size(); at += value.size() + 1) {
    value = record.substr(at, std::min(record.find('\t', at), record.size()) - at);
    if (header) {
      names.emplace_back(trimmed(value));
    } else {
      add_value(value);
    }
    ++values;
  }
  return header ? take_header(std::move(names)) : end_row(values, value);
}

Result<void> ItemParser::take_csv(std::string_view record) {
  const bool header = columns_.empty();
  std::vector<std::string> names;
  std::size_t values = 0;
  std::string_view last;
  if (!header) {
    if (Result<void> room = begin_row(); !room) return room;
  }
  for (std::size_t at = 0; at <= record.size(); ++at) {
    const Result<std::string_view> value = take_csv_value(record, at, values);
    if (!value) return std::unexpected(value.error());
    if (header) {
      names.emplace_back(trimmed(*value));
    } else {
      add_value(*value);
    }
    last = *value;
    ++values;
  }
  return header ? take_header(std::move(names)) : end_row(values, last);
}

// The value at `at`, which moves to the comma behind it or to the end of the record.
Result<std::string_view> ItemParser::take_csv_value(std::string_view record, std::size_t& at,
                                                    std::size_t column) {
  constexpr const char* kAdvice = "put the whole value into quotes and double each quote inside it";
  const auto refused = [&](std::size_t where, const std::string& why) {
    const auto more = static_cast<std::uint64_t>(
        std::count(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(where), '\n'));
    return refuse(ErrorKind::usage, kTableError,
                  "line " + std::to_string(line_ + more) + ", " + column_text(column) + ": " + why +
                      mark_place(record, where),
                  kAdvice);
  };
  if (at == record.size() || record[at] != '"') {
    const std::size_t begin = at;
    at = std::min(record.find(',', at), record.size());
    const std::string_view value = record.substr(begin, at - begin);
    const std::size_t quote = value.find('"');
    if (quote != std::string_view::npos)
      return refused(begin + quote, "a quote inside a value without quotes");
    return value;
  }
  const std::size_t opening = at++;
  unquoted_.clear();
  for (;;) {
    const std::size_t quote = record.find('"', at);
    if (quote == std::string_view::npos) return refused(opening, "a quote is never closed");
    unquoted_ += record.substr(at, quote - at);
    at = quote + 1;
    if (at == record.size() || record[at] == ',') return std::string_view(unquoted_);
    if (record[at] != '"') return refused(at, "text behind the closing quote");
    unquoted_ += '"';
    ++at;
  }
}

Result<void> ItemParser::take_json(std::string_view record) {
  const auto count = read_flat_object(record, fields_);
  if (!count)
    return fail(count.error().why + mark_place(record, count.error().offset),
                "each line is one flat object: {\"name\": \"value\"}");
  if (columns_.empty()) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < *count; ++i) names.push_back(fields_[i].name);
    if (names.empty()) return fail("the object is empty");
    if (Result<void> header = take_header(std::move(names)); !header) return header;
  }
  if (Result<void> room = begin_row(); !room) return room;
  constexpr std::uint32_t kAbsent = 0xFFFFFFFF;
  positions_.assign(columns_.size(), kAbsent);
  for (std::size_t i = 0; i < *count; ++i) {
    // Names mostly come in the same order, so the search mostly ends where it begins.
    const bool in_order = i < columns_.size() && columns_[i] == fields_[i].name;
    const std::size_t column =
        in_order ? i
                 : static_cast<std::size_t>(std::find(columns_.begin(), columns_.end(), fields_[i].name) -
                                            columns_.begin());
    if (column == columns_.size())
      return fail("the name " + quoted(fields_[i].name) + " is not in the first object");
    if (positions_[column] != kAbsent) return fail("the name " + quoted(fields_[i].name) + " is there twice");
    positions_[column] = static_cast<std::uint32_t>(i);
  }
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    if (positions_[column] == kAbsent)
      return fail(column_text(column) + " is missing", "every object has the names of the first");
    add_value(fields_[positions_[column]].value);
  }
  return end_row(columns_.size(), {});
}

Result<void> ItemParser::take_header(std::vector<std::string> names) {
  if (names.size() > limits_.columns_max)
    return fail("more than " + std::to_string(limits_.columns_max) + " columns");
  std::vector<std::pair<std::string_view, std::size_t>> sorted;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty())
      return fail(column_text(i) + " has no name",
                  "the first line names the columns; plain lines have no header");
    sorted.emplace_back(names[i], i);
  }
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i].first != sorted[i - 1].first) continue;
    return fail("columns " + std::to_string(sorted[i - 1].second + 1) + " and " +
                    std::to_string(sorted[i].second + 1) + " are both named " + quoted(sorted[i].first),
                "give each column its own name");
  }
  columns_ = std::move(names);
  return {};
}

Result<void> ItemParser::begin_row() {
  if (rows_ < limits_.rows_max) return {};
  return refuse(
      ErrorKind::too_large, kTableError,
      "line " + std::to_string(line_) + ": more than " + std::to_string(limits_.rows_max) + " items",
      "submit them in parts to one --batch");
}

void ItemParser::add_value(std::string_view value) {
  block_.bytes += value;
  block_.ends.push_back(static_cast<std::uint32_t>(block_.bytes.size()));
}

Result<void> ItemParser::end_row(std::size_t values, std::string_view last_value) {
  const std::size_t wanted = columns_.size();
  if (values < wanted) {
    return fail(std::to_string(values) + " values where the header names " + std::to_string(wanted) +
                    " columns: " + column_text(values) + " is missing",
                "every line has a value for each column, if only an empty one");
  }
  if (values > wanted) {
    return fail(std::to_string(values) + " values where the header names " + std::to_string(wanted) +
                    " columns: " + column_text(values - 1) + " is " + quoted(last_value) + " and has no name",
                format_ == ItemFormat::csv ? "a value with a comma is put into quotes"
                                           : "name the column in the header, or take the value out");
  }
  ++rows_;
  if (block_.bytes.size() + block_.ends.size() * sizeof(std::uint32_t) >= limits_.block_bytes) close_block();
  return {};
}

void ItemParser::close_block() {
  if (block_.ends.empty()) return;
  block_.columns = columns_;
  complete_.push_back(std::exchange(block_, {}));
  block_.bytes.reserve(limits_.block_bytes + limits_.block_bytes / 8);
}

Result<std::vector<ItemBlock>> parse_items(ItemFormat format, std::string_view text, ItemLimits limits) {
  ItemParser parser(format, limits);
  if (Result<void> fed = parser.feed(text); !fed) return std::unexpected(fed.error());
  if (Result<void> finished = parser.finish(); !finished) return std::unexpected(finished.error());
  std::vector<ItemBlock> blocks;
  while (std::optional<ItemBlock> block = parser.take_block()) blocks.push_back(std::move(*block));
  return blocks;
}

}  // namespace muster
