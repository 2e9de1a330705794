// Tasks and batches of the native API as Slurm's jobs.
// The owner of a batch is a user of Muster; for the caller's own ones it is shown as the name that the system knows them by.
#include "doors/slurm/jobs.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "client/query.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/units.h"

namespace muster::doors::slurm {
namespace {

using client::Document;
using client::join_text;
using client::Json;

struct StateTexts {
  JobState state;
  std::string_view brief, full;
};
constexpr std::array<StateTexts, 11> kStates{{{JobState::pending, "PD", "PENDING"},
                                              {JobState::configuring, "CF", "CONFIGURING"},
                                              {JobState::running, "R", "RUNNING"},
                                              {JobState::completing, "CG", "COMPLETING"},
                                              {JobState::completed, "CD", "COMPLETED"},
                                              {JobState::failed, "F", "FAILED"},
                                              {JobState::cancelled, "CA", "CANCELLED"},
                                              {JobState::timeout, "TO", "TIMEOUT"},
                                              {JobState::out_of_memory, "OOM", "OUT_OF_MEMORY"},
                                              {JobState::node_fail, "NF", "NODE_FAIL"},
                                              {JobState::preempted, "PR", "PREEMPTED"}}};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return out;
}

JobState running_state(std::string_view phase) {
  if (phase == "assigned" || phase == "fetching" || phase == "staged") return JobState::configuring;
  if (phase == "stopping") return JobState::completing;
  return JobState::running;
}

JobState failed_state(std::string_view cause) {
  if (cause == "timeout") return JobState::timeout;
  if (cause == "oom") return JobState::out_of_memory;
  if (cause == "worker-lost" || cause == "poison") return JobState::node_fail;
  if (cause == "evicted") return JobState::preempted;
  return JobState::failed;
}

JobState state_of(Json task) {
  const std::string_view state = task["state"].text();
  if (state == "running") return running_state(task["phase"].text());
  if (state == "succeeded") return JobState::completed;
  if (state == "failed") return failed_state(task["cause"].text());
  if (state == "cancelled") return JobState::cancelled;
  return JobState::pending;
}

std::string_view reason_of(std::string_view code) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kReasons{
      {{"", "None"},
       {"held", "JobHeldUser"},
       {"dependency", "Dependency"},
       {"backoff", "BeginTime"},
       {"max-running", "JobArrayTaskLimit"},
       {"quota", "AssocGrpJobsLimit"},
       {"no-worker", "ReqNodeNotAvail"},
       {"no-label", "ReqNodeNotAvail"},
       {"draining", "ReqNodeNotAvail"}}};
  const auto found = std::ranges::find(kReasons, code, [](const auto& pair) { return pair.first; });
  return found == kReasons.end() ? "Resources" : found->second;
}

std::int64_t time_of(Json time) { return time.is_text() ? parse_rfc3339(time.text()).value_or(0) : 0; }

JobRow row_of(Json task, std::shared_ptr<const BatchFacts> facts) {
  JobRow row;
  row.batch = task["batch"].number();
  row.index = task["index"].number();
  row.state = state_of(task);
  row.reason = reason_of(task["reason"].text());
  row.worker = task["worker"].text();
  row.submitted_wall_us = time_of(task["created"]);
  row.started_wall_us = time_of(task["started"]);
  if (row.started_wall_us == 0 && row.state != JobState::pending)
    row.started_wall_us = time_of(task["granted"]);
  row.ended_wall_us = time_of(task["ended"]);
  row.time_limit_us = static_cast<std::int64_t>(task["time_limit_s"].real() * 1e6);
  const Json resources = task["resources"];
  row.cpus = std::max<std::uint64_t>({1, resources["cpus"].number(), resources["slots"].number()});
  row.mem_mb = resources["mem_mb"].number();
  row.gpus = resources["gpus"].number();
  row.restarts = std::max<std::uint64_t>(task["attempts"].number(), 1) - 1;
  row.exit_code = static_cast<int>(task["exit_code"].number());
  row.signal = static_cast<int>(task["signal"].number());
  row.user_s = task["user_s"].real();
  row.system_s = task["system_s"].real();
  row.peak_memory_mb = task["peak_memory_mb"].real();
  row.facts = std::move(facts);
  return row;
}

// Facts of batches, each asked for once.
class FactsOf {
 public:
  explicit FactsOf(Call& call) : call_(call) {}

  Result<std::shared_ptr<const BatchFacts>> find(std::uint64_t batch) {
    if (const auto known = known_.find(batch); known != known_.end()) return known->second;
    if (Result<void> asked = ask_who(); !asked) return std::unexpected(asked.error());
    const Result<Document> answer =
        call_.ask([&](client::Api& api) { return api.batch(std::to_string(batch)); });
    if (!answer) return std::unexpected(answer.error());
    auto facts = std::make_shared<const BatchFacts>(facts_of(answer->root()));
    known_.emplace(batch, facts);
    return facts;
  }

 private:
  Result<void> ask_who() {
    if (!me_.empty()) return {};
    const Result<Document> answer = call_.ask([](client::Api& api) { return api.read("/users/me"); });
    if (!answer) return std::unexpected(answer.error());
    me_ = answer->root()["name"].text("admin");
    return {};
  }

  BatchFacts facts_of(Json batch) const {
    BatchFacts facts;
    facts.name = batch["name"].text();
    facts.mine = batch["owner"].text() == me_;
    facts.user = facts.mine ? system_user(call_.environment()) : std::string(batch["owner"].text());
    facts.priority = batch["priority"].integer();
    const Json labels = batch["template"]["labels"];
    for (std::size_t i = 0; i < labels.size(); ++i) facts.labels.emplace(labels.key(i), labels.at(i).text());
    facts.partition = batch["template"]["resources"]["on"]["partition"].text(kDefaultPartition);
    facts.is_array = facts.labels.contains(kArrayLabel) || batch["tasks"].number() > 1;
    return facts;
  }

  Call& call_;
  std::string me_;
  std::map<std::uint64_t, std::shared_ptr<const BatchFacts>> known_;
};

Result<void> add_tasks(Call& call, FactsOf& facts, const std::string& selector, const Wanted& wanted,
                       std::vector<JobRow>& rows) {
  client::ListQuery query;
  query.selector = selector;
  query.states = wanted.states;
  query.where = wanted.where;
  const auto pages = call.pages("/tasks", query);
  if (!pages) return std::unexpected(pages.error());
  for (const Document& page : *pages) {
    const Json items = page.root()["items"];
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto found = facts.find(items.at(i)["batch"].number());
      if (!found) return std::unexpected(found.error());
      rows.push_back(row_of(items.at(i), *found));
    }
  }
  return {};
}

}  // namespace

std::string_view short_text(JobState state) { return kStates[static_cast<std::size_t>(state)].brief; }
std::string_view long_text(JobState state) { return kStates[static_cast<std::size_t>(state)].full; }
bool is_active(JobState state) { return state <= JobState::completing; }

Result<JobState> job_state_of(std::string_view text) {
  const std::string wanted = upper(text);
  for (const StateTexts& state : kStates) {
    if (wanted == state.brief || wanted == state.full) return state.state;
  }
  return refuse(ErrorKind::usage, kMalformedValue, join_text("there is no job state ", escape_text(text)));
}

std::string JobRow::id() const {
  return facts->is_array ? join_text(batch, "_", index) : std::to_string(batch);
}

std::int64_t JobRow::elapsed_us(std::int64_t now_wall_us) const {
  if (started_wall_us == 0) return 0;
  return std::max<std::int64_t>(0, (ended_wall_us == 0 ? now_wall_us : ended_wall_us) - started_wall_us);
}

Result<std::vector<std::string>> selectors_of(std::string_view job) {
  const std::string shown = escape_text(job);
  const auto is_number = [](std::string_view text) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && read.ec == std::errc{} && read.ptr == text.data() + text.size();
  };
  std::string_view text = job.substr(0, job.find('.'));  // a step is its job
  if (const std::size_t bar = text.find('+'); bar != std::string_view::npos) text = text.substr(0, bar);
  const std::size_t line = text.find('_');
  const std::string_view batch = text.substr(0, line);
  const auto malformed =
      refuse(ErrorKind::usage, kMalformedSelector, join_text("Invalid job id specified: ", shown),
             "a job is 42, a task of an array 42_7 or 42_[1-3]");
  if (!is_number(batch)) return malformed;
  if (line == std::string_view::npos) return std::vector<std::string>{std::string(batch)};
  std::string_view part = text.substr(line + 1);
  if (is_number(part)) return std::vector<std::string>{join_text(batch, ".", part)};
  if (part.size() < 2 || !part.starts_with('[') || !part.ends_with(']')) return malformed;
  const auto ranges = parse_array(part.substr(1, part.size() - 2));
  if (!ranges) return malformed;
  std::vector<std::string> selectors;
  for (const IndexRange& range : *ranges) {
    if (range.step == 1) {
      selectors.push_back(range.first == range.last ? join_text(batch, ".", range.first)
                                                    : join_text(batch, ".", range.first, "-", range.last));
      continue;
    }
    for (std::uint64_t index = range.first; index <= range.last; index += range.step)
      selectors.push_back(join_text(batch, ".", index));
  }
  return selectors;
}

Result<std::vector<JobRow>> find_jobs(Call& call, const Wanted& wanted, Missing missing) {
  std::vector<std::string> selectors;
  for (const std::string& job : wanted.jobs) {
    const auto found = selectors_of(job);
    if (!found) return std::unexpected(found.error());
    selectors.insert(selectors.end(), found->begin(), found->end());
  }
  if (wanted.jobs.empty()) selectors.emplace_back();
  std::vector<JobRow> rows;
  FactsOf facts(call);
  for (const std::string& selector : selectors) {
    const Result<void> added = add_tasks(call, facts, selector, wanted, rows);
    if (!added && (added.error().kind != ErrorKind::not_found || missing == Missing::error))
      return std::unexpected(added.error());
  }
  // Slurm's order; the server gives the newest batch first.
  if (wanted.jobs.empty())
    std::ranges::stable_sort(rows, [](const JobRow& one, const JobRow& other) {
      return one.batch != other.batch ? one.batch < other.batch : one.index < other.index;
    });
  return rows;
}

}  // namespace muster::doors::slurm
