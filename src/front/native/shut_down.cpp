// /shutdown: the server ends when nothing runs any more, or at once when tasks are left running.
// The answer leaves when the wish is on disk and understood, not when it is done: the caller watches the server go.
#include "front/native/call.h"
#include "wire/native/requests.h"

namespace muster::front::native {

void shut_down(const CallPtr& call) {
  const Result<StopTasks> tasks = wire::read_shut_down(call->body);
  if (failed(call, tasks)) return;
  WriteRows record;
  record.rows.audit.push_back(call->audit_row("ok"));
  call->backend.post(std::move(record), {});
  call->backend.shut_down(call->principal, *tasks);
  call->answer(202, std::string("{\"schema\":\"muster.shutdown/1\",\"keep_running\":") +
                        (*tasks == StopTasks::keep_running ? "true" : "false") + "}");
}

}  // namespace muster::front::native
