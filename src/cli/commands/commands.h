// The commands of this room, one file each.
// The order is that of the help.
#pragma once

#include <span>

#include "cli/command.h"

namespace muster::cli {

extern const Command kInviteCommand;
extern const Command kOpenCommand;
extern const Command kFlavorListCommand;
extern const Command kFlavorShowCommand;
extern const Command kFlavorExplainCommand;
extern const Command kFlavorImportCommand;
extern const Command kFlavorExportCommand;
extern const Command kFlavorDeleteCommand;
extern const Command kSubmitCommand;
extern const Command kStatusCommand;
extern const Command kWaitCommand;
extern const Command kWatchCommand;
extern const Command kTopCommand;
extern const Command kLogsCommand;
extern const Command kReportCommand;
extern const Command kExplainCommand;
extern const Command kFailuresCommand;
extern const Command kRetryCommand;
extern const Command kCancelCommand;
extern const Command kHoldCommand;
extern const Command kReleaseCommand;
extern const Command kBatchListCommand;
extern const Command kBatchShowCommand;
extern const Command kBatchSetCommand;
extern const Command kTaskListCommand;
extern const Command kTaskShowCommand;
extern const Command kTaskSetCommand;
extern const Command kTaskRunCommand;
extern const Command kAttemptListCommand;
extern const Command kAttemptShowCommand;
extern const Command kWorkerListCommand;
extern const Command kWorkerShowCommand;
extern const Command kWorkerCreateCommand;
extern const Command kWorkerSetCommand;
extern const Command kWorkerPauseCommand;
extern const Command kWorkerResumeCommand;
extern const Command kWorkerDrainCommand;
extern const Command kWorkerLostCommand;
extern const Command kWorkerRemoveCommand;
extern const Command kLimitListCommand;
extern const Command kLimitSetCommand;
extern const Command kLimitDeleteCommand;
extern const Command kEventListCommand;
extern const Command kUserListCommand;
extern const Command kUserShowCommand;
extern const Command kUserCreateCommand;
extern const Command kUserSetCommand;
extern const Command kUserDeleteCommand;
extern const Command kTokenListCommand;
extern const Command kTokenCreateCommand;
extern const Command kTokenRevokeCommand;
extern const Command kProjectListCommand;
extern const Command kProjectShowCommand;
extern const Command kProjectCreateCommand;
extern const Command kProjectSetCommand;
extern const Command kProjectDeleteCommand;
extern const Command kSecretListCommand;
extern const Command kSecretShowCommand;
extern const Command kSecretCreateCommand;
extern const Command kSecretSetCommand;
extern const Command kSecretDeleteCommand;
extern const Command kAuditListCommand;
extern const Command kAuditVerifyCommand;
extern const Command kAuditExportCommand;
extern const Command kContextListCommand;
extern const Command kContextShowCommand;
extern const Command kContextCreateCommand;
extern const Command kContextSetCommand;
extern const Command kContextDeleteCommand;
extern const Command kContextUseCommand;
extern const Command kContextCurrentCommand;
extern const Command kHelpCommand;
extern const Command kCompletionCommand;
extern const Command kCompleteCommand;
extern const Command kManCommand;

extern const std::span<const Command* const> kOwnCommands;

template <class Body>
std::unique_ptr<CommandBody> make_body() {
  return std::make_unique<Body>();
}

}  // namespace muster::cli
