// The list of commands.
// Constant: no code runs for it when the process starts.
#include "cli/commands/commands.h"

#include <array>

namespace muster::cli {

namespace {

constexpr std::array<const Command*, 20> kAll = {
    &kSubmitCommand,     &kStatusCommand,     &kWaitCommand,      &kLogsCommand,        &kRetryCommand,
    &kCancelCommand,     &kHoldCommand,       &kReleaseCommand,   &kBatchListCommand,   &kBatchShowCommand,
    &kBatchSetCommand,   &kTaskListCommand,   &kTaskShowCommand,  &kAttemptListCommand, &kAttemptShowCommand,
    &kWorkerListCommand, &kWorkerShowCommand, &kWorkerSetCommand, &kEventListCommand,   &kHelpCommand,
};

}  // namespace

const std::span<const Command* const> kOwnCommands = kAll;

}  // namespace muster::cli
