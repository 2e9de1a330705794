// Submit prints the id alone on its first line; status prints one of running, success, failed; cancel takes many ids and is quick.
// Any other word of status ends the whole workflow, so a server that is away is waited for, and then the job counts as running.
#include "doors/snakemake/programs.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "client/current_folder.h"
#include "client/submission_key.h"
#include "client/text.h"
#include "core/command.h"
#include "core/escape.h"
#include "core/units.h"
#include "doors/call.h"

namespace muster::doors::snakemake {
namespace {

using client::join_text;

constexpr std::int64_t kSubmitPatience_us = 60'000'000;
constexpr std::int64_t kStatusPatience_us = 30'000'000;
constexpr std::int64_t kCancelPatience_us = 1'000'000;  // Snakemake gives it two seconds

constexpr std::array<OptionName, 10> kOptions{{{'c', "cpus", Takes::value},
                                               {0, "cores", Takes::value},
                                               {0, "mem", Takes::value},
                                               {0, "disk", Takes::value},
                                               {0, "gpus", Takes::value},
                                               {0, "time", Takes::value},
                                               {'n', "name", Takes::value},
                                               {0, "retry", Takes::value},
                                               {0, "after", Takes::value},
                                               {0, "label", Takes::value}}};

Result<std::optional<std::uint64_t>> number(const Given& given, std::string_view option) {
  if (!given.has(option)) return std::optional<std::uint64_t>();
  const auto ranges = parse_array(given.text(option));
  if (!ranges || task_count(*ranges) != 1)
    return refuse(ErrorKind::usage, kMalformedValue,
                  join_text("--", option, " is a whole number, not ", escape_text(given.text(option))));
  return std::optional(ranges->front().first);
}

// Snakemake gives an empty text or "<TBD>" for what a rule does not say.
bool says(const Given& given, std::string_view option) {
  const std::string text = given.text(option);
  return !text.empty() && text != "<TBD>";
}

Result<client::Submission> submission_of(const Given& given) {
  client::Submission out;
  out.name = given.text("name");
  const auto cpus = number(given, given.has("cores") ? "cores" : "cpus");
  const auto gpus = number(given, "gpus");
  const auto retries = number(given, "retry");
  for (const auto* value : {&cpus, &gpus, &retries}) {
    if (!*value) return std::unexpected(value->error());
  }
  out.cpus = *cpus;
  out.gpus = *gpus;
  out.retries = *retries;
  for (const auto& [option, target] : {std::pair("mem", &out.mem_mb), std::pair("disk", &out.disk_mb)}) {
    if (!says(given, option)) continue;
    const auto size = parse_memory_mb(given.text(option));
    if (!size) return std::unexpected(size.error());
    *target = *size;
  }
  if (says(given, "time")) {
    const auto limit = parse_duration_us(given.text("time"));
    if (!limit) return std::unexpected(limit.error());
    out.time_us = *limit;
  }
  // {dependencies} is a list of ids with blanks between them, or nothing.
  for (const std::string& list : given.list("after")) {
    for (const std::string& id : split(list, ' ')) {
      if (!id.empty()) out.after.push_back(id);
    }
  }
  for (const std::string& label : given.list("label")) {
    const std::size_t mark = label.find('=');
    if (mark == std::string::npos)
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text("--label ", escape_text(label), " is not NAME=VALUE"));
    out.labels.emplace_back(label.substr(0, mark), label.substr(mark + 1));
  }
  return out;
}

Result<void> set_script(const Given& given, const client::Environment& environment, client::Submission& out) {
  if (given.operands.size() != 1) {
    return refuse(ErrorKind::usage, kMalformedValue, "one job script is taken, as Snakemake gives it",
                  "snakemake --cluster \"snakemake-submit --cpus {threads}\" …");
  }
  const auto here = client::current_folder(environment);
  if (!here) return std::unexpected(here.error());
  const std::string& script = given.operands.front();
  struct stat facts{};
  if (stat(script.c_str(), &facts) != 0)
    return refuse(ErrorKind::not_found, kMalformedValue,
                  join_text("the job script ", escape_text(script), ": ", std::strerror(errno)));
  out.cwd = *here;
  out.command = {literal_word(script.starts_with('/') ? script : join_text(*here, "/", script))};
  if (out.name.empty()) out.name = script.substr(script.rfind('/') + 1);
  return {};
}

std::string_view word_of(std::string_view state) {
  if (state == "succeeded") return "success";
  return state == "failed" || state == "cancelled" ? "failed" : "running";
}

}  // namespace

int submit(const Words& words, const client::Environment& environment) {
  Call call(words.program, environment);
  call.set_patience(kSubmitPatience_us);
  const auto given = parse_options(kOptions, words.values, Operands::last);
  if (!given) return call.fail(given.error());
  auto submission = submission_of(*given);
  if (!submission) return call.fail(submission.error());
  if (const auto set = set_script(*given, environment, *submission); !set) return call.fail(set.error());
  // What a workflow was started with (PATH, conda) holds for its jobs.
  submission->environment = callers_environment();
  const std::string key = client::new_submission_key();
  const auto answer = call.ask([&](client::Api& api) { return api.submit(*submission, key); });
  if (!answer) return call.fail(answer.error());
  call.out += join_text(answer->root()["batch"].number(), "\n");
  return call.done();
}

int status(const Words& words, const client::Environment& environment) {
  Call call(words.program, environment);
  call.set_patience(kStatusPatience_us);
  const auto given = parse_options({}, words.values, Operands::last);
  if (!given) return call.fail(given.error());
  if (given->operands.size() != 1)
    return call.fail({ErrorKind::usage, kMalformedValue, "one job id is taken", ""});
  const std::string id = given->operands.front();
  const auto task = call.ask([&](client::Api& api) { return api.task(id + ".1"); });
  if (!task && task.error().kind != ErrorKind::unreachable && task.error().kind != ErrorKind::temporary)
    return call.fail(task.error());
  call.out = join_text(task ? word_of(task->root()["state"].text()) : "running", "\n");
  return call.done();
}

int cancel(const Words& words, const client::Environment& environment) {
  Call call(words.program, environment);
  call.set_patience(kCancelPatience_us);
  const auto given = parse_options({}, words.values, Operands::last);
  if (!given) return call.fail(given.error());
  int exit_code = 0;
  for (const std::string& id : given->operands) {
    client::Change change;
    change.selectors = {id};
    change.reason = "snakemake";
    const auto changed = call.ask([&](client::Api& api) { return api.change(client::Verb::cancel, change); });
    if (!changed) exit_code = call.fail(changed.error());
  }
  return exit_code;
}

}  // namespace muster::doors::snakemake
