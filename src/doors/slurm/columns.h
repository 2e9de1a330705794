// The columns of squeue and sacct: what each prints for a job, and how wide.
// Names, headings and the ways in which times are written are those of Slurm 22.05.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "doors/slurm/jobs.h"

namespace muster::doors::slurm {

enum class Align : std::uint8_t { left, right };

// "1-02:03:04", "2:03:04", "3:04" as squeue writes it.
std::string brief_duration(std::int64_t duration_us);
// "1-02:03:04", "02:03:04" as sacct and scontrol write it.
std::string full_duration(std::int64_t duration_us);
// "2026-11-21T18:45:48" in the time zone of the caller; "Unknown" for 0.
std::string local_time(std::int64_t wall_us);
// "4000M", "16G".
std::string memory_text(std::uint64_t mem_mb);
// `text` in so many columns, cut when it is longer; 0: as long as it is.
std::string padded(std::string_view text, std::size_t width, Align align);

// A field of a format of squeue or sinfo: its letter, what stands above it, and what a row has there.
template <class Row>
struct FormatColumn {
  char field;
  std::string_view heading;
  std::string (*value)(const Row& row, std::int64_t now_wall_us);
};
// A piece of a format: text between, then a field unless it is the last piece.
struct FormatPiece {
  std::string literal;
  std::optional<std::size_t> column;
  std::size_t width = 0;
  Align align = Align::left;
};
// "%.18i %.9P"; `fields` are the letters that are known, a column each. E203 for another.
Result<std::vector<FormatPiece>> parse_format(std::string_view format, std::string_view fields);

// A format with its columns: makes the heading and one line of each row.
template <class Row>
class RowFormat {
 public:
  static Result<RowFormat> parse(std::string_view format, std::span<const FormatColumn<Row>> columns) {
    std::string fields;
    for (const FormatColumn<Row>& column : columns) fields += column.field;
    auto pieces = parse_format(format, fields);
    if (!pieces) return std::unexpected(pieces.error());
    return RowFormat(columns, std::move(*pieces));
  }
  std::string heading() const {
    return line_of([](const FormatColumn<Row>& column) { return std::string(column.heading); });
  }
  std::string line(const Row& row, std::int64_t now_wall_us) const {
    return line_of([&](const FormatColumn<Row>& column) { return column.value(row, now_wall_us); });
  }

 private:
  RowFormat(std::span<const FormatColumn<Row>> columns, std::vector<FormatPiece> pieces)
      : columns_(columns), pieces_(std::move(pieces)) {}
  template <class TextOf>
  std::string line_of(TextOf text_of) const {
    std::string line;
    for (const FormatPiece& piece : pieces_) {
      line += piece.literal;
      if (piece.column) line += padded(text_of(columns_[*piece.column]), piece.width, piece.align);
    }
    return line + "\n";
  }

  std::span<const FormatColumn<Row>> columns_;
  std::vector<FormatPiece> pieces_;
};

// What squeue shows: a job, or waiting tasks of an array together.
struct QueueLine {
  const JobRow* job;
  std::string id;  // "42_[3-9]"
};
std::span<const FormatColumn<QueueLine>> queue_columns();

// A job has a line of its own in sacct and one for its step "batch", which knows what was used.
enum class Step : std::uint8_t { job, batch };
struct AccountLine {
  const JobRow* job;
  Step step;
  std::int64_t now_wall_us;
};
// A column of sacct, by its name without regard to case.
struct AccountColumn {
  std::string_view name;
  std::size_t width;
  std::string (*value)(const AccountLine& line);
  Align align = Align::right;
};
std::span<const AccountColumn> account_columns();
// "JobID", "State%20", "State%-20"; E203.
Result<std::vector<AccountColumn>> parse_account_columns(const std::vector<std::string>& names);
// The part behind the % of such a name is put into `width` and `align`.
Result<void> read_width(std::string_view asked, std::size_t& width, Align& align);
// Whether two names of columns are the same: their case says nothing.
bool same_name(std::string_view one, std::string_view other);

// How sacct and sacctmgr set their columns: padded with a blank after each, or with bars between (or after) them.
struct AccountStyle {
  bool parsable = false, ends_with_bar = false;
  std::string bar = "|";
};
AccountStyle account_style(const Given& given);
struct AccountCell {
  std::string text;
  std::size_t width;
  Align align;
};
std::string account_line(const std::vector<AccountCell>& cells, const AccountStyle& style);
// The line of dashes below the headings.
std::string account_rule(std::vector<AccountCell> headings, const AccountStyle& style);

}  // namespace muster::doors::slurm
