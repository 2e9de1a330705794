// The list of commands.
// Constant: no code runs for it when the process starts. One a line, so that two who add one do not meet.
#include "cli/commands/commands.h"

namespace muster::cli {

namespace {

// clang-format off
constexpr const Command* kAll[] = {
    &kInviteCommand,
    &kOpenCommand,
    &kSubmitCommand,
    &kStatusCommand,
    &kWaitCommand,
    &kWatchCommand,
    &kTopCommand,
    &kLogsCommand,
    &kReportCommand,
    &kExplainCommand,
    &kFailuresCommand,
    &kRetryCommand,
    &kCancelCommand,
    &kHoldCommand,
    &kReleaseCommand,
    &kBatchListCommand,
    &kBatchShowCommand,
    &kBatchSetCommand,
    &kTaskListCommand,
    &kTaskShowCommand,
    &kTaskSetCommand,
    &kTaskRunCommand,
    &kAttemptListCommand,
    &kAttemptShowCommand,
    &kWorkerListCommand,
    &kWorkerShowCommand,
    &kWorkerCreateCommand,
    &kWorkerSetCommand,
    &kWorkerPauseCommand,
    &kWorkerResumeCommand,
    &kWorkerDrainCommand,
    &kWorkerLostCommand,
    &kWorkerRemoveCommand,
    &kFlavorListCommand,
    &kFlavorShowCommand,
    &kFlavorExplainCommand,
    &kFlavorImportCommand,
    &kFlavorExportCommand,
    &kFlavorDeleteCommand,
    &kLimitListCommand,
    &kLimitSetCommand,
    &kLimitDeleteCommand,
    &kEventListCommand,
    &kUserListCommand,
    &kUserShowCommand,
    &kUserCreateCommand,
    &kUserSetCommand,
    &kUserDeleteCommand,
    &kTokenListCommand,
    &kTokenCreateCommand,
    &kTokenRevokeCommand,
    &kProjectListCommand,
    &kProjectShowCommand,
    &kProjectCreateCommand,
    &kProjectSetCommand,
    &kProjectDeleteCommand,
    &kSecretListCommand,
    &kSecretShowCommand,
    &kSecretCreateCommand,
    &kSecretSetCommand,
    &kSecretDeleteCommand,
    &kAuditListCommand,
    &kAuditVerifyCommand,
    &kAuditExportCommand,
    &kContextListCommand,
    &kContextShowCommand,
    &kContextCreateCommand,
    &kContextSetCommand,
    &kContextDeleteCommand,
    &kContextUseCommand,
    &kContextCurrentCommand,
    &kHelpCommand,
    &kCompletionCommand,
    &kCompleteCommand,
    &kManCommand,
};
// clang-format on

}  // namespace

const std::span<const Command* const> kOwnCommands = kAll;

}  // namespace muster::cli
