// Changes of batches and workers themselves: priority, limits, names, slots.
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
    batch->row.name = *input.name;
    tell("name", *input.name);
  }
  changed_batches.insert(input.batch);
  refresh_placeable(*batch);
  journal(EventKind::batch_changed, input.batch, std::move(text), input.principal.user);
  reply(input.request, std::move(answer));
}

void Engine::State::on(const SetWorker& input) {
  const auto found = workers.find(input.worker);
  if (found == workers.end()) {
    return reply(input.request, Error{ErrorKind::not_found, kNoSuchThing,
                                      "there is no worker " + std::to_string(input.worker),
                                      "list them: muster worker list"});
  }
  Changed answer;
  answer.count = 1;
  if (input.dry_run) return reply(input.request, std::move(answer));
  Worker& worker = found->second;
  std::string text;
  if (input.cpu_slots) {
    worker.row.cpu_slots = input.cpu_slots;
    text += "slots " + std::to_string(*input.cpu_slots);
  }
  if (input.gpu_slots) {
    worker.row.gpu_slots = input.gpu_slots;
    text += (text.empty() ? "" : ", ") + std::string("GPU slots ") + std::to_string(*input.gpu_slots);
  }
  set_capacity(worker);
  worker.has_news = worker.session != 0;
  decision.changes.workers.push_back(worker.row);
  journal(EventKind::worker_changed, 0, std::move(text), input.principal.user, 0, 0, worker.row.id);
  reply(input.request, std::move(answer));
}

void Engine::State::set_capacity(Worker& worker) {
  worker.capacity = worker.row.facts.capacity;
  if (worker.row.cpu_slots) worker.capacity.cpu_slots = *worker.row.cpu_slots;
  if (worker.row.gpu_slots) worker.capacity.gpu_slots = *worker.row.gpu_slots;
}

}  // namespace muster::engine
