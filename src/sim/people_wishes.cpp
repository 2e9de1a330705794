// What simulated people ask for: submissions of every shape, and changes of what they know of.
// Must hold: whatever a command line can say is drawn here sooner or later, nonsense included.
#include <algorithm>

#include "sim/world.h"

namespace muster::sim {

namespace {

CommandTemplate command_with(bool item) {
  CommandTemplate command;
  command.words = {{Piece{PieceKind::literal, 0, "true"}}};
  if (item) {
    command.placeholders = {{ValueKind::field, 0, ""}};
    command.words.push_back({Piece{PieceKind::value, 0, ""}});
  }
  return command;
}

Resources draw_shape(Random& random) {
  Resources wanted;
  switch (random.below(6)) {
    case 0:
      wanted.cpu_slots = static_cast<std::uint32_t>(random.between(2, 3));
      break;
    case 1:
      wanted.gpu_slots = static_cast<std::uint32_t>(random.between(1, 2));
      wanted.cpu_slots = 0;
      break;
    case 2:
      wanted.mem_mb = static_cast<std::uint64_t>(random.spread(1, 6000));
      break;
    case 3:
      wanted.cpus = static_cast<std::uint32_t>(random.between(1, 9));
      break;
    case 4:
      wanted.disk_mb = static_cast<std::uint64_t>(random.spread(1, 6000));
      break;
    default:
      wanted.gpu_slots = 1;
      wanted.mem_mb = static_cast<std::uint64_t>(random.spread(1, 3000));
  }
  return wanted;
}

const std::vector<std::string> kUsers = {"ann", "ann", "bob", "cyd"};

// What only a fleet has: whole workers, things that are counted by name, workers of one kind.
void draw_fleet_shape(Random& random, Resources& wanted) {
  if (random.one_in(3)) wanted.sharing = Sharing::exclusive;
  if (random.one_in(3)) wanted.named = {{"license", static_cast<std::uint64_t>(random.between(1, 2))}};
  if (random.one_in(3)) wanted.labels = {{"storage", random.one_in(3) ? "local" : "lustre"}};
}

}  // namespace

std::shared_ptr<const TaskTemplate> People::make_template(bool with_items) {
  Random& random = world_.random;
  const Rules& rules = world_.rules;
  auto body = std::make_shared<TaskTemplate>();
  body->name = "task" + std::to_string(random.below(3));
  body->command = command_with(with_items);
  if (with_items) body->columns = {""};
  if (random.chance(rules.shape_permille)) body->resources = draw_shape(random);
  if (random.chance(rules.fleet_permille / 2)) draw_fleet_shape(random, body->resources);
  body->working_directory = random.one_in(3) ? WorkingDirectory::attempt : WorkingDirectory::given;
  if (body->working_directory == WorkingDirectory::given) body->cwd = "/home";
  if (random.one_in(4)) body->time_limit_us = random.spread(1000, 2 * rules.task_us);
  body->grace_us = random.spread(0, 5'000'000);
  body->retries = static_cast<std::uint32_t>(random.below(4));
  if (random.chance(rules.rerun_never_permille)) body->rerun = Rerun::never;
  return body;
}

void People::add_items(Submit& submit) {
  auto block = std::make_shared<ItemBlock>();
  block->columns = {""};
  for (std::uint64_t k = 0; k < submit.item_count; ++k) {
    block->bytes += "item" + std::to_string(made_) + "-" + std::to_string(k);
    block->ends.push_back(static_cast<std::uint32_t>(block->bytes.size()));
    const bool cut = k + 1 < submit.item_count && world_.random.one_in(5);
    if (!cut) continue;
    submit.items.push_back(std::move(block));
    block = std::make_shared<ItemBlock>();
    block->columns = {""};
  }
  submit.items.push_back(std::move(block));
}

BatchId People::some_batch() {
  if (known_batches_.empty() || world_.random.one_in(50))
    return static_cast<BatchId>(world_.random.between(1, 30));
  return world_.random.pick(known_batches_);
}

void People::add_dependencies(Submit& submit) {
  Random& random = world_.random;
  const std::uint64_t count = random.between(1, 3);
  for (std::uint64_t i = 0; i < count; ++i) {
    Dependency dependency;
    dependency.kind = static_cast<DependencyKind>(random.below(3));
    dependency.any_end = random.one_in(3);
    dependency.batch = some_batch();
    const FlatBatch* batch = world_.server.ledger().find(dependency.batch);
    if (batch == nullptr || batch->tasks.empty()) continue;
    if (dependency.kind == DependencyKind::task) {
      const Position position = random.below(batch->tasks.size());
      dependency.index = random.one_in(30) ? 9999 : Ledger::index_of(*batch, position);
    }
    if (dependency.kind == DependencyKind::index && !random.one_in(30)) {
      const SegmentRow& segment = random.pick(batch->segments);
      const std::uint64_t tasks = random.between(1, static_cast<std::int64_t>(segment.count));
      submit.series = {{segment.first_index, segment.first_index + (tasks - 1) * segment.step, segment.step}};
      submit.items.clear();
      submit.item_count = 0;
    }
    submit.dependencies.push_back(dependency);
  }
}

Submit People::make_submit() {
  Random& random = world_.random;
  const Rules& rules = world_.rules;
  Submit submit;
  submit.principal.user = random.pick(kUsers);
  ++made_;
  const std::uint64_t tasks = random.spread(1, static_cast<std::int64_t>(rules.tasks_max));
  const std::uint64_t shape = random.below(4);
  if (shape == 1) {
    const TaskIndex first = static_cast<TaskIndex>(random.spread(1, 100));
    const std::uint64_t step = random.one_in(2) ? 1 : random.between(2, 5);
    submit.series.push_back({first, first + (tasks - 1) * step, step});
    if (random.one_in(4)) submit.series.push_back({first + tasks * step, first + tasks * step + 2, 1});
  } else if (shape == 2) {
    submit.item_count = tasks;
    add_items(submit);
  }
  if (random.one_in(3)) submit.batch_name = "batch" + std::to_string(random.below(3));
  if (random.one_in(5) && !known_batches_.empty()) submit.batch = some_batch();
  if (random.chance(rules.dependency_permille) && !known_batches_.empty()) add_dependencies(submit);
  if (!templates_.empty() && random.one_in(4) && submit.items.empty()) {
    submit.body = random.pick(templates_);
  } else {
    submit.body = make_template(!submit.items.empty());
    if (submit.items.empty()) templates_.push_back(submit.body);
  }
  if (random.one_in(3)) submit.priority = static_cast<std::int32_t>(random.between(-2, 2));
  if (random.one_in(4)) submit.max_running = static_cast<std::uint64_t>(random.between(1, 4));
  submit.held = random.one_in(12);
  submit.closed = random.one_in(12);
  submit.dry_run = random.one_in(30);
  return submit;
}

void People::submit_something() {
  Submit submit = make_submit();
  const bool keyed = !world_.random.one_in(4);
  if (keyed) {
    submit.key = "key" + std::to_string(world_.random.one_in(40) ? 1 : made_);
    submit.body_hash = "body" + std::to_string(made_);
  }
  ask(add(std::move(submit), keyed ? Patience::few : Patience::once));
}

// What a filter may have chosen: sorted, disjoint, and perhaps none.
std::vector<PositionSpan> People::some_positions(const FlatBatch& batch) {
  Random& random = world_.random;
  std::vector<PositionSpan> spans;
  Position from = 0;
  while (from < batch.tasks.size() && !random.one_in(4)) {
    const Position first = from + static_cast<Position>(random.spread(0, 10));
    const Position last = first + static_cast<Position>(random.spread(0, 6));
    spans.push_back({first, last});
    from = last + 2;
  }
  return spans;
}

Change People::make_change() {
  Random& random = world_.random;
  Change change;
  change.principal.user = "bob";
  change.verb = static_cast<ChangeVerb>(random.below(5));
  change.dry_run = random.one_in(20);
  change.reason = random.one_in(2) ? "because" : "";
  const BatchId id = some_batch();
  Target target{id, {}};
  const FlatBatch* batch = world_.server.ledger().find(id);
  if (batch != nullptr && !batch->tasks.empty() && random.one_in(2)) {
    const auto last = static_cast<std::int64_t>(Ledger::index_of(*batch, batch->tasks.size() - 1));
    const auto from = static_cast<std::uint64_t>(random.between(1, std::max<std::int64_t>(last, 1)));
    target.ranges.push_back({from, from + static_cast<std::uint64_t>(random.spread(0, 20))});
    if (random.one_in(4)) target.ranges.push_back({from + 30, from + 32});
  }
  if (batch != nullptr && target.ranges.empty() && random.one_in(3)) target.chosen = some_positions(*batch);
  change.targets.push_back(std::move(target));
  const BatchId other = some_batch();
  if (random.one_in(6) && other != id) change.targets.push_back({other, {}});
  if (change.verb == ChangeVerb::set || (change.verb == ChangeVerb::retry && random.one_in(3))) {
    if (random.one_in(2)) change.options.mem_mb = static_cast<std::uint64_t>(random.spread(1, 6000));
    if (random.one_in(3)) change.options.retries = 2;
    if (random.one_in(3)) change.options.cpu_slots = static_cast<std::uint32_t>(random.between(1, 2));
    if (random.one_in(3)) change.options.gpu_slots = static_cast<std::uint32_t>(random.between(0, 2));
    if (random.one_in(3)) change.options.environment.emplace_back("A", "1");
    if (change.options.empty()) change.options.retries = 1;
  }
  if (random.one_in(2)) {
    ++changes_;
    change.key = "change" + std::to_string(random.one_in(40) ? 1 : changes_);
    change.body_hash = "change body" + std::to_string(changes_);
  }
  return change;
}

Input People::make_setting() {
  Random& random = world_.random;
  if (random.one_in(2)) {
    SetBatch set;
    set.batch = some_batch();
    if (random.one_in(2)) set.priority = static_cast<std::int32_t>(random.between(-3, 3));
    if (random.one_in(3)) set.closed = random.one_in(2);
    if (random.one_in(4)) set.name = "batch" + std::to_string(random.below(3));
    const FlatBatch* batch = world_.server.ledger().find(set.batch);
    // A limit is only raised: lowered below what runs, it would be passed without anybody's fault.
    if (batch != nullptr && random.one_in(3))
      set.max_running = batch->row.max_running == 0 ? 0 : batch->row.max_running + 1;
    return set;
  }
  SetWorker set;
  set.worker = static_cast<WorkerId>(random.between(1, world_.rules.workers + 1));
  if (random.one_in(2)) set.settings.cpu_slots = static_cast<std::uint32_t>(random.between(0, 5));
  if (random.one_in(2)) set.settings.gpu_slots = static_cast<std::uint32_t>(random.between(0, 4));
  return set;
}

WorkerId People::some_worker() {
  return static_cast<WorkerId>(world_.random.between(1, world_.rules.workers + 1));
}

Input People::make_fleet_wish() {
  Random& random = world_.random;
  if (random.one_in(4)) {
    SetLimit set;
    set.limit.scope = static_cast<LimitScope>(random.below(3));
    set.limit.name = set.limit.scope == LimitScope::user      ? random.pick(kUsers)
                     : set.limit.scope == LimitScope::project ? "default"
                                                              : "storage=lustre";
    if (random.one_in(2)) set.limit.max_running = static_cast<std::uint64_t>(random.between(0, 6));
    if (random.one_in(3)) set.limit.max_cpus = static_cast<std::uint64_t>(random.between(0, 12));
    if (set.limit.scope == LimitScope::user)
      set.limit.weight = static_cast<std::uint32_t>(random.between(1, 4));
    return set;
  }
  if (random.one_in(10)) {
    CreateWorker create;
    create.settings.name = (random.one_in(2) ? "x" : "w") + std::to_string(random.below(4));
    create.settings.labels = Labels{{"storage", "lustre"}};
    return create;
  }
  if (random.one_in(2)) {
    SetWorker set;
    set.worker = some_worker();
    if (random.one_in(2)) set.settings.labels = Labels{{"storage", random.one_in(2) ? "lustre" : "local"}};
    if (random.one_in(2)) set.settings.offers = NamedAmounts{{"license", random.below(4)}};
    if (random.one_in(4))
      set.settings.serves = random.one_in(2) ? "batch" + std::to_string(random.below(3)) : "";
    if (random.one_in(6)) set.settings.lease_us = random.between(0, world_.limits.lease_us);
    return set;
  }
  ChangeWorker change;
  change.worker = some_worker();
  change.verb = random.one_in(3)   ? WorkerVerb::resume
                : random.one_in(2) ? WorkerVerb::pause
                                   : WorkerVerb::drain;
  change.reason = "because";
  return change;
}

void People::change_something() {
  if (world_.healed) return;
  if (world_.random.chance(world_.rules.fleet_permille)) return ask(add(make_fleet_wish(), Patience::few));
  if (world_.random.one_in(4)) {
    ask(add(make_setting(), Patience::few));
  } else {
    ask(add(make_change(), Patience::few));
  }
}

}  // namespace muster::sim
