// The options of `submit`, and how they become a Submission and its items.
// What can be refused here is refused here, with the same words and codes as the server's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/items_input.h"
#include "cli/options.h"
#include "cli/session.h"
#include "client/api.h"
#include "core/error.h"

namespace muster::cli {

struct SubmissionOptions {
  client::Submission submission;  // names and numbers go straight into it
  std::vector<std::string> environment;
  std::vector<std::string> labels;
  std::vector<std::string> on;
  std::vector<std::string> use;
  std::vector<std::string> secrets;
  std::optional<std::string> from;
  std::string format;
  bool nul_lines = false;
  std::vector<std::string> each;
  std::string cwd;
};

void declare_submission(Options& options, SubmissionOptions& target);

struct PreparedSubmission {
  client::Submission submission;
  std::optional<ItemsInput> items;
};
// Opens the items, compiles the command, finds the folder.
Result<PreparedSubmission> prepare_submission(SubmissionOptions options, const Session& session);

}  // namespace muster::cli
