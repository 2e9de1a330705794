// Reading what sbatch and srun are asked for.
// Memory is counted in MiB and a time limit in minutes, as Slurm does.
#include "doors/slurm/job_options.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "client/current_folder.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"
#include "doors/slurm/jobs.h"

namespace muster::doors::slurm {
namespace {

using client::join_text;
using client::Submission;

constexpr std::array<OptionName, 58> kOptions{{{'J', "job-name", Takes::value},
                                               {'o', "output", Takes::value},
                                               {'e', "error", Takes::value},
                                               {'D', "chdir", Takes::value},
                                               {'p', "partition", Takes::value},
                                               {'A', "account", Takes::value},
                                               {'t', "time", Takes::value},
                                               {'c', "cpus-per-task", Takes::value},
                                               {'n', "ntasks", Takes::value},
                                               {'N', "nodes", Takes::value},
                                               {0, "ntasks-per-node", Takes::value},
                                               {0, "mem", Takes::value},
                                               {0, "mem-per-cpu", Takes::value},
                                               {0, "tmp", Takes::value},
                                               {'G', "gpus", Takes::value},
                                               {0, "gres", Takes::value},
                                               {0, "gpus-per-node", Takes::value},
                                               {0, "gpus-per-task", Takes::value},
                                               {'d', "dependency", Takes::value},
                                               {'a', "array", Takes::value},
                                               {0, "export", Takes::value},
                                               {'H', "hold", Takes::nothing},
                                               {0, "priority", Takes::value},
                                               {0, "nice", Takes::optional_value},
                                               {'C', "constraint", Takes::value},
                                               {'w', "nodelist", Takes::value},
                                               {0, "requeue", Takes::nothing},
                                               {0, "no-requeue", Takes::nothing},
                                               {0, "exclusive", Takes::optional_value},
                                               {0, "signal", Takes::value},
                                               {0, "open-mode", Takes::value},
                                               {0, "wrap", Takes::value},
                                               {0, "parsable", Takes::nothing},
                                               {'W', "wait", Takes::nothing},
                                               {0, "test-only", Takes::nothing},
                                               {'Q', "quiet", Takes::nothing},
                                               {'v', "verbose", Takes::nothing},
                                               {0, "comment", Takes::value},
                                               {'q', "qos", Takes::value},
                                               {0, "mail-type", Takes::value},
                                               {0, "mail-user", Takes::value},
                                               {0, "get-user-env", Takes::optional_value},
                                               {0, "cpu-bind", Takes::value},
                                               {0, "ntasks-per-core", Takes::value},
                                               {0, "hint", Takes::value},
                                               {0, "mem-bind", Takes::value},
                                               {'L', "licenses", Takes::value},
                                               {0, "reservation", Takes::value},
                                               {'i', "input", Takes::value},
                                               {'s', "oversubscribe", Takes::nothing},
                                               {'k', "no-kill", Takes::optional_value},
                                               {'O', "overcommit", Takes::nothing},
                                               {'M', "clusters", Takes::value},
                                               {0, "switches", Takes::value},
                                               {'u', "unbuffered", Takes::nothing},
                                               {0, "kill-on-bad-exit", Takes::optional_value},
                                               {0, "export-file", Takes::value},
                                               {'I', "immediate", Takes::optional_value}}};

// They concern placing on cores, mail, buffers, or shares that Muster does not have; the work is the same without them.
constexpr std::array<std::string_view, 15> kLeftOut{
    "mail-type",    "mail-user",   "cpu-bind",      "ntasks-per-core",  "hint",
    "mem-bind",     "reservation", "oversubscribe", "no-kill",          "overcommit",
    "get-user-env", "switches",    "unbuffered",    "kill-on-bad-exit", "verbose"};
// Without them the work would be another.
constexpr std::array<std::string_view, 4> kRefused{"input", "export-file", "immediate", "clusters"};

std::unexpected<Error> bad(std::string_view option, std::string_view value, std::string_view expected) {
  return refuse(ErrorKind::usage, kMalformedValue, join_text("Invalid --", option, ": ", escape_text(value)),
                std::string(expected));
}

Result<std::uint64_t> whole(const Given& given, std::string_view option, std::uint64_t fallback) {
  if (!given.has(option)) return fallback;
  const std::string text = given.text(option);
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size())
    return bad(option, text, "a whole number");
  return value;
}

// "4000", "4G"; 0 and nothing: none is asked for.
Result<std::uint64_t> memory(const Given& given, std::string_view option) {
  if (!given.has(option)) return 0;
  const auto value = parse_memory_mb(given.text(option));
  if (!value) return bad(option, given.text(option), "4000 (MiB), 4G");
  return *value;
}

Result<void> read_sizes(const Given& given, Submission& out) {
  const auto cpus = whole(given, "cpus-per-task", 1);
  const auto tasks = whole(given, "ntasks", 1);
  const auto per_node = whole(given, "ntasks-per-node", 1);
  const auto memory_mb = memory(given, "mem");
  const auto per_cpu = memory(given, "mem-per-cpu");
  const auto disk = memory(given, "tmp");
  for (const auto* value : {&cpus, &tasks, &per_node, &memory_mb, &per_cpu, &disk}) {
    if (!*value) return std::unexpected(value->error());
  }
  const std::string nodes = given.text("nodes", "1");
  if (nodes != "1" && nodes != "1-1")
    return bad("nodes", nodes, "a job of Muster runs on one worker; more of them are more tasks (--array)");
  const std::uint64_t all = *cpus * std::max(*tasks, *per_node);
  if (all > 1 || given.has("cpus-per-task") || given.has("ntasks")) out.cpus = all;
  if (*memory_mb != 0) out.mem_mb = *memory_mb;
  if (*per_cpu != 0) out.mem_mb = *per_cpu * std::max<std::uint64_t>(1, all);
  if (*disk != 0) out.disk_mb = *disk;
  return {};
}

// "2", "gpu:2", "gpu:a100:2", "gpu"
Result<std::uint64_t> count_of_gpus(std::string_view option, std::string_view text) {
  const std::size_t mark = text.rfind(':');
  const std::string_view last = mark == std::string_view::npos ? text : text.substr(mark + 1);
  std::uint64_t count = 0;
  const auto read = std::from_chars(last.data(), last.data() + last.size(), count);
  if (read.ec == std::errc{} && read.ptr == last.data() + last.size()) return count;
  if (last == "gpu") return 1;
  return bad(option, text, "2, gpu:2 or gpu:a100:2");
}

Result<void> read_gpus(const Given& given, Submission& out) {
  for (const std::string_view option : {"gpus", "gpus-per-node", "gpus-per-task", "gres"}) {
    if (!given.has(option)) continue;
    const std::string text = given.text(option);
    if (option == "gres" && !text.starts_with("gpu"))
      return bad(option, text, "gpu:2 is all that is known here");
    const auto count = count_of_gpus(option, text);
    if (!count) return std::unexpected(count.error());
    out.gpus = *count;
    if (text.starts_with("gpu:") && text.find(':', 4) != std::string::npos)
      out.on.emplace_back("gpu", text.substr(4, text.find(':', 4) - 4));
  }
  return {};
}

Result<void> read_dependency(const std::string& text, Submission& out) {
  for (const std::string& part : split(text, ',')) {
    const std::vector<std::string> pieces = split(part, ':');
    std::vector<std::string>* into = nullptr;
    if (pieces[0] == "afterok") into = &out.after;
    if (pieces[0] == "afterany") into = &out.after_any;
    if (pieces[0] == "aftercorr") into = &out.after_each;
    if (into == nullptr || pieces.size() < 2 || part.find('?') != std::string::npos)
      return bad("dependency", part, "afterok:ID, afterany:ID or aftercorr:ID, all of them to be met");
    for (std::size_t i = 1; i < pieces.size(); ++i) {
      const auto selectors = selectors_of(pieces[i]);
      if (!selectors) return std::unexpected(selectors.error());
      into->insert(into->end(), selectors->begin(), selectors->end());
    }
  }
  return {};
}

void set_variable(Submission& out, std::string_view name, std::string_view value) {
  const auto found = std::ranges::find(out.environment, name,
                                       [](const auto& pair) -> std::string_view { return pair.first; });
  if (found != out.environment.end()) {
    found->second = value;
  } else {
    out.environment.emplace_back(name, value);
  }
}

// What Slurm says of a job that this one is started from is not said of this one.
bool is_of_another_job(std::string_view name) {
  return name.starts_with("SLURM_") || name.starts_with("SBATCH_");
}

Result<void> read_export(Call& call, const Given& given, Submission& out) {
  const std::vector<std::string> parts =
      given.has("export") ? given.list("export") : std::vector<std::string>{"ALL"};
  for (const std::string& part : parts) {
    const std::size_t mark = part.find('=');
    if (part == "ALL") {
      for (const auto& [name, value] : callers_environment()) {
        if (!is_of_another_job(name)) set_variable(out, name, value);
      }
    } else if (part == "NONE" || part == "NIL") {
      continue;
    } else if (mark != std::string::npos) {
      set_variable(out, part.substr(0, mark), part.substr(mark + 1));
    } else if (const auto value = call.environment()(part)) {
      set_variable(out, part, *value);
    }
  }
  return {};
}

Result<void> read_array(std::string text, JobRequest& job) {
  job.is_array = true;
  if (const std::size_t mark = text.find('%'); mark != std::string::npos) {
    std::uint64_t most = 0;
    const auto read = std::from_chars(text.data() + mark + 1, text.data() + text.size(), most);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || most == 0)
      return bad("array", text, "0-99%8: no more than 8 at once");
    job.submission.max_running = most;
    text.resize(mark);
  }
  const auto ranges = parse_array(text);
  if (!ranges) return bad("array", text, "0-99, 1,3,5-9 or 0-99:10");
  job.submission.array = text;
  std::uint64_t first = ranges->front().first, last = ranges->front().last;
  for (const IndexRange& range : *ranges) {
    first = std::min(first, range.first);
    last = std::max(last, range.last);
  }
  Submission& out = job.submission;
  out.labels.emplace_back(kArrayLabel, text);
  set_variable(out, "SLURM_ARRAY_TASK_COUNT", std::to_string(task_count(*ranges)));
  set_variable(out, "SLURM_ARRAY_TASK_MIN", std::to_string(first));
  set_variable(out, "SLURM_ARRAY_TASK_MAX", std::to_string(last));
  set_variable(out, "SLURM_ARRAY_TASK_STEP", std::to_string(ranges->front().step));
  return {};
}

// Only "B:SIGNAL[@SECONDS]" has the script itself signalled; without B it would be steps that Muster does not have.
Result<void> read_signal(Call& call, const Given& given, JobRequest& job) {
  if (!given.has("signal")) return {};
  std::string text = given.text("signal");
  if (text.starts_with("R")) text.erase(0, 1);  // the other kind is for reservations
  if (!text.starts_with("B:")) {
    call.warn("--signal without B: is for job steps, which there are none of; it is left out");
    return {};
  }
  const std::size_t mark = text.find('@');
  std::string name = text.substr(2, mark == std::string::npos ? mark : mark - 2);
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (name.empty() ||
      !std::ranges::all_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }))
    return bad("signal", text, "B:USR1@60");
  std::uint64_t before_s = 60;
  if (mark != std::string::npos) {
    const auto read = std::from_chars(text.data() + mark + 1, text.data() + text.size(), before_s);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size())
      return bad("signal", text, "B:USR1@60");
  }
  const std::int64_t limit_s = job.submission.time_us.value_or(0) / 1'000'000;
  if (limit_s == 0) return {};  // without a limit there is no time before it
  job.signal_name = name;
  job.signal_after_s = std::max<std::int64_t>(0, limit_s - static_cast<std::int64_t>(before_s));
  return {};
}

Result<void> read_place(Call& call, const Given& given, Submission& out) {
  const std::string partition = given.text("partition");
  if (!partition.empty() && partition != kDefaultPartition) {
    if (partition.find(',') != std::string::npos)
      return bad("partition", partition, "one partition; a list of them is not known here");
    out.on.emplace_back("partition", partition);
  }
  for (const std::string& feature : split(given.text("constraint"), '&')) {
    if (feature.empty()) continue;
    const std::size_t mark = feature.find('=');
    out.on.emplace_back(feature.substr(0, mark),
                        mark == std::string::npos ? "yes" : feature.substr(mark + 1));
  }
  if (given.has("nodelist"))
    return bad("nodelist", given.text("nodelist"),
               "give the worker a label and ask for it with --constraint NAME=VALUE");
  if (given.has("licenses")) {
    for (const std::string& license : given.list("licenses")) {
      const auto count = count_of_gpus("licenses", license.find(':') == std::string::npos ? "1" : license);
      if (!count) return std::unexpected(count.error());
      out.use.emplace_back(license.substr(0, license.find(':')), *count);
    }
  }
  out.exclusive = given.has("exclusive");
  if (!given.text("exclusive").empty())
    return bad("exclusive", given.text("exclusive"), "a worker is shared with nobody or with everybody");
  for (const std::string_view option : kLeftOut) {
    if (given.has(option)) call.warn(join_text("--", option, " has no meaning in Muster and is left out"));
  }
  for (const std::string_view option : kRefused) {
    if (given.has(option)) return bad(option, given.text(option), "it is not known here");
  }
  return {};
}

Result<void> read_order(const Given& given, Submission& out) {
  for (const std::string_view option : {"priority", "nice"}) {
    if (!given.has(option)) continue;
    const std::string given_text = given.text(option);
    const std::string text = given_text.empty() ? "100" : given_text;  // --nice alone
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size())
      return bad(option, text, "a whole number");
    out.priority = out.priority.value_or(0) + (option == "nice" ? -value : value);
  }
  return {};
}

Result<std::string> folder_of(const Call& call, const Given& given) {
  std::string wanted = given.text("chdir");
  if (wanted.starts_with('/')) return wanted;
  auto here = client::current_folder(call.environment());
  if (!here || wanted.empty()) return here;
  return join_text(*here, "/", wanted);
}

void read_labels(const Given& given, Submission& out) {
  for (const std::string_view label : {"account", "qos", "comment"}) {
    if (given.has(label)) out.labels.emplace_back(label, given.text(label));
  }
}

void set_variables(const JobRequest& job, std::string_view user, Submission& out) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  set_variable(out, "SLURM_JOB_NAME", out.name);
  set_variable(out, "SLURM_SUBMIT_DIR", job.folder);
  set_variable(out, "SLURM_SUBMIT_HOST", host.data());
  set_variable(out, "SLURM_JOB_USER", user);
  set_variable(out, "SLURM_CLUSTER_NAME", "muster");
  set_variable(out, "SLURM_JOB_PARTITION",
               out.on.empty() ? kDefaultPartition : std::string_view(out.on.front().second));
  for (const std::string_view one : {"SLURM_NNODES", "SLURM_JOB_NUM_NODES"}) set_variable(out, one, "1");
  for (const std::string_view zero : {"SLURM_NODEID", "SLURM_PROCID", "SLURM_LOCALID"})
    set_variable(out, zero, "0");
  if (out.mem_mb) set_variable(out, "SLURM_MEM_PER_NODE", std::to_string(*out.mem_mb));
}

}  // namespace

std::span<const OptionName> job_options() { return kOptions; }

Result<std::int64_t> parse_time_limit_us(std::string_view text) {
  if (text == "UNLIMITED" || text == "INFINITE" || text == "0") return 0;
  std::array<std::int64_t, 3> parts{};
  std::size_t count = 0;
  std::int64_t days = 0;
  bool has_days = false;
  const std::string shown(text);
  const auto number = [](std::string_view digits) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || digits.size() > 9 || read.ec != std::errc{} ||
        read.ptr != digits.data() + digits.size() || value < 0)
      return std::nullopt;
    return value;
  };
  if (const std::size_t line = text.find('-'); line != std::string_view::npos) {
    const auto value = number(text.substr(0, line));
    if (!value) return bad("time", shown, "30, 30:00, 1:30:00 or 2-12:30:00");
    days = *value;
    has_days = true;
    text.remove_prefix(line + 1);
  }
  for (const std::string& part : split(text, ':')) {
    const auto value = number(part);
    if (!value || count == parts.size()) return bad("time", shown, "30, 30:00, 1:30:00 or 2-12:30:00");
    parts[count++] = *value;
  }
  std::int64_t seconds = 0;
  if (has_days || count == 3) {
    seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
  } else {
    seconds = parts[0] * 60 + parts[1];
  }
  return (days * 86400 + seconds) * 1'000'000;
}

std::vector<std::string> directives_of(std::string_view script) {
  std::vector<std::string> words;
  for (const std::string& line : split(script, '\n')) {
    const bool is_comment =
        line.empty() || line.starts_with('#') || line.find_first_not_of(" \t\r") == std::string::npos;
    if (!is_comment) break;
    if (!line.starts_with("#SBATCH")) continue;
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (const char c : line.substr(7)) {
      if (quote != 0) {
        if (c == quote)
          quote = 0;
        else
          word += c;
      } else if (c == '"' || c == '\'') {
        quote = c;
        in_word = true;
      } else if (c == '#' && !in_word) {
        break;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        if (in_word) words.push_back(std::exchange(word, {}));
        in_word = false;
      } else {
        word += c;
        in_word = true;
      }
    }
    if (in_word) words.push_back(word);
  }
  return words;
}

Result<JobRequest> read_job(Call& call, const Given& given, std::string_view name) {
  JobRequest job;
  Submission& out = job.submission;
  if (given.has("quiet")) call.set_quiet();
  out.name = given.text("job-name", name);
  auto folder = folder_of(call, given);
  if (!folder) return std::unexpected(folder.error());
  job.folder = std::move(*folder);
  if (given.has("time")) {
    const auto limit = parse_time_limit_us(given.text("time"));
    if (!limit) return std::unexpected(limit.error());
    if (*limit != 0) out.time_us = *limit;
  }
  Result<void> done = read_export(call, given, out);
  if (done) done = read_sizes(given, out);
  if (done) done = read_gpus(given, out);
  if (done && given.has("dependency")) done = read_dependency(given.text("dependency"), out);
  if (done && given.has("array")) done = read_array(given.text("array"), job);
  if (done) done = read_signal(call, given, job);
  if (done) done = read_place(call, given, out);
  if (done) done = read_order(given, out);
  if (!done) return std::unexpected(done.error());
  read_labels(given, out);
  out.held = given.has("hold");
  if (given.has("no-requeue")) out.rerun = "never";
  out.dry_run = given.has("test-only");
  const std::string mode = given.text("open-mode", "truncate");
  if (mode != "append" && mode != "truncate") return bad("open-mode", mode, "append or truncate");
  job.append = mode == "append";
  job.out = given.text("output");
  job.err = given.text("error");
  out.labels.emplace_back(kFolderLabel, job.folder);
  set_variables(job, system_user(call.environment()), out);
  return job;
}

}  // namespace muster::doors::slurm
