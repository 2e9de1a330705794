// scontrol: shows jobs, workers and partitions, and holds, releases and requeues jobs.
// The lines are NAME=VALUE pairs as Slurm writes them, because programs look for them.
#include <algorithm>
#include <array>

#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"
#include "doors/slurm/columns.h"
#include "doors/slurm/programs.h"

namespace muster::doors::slurm {
namespace {

using client::Document;
using client::join_text;
using client::Json;

constexpr std::array<OptionName, 2> kOptions{
    {{'o', "oneliner", Takes::nothing}, {'d', "details", Takes::nothing}}};

std::string label_of(const JobRow& job, std::string_view label) {
  const auto found = job.facts->labels.find(label);
  return found == job.facts->labels.end() ? "(null)" : found->second;
}

// One list of lines; with --oneliner they stand behind each other.
void add_lines(std::string& out, const std::vector<std::string>& lines, bool one_line) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += one_line ? " " : "   ";
    out += escape_text(lines[i]);
    if (!one_line) out += "\n";
  }
  out += "\n";
}

void add_job(std::string& out, const JobRow& job, std::int64_t now, const Given& given) {
  const BatchFacts& facts = *job.facts;
  std::vector<std::string> lines{join_text("JobId=", job.id(), " JobName=", facts.name)};
  if (facts.is_array)
    lines[0] = join_text("JobId=", job.batch, " ArrayJobId=", job.batch, " ArrayTaskId=", job.index,
                         " JobName=", facts.name);
  lines.push_back(join_text("UserId=", facts.user, " Priority=", facts.priority,
                            " Account=", label_of(job, "account"), " QOS=", label_of(job, "qos")));
  lines.push_back(join_text("JobState=", long_text(job.state), " Reason=", job.reason, " Dependency=(null)"));
  lines.push_back(join_text("Requeue=1 Restarts=", job.restarts, " BatchFlag=1 ExitCode=", job.exit_code, ":",
                            job.signal));
  lines.push_back(join_text("RunTime=", full_duration(job.elapsed_us(now)), " TimeLimit=",
                            job.time_limit_us == 0 ? "UNLIMITED" : full_duration(job.time_limit_us)));
  lines.push_back(join_text("SubmitTime=", local_time(job.submitted_wall_us), " StartTime=",
                            local_time(job.started_wall_us), " EndTime=", local_time(job.ended_wall_us)));
  lines.push_back(join_text("Partition=", facts.partition));
  lines.push_back(join_text("NodeList=", job.worker.empty() ? "(null)" : job.worker));
  lines.push_back(
      join_text("NumNodes=1 NumCPUs=", job.cpus, " NumTasks=1 MinMemoryNode=", memory_text(job.mem_mb)));
  if (given.has("details"))
    lines.push_back(join_text("  Nodes=", job.worker.empty() ? "(null)" : job.worker, " CPUs=", job.cpus,
                              " Mem=", job.mem_mb,
                              " GRES=", job.gpus == 0 ? "" : join_text("gpu:", job.gpus)));
  lines.push_back(join_text("Command=", label_of(job, kScriptLabel)));
  lines.push_back(join_text("WorkDir=", label_of(job, kFolderLabel)));
  lines.push_back(join_text("StdErr=", facts.labels.contains(kErrorLabel) ? label_of(job, kErrorLabel)
                                                                          : label_of(job, kOutputLabel)));
  lines.push_back(join_text("StdOut=", label_of(job, kOutputLabel)));
  add_lines(out, lines, given.has("oneliner"));
}

int show_jobs(Call& call, const Given& given, const std::vector<std::string>& ids) {
  const auto jobs =
      find_jobs(call, {ids, ids.empty() ? "waiting,held,ready,running" : "", ""}, Missing::error);
  if (!jobs) return call.fail(jobs.error());
  if (jobs->empty()) call.out += "No jobs in the system\n";
  const std::int64_t now = client::wall_now_us();
  for (const JobRow& job : *jobs) add_job(call.out, job, now, given);
  return call.done();
}

int show_nodes(Call& call, const Given& given, const std::vector<std::string>& names) {
  const auto pages = call.pages("/workers", {});
  if (!pages) return call.fail(pages.error());
  std::size_t shown = 0;
  for (const Document& page : *pages) {
    const Json items = page.root()["items"];
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Json worker = items.at(i);
      const std::string_view name = worker["name"].text();
      if (!names.empty() && std::ranges::find(names, name) == names.end()) continue;
      ++shown;
      const std::uint64_t cpus = std::max(worker["cpus"].number(), worker["slots"]["enabled"].number());
      const bool up = worker["connected"].truth();
      const bool out = worker["state"].text() != "online";
      add_lines(
          call.out,
          {join_text("NodeName=", name, " CPUAlloc=", worker["slots"]["busy"].number(), " CPUTot=", cpus),
           join_text("NodeHostName=", worker["host"].text("(null)"),
                     " Version=", worker["version"].text("(null)")),
           join_text("RealMemory=", worker["mem_mb"].number(),
                     " AllocMem=", worker["in_use"]["mem_mb"].number()),
           join_text("State=", !up                                     ? "DOWN"
                               : out                                   ? "DRAIN"
                               : worker["slots"]["busy"].number() == 0 ? "IDLE"
                                                                       : "MIXED"),
           join_text("Reason=", worker["reason"].text("(null)"))},
          given.has("oneliner"));
    }
  }
  if (shown == 0 && !names.empty())
    return call.fail({ErrorKind::not_found, kNoSuchThing,
                      join_text("Node ", escape_text(names.front()), " not found"), "sinfo -N"});
  return call.done();
}

// What a partition or the configuration is, for programs that ask before they submit.
int show_facts(Call& call, std::string_view what) {
  if (what == "config") {
    call.out += "ClusterName             = muster\n";
    call.out += "SchedulerTimeSlice      = 1 sec\n";
    call.out += "AcctGatherNodeFreq      = 0 sec\n";
    call.out += "MaxArraySize            = 10000000\n";
    call.out += "SLURM_VERSION           = 22.05.8\n";
    return call.done();
  }
  const auto pages = call.pages("/workers", {});
  if (!pages) return call.fail(pages.error());
  std::vector<std::string> partitions{std::string(kDefaultPartition)};
  for (const Document& page : *pages) {
    const Json items = page.root()["items"];
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string partition(items.at(i)["labels"]["partition"].text());
      if (!partition.empty() && std::ranges::find(partitions, partition) == partitions.end())
        partitions.push_back(partition);
    }
  }
  for (const std::string& partition : partitions) {
    add_lines(
        call.out,
        {join_text("PartitionName=", partition),
         join_text("Default=", partition == kDefaultPartition ? "YES" : "NO"), "MaxTime=UNLIMITED State=UP"},
        false);
  }
  return call.done();
}

// "lab[1-3],gpu1" as one name per line.
int show_hostnames(Call& call, const std::string& list) {
  std::string name;
  int depth = 0;
  std::vector<std::string> names;
  for (const char c : list) {
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (c == ',' && depth == 0)
      names.push_back(std::exchange(name, {}));
    else
      name += c;
  }
  if (!name.empty()) names.push_back(name);
  for (const std::string& one : names) {
    const std::size_t open = one.find('['), close = one.find(']');
    if (open == std::string::npos || close == std::string::npos || close < open) {
      call.out += one + "\n";
      continue;
    }
    const auto ranges = parse_array(one.substr(open + 1, close - open - 1));
    if (!ranges) return call.fail(ranges.error());
    for (const IndexRange& range : *ranges) {
      for (std::uint64_t index = range.first; index <= range.last; index += range.step)
        call.out += join_text(one.substr(0, open), index, one.substr(close + 1), "\n");
    }
  }
  return call.done();
}

int change_jobs(Call& call, client::Verb verb, const std::vector<std::string>& ids) {
  client::Change change;
  change.reason = "scontrol";
  for (const std::string& id : ids) {
    for (const std::string& part : split(id, ',')) {
      const auto selectors = selectors_of(part);
      if (!selectors) return call.fail(selectors.error());
      change.selectors.insert(change.selectors.end(), selectors->begin(), selectors->end());
    }
  }
  if (change.selectors.empty())
    return call.fail({ErrorKind::usage, kNoItems, "No job identification provided", ""});
  if (verb == client::Verb::release) change.reason.clear();
  const auto changed = call.ask([&](client::Api& api) { return api.change(verb, change); });
  return changed ? call.done() : call.fail(changed.error());
}

int show(Call& call, const Given& given, const std::vector<std::string>& words) {
  const std::string_view what = words.empty() ? std::string_view() : std::string_view(words[0]);
  const std::vector<std::string> names(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (what == "job" || what == "jobs" || what == "jobid") return show_jobs(call, given, names);
  if (what == "node" || what == "nodes") return show_nodes(call, given, names);
  if (what == "partition" || what == "partitions" || what == "config") return show_facts(call, what);
  if (what == "hostnames")
    return show_hostnames(call,
                          names.empty() ? call.environment()("SLURM_JOB_NODELIST").value_or("") : names[0]);
  return call.fail({ErrorKind::usage, kUnknownWord,
                    join_text("invalid entity: ", escape_text(what), " for keyword: show"),
                    "there are: job, node, partition, config, hostnames"});
}

}  // namespace

int scontrol(const Words& words, const client::Environment& environment) {
  Call call(words.program, environment);
  const auto given = parse_options(kOptions, words.values, Operands::anywhere);
  if (!given) return call.fail(given.error());
  if (given->operands.empty())
    return call.fail({ErrorKind::usage, kUnknownWord, "a word is missing",
                      "there are: show, hold, release, requeue, ping"});
  const std::string verb = given->operands[0];
  const std::vector<std::string> rest(given->operands.begin() + 1, given->operands.end());
  if (verb == "show") return show(call, *given, rest);
  if (verb == "hold") return change_jobs(call, client::Verb::hold, rest);
  if (verb == "release") return change_jobs(call, client::Verb::release, rest);
  if (verb == "requeue") return change_jobs(call, client::Verb::retry, rest);
  if (verb == "ping") {
    const auto status = call.ask([](client::Api& api) { return api.status(); });
    if (!status) return call.fail(status.error());
    call.out += "Slurmctld(primary) at muster is UP\n";
    return call.done();
  }
  return call.fail({ErrorKind::usage, kUnknownWord, join_text("invalid keyword: ", escape_text(verb)),
                    "there are: show, hold, release, requeue, ping"});
}

}  // namespace muster::doors::slurm
