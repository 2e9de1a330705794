// What the columns of squeue and sacct print.
// A value that a job does not have is what Slurm prints for it: N/A, Unknown, or nothing.
#include "doors/slurm/columns.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "client/text.h"
#include "core/escape.h"

namespace muster::doors::slurm {
namespace {

using client::join_text;

std::string two(std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

std::string text_of_label(const JobRow& job, std::string_view label, std::string_view fallback) {
  const auto found = job.facts->labels.find(label);
  return found == job.facts->labels.end() ? std::string(fallback) : found->second;
}

std::string exit_text(const JobRow& job) { return join_text(job.exit_code, ":", job.signal); }

std::string limit_text(const JobRow& job, bool brief) {
  if (job.time_limit_us == 0) return "UNLIMITED";
  return brief ? brief_duration(job.time_limit_us) : full_duration(job.time_limit_us);
}

// "00:01.250", "01:02:03": CPU time as sacct writes it.
std::string cpu_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds);
  const auto milli = static_cast<std::int64_t>(std::lround((seconds - static_cast<double>(whole)) * 1000));
  if (whole >= 3600) return full_duration(whole * 1'000'000);
  std::string fraction = std::to_string(std::min<std::int64_t>(milli, 999));
  fraction.insert(0, 3 - fraction.size(), '0');
  return join_text(two(whole / 60), ":", two(whole % 60), ".", fraction);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string time_or(std::int64_t wall_us, const char* fallback) {
  return wall_us == 0 ? fallback : local_time(wall_us);
}

std::string time_left(const JobRow& job, std::int64_t now_wall_us) {
  if (job.time_limit_us == 0) return "UNLIMITED";
  return brief_duration(std::max<std::int64_t>(0, job.time_limit_us - job.elapsed_us(now_wall_us)));
}

using Q = QueueLine;
constexpr std::array<FormatColumn<QueueLine>, 31> kQueue{{
    {'i', "JOBID", [](const Q& line, std::int64_t) { return line.id; }},
    {'P', "PARTITION", [](const Q& line, std::int64_t) { return line.job->facts->partition; }},
    {'j', "NAME", [](const Q& line, std::int64_t) { return line.job->facts->name; }},
    {'u', "USER", [](const Q& line, std::int64_t) { return line.job->facts->user; }},
    {'t', "ST", [](const Q& line, std::int64_t) { return std::string(short_text(line.job->state)); }},
    {'T', "STATE", [](const Q& line, std::int64_t) { return std::string(long_text(line.job->state)); }},
    {'M', "TIME", [](const Q& line, std::int64_t now) { return brief_duration(line.job->elapsed_us(now)); }},
    {'l', "TIME_LIMIT", [](const Q& line, std::int64_t) { return limit_text(*line.job, true); }},
    {'L', "TIME_LEFT", [](const Q& line, std::int64_t now) { return time_left(*line.job, now); }},
    {'D', "NODES", [](const Q&, std::int64_t) { return std::string("1"); }},
    {'R', "NODELIST(REASON)",
     [](const Q& line, std::int64_t) {
       return line.job->state == JobState::pending ? "(" + line.job->reason + ")" : line.job->worker;
     }},
    {'r', "REASON", [](const Q& line, std::int64_t) { return line.job->reason; }},
    {'N', "NODELIST", [](const Q& line, std::int64_t) { return line.job->worker; }},
    {'B', "EXEC_HOST",
     [](const Q& line, std::int64_t) { return line.job->worker.empty() ? "n/a" : line.job->worker; }},
    {'C', "CPUS", [](const Q& line, std::int64_t) { return std::to_string(line.job->cpus); }},
    {'m', "MIN_MEMORY", [](const Q& line, std::int64_t) { return memory_text(line.job->mem_mb); }},
    {'Q', "PRIORITY", [](const Q& line, std::int64_t) { return std::to_string(line.job->facts->priority); }},
    {'p', "PRIORITY", [](const Q& line, std::int64_t) { return std::to_string(line.job->facts->priority); }},
    {'S', "START_TIME",
     [](const Q& line, std::int64_t) { return time_or(line.job->started_wall_us, "N/A"); }},
    {'e', "END_TIME", [](const Q& line, std::int64_t) { return time_or(line.job->ended_wall_us, "N/A"); }},
    {'V', "SUBMIT_TIME", [](const Q& line, std::int64_t) { return local_time(line.job->submitted_wall_us); }},
    {'a', "ACCOUNT",
     [](const Q& line, std::int64_t) { return text_of_label(*line.job, "account", "(null)"); }},
    {'A', "JOBID", [](const Q& line, std::int64_t) { return line.job->id(); }},
    {'F', "ARRAY_JOB_ID", [](const Q& line, std::int64_t) { return std::to_string(line.job->batch); }},
    {'K', "ARRAY_TASK_ID",
     [](const Q& line, std::int64_t) {
       return line.job->facts->is_array ? std::to_string(line.job->index) : std::string("N/A");
     }},
    {'k', "COMMENT",
     [](const Q& line, std::int64_t) { return text_of_label(*line.job, "comment", "(null)"); }},
    {'o', "COMMAND",
     [](const Q& line, std::int64_t) { return text_of_label(*line.job, kScriptLabel, "(null)"); }},
    {'Z', "WORK_DIR",
     [](const Q& line, std::int64_t) { return text_of_label(*line.job, kFolderLabel, "(null)"); }},
    {'q', "QOS", [](const Q& line, std::int64_t) { return text_of_label(*line.job, "qos", "normal"); }},
    {'U', "UID",
     [](const Q& line, std::int64_t) {
       return line.job->facts->mine ? std::to_string(geteuid()) : std::string("N/A");
     }},
    {'y', "NICE", [](const Q& line, std::int64_t) { return std::to_string(-line.job->facts->priority); }},
}};

std::string of_job(const AccountLine& line, std::string text) {
  return line.step == Step::job ? std::move(text) : std::string();
}

std::string cpus_text(const AccountLine& line) {
  return line.job->state == JobState::pending ? "0" : std::to_string(line.job->cpus);
}

std::string nodes_text(const AccountLine& line) { return line.job->state == JobState::pending ? "0" : "1"; }

std::string id_text(const AccountLine& line) {
  return line.job->id() + (line.step == Step::batch ? ".batch" : "");
}

std::int64_t elapsed_us(const AccountLine& line) { return line.job->elapsed_us(line.now_wall_us); }

std::int64_t cpu_time_us(const AccountLine& line) {
  return elapsed_us(line) * static_cast<std::int64_t>(line.job->cpus);
}

std::string peak_text(const AccountLine& line) {
  if (line.step == Step::job || line.job->ended_wall_us == 0) return "";
  return std::to_string(static_cast<std::uint64_t>(std::llround(line.job->peak_memory_mb * 1024))) + "K";
}

using A = AccountLine;
constexpr std::array<AccountColumn, 38> kAccount{{
    {"Account", 10, [](const A& line) { return text_of_label(*line.job, "account", ""); }},
    {"AllocCPUS", 10, cpus_text},
    {"AllocNodes", 10, nodes_text},
    {"AveRSS", 10, peak_text},
    {"Cluster", 10, [](const A&) { return std::string("muster"); }},
    {"Comment", 14, [](const A& line) { return of_job(line, text_of_label(*line.job, "comment", "")); }},
    {"CPUTime", 10, [](const A& line) { return full_duration(cpu_time_us(line)); }},
    {"CPUTimeRAW", 10, [](const A& line) { return std::to_string(cpu_time_us(line) / 1'000'000); }},
    {"DerivedExitCode", 15, [](const A& line) { return exit_text(*line.job); }},
    {"Elapsed", 10, [](const A& line) { return full_duration(elapsed_us(line)); }},
    {"ElapsedRaw", 10, [](const A& line) { return std::to_string(elapsed_us(line) / 1'000'000); }},
    {"End", 19, [](const A& line) { return local_time(line.job->ended_wall_us); }},
    {"ExitCode", 8, [](const A& line) { return exit_text(*line.job); }},
    {"Group", 9, [](const A& line) { return of_job(line, line.job->facts->user); }},
    {"JobID", 12, id_text},
    {"JobIDRaw", 12, id_text},
    {"JobName", 10, [](const A& line) { return line.step == Step::batch ? "batch" : line.job->facts->name; }},
    {"MaxRSS", 10, peak_text},
    {"NCPUS", 10, cpus_text},
    {"NNodes", 8, nodes_text},
    {"NodeList", 15,
     [](const A& line) { return line.job->worker.empty() ? "None assigned" : line.job->worker; }},
    {"NTasks", 8, [](const A& line) { return std::string(line.step == Step::batch ? "1" : ""); }},
    {"Partition", 10, [](const A& line) { return of_job(line, line.job->facts->partition); }},
    {"Priority", 10, [](const A& line) { return of_job(line, std::to_string(line.job->facts->priority)); }},
    {"QOS", 10, [](const A& line) { return of_job(line, text_of_label(*line.job, "qos", "normal")); }},
    {"Reason", 22, [](const A& line) { return of_job(line, line.job->reason); }},
    {"ReqCPUS", 8, [](const A& line) { return std::to_string(line.job->cpus); }},
    {"ReqMem", 10, [](const A& line) { return of_job(line, memory_text(line.job->mem_mb)); }},
    {"Restarts", 8, [](const A& line) { return std::to_string(line.job->restarts); }},
    {"Start", 19, [](const A& line) { return local_time(line.job->started_wall_us); }},
    {"State", 10, [](const A& line) { return std::string(long_text(line.job->state)); }},
    {"Submit", 19, [](const A& line) { return local_time(line.job->submitted_wall_us); }},
    {"SystemCPU", 10, [](const A& line) { return cpu_text(line.job->system_s); }},
    {"Timelimit", 10, [](const A& line) { return of_job(line, limit_text(*line.job, false)); }},
    {"TotalCPU", 10, [](const A& line) { return cpu_text(line.job->user_s + line.job->system_s); }},
    {"User", 9, [](const A& line) { return of_job(line, line.job->facts->user); }},
    {"UserCPU", 10, [](const A& line) { return cpu_text(line.job->user_s); }},
    {"WorkDir", 20, [](const A& line) { return of_job(line, text_of_label(*line.job, kFolderLabel, "")); }},
}};

}  // namespace

std::string brief_duration(std::int64_t duration_us) {
  const std::int64_t seconds = duration_us / 1'000'000;
  const std::int64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
  if (days > 0) return join_text(days, "-", two(hours), ":", two(minutes), ":", two(seconds % 60));
  if (hours > 0) return join_text(hours, ":", two(minutes), ":", two(seconds % 60));
  return join_text(minutes, ":", two(seconds % 60));
}

std::string full_duration(std::int64_t duration_us) {
  const std::int64_t seconds = duration_us / 1'000'000;
  const std::string clock =
      join_text(two(seconds / 3600 % 24), ":", two(seconds / 60 % 60), ":", two(seconds % 60));
  return seconds >= 86400 ? join_text(seconds / 86400, "-", clock) : clock;
}

std::string local_time(std::int64_t wall_us) {
  if (wall_us == 0) return "Unknown";
  const time_t seconds = wall_us / 1'000'000;
  tm parts{};
  localtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t length = strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return std::string(text.data(), length);
}

std::string memory_text(std::uint64_t mem_mb) {
  if (mem_mb != 0 && mem_mb % 1024 == 0) return std::to_string(mem_mb / 1024) + "G";
  return std::to_string(mem_mb) + "M";
}

std::string padded(std::string_view text, std::size_t width, Align align) {
  std::string shown = escape_text(text);
  if (width == 0) return shown;
  if (shown.size() >= width) return shown.substr(0, width);
  shown.insert(align == Align::right ? 0 : shown.size(), width - shown.size(), ' ');
  return shown;
}

Result<std::vector<FormatPiece>> parse_format(std::string_view format, std::string_view fields) {
  std::vector<FormatPiece> pieces;
  std::string literal;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      literal += format[i];
      continue;
    }
    FormatPiece piece;
    piece.literal = std::exchange(literal, {});
    ++i;
    if (i < format.size() && format[i] == '.') {
      piece.align = Align::right;
      ++i;
    }
    for (; i < format.size() && format[i] >= '0' && format[i] <= '9'; ++i)
      piece.width = std::min<std::size_t>(piece.width * 10 + static_cast<std::size_t>(format[i] - '0'), 4096);
    const std::size_t column = i < format.size() ? fields.find(format[i]) : std::string_view::npos;
    if (column == std::string_view::npos) {
      const std::string field = i < format.size() ? escape_text(format.substr(i, 1)) : "";
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text("the format has the field %", field, ", which is not known here"),
                    join_text("there are: ", fields));
    }
    piece.column = column;
    pieces.push_back(std::move(piece));
  }
  if (!literal.empty()) pieces.push_back({std::move(literal), std::nullopt});
  return pieces;
}

std::span<const FormatColumn<QueueLine>> queue_columns() { return kQueue; }
std::span<const AccountColumn> account_columns() { return kAccount; }

Result<std::vector<AccountColumn>> parse_account_columns(const std::vector<std::string>& names) {
  std::vector<AccountColumn> columns;
  for (const std::string& asked : names) {
    const std::size_t mark = asked.find('%');
    const std::string_view name = std::string_view(asked).substr(0, mark);
    const auto known =
        std::ranges::find_if(kAccount, [&](const AccountColumn& one) { return same_name(one.name, name); });
    if (known == kAccount.end()) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text("Invalid field requested: \"", escape_text(name), "\""),
                    "sacct --helpformat lists them");
    }
    AccountColumn column = *known;
    if (const auto read = read_width(asked, column.width, column.align); !read)
      return std::unexpected(read.error());
    columns.push_back(column);
  }
  return columns;
}

bool same_name(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other, [](char a, char b) { return lower(a) == lower(b); });
}

Result<void> read_width(std::string_view asked, std::size_t& width, Align& align) {
  const std::size_t mark = asked.find('%');
  if (mark == std::string_view::npos) return {};
  std::string_view digits = asked.substr(mark + 1);
  if (digits.starts_with('-')) {
    align = Align::left;
    digits.remove_prefix(1);
  }
  std::size_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9' || value > 4096)
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text("the width of ", escape_text(asked), " is no number"));
    value = value * 10 + static_cast<std::size_t>(c - '0');
  }
  if (value != 0) width = value;
  return {};
}

AccountStyle account_style(const Given& given) {
  AccountStyle style;
  style.ends_with_bar = given.has("parsable");
  style.parsable = style.ends_with_bar || given.has("parsable2");
  style.bar = given.text("delimiter", "|");
  return style;
}

std::string account_line(const std::vector<AccountCell>& cells, const AccountStyle& style) {
  std::string out;
  for (const AccountCell& cell : cells) {
    if (!out.empty()) out += style.parsable ? style.bar : " ";
    out += style.parsable ? escape_text(cell.text) : padded(cell.text, cell.width, cell.align);
  }
  if (style.ends_with_bar) out += style.bar;
  return out + (style.parsable ? "\n" : " \n");
}

std::string account_rule(std::vector<AccountCell> headings, const AccountStyle& style) {
  if (style.parsable) return "";
  for (AccountCell& heading : headings) heading.text = std::string(heading.width, '-');
  return account_line(headings, style);
}

}  // namespace muster::doors::slurm
