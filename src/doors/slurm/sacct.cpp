// sacct: what was run, how it ended and what it used, for as long as the server keeps it.
// Without jobs it shows the caller's own since midnight, as Slurm does.
#include <time.h>

#include <algorithm>
#include <array>

#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"
#include "doors/slurm/columns.h"
#include "doors/slurm/programs.h"

namespace muster::doors::slurm {
namespace {

using client::join_text;

constexpr std::array<OptionName, 16> kOptions{{{'j', "jobs", Takes::value},
                                               {'n', "noheader", Takes::nothing},
                                               {'P', "parsable2", Takes::nothing},
                                               {'p', "parsable", Takes::nothing},
                                               {'X', "allocations", Takes::nothing},
                                               {'o', "format", Takes::value},
                                               {'S', "starttime", Takes::value},
                                               {'E', "endtime", Takes::value},
                                               {'s', "state", Takes::value},
                                               {'u', "user", Takes::value},
                                               {'a', "allusers", Takes::nothing},
                                               {'b', "brief", Takes::nothing},
                                               {'l', "long", Takes::nothing},
                                               {0, "name", Takes::value},
                                               {0, "delimiter", Takes::value},
                                               {'e', "helpformat", Takes::nothing}}};
constexpr std::string_view kColumns = "JobID,JobName,Partition,Account,AllocCPUS,State,ExitCode";
constexpr std::string_view kBrief = "JobID,State,ExitCode";
constexpr std::string_view kLong =
    "JobID,JobName,Partition,User,AllocCPUS,State,ExitCode,Submit,Start,End,Elapsed,Timelimit,ReqMem,MaxRSS,"
    "TotalCPU,NodeList";

std::int64_t midnight_us() {
  const time_t now = client::wall_now_us() / 1'000'000;
  tm parts{};
  localtime_r(&now, &parts);
  parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
  return static_cast<std::int64_t>(mktime(&parts)) * 1'000'000;
}

// "2026-11-21", "2026-11-21T18:45[:00]", "now", "now-3days" and the like are what people give; the first three are read.
Result<std::int64_t> time_of(std::string_view option, const std::string& text) {
  if (text == "now") return client::wall_now_us();
  if (text == "midnight" || text == "today") return midnight_us();
  for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    tm parts{};
    const char* end = strptime(text.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    parts.tm_isdst = -1;
    return static_cast<std::int64_t>(mktime(&parts)) * 1'000'000;
  }
  return refuse(ErrorKind::usage, kMalformedValue, join_text("Invalid --", option, ": ", escape_text(text)),
                "2026-11-21 or 2026-11-21T18:45:00");
}

struct Filter {
  std::vector<JobState> states;
  std::vector<std::string> users;  // empty: everybody
  std::vector<std::string> names;
  std::int64_t since_us = 0, until_us = 0;
};

Result<Filter> read_filter(const Call& call, const Given& given) {
  Filter filter;
  const bool named = given.has("jobs");
  for (const std::string& text : given.list("state")) {
    const auto state = job_state_of(text);
    if (!state) return std::unexpected(state.error());
    filter.states.push_back(*state);
  }
  if (!named && !given.has("allusers")) filter.users = {system_user(call.environment())};
  if (given.has("user")) filter.users = given.list("user");
  filter.names = given.list("name");
  if (given.has("starttime")) {
    const auto since = time_of("starttime", given.text("starttime"));
    if (!since) return std::unexpected(since.error());
    filter.since_us = std::max<std::int64_t>(*since, 1);
  } else if (!named) {
    filter.since_us = midnight_us();
  }
  if (given.has("endtime")) {
    const auto until = time_of("endtime", given.text("endtime"));
    if (!until) return std::unexpected(until.error());
    filter.until_us = *until;
  }
  return filter;
}

// What ended before the window is no part of it; what was made before and still runs is.
std::string where_of(const Filter& filter) {
  std::string where;
  if (filter.since_us > 1'000'000) where += join_text("-ended=..", format_rfc3339(filter.since_us - 1'000));
  if (filter.until_us != 0) where += join_text(" created=..", format_rfc3339(filter.until_us));
  return where;
}

template <class Value>
bool is_one_of(const std::vector<Value>& values, const Value& value) {
  return values.empty() || std::ranges::find(values, value) != values.end();
}

// What the server does not know by these words: names of the system, and Slurm's states.
bool matches(const Filter& filter, const JobRow& job) {
  return is_one_of(filter.users, job.facts->user) && is_one_of(filter.names, job.facts->name) &&
         is_one_of(filter.states, job.state);
}

Result<std::vector<AccountColumn>> read_columns(const Given& given) {
  std::vector<std::string> names = given.list("format");
  if (names.empty()) names = split(given.has("brief") ? kBrief : given.has("long") ? kLong : kColumns, ',');
  return parse_account_columns(names);
}

template <class TextOf>
std::vector<AccountCell> cells_of(const std::vector<AccountColumn>& columns, TextOf text_of) {
  std::vector<AccountCell> cells;
  for (const AccountColumn& column : columns) cells.push_back({text_of(column), column.width, column.align});
  return cells;
}

}  // namespace

int sacct(const Words& words, const client::Environment& environment) {
  Call call(words.program, environment);
  call.set_patience(20'000'000);
  const auto given = parse_options(kOptions, words.values, Operands::anywhere);
  if (!given) return call.fail(given.error());
  if (given->has("helpformat")) {
    for (const AccountColumn& column : account_columns()) call.out += join_text(column.name, "\n");
    return call.done();
  }
  const auto filter = read_filter(call, *given);
  if (!filter) return call.fail(filter.error());
  const auto columns = read_columns(*given);
  if (!columns) return call.fail(columns.error());
  const Wanted wanted{given->list("jobs"), "", where_of(*filter)};
  const auto jobs = find_jobs(call, wanted, Missing::left_out);
  if (!jobs) return call.fail(jobs.error());
  const AccountStyle style = account_style(*given);
  if (!given->has("noheader")) {
    const auto headings =
        cells_of(*columns, [](const AccountColumn& column) { return std::string(column.name); });
    call.out += account_line(headings, style) + account_rule(headings, style);
  }
  const std::int64_t now = client::wall_now_us();
  for (const JobRow& job : *jobs) {
    if (!matches(*filter, job)) continue;
    const auto add = [&](Step step) {
      const AccountLine line{&job, step, now};
      call.out += account_line(
          cells_of(*columns, [&](const AccountColumn& column) { return column.value(line); }), style);
    };
    add(Step::job);
    if (!given->has("allocations") && job.state != JobState::pending && job.started_wall_us != 0)
      add(Step::batch);
  }
  return call.done();
}

}  // namespace muster::doors::slurm
