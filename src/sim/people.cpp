// Asking, waiting, asking again; and what people hold the server to.
// Must hold: an answer belongs to a question, and comes at most once.
#include "sim/people.h"

#include <algorithm>

#include "sim/trace.h"
#include "sim/world.h"

namespace muster::sim {

People::People(World& world) : world_(world) {}

void People::begin() {
  const Rules& rules = world_.rules;
  const auto plan = [&](std::uint64_t count, void (People::*what)()) {
    for (std::uint64_t i = 0; i < count; ++i) {
      world_.schedule.at(world_.random.between(0, rules.busy_us), [this, what] { (this->*what)(); });
    }
  };
  world_.schedule.at(0, [this] { submit_something(); });
  for (WorkerId id = 1; rules.fleet_permille > 0 && id <= static_cast<WorkerId>(rules.workers); ++id) {
    SetWorker first;
    first.worker = id;
    first.settings.labels = Labels{{"storage", world_.random.one_in(3) ? "local" : "lustre"}};
    first.settings.offers = NamedAmounts{{"license", 3}};
    world_.schedule.at(world_.random.spread(100'000, 2'000'000),
                       [this, first] { ask(add(first, Patience::few)); });
  }
  plan(rules.submits, &People::submit_something);
  plan(rules.changes, &People::change_something);
  plan(rules.changes / 4, &People::ask_again);
}

std::size_t People::add(Input input, Patience patience) {
  wishes_.push_back({std::move(input), patience, 0, false, std::nullopt});
  return wishes_.size() - 1;
}

void People::ask(std::size_t index) {
  Wish& wish = wishes_[index];
  if (wish.answered) return;
  const bool in_the_way = world_.healed && wish.patience != Patience::until_answered;
  const int most = wish.patience == Patience::once ? 1 : 6;
  if (in_the_way || (wish.tries >= most && wish.patience != Patience::until_answered)) {
    wish.answered = true;  // given up
    return;
  }
  ++wish.tries;
  send(index);
  world_.schedule.after(world_.random.spread(500'000, 10'000'000), [this, index] { ask(index); });
}

void People::send(std::size_t index) {
  Input input = wishes_[index].input;
  const RequestId request = next_request_++;
  std::visit(
      [&](auto& one) {
        if constexpr (requires { one.request; }) one.request = request;
      },
      input);
  world_.trace.note(world_.now_us(), "ask", {request, index, input.index()});
  open_[request] = index;
  if (!world_.healed && world_.random.chance(world_.rules.reply_loss_permille / 2)) return;
  world_.schedule.after(world_.random.spread(50, 100'000),
                        [this, input = std::move(input)]() mutable { world_.server.post(std::move(input)); });
}

void People::hear(const Reply& reply) {
  const auto found = open_.find(reply.request);
  if (found == open_.end()) throw Broken{"an answer came twice, or nobody had asked"};
  const std::size_t index = found->second;
  open_.erase(found);
  world_.trace.note(world_.now_us(), "answer", {reply.request, reply.body.index()});
  if (world_.trace.is_kept()) world_.trace.say(world_.now_us(), describe(reply.body));
  if (!world_.healed && world_.random.chance(world_.rules.reply_loss_permille)) return;
  world_.schedule.after(world_.random.spread(50, 100'000),
                        [this, index, body = reply.body] { take_answer(index, body); });
}

void People::take_answer(std::size_t index, const ReplyBody& body) {
  Wish& wish = wishes_[index];
  if (const auto* error = std::get_if<Error>(&body)) {
    if (error->kind == ErrorKind::temporary) return;  // asked again after a while
    wish.answered = true;
    return;
  }
  wish.answered = true;
  const auto* submitted = std::get_if<Submitted>(&body);
  const auto* submit = std::get_if<Submit>(&wish.input);
  if (submitted == nullptr || submit == nullptr || submit->dry_run) return;
  if (wish.told && !submit->key.empty()) {
    const bool same =
        wish.told->batch == submitted->batch && wish.told->first_index == submitted->first_index &&
        wish.told->last_index == submitted->last_index && wish.told->count == submitted->count &&
        wish.told->first_number == submitted->first_number;
    if (!same) throw Broken{"the same key gave another answer"};
    return;
  }
  wish.told = *submitted;
  if (std::find(known_batches_.begin(), known_batches_.end(), submitted->batch) == known_batches_.end()) {
    known_batches_.push_back(submitted->batch);
  }
}

void People::ask_again() {
  std::vector<std::size_t> keyed;
  for (std::size_t i = 0; i < wishes_.size(); ++i) {
    const auto* submit = std::get_if<Submit>(&wishes_[i].input);
    if (submit != nullptr && !submit->key.empty()) keyed.push_back(i);
  }
  if (!keyed.empty()) send(world_.random.pick(keyed));
}

void People::shut_down() {
  ShutDown input;
  input.tasks = world_.random.one_in(2) ? StopTasks::stop : StopTasks::keep_running;
  ask(add(input, Patience::once));
}

void People::heal() {
  for (const auto& [id, batch] : world_.server.ledger().batches()) {
    if (is_final(batch.row.state)) continue;
    Change release;
    release.verb = ChangeVerb::release;
    release.targets.push_back({id, {}});
    ask(add(release, Patience::until_answered));
    if (batch.row.max_running == 0) continue;
    SetBatch unlimited;
    unlimited.batch = id;
    unlimited.max_running = 0;
    ask(add(unlimited, Patience::until_answered));
  }
  for (const LimitRow& row : world_.server.store().limits()) {
    SetLimit none;
    none.limit.scope = row.scope;
    none.limit.name = row.name;
    ask(add(none, Patience::until_answered));
  }
  for (const WorkerRow& row : world_.server.store().workers()) heal_worker(row);
}

void People::heal_worker(const WorkerRow& row) {
  if (row.state == WorkerState::removed) return;
  SetWorker roomy;
  roomy.worker = row.id;
  roomy.settings.cpu_slots = 4;
  roomy.settings.gpu_slots = 3;
  roomy.settings.labels = Labels{{"storage", row.id % 3 == 0 ? "local" : "lustre"}};
  roomy.settings.offers = NamedAmounts{{"license", 4}};
  roomy.settings.serves = "";
  ask(add(roomy, Patience::until_answered));
  ChangeWorker resume;
  resume.worker = row.id;
  resume.verb = WorkerVerb::resume;
  ask(add(resume, Patience::until_answered));
}

void People::say_lost(const std::string& worker) {
  for (const WorkerRow& row : world_.server.store().workers()) {
    if (row.name != worker || row.state == WorkerState::removed) continue;
    ChangeWorker lost;
    lost.worker = row.id;
    lost.verb = WorkerVerb::lost;
    send(add(lost, Patience::once));
  }
}

void People::give_up_the_impossible() {
  const Server& server = world_.server;
  if (!server.up()) return;
  for (const auto& [id, batch] : server.ledger().batches()) {
    if (is_final(batch.row.state)) continue;
    for (Position position = 0; position < batch.tasks.size(); ++position) {
      if (server.ledger().state_of(batch, position) != TaskState::ready) continue;
      const TaskIndex index = Ledger::index_of(batch, position);
      const auto task = server.engine().task({id, index});
      const bool impossible =
          task && (task->reason == "too-big" || task->reason == "no-label" || task->reason == "no-worker");
      if (!impossible) continue;
      Change cancel;
      cancel.verb = ChangeVerb::cancel;
      cancel.targets.push_back({id, {{index, index}}});
      ask(add(cancel, Patience::until_answered));
    }
  }
}

bool People::content() const {
  return std::all_of(wishes_.begin(), wishes_.end(), [](const Wish& wish) {
    return wish.answered || wish.patience != Patience::until_answered;
  });
}

void People::check_promises() {
  for (const Wish& wish : wishes_) {
    if (!wish.told) continue;
    const auto row = world_.server.store().batch(wish.told->batch);
    const auto first = world_.server.store().task_of_number(wish.told->first_number);
    const auto last = world_.server.store().task_of_number(wish.told->first_number + wish.told->count - 1);
    const bool there =
        row && first && last && first->first == wish.told->batch && last->first == wish.told->batch;
    if (!there)
      throw Broken{"a submission that was answered for is gone: batch " + std::to_string(wish.told->batch)};
  }
}

}  // namespace muster::sim
