// squeue: what waits and runs.
// Without -t it shows what has not ended; ended jobs stay visible to -t and sacct for good.
#include <algorithm>
#include <array>

#include "client/text.h"
#include "core/units.h"
#include "doors/slurm/columns.h"
#include "doors/slurm/programs.h"

namespace muster::doors::slurm {
namespace {

using client::join_text;

constexpr std::array<OptionName, 12> kOptions{{{'h', "noheader", Takes::nothing},
                                               {'o', "format", Takes::value},
                                               {'t', "states", Takes::value},
                                               {'u', "user", Takes::value},
                                               {0, "me", Takes::nothing},
                                               {'p', "partition", Takes::value},
                                               {'j', "jobs", Takes::value},
                                               {'n', "name", Takes::value},
                                               {'w', "nodelist", Takes::value},
                                               {'A', "account", Takes::value},
                                               {'l', "long", Takes::nothing},
                                               {'r', "array", Takes::nothing}}};
constexpr std::string_view kFormat = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R";
constexpr std::string_view kLongFormat = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R";

struct Filter {
  std::vector<JobState> states;  // empty: what has not ended
  bool all_states = false;
  std::vector<std::string> users, partitions, names, workers, accounts;
  bool mine = false;
};

bool is_one_of(const std::vector<std::string>& values, std::string_view value) {
  return values.empty() || std::ranges::find(values, value) != values.end();
}

Result<Filter> read_filter(const Call& call, const Given& given) {
  Filter filter;
  for (const std::string& name : given.list("states")) {
    if (name == "all" || name == "ALL") {
      filter.all_states = true;
      continue;
    }
    const auto state = job_state_of(name);
    if (!state) return std::unexpected(state.error());
    filter.states.push_back(*state);
  }
  filter.users = given.list("user");
  if (given.has("me")) filter.users = {system_user(call.environment())};
  filter.partitions = given.list("partition");
  filter.names = given.list("name");
  filter.workers = given.list("nodelist");
  filter.accounts = given.list("account");
  return filter;
}

bool matches(const Filter& filter, const JobRow& job) {
  const bool state =
      filter.all_states ||
      (filter.states.empty() ? is_active(job.state)
                             : std::ranges::find(filter.states, job.state) != filter.states.end());
  const auto account = job.facts->labels.find("account");
  return state && is_one_of(filter.users, job.facts->user) &&
         is_one_of(filter.partitions, job.facts->partition) && is_one_of(filter.names, job.facts->name) &&
         is_one_of(filter.workers, job.worker) &&
         is_one_of(filter.accounts, account == job.facts->labels.end() ? "" : account->second);
}

// Running before waiting, as people read it; otherwise by id.
void sort_jobs(std::vector<JobRow>& jobs) {
  std::ranges::stable_sort(jobs, [](const JobRow& one, const JobRow& other) {
    const bool waits = one.state == JobState::pending, other_waits = other.state == JobState::pending;
    if (waits != other_waits) return waits;
    return one.batch != other.batch ? one.batch < other.batch : one.index < other.index;
  });
}

// Waiting tasks of one array are one line.
std::vector<QueueLine> lines_of(const std::vector<JobRow>& jobs, bool each) {
  std::vector<QueueLine> lines;
  for (std::size_t i = 0; i < jobs.size();) {
    std::size_t end = i + 1;
    const bool waits = jobs[i].state == JobState::pending && jobs[i].facts->is_array && !each;
    while (waits && end < jobs.size() && jobs[end].batch == jobs[i].batch &&
           jobs[end].reason == jobs[i].reason && jobs[end].state == JobState::pending) {
      ++end;
    }
    if (end - i == 1) {
      lines.push_back({&jobs[i], jobs[i].id()});
    } else {
      std::vector<IndexRange> ranges;
      for (std::size_t k = i; k < end; ++k) {
        if (!ranges.empty() && ranges.back().last + 1 == jobs[k].index) {
          ranges.back().last = jobs[k].index;
        } else {
          ranges.push_back({jobs[k].index, jobs[k].index, 1});
        }
      }
      lines.push_back({&jobs[i], join_text(jobs[i].batch, "_[", format_array(ranges), "]")});
    }
    i = end;
  }
  return lines;
}

std::string format_of(const Given& given) {
  if (given.has("format")) return given.text("format");
  return std::string(given.has("long") ? kLongFormat : kFormat);
}

std::string tasks_of(const Filter& filter) {
  const bool active = !filter.all_states && std::ranges::all_of(filter.states, is_active);
  return active ? "waiting,held,ready,running" : "";
}

}  // namespace

int squeue(const Words& words, const client::Environment& environment) {
  Call call(words.program, environment);
  const auto given = parse_options(kOptions, words.values, Operands::anywhere);
  if (!given) return call.fail(given.error());
  const auto filter = read_filter(call, *given);
  if (!filter) return call.fail(filter.error());
  const auto format = RowFormat<QueueLine>::parse(format_of(*given), queue_columns());
  if (!format) return call.fail(format.error());
  const Wanted wanted{given->list("jobs"), tasks_of(*filter), ""};
  auto jobs = find_jobs(call, wanted, wanted.jobs.size() == 1 ? Missing::error : Missing::left_out);
  if (!jobs) return call.fail(jobs.error());
  std::erase_if(*jobs, [&](const JobRow& job) { return !matches(*filter, job); });
  sort_jobs(*jobs);
  if (!given->has("noheader")) call.out += format->heading();
  const std::int64_t now = client::wall_now_us();
  for (const QueueLine& line : lines_of(*jobs, given->has("array"))) call.out += format->line(line, now);
  return call.done();
}

}  // namespace muster::doors::slurm
