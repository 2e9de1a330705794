// What the simulated server verifies of its engine and of what it says.
// Must hold: these are promises to people; none of them knows how the engine works inside.
#include <algorithm>

#include "sim/world.h"

namespace muster::sim {

namespace {

std::optional<TaskRow> stored_task(store::MemoryStore& store, const Ledger& ledger, TaskRef task) {
  const auto position = ledger.position_of(task);
  if (!position) return std::nullopt;
  TaskFilter one;
  one.batch = task.batch;
  one.first = one.last = *position;
  const std::vector<TaskRow> rows = store.tasks(one, Page{});
  return rows.empty() ? std::nullopt : std::optional(rows.front());
}

}  // namespace

void Server::check_after(const Input& input, const Expectation& expected, const Decision& decision) {
  oracle_.check(input, expected, decision);
  ledger_.check_counts(decision.changes);
  const bool by_people = input.index() <= 3;
  if (!by_people && !world_.random.one_in(8)) return;
  const std::vector<std::string> broken = engine_->audit();
  if (!broken.empty()) throw Broken{"engine: " + broken.front()};
  ledger_.check_states(*engine_);
}

// What runs on the word of this message is in the store already.
void Server::check_spoken(const ServerMessage& message) {
  for (const Grant& grant : message.grants) {
    for (std::uint64_t k = 0; k < grant.count; ++k) {
      const AttemptRef attempt{grant.batch, grant.first_index + k * grant.step, grant.attempt,
                               grant.incarnation};
      const auto row = stored_task(store_, ledger_, attempt.task());
      if (!row || row->attempt.number < attempt.number) {
        throw Broken{"attempt " + describe(attempt) + " was announced before it was committed"};
      }
    }
  }
  for (const AttemptRef& attempt : message.forget) {
    const auto row = stored_task(store_, ledger_, attempt.task());
    const bool open = row && row->state == TaskState::running && row->attempt.number == attempt.number &&
                      row->attempt.incarnation == attempt.incarnation;
    if (open)
      throw Broken{"the end of " + describe(attempt) + " was to be forgotten before it was committed"};
  }
}

void Server::check_spoken(const Reply& reply) {
  const auto* submitted = std::get_if<Submitted>(&reply.body);
  if (submitted == nullptr || submitted->first_number == 0) return;  // of a dry run
  const auto row = store_.batch(submitted->batch);
  const auto task = store_.task_of_number(submitted->first_number);
  if (!row || !task || task->first != submitted->batch) {
    throw Broken{"batch " + std::to_string(submitted->batch) + " was answered for before it was committed"};
  }
}

TaskFacts Server::facts_of(const AttemptRef& attempt) {
  const FlatBatch* batch = ledger_.find(attempt.batch);
  const auto position = ledger_.position_of(attempt.task());
  if (batch == nullptr || !position)
    throw Broken{"an attempt of an unknown task was started: " + describe(attempt)};
  const SegmentRow& segment = Ledger::segment_of(*batch, *position);
  const TaskTemplate& body = ledger_.template_of(*batch, *position);
  TaskFacts facts;
  facts.resources = body.resources;
  facts.rerun = body.rerun;
  facts.number = segment.first_number + (*position - segment.first_position);
  if (segment.has_items)
    facts.item = store_.item(attempt.batch, segment.ordinal, *position - segment.first_position);
  facts.retries_by_people = ledger_.retries_by_people(attempt.task());
  return facts;
}

void Server::compare_with_store() {
  engine::Engine other(engine_options(world_.limits));
  StoreSnapshot snapshot = store_.look();
  other.restore(std::move(snapshot), now());
  const std::string live = engine_->dump();
  const std::string stored = other.dump();
  if (live != stored) {
    world_.trace.say(world_.now_us(), "live:\n" + live + "stored:\n" + stored);
    throw Broken{"memory and store differ after a commit"};
  }
  for (const BatchId id : engine_->live_batches()) {
    const auto view = engine_->batch(id);
    const auto row = store_.batch(id);
    if (!row || view->row != *row)
      throw Broken{"the row of batch " + std::to_string(id) + " is not what memory says"};
  }
}

}  // namespace muster::sim
