// Waits until tasks are final, showing progress; used by `wait` and `submit --wait`.
// A server that goes away is waited for: the work goes on without it, and so does the waiting.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/session.h"
#include "core/error.h"

namespace muster::cli {

struct WaitOptions {
  std::optional<std::int64_t> timeout_us;
  std::string progress;  // none, plain, tty; empty: by what standard error is
  bool json = false;     // the final document on standard output
};

void declare_wait(Options& options, WaitOptions& target);

enum class FirstContact : std::uint8_t {
  must_answer,  // a server that is away at the first call is an error
  was_made,     // it has answered before: it is waited for from the start
};

// 0 every task succeeded, 1 something did not, 124 the time is over, 130 Ctrl-C.
Result<int> wait_for_end(Session& session, const std::vector<std::string>& selectors,
                         const std::string& label, const WaitOptions& options, FirstContact contact);

}  // namespace muster::cli
