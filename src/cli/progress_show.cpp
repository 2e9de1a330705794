// The choice of progress.
// What standard error is decides when nobody does.
#include "cli/progress_show.h"

#include <array>

namespace muster::cli {

void declare_progress(Options& options, std::string& target) {
  static constexpr std::array<std::string_view, 3> kChoices = {"none", "plain", "tty"};
  options.choice(
      "--progress", kChoices, target,
      "on standard error: a live line (tty), a line now and then (plain), nothing; default by what it is");
}

ProgressShow choose_progress(const Session& session, std::string_view wanted) {
  if (wanted == "none") return ProgressShow::none;
  if (wanted == "plain") return ProgressShow::plain;
  if (wanted == "tty") return ProgressShow::live;
  return session.err_terminal().is_terminal ? ProgressShow::live : ProgressShow::plain;
}

}  // namespace muster::cli
