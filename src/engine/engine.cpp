// The turn: one input, then what follows from it for batches, then placement, then what has to be said.
// Everything a turn writes and says is collected in State::decision and handed out at its end.
#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include "engine/state.h"

namespace muster::engine {

Engine::Engine(EngineOptions options) : state_(std::make_unique<State>()) { state_->options = options; }
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

Decision Engine::handle(const Input& input, Now now) {
  State& state = *state_;
  state.now = now;
  ++state.turns;
  std::visit([&](const auto& one) { state.on(one); }, input);
  state.settle();
  state.place();
  state.check_shut_down();
  state.finish_turn();
  return std::exchange(state.decision, {});
}

void Engine::committed() { state_->forget_final_batches(); }

void Engine::State::reply(RequestId request, ReplyBody body) {
  if (request != 0) decision.effects.push_back(Reply{request, std::move(body)});
}

void Engine::State::on(const WriteRows& input) {
  decision.changes = input.rows;
  for (const FlavorRow& row : input.rows.flavors) {
    if (row.removed) {
      flavors.erase(row.flavor.key);
    } else {
      flavors[row.flavor.key] = row.flavor;
    }
  }
  reply(input.request, Changed{});
}

void Engine::State::finish_turn() {
  for (const BatchId id : run_changes) {
    if (Batch* batch = find_batch(id)) write_state_runs(*batch);
  }
  run_changes.clear();
  for (const BatchId id : changed_batches) {
    if (const Batch* batch = find_batch(id)) decision.changes.batches.push_back(batch->row);
    decision.touched.push_back(id);
  }
  changed_batches.clear();
  if (sequences_changed) decision.changes.sequences = sequences;
  sequences_changed = false;
  flush_outboxes();
}

void Engine::State::speak_to(Worker& worker) {
  if (!std::exchange(worker.has_news, true)) spoken_to.push_back(worker.row.id);
}

void Engine::State::flush_outboxes() {
  std::sort(spoken_to.begin(), spoken_to.end());  // said in one order, whatever came first
  for (const WorkerId id : std::exchange(spoken_to, {})) {
    Worker& worker = workers.at(id);
    if (!std::exchange(worker.has_news, false) || worker.session == 0) continue;
    ServerMessage& message = worker.outbox;
    message.session = worker.session;
    message.seq = ++worker.sent_seq;
    message.lease_us = promise_lease(worker);
    message.sync_interval_us = options.sync_interval_us;
    message.cpu_slots = worker.row.cpu_slots;
    message.gpu_slots = worker.row.gpu_slots;
    message.named = worker.row.offers;
    decision.effects.push_back(ToAgent{std::exchange(worker.outbox, {})});
  }
}

}  // namespace muster::engine
