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

std::string node_or_reason(const JobRow& job) {
  return job.state == JobState::pending ? "(" + job.reason + ")" : job.worker;
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

std::string usage_value(std::string_view name, const JobRow& job, Step step) {
  const bool ended = job.ended_wall_us != 0;
  if (name == "MaxRSS" || name == "AveRSS") {
    if (step == Step::job || !ended) return "";
    return std::to_string(static_cast<std::uint64_t>(std::llround(job.peak_memory_mb * 1024))) + "K";
  }
  if (name == "TotalCPU") return cpu_text(job.user_s + job.system_s);
  if (name == "UserCPU") return cpu_text(job.user_s);
  return cpu_text(job.system_s);
}

std::string state_text(const JobRow& job) { return std::string(long_text(job.state)); }

struct AccountName {
  std::string_view name;
  std::size_t width;
};
constexpr std::array<AccountName, 38> kAccountNames{
    {{"Account", 10},   {"AllocCPUS", 10},  {"AllocNodes", 10},
     {"AveRSS", 10},    {"Cluster", 10},    {"Comment", 14},
     {"CPUTime", 10},   {"CPUTimeRAW", 10}, {"DerivedExitCode", 15},
     {"Elapsed", 10},   {"ElapsedRaw", 10}, {"End", 19},
     {"ExitCode", 8},   {"Group", 9},       {"JobID", 12},
     {"JobIDRaw", 12},  {"JobName", 10},    {"MaxRSS", 10},
     {"NCPUS", 10},     {"NNodes", 8},      {"NodeList", 15},
     {"NTasks", 8},     {"Partition", 10},  {"Priority", 10},
     {"QOS", 10},       {"Reason", 22},     {"ReqCPUS", 8},
     {"ReqMem", 10},    {"Restarts", 8},    {"Start", 19},
     {"State", 10},     {"Submit", 19},     {"SystemCPU", 10},
     {"Timelimit", 10}, {"TotalCPU", 10},   {"User", 9},
     {"UserCPU", 10},   {"WorkDir", 20}}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_name(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other, [](char a, char b) { return lower(a) == lower(b); });
}

// Who, where and what: the same for a job and its step, but for a few.
std::string identity_value(std::string_view name, const JobRow& job, Step step) {
  const bool is_step = step == Step::batch;
  if (name == "JobID" || name == "JobIDRaw") return job.id() + (is_step ? ".batch" : "");
  if (name == "JobName") return is_step ? "batch" : job.facts->name;
  if (name == "Partition") return is_step ? "" : job.facts->partition;
  if (name == "User" || name == "Group") return is_step ? "" : job.facts->user;
  if (name == "Account") return text_of_label(job, "account", "");
  if (name == "QOS") return is_step ? "" : text_of_label(job, "qos", "normal");
  if (name == "Comment") return is_step ? "" : text_of_label(job, "comment", "");
  if (name == "WorkDir") return is_step ? "" : text_of_label(job, kFolderLabel, "");
  if (name == "Cluster") return "muster";
  if (name == "NodeList") return job.worker.empty() ? "None assigned" : job.worker;
  if (name == "Priority") return is_step ? "" : std::to_string(job.facts->priority);
  if (name == "Reason") return is_step ? "" : job.reason;
  if (name == "NTasks") return is_step ? "1" : "";
  if (name == "ReqMem") return is_step ? "" : memory_text(job.mem_mb);
  if (name == "Timelimit") return is_step ? "" : limit_text(job, false);
  return "";
}

std::string measure_value(std::string_view name, const JobRow& job, std::int64_t now_wall_us) {
  const std::int64_t elapsed = job.elapsed_us(now_wall_us);
  const auto cpus = static_cast<std::int64_t>(job.cpus);
  if (name == "State") return state_text(job);
  if (name == "ExitCode" || name == "DerivedExitCode") return exit_text(job);
  if (name == "Elapsed") return full_duration(elapsed);
  if (name == "ElapsedRaw") return std::to_string(elapsed / 1'000'000);
  if (name == "CPUTime") return full_duration(elapsed * cpus);
  if (name == "CPUTimeRAW") return std::to_string(elapsed * cpus / 1'000'000);
  if (name == "Start") return local_time(job.started_wall_us);
  if (name == "End") return local_time(job.ended_wall_us);
  if (name == "Submit") return local_time(job.submitted_wall_us);
  if (name == "Restarts") return std::to_string(job.restarts);
  if (name == "AllocNodes" || name == "NNodes") return job.state == JobState::pending ? "0" : "1";
  if (name == "AllocCPUS" || name == "NCPUS")
    return job.state == JobState::pending ? "0" : std::to_string(cpus);
  return std::to_string(cpus);  // ReqCPUS
}

std::string queue_time(char field, const JobRow& job, std::int64_t now_wall_us) {
  switch (field) {
    case 'M':
      return brief_duration(job.elapsed_us(now_wall_us));
    case 'l':
      return limit_text(job, true);
    case 'L':
      if (job.time_limit_us == 0) return "UNLIMITED";
      return brief_duration(std::max<std::int64_t>(0, job.time_limit_us - job.elapsed_us(now_wall_us)));
    case 'S':
      return job.started_wall_us == 0 ? "N/A" : local_time(job.started_wall_us);
    case 'e':
      return job.ended_wall_us == 0 ? "N/A" : local_time(job.ended_wall_us);
    default:
      return local_time(job.submitted_wall_us);
  }
}

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
    if (i >= format.size() || fields.find(format[i]) == std::string_view::npos) {
      return refuse(
          ErrorKind::usage, kMalformedValue,
          join_text("the format has the field %", i < format.size() ? std::string(1, format[i]) : "",
                    ", which is not known here"),
          join_text("there are: ", fields));
    }
    piece.field = format[i];
    pieces.push_back(std::move(piece));
  }
  if (!literal.empty()) pieces.push_back({std::move(literal)});
  return pieces;
}

std::string queue_heading(char field) {
  constexpr std::array<std::pair<char, std::string_view>, 31> kHeadings{{{'i', "JOBID"},
                                                                         {'P', "PARTITION"},
                                                                         {'j', "NAME"},
                                                                         {'u', "USER"},
                                                                         {'t', "ST"},
                                                                         {'T', "STATE"},
                                                                         {'M', "TIME"},
                                                                         {'l', "TIME_LIMIT"},
                                                                         {'L', "TIME_LEFT"},
                                                                         {'D', "NODES"},
                                                                         {'R', "NODELIST(REASON)"},
                                                                         {'r', "REASON"},
                                                                         {'N', "NODELIST"},
                                                                         {'B', "EXEC_HOST"},
                                                                         {'C', "CPUS"},
                                                                         {'m', "MIN_MEMORY"},
                                                                         {'Q', "PRIORITY"},
                                                                         {'p', "PRIORITY"},
                                                                         {'S', "START_TIME"},
                                                                         {'e', "END_TIME"},
                                                                         {'V', "SUBMIT_TIME"},
                                                                         {'a', "ACCOUNT"},
                                                                         {'A', "JOBID"},
                                                                         {'F', "ARRAY_JOB_ID"},
                                                                         {'K', "ARRAY_TASK_ID"},
                                                                         {'k', "COMMENT"},
                                                                         {'o', "COMMAND"},
                                                                         {'Z', "WORK_DIR"},
                                                                         {'q', "QOS"},
                                                                         {'U', "UID"},
                                                                         {'y', "NICE"}}};
  const auto found = std::ranges::find(kHeadings, field, [](const auto& pair) { return pair.first; });
  return found == kHeadings.end() ? "" : std::string(found->second);
}

std::string queue_value(char field, const JobRow& job, std::int64_t now_wall_us) {
  const BatchFacts& facts = *job.facts;
  switch (field) {
    case 'i':
    case 'A':
      return job.id();
    case 'P':
      return facts.partition;
    case 'j':
      return facts.name;
    case 'u':
      return facts.user;
    case 't':
      return std::string(short_text(job.state));
    case 'T':
      return std::string(long_text(job.state));
    case 'D':
      return "1";
    case 'R':
      return node_or_reason(job);
    case 'r':
      return job.reason;
    case 'N':
    case 'B':
      return job.worker.empty() && field == 'B' ? "n/a" : job.worker;
    case 'C':
      return std::to_string(job.cpus);
    case 'm':
      return memory_text(job.mem_mb);
    case 'Q':
    case 'p':
      return std::to_string(facts.priority);
    case 'y':
      return std::to_string(-facts.priority);
    case 'a':
      return text_of_label(job, "account", "(null)");
    case 'F':
      return std::to_string(job.batch);
    case 'K':
      return facts.is_array ? std::to_string(job.index) : "N/A";
    case 'k':
      return text_of_label(job, "comment", "(null)");
    case 'o':
      return text_of_label(job, kScriptLabel, "(null)");
    case 'Z':
      return text_of_label(job, kFolderLabel, "(null)");
    case 'q':
      return text_of_label(job, "qos", "normal");
    case 'U':
      return facts.mine ? std::to_string(geteuid()) : "N/A";
    default:
      return queue_time(field, job, now_wall_us);
  }
}

Result<std::vector<AccountColumn>> parse_account_columns(const std::vector<std::string>& names) {
  std::vector<AccountColumn> columns;
  for (const std::string& asked : names) {
    const std::size_t mark = asked.find('%');
    const std::string_view name = std::string_view(asked).substr(0, mark);
    const auto known = std::ranges::find_if(
        kAccountNames, [&](const AccountName& one) { return same_name(one.name, name); });
    if (known == kAccountNames.end()) {
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text("Invalid field requested: \"", escape_text(name), "\""),
                    "sacct --helpformat lists them");
    }
    AccountColumn column{std::string(known->name), known->width, Align::right};
    if (mark != std::string::npos) {
      std::string_view width = std::string_view(asked).substr(mark + 1);
      if (width.starts_with('-')) {
        column.align = Align::left;
        width.remove_prefix(1);
      }
      std::size_t value = 0;
      for (const char c : width) {
        if (c < '0' || c > '9' || value > 4096)
          return refuse(ErrorKind::usage, kMalformedValue,
                        join_text("the width of ", escape_text(asked), " is no number"));
        value = value * 10 + static_cast<std::size_t>(c - '0');
      }
      if (value != 0) column.width = value;
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

std::vector<std::string> account_names() {
  std::vector<std::string> names;
  for (const AccountName& one : kAccountNames) names.emplace_back(one.name);
  return names;
}

std::string account_value(std::string_view name, const JobRow& job, Step step, std::int64_t now_wall_us) {
  constexpr std::array<std::string_view, 5> kUsage{"MaxRSS", "AveRSS", "TotalCPU", "UserCPU", "SystemCPU"};
  constexpr std::array<std::string_view, 17> kIdentity{
      "JobID",   "JobIDRaw", "JobName",  "Partition", "User",   "Group",  "Account", "QOS",      "Comment",
      "WorkDir", "Cluster",  "NodeList", "Priority",  "Reason", "NTasks", "ReqMem",  "Timelimit"};
  if (std::ranges::find(kUsage, name) != kUsage.end()) return usage_value(name, job, step);
  if (std::ranges::find(kIdentity, name) != kIdentity.end()) return identity_value(name, job, step);
  return measure_value(name, job, now_wall_us);
}

}  // namespace muster::doors::slurm
