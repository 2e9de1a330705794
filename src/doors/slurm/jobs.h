// Jobs as Slurm's commands see them: one row for each task, with what is known of its batch.
// Ids are "42" for a batch and "42_7" for one task of an array; what else people type ("42_[1-3]", "42.batch") is read here, too.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "doors/call.h"

namespace muster::doors::slurm {

inline constexpr std::string_view kDefaultPartition = "muster";
// Labels of a batch that keep what Muster itself has no word for.
inline constexpr std::string_view kArrayLabel = "slurm-array";
inline constexpr std::string_view kFolderLabel = "slurm-folder";
inline constexpr std::string_view kScriptLabel = "slurm-script";
inline constexpr std::string_view kOutputLabel = "slurm-output";
inline constexpr std::string_view kErrorLabel = "slurm-error";

// What all tasks of one batch share.
struct BatchFacts {
  std::string name;
  std::string user;  // the caller's own name of the system, where the batch is theirs
  std::string partition;
  std::map<std::string, std::string, std::less<>> labels;
  std::int64_t priority = 0;
  bool is_array = false;
  bool mine = false;
};

enum class JobState : std::uint8_t {
  pending,
  configuring,
  running,
  completing,
  completed,
  failed,
  cancelled,
  timeout,
  out_of_memory,
  node_fail,
  preempted,
};
std::string_view short_text(JobState state);  // "PD"
std::string_view long_text(JobState state);   // "PENDING"
bool is_active(JobState state);
// Either form, any case; E203.
Result<JobState> job_state_of(std::string_view text);

struct JobRow {
  std::uint64_t batch = 0;
  std::uint64_t index = 0;
  JobState state = JobState::pending;
  std::string reason;  // "Resources", "Dependency"; "None" when it runs
  std::string worker;
  std::int64_t submitted_wall_us = 0, started_wall_us = 0, ended_wall_us = 0;  // 0: not yet
  std::int64_t time_limit_us = 0;                                              // 0: none
  std::uint64_t cpus = 1, mem_mb = 0, gpus = 0;
  std::uint64_t restarts = 0;
  int exit_code = 0, signal = 0;
  double user_s = 0, system_s = 0, peak_memory_mb = 0;
  std::shared_ptr<const BatchFacts> facts;

  std::string id() const;  // "42" or "42_7"
  std::int64_t elapsed_us(std::int64_t now_wall_us) const;
};

// "42", "42_7", "42_[1-3,5]", "42.batch" -> selectors of Muster; E201.
Result<std::vector<std::string>> selectors_of(std::string_view job);

struct Wanted {
  std::vector<std::string> jobs;  // as typed; empty: all
  std::string states;             // of Muster's tasks; empty: all
  std::string where;              // Muster's filter; empty: all
};
// Jobs that are named and not there are left out where `missing` says so, as squeue and sacct do.
enum class Missing : std::uint8_t { error, left_out };
Result<std::vector<JobRow>> find_jobs(Call& call, const Wanted& wanted, Missing missing);

}  // namespace muster::doors::slurm
