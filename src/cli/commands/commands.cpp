// The list of commands.
// Constant: no code runs for it when the process starts.
#include "cli/commands/commands.h"

#include <array>

namespace muster::cli {

namespace {

constexpr std::array<const Command*, 61> kAll = {
    &kInviteCommand,        &kSubmitCommand,        &kStatusCommand,
    &kWaitCommand,          &kLogsCommand,          &kReportCommand,
    &kExplainCommand,       &kFailuresCommand,      &kRetryCommand,
    &kCancelCommand,        &kHoldCommand,          &kReleaseCommand,
    &kBatchListCommand,     &kBatchShowCommand,     &kBatchSetCommand,
    &kTaskListCommand,      &kTaskShowCommand,      &kTaskSetCommand,
    &kTaskRunCommand,       &kAttemptListCommand,   &kAttemptShowCommand,
    &kWorkerListCommand,    &kWorkerShowCommand,    &kWorkerCreateCommand,
    &kWorkerSetCommand,     &kWorkerPauseCommand,   &kWorkerResumeCommand,
    &kWorkerDrainCommand,   &kWorkerLostCommand,    &kWorkerRemoveCommand,
    &kLimitListCommand,     &kLimitSetCommand,      &kLimitDeleteCommand,
    &kEventListCommand,     &kUserListCommand,      &kUserShowCommand,
    &kUserCreateCommand,    &kUserSetCommand,       &kUserDeleteCommand,
    &kTokenListCommand,     &kTokenCreateCommand,   &kTokenRevokeCommand,
    &kProjectListCommand,   &kProjectShowCommand,   &kProjectCreateCommand,
    &kProjectSetCommand,    &kProjectDeleteCommand, &kAuditListCommand,
    &kAuditVerifyCommand,   &kAuditExportCommand,   &kContextListCommand,
    &kContextShowCommand,   &kContextCreateCommand, &kContextSetCommand,
    &kContextDeleteCommand, &kContextUseCommand,    &kContextCurrentCommand,
    &kHelpCommand,          &kCompletionCommand,    &kCompleteCommand,
    &kManCommand,
};

}  // namespace

const std::span<const Command* const> kOwnCommands = kAll;

}  // namespace muster::cli
