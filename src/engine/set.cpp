// Changes of batches themselves: priority, limits, names.
// They take effect with this turn's placement.
#include "engine/state.h"

namespace muster::engine {

void Engine::State::on(const SetBatch& input) {
  Batch* batch = find_batch(input.batch);
  if (batch == nullptr) {
    return reply(input.request,
                 Error{ErrorKind::not_found, kNoSuchThing, "there is no batch " + std::to_string(input.batch),
                       "list them: muster batch list"});
  }
  Changed answer;
  answer.count = 1;
  answer.batches.push_back(input.batch);
  if (input.dry_run) return reply(input.request, std::move(answer));
  std::string text;
  const auto tell = [&](const char* what, const std::string& value) {
    text += (text.empty() ? "" : ", ") + std::string(what) + " " + value;
  };
  if (input.priority) {
    withdraw(*batch);
    batch->row.priority = *input.priority;
    tell("priority", std::to_string(*input.priority));
  }
  if (input.max_running) {
    batch->row.max_running = *input.max_running;
    tell("max-running", std::to_string(*input.max_running));
  }
  if (input.closed) {
    batch->row.closed = *input.closed;
    tell("closed", *input.closed ? "yes" : "no");
  }
  if (input.name) {
    withdraw(*batch);  // the workers that serve it may be others
    batch->row.name = *input.name;
    tell("name", *input.name);
  }
  changed_batches.insert(input.batch);
  refresh_placeable(*batch);
  journal(EventKind::batch_changed, input.batch, std::move(text), input.principal.user);
  reply(input.request, std::move(answer));
}

}  // namespace muster::engine
