// scancel: ends jobs by id, or those of a user, a name, a partition or a state.
// It returns as soon as the server has it on disk; the tasks get TERM and, after their grace, KILL.
#include <algorithm>
#include <array>

#include "client/text.h"
#include "core/escape.h"
#include "doors/slurm/jobs.h"
#include "doors/slurm/programs.h"

namespace muster::doors::slurm {
namespace {

using client::join_text;

constexpr std::array<OptionName, 8> kOptions{{{'u', "user", Takes::value},
                                              {0, "me", Takes::nothing},
                                              {'n', "name", Takes::value},
                                              {'p', "partition", Takes::value},
                                              {'t', "state", Takes::value},
                                              {'s', "signal", Takes::value},
                                              {'Q', "quiet", Takes::nothing},
                                              {'v', "verbose", Takes::nothing}}};

bool has_filter(const Given& given) {
  return std::ranges::any_of(std::array{"user", "me", "name", "partition", "state"},
                             [&](const char* word) { return given.has(word); });
}

Result<std::vector<JobRow>> filtered(Call& call, const Given& given) {
  auto jobs = find_jobs(call, {given.operands, "waiting,held,ready,running", ""}, Missing::left_out);
  if (!jobs) return std::unexpected(jobs.error());
  std::string user = given.text("user");
  if (given.has("me")) user = system_user(call.environment());
  std::vector<JobState> states;
  for (const std::string& name : given.list("state")) {
    const auto state = job_state_of(name);
    if (!state) return std::unexpected(state.error());
    states.push_back(*state);
  }
  std::erase_if(*jobs, [&](const JobRow& job) {
    return !((user.empty() || job.facts->user == user) &&
             (!given.has("name") || job.facts->name == given.text("name")) &&
             (!given.has("partition") || job.facts->partition == given.text("partition")) &&
             (states.empty() || std::ranges::find(states, job.state) != states.end()));
  });
  return jobs;
}

}  // namespace

int scancel(const Words& words, const client::Environment& environment) {
  Call call(words.program, environment);
  const auto given = parse_options(kOptions, words.values, Operands::anywhere);
  if (!given) return call.fail(given.error());
  const std::string signal = given->text("signal", "KILL");
  if (signal != "KILL" && signal != "SIGKILL" && signal != "9" && signal != "TERM" && signal != "SIGTERM" &&
      signal != "15")
    return call.fail({ErrorKind::usage, kMalformedValue, join_text("--signal ", signal, " is not known here"),
                      "a job can be ended (TERM, then KILL); other signals are not sent"});
  if (given->operands.empty() && !has_filter(*given))
    return call.fail({ErrorKind::usage, kNoItems, "No job identification provided", "scancel ID…"});
  int exit_code = 0;
  client::Change change;
  change.reason = "scancel";
  const auto say = [&](std::string_view job) {
    if (given->has("verbose")) call.note(join_text("Terminating job ", escape_text(job)));
  };
  const auto cancel = [&] {
    const auto changed = call.ask([&](client::Api& api) { return api.change(client::Verb::cancel, change); });
    if (!changed && !given->has("quiet")) exit_code = call.fail(changed.error());
  };
  if (has_filter(*given)) {
    const auto jobs = filtered(call, *given);
    if (!jobs) return call.fail(jobs.error());
    for (const JobRow& job : *jobs) {
      say(job.id());
      change.selectors.push_back(join_text(job.batch, ".", job.index));
    }
    if (!change.selectors.empty()) cancel();
    return exit_code;
  }
  // One by one: an id that is not there does not keep the others alive.
  for (const std::string& job : given->operands) {
    auto selectors = selectors_of(job);
    if (!selectors) {
      exit_code = call.fail(selectors.error());
      continue;
    }
    say(job);
    change.selectors = std::move(*selectors);
    cancel();
  }
  return exit_code;
}

}  // namespace muster::doors::slurm
