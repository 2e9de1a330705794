// The columns of squeue and sacct: what each prints for a job, and how wide.
// Names, headings and the ways in which times are written are those of Slurm 22.05.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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

// A piece of a format of squeue or sinfo: text between, or one field.
struct FormatPiece {
  std::string literal;
  char field = 0;
  std::size_t width = 0;
  Align align = Align::left;
};
// "%.18i %.9P"; E203 for a field that `fields` does not have.
Result<std::vector<FormatPiece>> parse_format(std::string_view format, std::string_view fields);

inline constexpr std::string_view kQueueFields = "iPjutTMlLDRrNBCmQpSeVaAFKkoZqUy";
std::string queue_heading(char field);
std::string queue_value(char field, const JobRow& job, std::int64_t now_wall_us);

// A column of sacct, by its name without regard to case.
struct AccountColumn {
  std::string name;
  std::size_t width = 10;
  Align align = Align::right;
};
Result<std::vector<AccountColumn>> parse_account_columns(const std::vector<std::string>& names);
// Every name there is, for --helpformat.
std::vector<std::string> account_names();
// A job has a line of its own and one for its step "batch", which knows what was used.
enum class Step : std::uint8_t { job, batch };
std::string account_value(std::string_view name, const JobRow& job, Step step, std::int64_t now_wall_us);

}  // namespace muster::doors::slurm
