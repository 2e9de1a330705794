// What all tasks of a segment share: the command with its placeholders, what it needs, how it may fail.
// Immutable once stored; an edit of some tasks makes a new template and an override on their interval.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/command.h"
#include "core/ids.h"
#include "core/resources.h"

namespace muster {

enum class Rerun : std::uint8_t {
  allowed,
  never,  // a second grant is never made once the first one may have started
};

enum class WorkingDirectory : std::uint8_t {
  given,    // `cwd` is an absolute path that has to exist on the worker
  attempt,  // --cwd none: the attempt's own folder, removed after success, kept 24 h after failure
};

struct TaskTemplate {
  std::string name;  // --name; empty: the first word of the command
  CommandTemplate command;
  std::vector<std::string>
      columns;  // names of the item's fields; one empty name for plain lines; empty without items
  Resources resources;
  std::vector<std::pair<std::string, std::string>> environment;  // --env, in order, at most 32 KiB
  std::vector<std::pair<std::string, std::string>> labels;       // --label
  // --secret: variable of the environment, name of the project's secret. Values are in no template.
  std::vector<std::pair<std::string, std::string>> secrets;
  WorkingDirectory working_directory = WorkingDirectory::given;
  std::string cwd;
  Micros time_limit_us = 0;      // --time; 0: none
  Micros grace_us = 10'000'000;  // between TERM and KILL
  std::uint32_t retries = 0;     // --retry: the user's budget
  Rerun rerun = Rerun::allowed;
  std::uint64_t log_max_bytes = 64ULL << 20;  // --log-max
  bool operator==(const TaskTemplate&) const = default;
};

// The same for people and for MUSTER_… in the environment.
inline constexpr std::uint64_t kEnvironmentBytesMax = 32ULL << 10;

}  // namespace muster
