// sinfo: partitions and their workers.
// The default partition holds every worker; a worker with the label partition=NAME is in that one, too.
#include <algorithm>
#include <array>
#include <map>

#include "client/text.h"
#include "doors/slurm/columns.h"
#include "doors/slurm/programs.h"

namespace muster::doors::slurm {
namespace {

using client::Document;
using client::join_text;
using client::Json;

constexpr std::array<OptionName, 6> kOptions{{{'h', "noheader", Takes::nothing},
                                              {'o', "format", Takes::value},
                                              {'p', "partition", Takes::value},
                                              {'n', "nodes", Takes::value},
                                              {'t', "states", Takes::value},
                                              {'N', "Node", Takes::nothing}}};
constexpr std::string_view kFormat = "%9P %.5a %.10l %.6D %.6t %N";
constexpr std::string_view kNodeFormat = "%.8N %.6D %.9P %6t %.4c %.8m";

// Workers of one partition in one state.
struct Group {
  std::string partition;
  std::string state;  // "idle", "mixed", "allocated", "drained", "draining", "down"
  std::vector<std::string> nodes;
  std::uint64_t cpus = 0, busy = 0, mem_mb = 0;  // of one node, the smallest
};

std::string state_of(Json worker) {
  const std::string_view state = worker["state"].text();
  const std::uint64_t busy = worker["in_use"]["cpus"].number() + worker["slots"]["busy"].number();
  if (state == "lost" || !worker["connected"].truth()) return "down*";
  if (state == "draining") return busy == 0 ? "drained" : "draining";
  if (state == "paused" || state == "quarantined") return busy == 0 ? "drained" : "draining";
  if (busy == 0) return "idle";
  return worker["slots"]["busy"].number() >= worker["slots"]["enabled"].number() ? "allocated" : "mixed";
}

// Without the mark of the default partition.
std::string plain_name(const std::string& partition) { return partition.substr(0, partition.find('*')); }

std::string brief(std::string_view state) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kBrief{{{"mixed", "mix"},
                                                                                 {"allocated", "alloc"},
                                                                                 {"drained", "drain"},
                                                                                 {"draining", "drng"},
                                                                                 {"down*", "down*"},
                                                                                 {"idle", "idle"}}};
  const auto found = std::ranges::find(kBrief, state, [](const auto& pair) { return pair.first; });
  return std::string(found == kBrief.end() ? state : found->second);
}

void add(std::vector<Group>& groups, const std::string& partition, Json worker, bool each) {
  const std::string state = state_of(worker);
  const std::string name(worker["name"].text());
  const std::uint64_t cpus = std::max(worker["cpus"].number(), worker["slots"]["enabled"].number());
  auto found = std::ranges::find_if(groups, [&](const Group& group) {
    return !each && group.partition == partition && group.state == state;
  });
  if (found == groups.end())
    found = groups.insert(groups.end(), {partition, state, {}, cpus, 0, worker["mem_mb"].number()});
  found->nodes.push_back(name);
  found->cpus = std::min(found->cpus, cpus);
  found->mem_mb = std::min(found->mem_mb, worker["mem_mb"].number());
  found->busy += worker["slots"]["busy"].number();
}

Result<std::vector<Group>> find_groups(Call& call, const Given& given) {
  const auto pages = call.pages("/workers", {});
  if (!pages) return std::unexpected(pages.error());
  const std::vector<std::string> nodes = given.list("nodes");
  std::vector<Group> groups;
  for (const Document& page : *pages) {
    const Json items = page.root()["items"];
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Json worker = items.at(i);
      if (worker["state"].text() == "removed") continue;
      if (!nodes.empty() && std::ranges::find(nodes, worker["name"].text()) == nodes.end()) continue;
      add(groups, std::string(kDefaultPartition) + "*", worker, given.has("Node"));
      const std::string partition(worker["labels"]["partition"].text());
      if (!partition.empty() && partition != kDefaultPartition)
        add(groups, partition, worker, given.has("Node"));
    }
  }
  // A cluster without workers still has its partition.
  if (groups.empty() && nodes.empty())
    groups.push_back({std::string(kDefaultPartition) + "*", "n/a", {}, 0, 0, 0});
  const std::vector<std::string> partitions = given.list("partition");
  const std::vector<std::string> states = given.list("states");
  std::erase_if(groups, [&](const Group& group) {
    const std::string plain = plain_name(group.partition);
    const bool partition = partitions.empty() || std::ranges::find(partitions, plain) != partitions.end();
    const bool state = states.empty() || std::ranges::find(states, group.state) != states.end() ||
                       std::ranges::find(states, brief(group.state)) != states.end();
    return !partition || !state;
  });
  std::ranges::stable_sort(groups, {}, &Group::partition);
  return groups;
}

std::string names_of(const Group& group, std::int64_t) {
  std::string names;
  for (const std::string& node : group.nodes) names += (names.empty() ? "" : ",") + node;
  return names;
}

// "allocated/idle/other/total"
std::string cpus_of(const Group& group, std::int64_t) {
  const std::uint64_t all = group.cpus * group.nodes.size();
  const bool out = group.state.starts_with("dr") || group.state.starts_with("down");
  const std::uint64_t idle = out || group.busy > all ? 0 : all - group.busy;
  return join_text(group.busy, "/", idle, "/", out ? all - std::min(all, group.busy) : 0, "/", all);
}

constexpr std::array<FormatColumn<Group>, 13> kColumns{{
    {'P', "PARTITION", [](const Group& group, std::int64_t) { return group.partition; }},
    {'R', "PARTITION", [](const Group& group, std::int64_t) { return plain_name(group.partition); }},
    {'a', "AVAIL", [](const Group&, std::int64_t) { return std::string("up"); }},
    {'l', "TIMELIMIT", [](const Group&, std::int64_t) { return std::string("infinite"); }},
    {'D', "NODES", [](const Group& group, std::int64_t) { return std::to_string(group.nodes.size()); }},
    {'t', "STATE", [](const Group& group, std::int64_t) { return brief(group.state); }},
    {'T', "STATE", [](const Group& group, std::int64_t) { return group.state; }},
    {'N', "NODELIST", names_of},
    {'n', "HOSTNAMES", names_of},
    {'c', "CPUS", [](const Group& group, std::int64_t) { return std::to_string(group.cpus); }},
    {'m', "MEMORY", [](const Group& group, std::int64_t) { return std::to_string(group.mem_mb); }},
    {'C', "CPUS(A/I/O/T)", cpus_of},
    {'O', "CPU_LOAD", [](const Group&, std::int64_t) { return std::string("N/A"); }},
}};

}  // namespace

int sinfo(const Words& words, const client::Environment& environment) {
  Call call(words.program, environment);
  const auto given = parse_options(kOptions, words.values, Operands::anywhere);
  if (!given) return call.fail(given.error());
  const auto format =
      RowFormat<Group>::parse(given->text("format", given->has("Node") ? kNodeFormat : kFormat), kColumns);
  if (!format) return call.fail(format.error());
  const auto groups = find_groups(call, *given);
  if (!groups) return call.fail(groups.error());
  if (!given->has("noheader")) call.out += format->heading();
  for (const Group& group : *groups) call.out += format->line(group, 0);
  return call.done();
}

}  // namespace muster::doors::slurm
