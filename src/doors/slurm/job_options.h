// The options of sbatch and srun, from the command line and from #SBATCH lines, as one submission of Muster.
// What has no counterpart is refused, or said to be left out where leaving it out changes nothing for the work.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/api.h"
#include "doors/call.h"

namespace muster::doors::slurm {

std::span<const OptionName> job_options();

// The words of every #SBATCH line before the first command, quotes taken off.
std::vector<std::string> directives_of(std::string_view script);

struct JobRequest {
  client::Submission submission;
  bool is_array = false;
  std::string folder;       // where the script runs
  std::string out, err;     // patterns; err empty: with out
  bool append = false;      // --open-mode=append
  std::string signal_name;  // of --signal=B:NAME@SECONDS; empty: none
  std::int64_t signal_after_s = 0;
};
// `name` is what the job is called when no option says it.
Result<JobRequest> read_job(Call& call, const Given& given, std::string_view name);

// "30", "30:00", "1:30:00", "2-12", "2-12:30", "2-12:30:00"; 0 for UNLIMITED, INFINITE and 0. E203.
Result<std::int64_t> parse_time_limit_us(std::string_view text);

// Finishes the submission: `program` with its arguments is run in the job's folder with Slurm's variables and output files.
// `script` is the text of a program that starts with #!; empty: `words` is a command.
Result<void> set_command(JobRequest& job, const std::string& script, const std::vector<std::string>& words);

}  // namespace muster::doors::slurm
