// The command of a job: a few lines of shell that set Slurm's variables, open its files and then become the script.
// They run in the attempt's own folder, which goes away with the attempt, and change to the job's folder last.
#include <string>

#include "client/text.h"
#include "core/command.h"
#include "core/escape.h"
#include "doors/slurm/job_options.h"

namespace muster::doors::slurm {
namespace {

using client::join_text;

// One argument may hold 128 KiB (MAX_ARG_STRLEN of Linux).
constexpr std::size_t kScriptBytesMax = 120 * 1024;

// $1 folder, $2 out, $3 err, $4 "append" or "truncate", $5 signal, $6 seconds until it, $7 index, $8 script; then the command.
constexpr std::string_view kStart = R"(folder=$1 out=$2 err=$3 mode=$4 signal=$5 after=$6 index=$7 script=$8
shift 8
SLURM_JOB_ID=$MUSTER_BATCH_ID
if [ -n "$index" ]; then
  SLURM_ARRAY_JOB_ID=$MUSTER_BATCH_ID SLURM_ARRAY_TASK_ID=$index
  export SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID
  SLURM_JOB_ID=$MUSTER_BATCH_ID"_"$index
fi
node=$(uname -n)
SLURM_JOBID=$SLURM_JOB_ID SLURM_CPUS_ON_NODE=$MUSTER_CPUS SLURM_JOB_NODELIST=$node SLURM_NODELIST=$node SLURMD_NODENAME=$node
SLURM_CPUS_PER_TASK=$MUSTER_CPUS SLURM_RESTART_COUNT=$((MUSTER_ATTEMPT - 1))
export SLURM_JOB_ID SLURM_JOBID SLURM_CPUS_ON_NODE SLURM_CPUS_PER_TASK SLURM_JOB_NODELIST SLURM_NODELIST SLURMD_NODENAME SLURM_RESTART_COUNT
name() {
  printf %s "$1" | sed "s/%[jJ]/$SLURM_JOB_ID/g; s/%A/$MUSTER_BATCH_ID/g; s/%a/$index/g; s/%N/$node/g; s/%[nts]/0/g; s/%_/%/g"
}
file=$TEMP/slurm_script
if [ -n "$script" ]; then
  printf %s "$script" >"$file" && chmod 700 "$file" || exit 126
fi
cd "$folder" || exit 126
if [ -n "$out" ]; then
  out=$(name "$out")
  if [ "$mode" = append ]; then exec >>"$out" || exit 126; else exec >"$out" || exit 126; fi
  if [ -z "$err" ]; then exec 2>&1; fi
fi
if [ -n "$err" ]; then
  err=$(name "$err")
  if [ "$mode" = append ]; then exec 2>>"$err" || exit 126; else exec 2>"$err" || exit 126; fi
fi
if [ -n "$signal" ]; then
  (sleep "$after"; kill -s "$signal" $$) </dev/null >/dev/null 2>&1 &
fi
if [ -n "$script" ]; then exec "$file" "$@"; fi
exec "$@")";

// What is known now is put in; what the task knows is left for it. %% is kept from both as %_.
Result<std::string> pattern_of(std::string_view pattern, const JobRequest& job) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      out += pattern[i];
      continue;
    }
    const char field = i + 1 < pattern.size() ? pattern[++i] : '%';
    constexpr std::string_view kLater = "jJAaNnts";
    if (field == '%') {
      out += "%_";
    } else if (field == 'x') {
      out += job.submission.name;
    } else if (field == 'u') {
      for (const auto& [name, value] : job.submission.environment) {
        if (name == "SLURM_JOB_USER") out += value;
      }
    } else if (kLater.find(field) != std::string_view::npos) {
      out += {'%', field};
    } else {
      return refuse(ErrorKind::usage, kMalformedValue,
                    join_text("the file name ", escape_text(pattern), " has %", std::string(1, field),
                              ", which is not known here"),
                    "there are %j %A %a %x %u %N %n %t %s and %%");
    }
  }
  return out;
}

}  // namespace

Result<void> set_command(JobRequest& job, const std::string& script, const std::vector<std::string>& words) {
  if (script.size() > kScriptBytesMax) {
    return refuse(ErrorKind::too_large, kArgumentsTooLong,
                  join_text("the script has ", script.size(), " bytes; a job takes ", kScriptBytesMax),
                  "put it where the workers see it, and submit a script that calls it");
  }
  if (script.find('\0') != std::string::npos)
    return refuse(ErrorKind::usage, kMalformedValue, "the script holds a NUL character; it is no text");
  const auto out = pattern_of(job.out, job);
  const auto err = pattern_of(job.err, job);
  if (!out) return std::unexpected(out.error());
  if (!err) return std::unexpected(err.error());
  client::Submission& submission = job.submission;
  submission.cwd = "none";
  submission.command = {"/bin/sh", "-c", std::string(kStart), "slurm_script"};
  for (const std::string& word :
       {literal_word(job.folder), literal_word(*out), literal_word(*err),
        std::string(job.append ? "append" : "truncate"), job.signal_name, std::to_string(job.signal_after_s),
        std::string(job.is_array ? "{}" : ""), literal_word(script)}) {
    submission.command.push_back(word);
  }
  for (const std::string& word : words) submission.command.push_back(literal_word(word));
  return {};
}

}  // namespace muster::doors::slurm
