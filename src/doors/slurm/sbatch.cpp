// sbatch and srun: a script or a command as a job of its own.
// Standard output says the job's id and nothing else, because programs read it.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "client/submission_key.h"
#include "client/text.h"
#include "core/escape.h"
#include "doors/slurm/job_options.h"
#include "doors/slurm/jobs.h"
#include "doors/slurm/programs.h"

namespace muster::doors::slurm {
namespace {

using client::Document;
using client::join_text;

constexpr std::int64_t kPatience_us = 60'000'000;
constexpr std::int64_t kForever_us = std::int64_t{100} * 365 * 86'400 * 1'000'000;
constexpr std::int64_t kWaitStep_us = 30'000'000;

std::string base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

struct Script {
  std::string text;
  std::string name;  // of the job, unless an option says it
  std::vector<std::string> arguments;
  Given given;  // the call's options, then those of the script
};

Result<std::string> read_script(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    return refuse(ErrorKind::not_found, kMalformedValue,
                  join_text("Unable to open file ", escape_text(path), ": ", std::strerror(errno)));
  }
  return text;
}

Result<Script> find_script(Given given) {
  Script script;
  if (given.has("wrap")) {
    if (!given.operands.empty())
      return refuse(ErrorKind::usage, kMalformedValue, "Script can not be used with --wrap argument");
    script.text = join_text("#!/bin/sh\n# made by sbatch --wrap\n\n", given.text("wrap"), "\n");
    script.name = "wrap";
  } else if (given.operands.empty()) {
    script.text.assign(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
    script.name = "sbatch";
  } else {
    auto text = read_script(given.operands.front());
    if (!text) return std::unexpected(text.error());
    script.text = std::move(*text);
    script.name = base_name(given.operands.front());
    script.arguments.assign(given.operands.begin() + 1, given.operands.end());
  }
  if (!script.text.starts_with("#!")) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  script.text.empty() ? "Batch script is empty!" : "This does not look like a batch script",
                  "its first line has to be #! followed by the path of an interpreter, such as #!/bin/sh");
  }
  const auto own = parse_options(job_options(), directives_of(script.text), Operands::last);
  if (!own) return std::unexpected(own.error());
  script.given = std::move(given);
  script.given.add_missing(*own);
  return script;
}

Result<Document> submit(Call& call, const JobRequest& job) {
  call.set_patience(kPatience_us);
  const std::string key = job.submission.dry_run ? "" : client::new_submission_key();
  return call.ask([&](client::Api& api) { return api.submit(job.submission, key); });
}

Result<void> wait_for(Call& call, const std::string& batch) {
  call.set_patience(kForever_us);
  for (;;) {
    const Result<Document> waited =
        call.ask([&](client::Api& api) { return api.wait({batch}, kWaitStep_us); });
    if (!waited) return std::unexpected(waited.error());
    if (waited->root()["done"].truth()) return {};
  }
}

// The worst of its tasks; a signal is 128 and its number, as in a shell.
Result<int> worst_exit_code(Call& call, const std::string& batch) {
  const auto jobs = find_jobs(call, {{batch}, "failed,cancelled", ""}, Missing::error);
  if (!jobs) return std::unexpected(jobs.error());
  int worst = 0;
  for (const JobRow& job : *jobs)
    worst = std::max({worst, 1, job.exit_code, job.signal == 0 ? 0 : 128 + job.signal});
  return worst;
}

void add_default_output(JobRequest& job) {
  if (job.out.empty()) job.out = job.is_array ? "slurm-%A_%a.out" : "slurm-%j.out";
}

int tell_submitted(Call& call, const Given& given, const Document& answer) {
  const std::uint64_t batch = answer.root()["batch"].number();
  if (given.has("test-only")) {
    call.warn(join_text(answer.root()["count"].number(), " tasks would be submitted"));
    return call.done();
  }
  if (given.has("parsable")) {
    call.out += join_text(batch, "\n");
  } else if (!given.has("quiet")) {
    call.out += join_text("Submitted batch job ", batch, "\n");
  }
  return call.done();
}

// Copies what the job writes to the two outputs until it has ended.
Result<void> relay(Call& call, const std::string& task, std::string_view stream, std::FILE* into) {
  client::LogQuery query;
  query.selector = task;
  query.stream = stream;
  query.wait_s = 0;
  for (;;) {
    const auto page = call.ask([&](client::Api& api) { return api.logs(query); });
    if (!page) return std::unexpected(page.error());
    if (!page->bytes.empty() &&
        std::fwrite(page->bytes.data(), 1, page->bytes.size(), into) != page->bytes.size())
      return {};  // nobody reads it any more
    std::fflush(into);
    if (page->final || page->bytes.empty()) return {};
    query.from = page->next;
  }
}

// srun starts one process; and some of what sbatch takes means nothing to it, or something else.
Result<void> check_step(const Given& given) {
  for (const std::string_view option : {"ntasks", "ntasks-per-node", "nodes"}) {
    const std::string count = given.text(option, "1");
    if (count != "1" && count != "1-1")
      return refuse(
          ErrorKind::usage, kMalformedValue,
          join_text("Invalid --", option, ": ", escape_text(count), "; srun starts one process here"),
          "tasks that run beside each other are an array: sbatch --array=1-4");
  }
  for (const std::string_view option : {"array", "wrap", "parsable", "wait", "test-only", "open-mode"}) {
    if (given.has(option))
      return refuse(ErrorKind::usage, kUnknownWord, join_text("srun does not know --", option, " here"),
                    "sbatch does");
  }
  return {};
}

// A step has all of its job: what it asks for of it is there. What would make another process of it is refused.
Result<void> check_step_in_job(const Given& given) {
  constexpr std::array<std::string_view, 26> kOfTheJob{"job-name",
                                                       "chdir",
                                                       "cpus-per-task",
                                                       "ntasks",
                                                       "nodes",
                                                       "ntasks-per-node",
                                                       "mem",
                                                       "mem-per-cpu",
                                                       "gpus",
                                                       "gres",
                                                       "gpus-per-node",
                                                       "gpus-per-task",
                                                       "exclusive",
                                                       "quiet",
                                                       "verbose",
                                                       "cpu-bind",
                                                       "mem-bind",
                                                       "hint",
                                                       "ntasks-per-core",
                                                       "oversubscribe",
                                                       "overcommit",
                                                       "unbuffered",
                                                       "kill-on-bad-exit",
                                                       "no-kill",
                                                       "comment",
                                                       "partition"};
  for (const OptionName& option : job_options()) {
    if (given.has(option.word) && std::ranges::find(kOfTheJob, option.word) == kOfTheJob.end())
      return refuse(ErrorKind::usage, kUnknownWord,
                    join_text("a step inside of a job does not know --", option.word, " here"),
                    "give it to the job (sbatch)");
  }
  return {};
}

int run_in_place(Call& call, const Given& given) {
  if (const auto checked = check_step_in_job(given); !checked) return call.fail(checked.error());
  const std::string folder = given.text("chdir");
  if (!folder.empty() && chdir(folder.c_str()) != 0)
    return call.fail(
        {ErrorKind::not_found, "", join_text(escape_text(folder), ": ", std::strerror(errno)), ""});
  std::vector<std::string> words = given.operands;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  execvp(pointers[0], pointers.data());
  return call.fail(
      {ErrorKind::not_found, "", join_text(escape_text(words[0]), ": ", std::strerror(errno)), ""}, 127);
}

int run_elsewhere(Call& call, const Given& given) {
  auto job = read_job(call, given, base_name(given.operands.front()));
  if (!job) return call.fail(job.error());
  if (const auto set = set_command(*job, "", given.operands); !set) return call.fail(set.error());
  const auto answer = submit(call, *job);
  if (!answer) return call.fail(answer.error());
  const std::string batch = std::to_string(answer->root()["batch"].number());
  Result<void> done = wait_for(call, batch);
  if (done) done = relay(call, batch + ".1", "stdout", stdout);
  if (done) done = relay(call, batch + ".1", "stderr", stderr);
  if (!done) return call.fail(done.error());
  const auto worst = worst_exit_code(call, batch);
  return worst ? *worst : call.fail(worst.error());
}

}  // namespace

int sbatch(const Words& words, const client::Environment& environment) {
  Call call(words.program, environment);
  auto given = parse_options(job_options(), words.values, Operands::last);
  if (!given) return call.fail(given.error());
  auto script = find_script(std::move(*given));
  if (!script) return call.fail(script.error());
  auto job = read_job(call, script->given, script->name);
  if (!job) return call.fail(job.error());
  add_default_output(*job);
  job->submission.labels.emplace_back(
      kScriptLabel, script->given.operands.empty() ? script->name : script->given.operands.front());
  job->submission.labels.emplace_back(kOutputLabel, job->out);
  if (!job->err.empty()) job->submission.labels.emplace_back(kErrorLabel, job->err);
  if (const auto set = set_command(*job, script->text, script->arguments); !set)
    return call.fail(set.error());
  const auto answer = submit(call, *job);
  if (!answer) return call.fail(answer.error());
  const int told = tell_submitted(call, script->given, *answer);
  if (told != 0 || !script->given.has("wait") || script->given.has("test-only")) return told;
  const std::string batch = std::to_string(answer->root()["batch"].number());
  if (const auto waited = wait_for(call, batch); !waited) return call.fail(waited.error());
  const auto worst = worst_exit_code(call, batch);
  return worst ? *worst : call.fail(worst.error());
}

// Inside a job a step is the command itself: the job has its place already.
int srun(const Words& words, const client::Environment& environment) {
  Call call(words.program, environment);
  auto given = parse_options(job_options(), words.values, Operands::last);
  if (!given) return call.fail(given.error());
  if (given->operands.empty())
    return call.fail(
        {ErrorKind::usage, kMalformedValue, "No command given to execute.", "srun [options] COMMAND…"});
  if (const auto checked = check_step(*given); !checked) return call.fail(checked.error());
  if (environment("SLURM_JOB_ID") && environment("MUSTER_BATCH_ID")) return run_in_place(call, *given);
  return run_elsewhere(call, *given);
}

}  // namespace muster::doors::slurm
