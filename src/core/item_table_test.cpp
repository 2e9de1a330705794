// Every kind of table is read the same in one piece and byte by byte; what does not fit is refused with line and column.
// Values come out as they went in, whatever they hold.
#include "core/item_table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <string_view>
#include <vector>

namespace muster {
namespace {

using Row = std::vector<std::string>;
using Rows = std::vector<Row>;
using enum ItemFormat;

struct Table {
  Row columns;
  Rows rows;
  std::uint64_t blank_lines = 0;
  std::string error;  // empty when it was read to the end
};

Table read(ItemFormat format, std::string_view text, std::size_t chunk_bytes, ItemLimits limits = {}) {
  ItemParser parser(format, limits);
  Table table;
  std::vector<std::string_view> fields;
  const auto drain = [&]() {
    while (const auto block = parser.take_block()) {
      EXPECT_TRUE(block->consistent());
      EXPECT_EQ(block->columns, parser.columns());
      for (std::size_t r = 0; r < block->rows(); ++r) {
        block->row(r, fields);
        table.rows.emplace_back(fields.begin(), fields.end());
        for (std::size_t k = 0; k < fields.size(); ++k) EXPECT_EQ(block->field(r, k), fields[k]);
      }
    }
  };
  Result<void> done;
  for (std::size_t at = 0; at < text.size() && done; at += chunk_bytes) {
    done = parser.feed(text.substr(at, chunk_bytes));
    drain();
  }
  if (done) done = parser.finish();
  drain();
  table.columns = parser.columns();
  table.blank_lines = parser.blank_lines();
  EXPECT_TRUE(!done || parser.rows() == table.rows.size());
  if (!done) table.error = done.error().code + " " + done.error().what;
  return table;
}

void expect(ItemFormat format, std::string_view text, const Row& columns, const Rows& rows,
            std::uint64_t blank_lines = 0) {
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{1000}}) {
    const Table table = read(format, text, chunk);
    EXPECT_EQ(table.error, "") << text;
    EXPECT_EQ(table.columns, columns) << text;
    EXPECT_EQ(table.rows, rows) << text << " in chunks of " << chunk;
    EXPECT_EQ(table.blank_lines, blank_lines) << text;
  }
}

void refuses(ItemFormat format, std::string_view text, std::string_view wanted) {
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
    const Table table = read(format, text, chunk);
    EXPECT_NE(table.error.find(wanted), std::string::npos) << text << "\n=> " << table.error;
  }
}

std::string nul(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c == '0' ? '\0' : c;
  return out;
}

TEST(ItemLines, are_items) {
  expect(lines, "a\nb\nc\n", {""}, {{"a"}, {"b"}, {"c"}});
  expect(lines, "a\nb", {""}, {{"a"}, {"b"}});
  expect(lines, "a", {""}, {{"a"}});
  expect(lines, "a\r\nb\r\n", {""}, {{"a"}, {"b"}});
  expect(lines, "a\n\n \t \nb\n\r\n", {""}, {{"a"}, {"b"}}, 3);
  expect(lines, "  a b  \n", {""}, {{"  a b  "}});
  expect(lines,
         "\xEF\xBB\xBF"
         "a\n",
         {""}, {{"a"}});
  expect(lines,
         "a\n\xEF\xBB\xBF"
         "b\n",
         {""},
         {{"a"},
          {"\xEF\xBB\xBF"
           "b"}});
  expect(lines, "\xff\xfe\n", {""}, {{"\xff\xfe"}});
  expect(lines, "a,b\t\"c\n", {""}, {{"a,b\t\"c"}});
  expect(lines, "x\ry\n", {""}, {{"x\ry"}});
}

TEST(ItemLines, separated_by_nul_may_hold_anything_else) {
  expect(nul_lines, nul("a0b\nc0 0"), {""}, {{"a"}, {"b\nc"}, {" "}});
  expect(nul_lines, nul("a0b"), {""}, {{"a"}, {"b"}});
  expect(nul_lines, nul("a\r00b0"), {""}, {{"a\r"}, {"b"}}, 1);
}

TEST(ItemLines, refuse_what_is_none) {
  refuses(lines, "", "E214 there are no items");
  refuses(lines, "\n\n", "E214");
  refuses(lines, "\xEF\xBB\xBF", "E214");
  refuses(nul_lines, "", "E214");
  refuses(lines, nul("a\nb0c\n"), "E207 line 2: a NUL at byte 2");
}

TEST(ItemTsv, has_a_header_and_no_quotes) {
  expect(tsv, "a\tb\n1\t2\n3\t4\n", {"a", "b"}, {{"1", "2"}, {"3", "4"}});
  expect(tsv, "a\n1\n", {"a"}, {{"1"}});
  expect(tsv, "\xEF\xBB\xBF a \tb c\r\n1\t\r\n\r\n\t\n", {"a", "b c"}, {{"1", ""}, {"", ""}}, 1);
  expect(tsv, "a\tb\n\"x\ty\"\n", {"a", "b"}, {{"\"x", "y\""}});
  expect(tsv, "#chrom\tpos\nchr1\t5", {"#chrom", "pos"}, {{"chr1", "5"}});
}

TEST(ItemTsv, refuses_with_line_and_column) {
  refuses(tsv, "a\tb\tdepth\n1\t2\t3\n4\t5\n",
          "E207 line 3: 2 values where the header names 3 columns: column 3 (depth) is missing");
  refuses(tsv, "a\tb\n1\t2\tx y\n",
          "E207 line 2: 3 values where the header names 2 columns: column 3 is 'x y' and has no name");
  refuses(tsv, "a\tb\ta\n", "E207 line 1: columns 1 and 3 are both named 'a'");
  refuses(tsv, "a\t\tb\n", "E207 line 1: column 2 has no name");
  refuses(tsv, "a\tb\n", "E214 the table has a header and no rows");
  refuses(tsv, "", "E214 there are no items");
  refuses(tsv, nul("a\tb\n1\t0\n"), "E207 line 2: a NUL at byte 3");
  refuses(tsv, "a\n1\t\x1b[31m\n", "'\\x1b[31m'");
}

TEST(ItemCsv, follows_rfc_4180) {
  expect(csv, "a,b\n1,2\n", {"a", "b"}, {{"1", "2"}});
  expect(csv, "a,b\r\n1,2\r\n", {"a", "b"}, {{"1", "2"}});
  expect(csv, "a,b\n\"x,y\",\"say \"\"hi\"\"\"\n", {"a", "b"}, {{"x,y", "say \"hi\""}});
  expect(csv, "a,b\n\"line 1\nline 2\r\n\",2\n3,4", {"a", "b"}, {{"line 1\nline 2\r\n", "2"}, {"3", "4"}});
  expect(csv, "a,b\n,\n\"\",\"\"\n", {"a", "b"}, {{"", ""}, {"", ""}});
  expect(csv, "\"a b\",\"c,d\"\n1,2\n", {"a b", "c,d"}, {{"1", "2"}});
  expect(csv, "a,b\n\n1, x \n", {"a", "b"}, {{"1", " x "}}, 1);
  expect(csv, "a\n\"\"\n", {"a"}, {{""}});
  expect(csv, "\xEF\xBB\xBF\"a\"\n1\n", {"a"}, {{"1"}});
  expect(csv, "a,b\n\"\"\"\",\"\n\"\"\n\"", {"a", "b"}, {{"\"", "\n\"\n"}});
}

TEST(ItemCsv, refuses_with_line_and_column) {
  refuses(csv, "a,b\n1\n", "E207 line 2: 1 values where the header names 2 columns: column 2 (b) is missing");
  refuses(csv, "a,b\n\"1\n2\",3\n4,5,6\n", "E207 line 4: 3 values");
  refuses(csv, "a,b\n1,5\" disk\n", "E207 line 2, column 2 (b): a quote inside a value without quotes");
  refuses(csv, "a,b\n1, \"x\"\n", "E207 line 2, column 2 (b): a quote inside a value without quotes");
  refuses(csv, "a,b\n\"1\"x,2\n", "E207 line 2, column 1 (a): text behind the closing quote");
  refuses(csv, "a,b\n1,\"never\nclosed\n", "E207 line 2, column 2 (b): a quote is never closed");
  refuses(csv, "a,b\n\"1\n2\",\"x\"y\n", "E207 line 3, column 2 (b): text behind the closing quote");
  refuses(csv, "a,a\n", "E207 line 1: columns 1 and 2 are both named 'a'");
  refuses(csv, "a,b,\n", "E207 line 1: column 3 has no name");
}

TEST(ItemCsv, finds_a_stray_quote_without_reading_everything) {
  ItemLimits limits;
  limits.record_bytes_max = 1000;
  std::string text = "a,b\n1,5\" disk\n";
  for (int i = 0; i < 1000; ++i) text += "1,2\n";
  const Table table = read(csv, text, 100, limits);
  EXPECT_EQ(table.error.find("E207 line 2, column 2 (b): a quote inside"), 0U) << table.error;
}

TEST(ItemJsonl, reads_flat_objects) {
  expect(jsonl, "{\"a\":\"x\",\"b\":1}\n{\"b\":2.50,\"a\":\"y\"}\n", {"a", "b"}, {{"x", "1"}, {"y", "2.50"}});
  expect(jsonl, " { \"a\" : true , \"b\" : false } \r\n\n", {"a", "b"}, {{"true", "false"}}, 1);
  expect(jsonl, "{\"a\":-0,\"b\":1e5,\"c\":-12.5E-3}", {"a", "b", "c"}, {{"-0", "1e5", "-12.5E-3"}});
  expect(jsonl, "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83c\\udf89\"}", {"a"},
         {{"\"\\/\b\f\n\r\t\xc3\xa9🎉"}});
  expect(jsonl, "{\"a\":\"\",\"größe\":\"漢\"}", {"a", "größe"}, {{"", "漢"}});
  expect(jsonl, "{\"a\":12345678901234567890.123456789012345678901234567890}", {"a"},
         {{"12345678901234567890.123456789012345678901234567890"}});
  expect(jsonl, "{\"a\":\"\xff\"}", {"a"}, {{"\xff"}});
}

TEST(ItemJsonl, refuses_with_line_and_name) {
  const std::string first = "{\"a\":1,\"b\":2}\n";
  refuses(jsonl, first + "{\"a\":1}\n", "E207 line 2: column 2 (b) is missing");
  refuses(jsonl, first + "{\"a\":1,\"b\":2,\"c\":3}\n",
          "E207 line 2: the name 'c' is not in the first object");
  refuses(jsonl, first + "{\"a\":1,\"a\":2}\n", "E207 line 2: the name 'a' is there twice");
  refuses(jsonl, "{\"a\":1,\"a\":2}\n", "E207 line 1: columns 1 and 2 are both named 'a'");
  refuses(jsonl, first + "{\"a\":1,\"b\":[1]}\n", "E207 line 2: the value of 'b' is nested");
  refuses(jsonl, first + "{\"a\":{},\"b\":1}\n", "E207 line 2: the value of 'a' is nested");
  refuses(jsonl, first + "{\"a\":1,\"b\":null}\n", "E207 line 2: the value of 'b' is null");
  refuses(jsonl, "{}\n", "E207 line 1: the object is empty");
  refuses(jsonl, "[1]\n", "E207 line 1: an object { } is expected");
  refuses(jsonl, "\"a\"\n", "E207 line 1: an object { } is expected");
  refuses(jsonl, "{\"\":1}\n", "E207 line 1: column 1 has no name");
  refuses(jsonl, nul("{\"a\":\"0\"}\n"), "E207 line 1: a NUL at byte 7");
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"{\"a\":1", "a comma or } is expected"},
           {"{\"a\":1,}", "a name in quotes is expected"},
           {"{\"a\" 1}", "a colon is expected"},
           {"{a:1}", "a name in quotes is expected"},
           {"{'a':1}", "a name in quotes is expected"},
           {"{\"a\":1}}", "nothing is expected"},
           {"{\"a\":1} {\"a\":2}", "nothing is expected"},
           {"{\"a\":\"x}", "a quote is never closed"},
           {"{\"a\":\"x\ty\"}", "a control character"},
           {"{\"a\":\"\\x\"}", "the escape is not known"},
           {"{\"a\":\"\\u12g4\"}", "four hexadecimal digits"},
           {"{\"a\":\"\\u0000\"}", "a NUL cannot be part"},
           {"{\"a\":\"\\ud83c\"}", "half of a surrogate pair"},
           {"{\"a\":\"\\ud83cx\"}", "half of a surrogate pair"},
           {"{\"a\":\"\\udf89\"}", "half of a surrogate pair"},
           {"{\"a\":01}", "does not begin with 0"},
           {"{\"a\":1.}", "a digit is expected"},
           {"{\"a\":.5}", "no text, number or boolean"},
           {"{\"a\":-}", "a digit is expected"},
           {"{\"a\":1e}", "a digit is expected"},
           {"{\"a\":+1}", "no text, number or boolean"},
           {"{\"a\":True}", "no text, number or boolean"},
           {"{\"a\":NaN}", "no text, number or boolean"},
           {"{\"a\":trueish}", "a comma or } is expected"},
           {"{\"a\":}", "no text, number or boolean"},
       }) {
    refuses(jsonl, text, why);
  }
}

TEST(ItemLimits, hold) {
  ItemLimits limits;
  limits.rows_max = 3;
  limits.record_bytes_max = 10;
  limits.columns_max = 2;
  EXPECT_EQ(read(lines, "a\nb\nc\n", 2, limits).error, "");
  EXPECT_EQ(read(lines, "a\nb\nc\nd\n", 2, limits).error, "E207 line 4: more than 3 items");
  EXPECT_EQ(read(lines, "0123456789\n", 100, limits).error, "");
  for (const std::size_t chunk : {1U, 7U, 100U}) {
    EXPECT_EQ(read(lines, "a\n01234567890\n", chunk, limits).error, "E207 line 2: longer than 10 bytes");
    EXPECT_EQ(read(nul_lines, nul("a0bcdefghijklm"), chunk, limits).error,
              "E207 item 2: longer than 10 bytes");
  }
  EXPECT_EQ(read(csv, "a,b,c\n", 100, limits).error, "E207 line 1: more than 2 columns");
  const auto refused = parse_items(lines, "a\nb\nc\nd\n", limits);
  EXPECT_EQ(refused.error().kind, ErrorKind::too_large);
}

TEST(ItemBlocks, are_cut_at_about_the_size_asked_for) {
  ItemLimits limits;
  limits.block_bytes = 1000;
  std::string text = "a\tb\n";
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + "\tvalue\n";
  const auto blocks = parse_items(tsv, text, limits);
  ASSERT_TRUE(blocks);
  EXPECT_GT(blocks->size(), 10U);
  std::size_t rows = 0;
  for (const ItemBlock& block : *blocks) {
    EXPECT_LE(block.bytes.size() + block.ends.size() * 4, 1100U);
    EXPECT_EQ(block.field(0, 0), std::to_string(rows));
    rows += block.rows();
  }
  EXPECT_EQ(rows, 1000U);
}

TEST(ItemBlocks, tell_when_they_are_not_whole) {
  EXPECT_TRUE((ItemBlock{{"a"}, "xy", {1, 2}}.consistent()));
  EXPECT_TRUE((ItemBlock{{"a"}, "", {}}.consistent()));
  EXPECT_FALSE((ItemBlock{{}, "", {}}.consistent()));
  EXPECT_FALSE((ItemBlock{{"a", "b"}, "x", {1}}.consistent()));
  EXPECT_FALSE((ItemBlock{{"a"}, "xy", {2, 1}}.consistent()));
  EXPECT_FALSE((ItemBlock{{"a"}, "xy", {1, 3}}.consistent()));
  EXPECT_FALSE((ItemBlock{{"a"}, "xy", {1}}.consistent()));
  EXPECT_FALSE((ItemBlock{{"a"}, std::string("x\0", 2), {2}}.consistent()));
}

TEST(ItemFormats, follow_from_the_name) {
  EXPECT_EQ(item_format_of("samples.tsv"), tsv);
  EXPECT_EQ(item_format_of("dir.csv/samples.TAB"), tsv);
  EXPECT_EQ(item_format_of("a.CSV"), csv);
  EXPECT_EQ(item_format_of("a.jsonl"), jsonl);
  EXPECT_EQ(item_format_of("a.ndjson"), jsonl);
  EXPECT_EQ(item_format_of("a.txt"), lines);
  EXPECT_EQ(item_format_of("csv"), lines);
  EXPECT_EQ(item_format_of(""), lines);
}

std::string csv_quoted(const std::string& value) {
  std::string out = "\"";
  for (const char c : value) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string json_quoted(const std::string& value) {
  std::string out = "\"";
  for (const char c : value) {
    const bool escaped = c == '"' || c == '\\';
    const bool control = static_cast<unsigned char>(c) < 0x20;
    constexpr std::string_view kDigits = "0123456789abcdef";
    if (control) {
      out += std::string("\\u00") + kDigits[static_cast<std::size_t>(c) >> 4U] +
             kDigits[static_cast<std::size_t>(c) & 15U];
    } else {
      out += (escaped ? "\\" : "") + std::string(1, c);
    }
  }
  return out + "\"";
}

TEST(ItemTables, values_come_out_as_they_went_in) {
  EXPECT_TRUE(rc::check("csv and jsonl round trip", []() {
    const auto character = rc::gen::weightedOneOf<char>(
        {{3, rc::gen::element<char>('"', ',', '\n', '\r', '\\', '{', ' ')}, {2, rc::gen::nonZero<char>()}});
    const Rows rows = *rc::gen::nonEmpty(
        rc::gen::container<Rows>(rc::gen::container<Row>(3, rc::gen::container<std::string>(character))));
    std::string as_csv = "a,b,c\n";
    std::string as_jsonl;
    for (const Row& row : rows) {
      as_csv += csv_quoted(row[0]) + "," + csv_quoted(row[1]) + "," + csv_quoted(row[2]) + "\n";
      as_jsonl += "{\"a\":" + json_quoted(row[0]) + ",\"b\":" + json_quoted(row[1]) +
                  ",\"c\":" + json_quoted(row[2]) + "}\n";
    }
    const auto chunk = *rc::gen::inRange<std::size_t>(1, 40);
    RC_ASSERT(read(csv, as_csv, chunk).rows == rows);
    RC_ASSERT(read(jsonl, as_jsonl, chunk).rows == rows);
  }));
}

TEST(ItemTables, chunks_do_not_matter) {
  const auto piece =
      rc::gen::element<std::string>("a", "b", ",", "\t", "\n", "\r\n", "\"", "\"\"", "{\"a\":1}",
                                    "{\"a\":", "\xEF\xBB\xBF", " ", std::string(1, '\0'), "\\u0041", "}");
  EXPECT_TRUE(rc::check("any text in any chunks", [&]() {
    std::string text;
    for (const std::string& part : *rc::gen::container<std::vector<std::string>>(piece)) text += part;
    const auto chunk = *rc::gen::inRange<std::size_t>(1, 8);
    for (const ItemFormat format : {lines, nul_lines, tsv, csv, jsonl}) {
      const Table whole = read(format, text, 1000000);
      const Table parts = read(format, text, chunk);
      RC_ASSERT(parts.error == whole.error);
      RC_ASSERT(parts.columns == whole.columns);
      RC_ASSERT(parts.rows == whole.rows);
      RC_ASSERT(parts.blank_lines == whole.blank_lines);
    }
  }));
}

}  // namespace
}  // namespace muster
