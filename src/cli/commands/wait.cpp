// `wait`: until everything selected is final, whatever the end.
// The exit code is for scripts, the progress on standard error for people.
#include "cli/commands/commands.h"
#include "cli/pinned_selectors.h"
#include "cli/waiter.h"

namespace muster::cli {

namespace {

class Wait final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.positional("SELECTOR", selectors_, 1, kAnyCount,
                       "batches or tasks, or all; each of them is waited for");
    options.text("--where", "FILTER", where_, "of them, the tasks that match now (muster help filters)");
    declare_wait(options, wait_);
    options.section("Output");
    options.flag("--json", wait_.json, "print the final counts as JSON");
  }

  Result<int> run(Session& session) override {
    const Result<std::vector<std::string>> pinned = pin_filtered(session, selectors_, where_);
    if (!pinned) return std::unexpected(pinned.error());
    return wait_for_end(session, *pinned, joined_selectors(*pinned), wait_, FirstContact::must_answer);
  }

 private:
  std::vector<std::string> selectors_;
  std::string where_;
  WaitOptions wait_;
};

}  // namespace

const Command kWaitCommand = {
    "wait",
    CommandSection::work,
    CommonOptions::connection,
    "[options] SELECTOR…",
    "wait until tasks are final, showing progress",
    "muster wait 42                         # exit 0: all succeeded, 1: something did not\n"
    "muster wait 42 43.1-10 --timeout 2h    # exit 124 when the time is over\n"
    "muster wait 42 --where label.study=PACA\n",
    &make_body<Wait>};

}  // namespace muster::cli
