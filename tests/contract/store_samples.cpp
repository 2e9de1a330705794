// Filled rows, random rows, and comparisons that name what differs.
// Must hold: comparisons look at values, never at addresses.
#include "store_samples.h"

#include <algorithm>

namespace muster::store {

namespace {

constexpr BatchId kBatches = 6;
constexpr std::uint32_t kSegments = 3;
constexpr Position kPositions = 40;
constexpr TemplateId kTemplates = 5;
constexpr std::uint64_t kSegmentTasks = 10;
constexpr std::uint64_t kBlockRows = 4;

const std::vector<std::string> kNames = {"", "align", "name with \"quotes' and \n", "\xff\xfe",
                                         std::string("nul\0inside", 10)};

template <class Value>
const Value& one_of(const Pick& pick, const std::vector<Value>& values) {
  return values[pick(values.size())];
}

Micros random_time(const Pick& pick) {
  return static_cast<Micros>(pick(3) * 1'760'000'000'000'000ULL + pick(1000));
}

Finished sample_end() {
  Finished end;
  end.cause = Cause::signal;
  end.exit_code = -3;
  end.signal = 9;
  end.started_wall_us = 1'760'000'000'000'001;
  end.ended_wall_us = 1'760'000'000'000'009;
  end.usage = {.wall_us = 8,
               .user_us = 5,
               .system_us = 2,
               .peak_memory_bytes = 1ULL << 33,
               .read_bytes = 77,
               .written_bytes = 78};
  end.stdout_bytes = 11;
  end.stderr_bytes = 12;
  end.log_cut = true;
  end.message = "killed, they say: \"9\"";
  return end;
}

BatchRow random_batch(const Pick& pick, BatchId id) {
  BatchRow row = sample_batch(id);
  row.project = pick(4) == 0 ? "other" : "default";
  row.name = one_of(pick, kNames);
  row.state = static_cast<BatchState>(pick(kBatchStates));
  row.closed = pick(2) == 0;
  row.held = pick(2) == 0;
  row.revivable = pick(6) == 0;
  row.priority = static_cast<std::int32_t>(pick(5)) - 2;
  for (std::uint64_t& count : row.counts) count = pick(4);
  return row;
}

// What a segment's numbers are follows from its key, as in life, where they never change.
SegmentRow random_segment(const Pick& pick) {
  const BatchId batch = 1 + pick(kBatches);
  const auto ordinal = static_cast<std::uint32_t>(pick(kSegments));
  SegmentRow row = sample_segment(batch, ordinal, ordinal * kSegmentTasks, kSegmentTasks,
                                  100 * batch + kSegmentTasks * ordinal);
  row.template_id = 1 + pick(kTemplates);
  row.has_items = pick(2) == 0;
  row.dependencies.clear();
  for (std::uint64_t i = pick(3); i > 0; --i) {
    row.dependencies.push_back({.kind = static_cast<DependencyKind>(pick(3)),
                                .any_end = pick(2) == 0,
                                .batch = 1 + pick(kBatches),
                                .index = pick(3)});
  }
  return row;
}

AttemptRecord random_attempt(const Pick& pick) {
  AttemptRecord attempt;
  attempt.number = static_cast<std::uint32_t>(1 + pick(3));
  attempt.incarnation = static_cast<Incarnation>(1 + pick(3));
  attempt.state = static_cast<AttemptState>(pick(kAttemptStates));
  attempt.worker = pick(4);
  attempt.granted_wall_us = random_time(pick);
  if (pick(3) != 0) attempt.end = sample_end();
  attempt.end.cause = static_cast<Cause>(pick(kCauses));
  attempt.end.exit_code = static_cast<std::int32_t>(pick(256));
  attempt.end.message = one_of(pick, kNames);
  // Nothing of this is stored.
  attempt.end.attempt = {.batch = 9, .index = 9, .number = 9, .incarnation = 9};
  attempt.end.outcome = AttemptState::lost;
  return attempt;
}

TaskRow random_task(const Pick& pick) {
  TaskRow row;
  row.batch = 1 + pick(kBatches);
  row.position = pick(kPositions);
  row.state = static_cast<TaskState>(pick(kTaskStates));
  row.by_dependency = pick(2) == 0;
  if (pick(3) == 0) {
    row.retries = {.user = static_cast<std::uint16_t>(pick(65536)),
                   .oom = static_cast<std::uint16_t>(pick(4)),
                   .launch = static_cast<std::uint16_t>(pick(4)),
                   .staging = static_cast<std::uint16_t>(pick(4)),
                   .worker_lost = static_cast<std::uint16_t>(pick(4)),
                   .evicted = static_cast<std::uint16_t>(pick(4))};
  }
  row.not_before_wall_us = random_time(pick);
  row.attempt = random_attempt(pick);
  return row;
}

StateRunRow random_state_run(const Pick& pick) {
  const Position first = pick(kPositions);
  return {.batch = 1 + pick(kBatches),
          .first = first,
          .last = first + pick(5),
          .state = pick(2) == 0 ? TaskState::held : TaskState::cancelled,
          .by_dependency = pick(2) == 0};
}

// Several rows of a kind, often none.
template <class Row, class Make>
void some(const Pick& pick, std::vector<Row>& rows, std::uint64_t most, const Make& make) {
  for (std::uint64_t i = pick(most + 1); i > 0; --i) rows.push_back(make());
}

void random_rest(const Pick& pick, Changes& changes) {
  some(pick, changes.workers, 2, [&] {
    WorkerRow row = sample_worker(1 + pick(4));
    row.state = static_cast<WorkerState>(pick(kWorkerStates));
    if (pick(2) == 0) row.cpu_slots.reset();
    if (pick(2) == 0) row.facts.gpus.clear();
    if (pick(2) == 0) row.labels.clear();
    if (pick(2) == 0) row.offers.clear();
    if (pick(2) == 0) row.lease_us.reset();
    if (pick(2) == 0) row.let_in_by.clear();
    row.facts.tasks_are_root = pick(2) == 0;
    return row;
  });
  some(pick, changes.limits, 2, [&] {
    LimitRow row = sample_limit(static_cast<LimitScope>(pick(3)), one_of(pick, kNames));
    if (pick(2) == 0) row.max_running.reset();
    if (pick(2) == 0) row.max_cpus.reset();
    return row;
  });
  some(pick, changes.events, 3, [&] {
    EventRow row = sample_event(1 + pick(30), pick(kBatches + 1));
    row.kind = static_cast<EventKind>(pick(static_cast<std::uint64_t>(EventKind::limit_changed) + 1));
    return row;
  });
  some(pick, changes.keys, 2, [&] { return sample_key(one_of(pick, kNames), 1 + pick(kBatches)); });
  some(pick, changes.tokens, 2, [&] {
    TokenRow row = sample_token(1 + pick(4));
    row.revoked_wall_us = static_cast<Micros>(pick(3));
    return row;
  });
  some(pick, changes.users, 2, [&] {
    UserRow row = sample_user(one_of(pick, kNames));
    row.disabled = pick(2) == 0;
    row.removed = pick(4) == 0;
    return row;
  });
  some(pick, changes.projects, 2, [&] {
    ProjectRow row = sample_project(one_of(pick, kNames));
    row.removed = pick(4) == 0;
    return row;
  });
  some(pick, changes.secrets, 2, [&] {
    SecretRow row = sample_secret(one_of(pick, kNames));
    row.project = pick(2) == 0 ? "atlas" : "default";
    row.removed = pick(4) == 0;
    return row;
  });
  some(pick, changes.flavors, 3, [&] {
    FlavorRow row = sample_flavor(one_of(pick, kNames));
    if (pick(2) == 0) row.flavor.eviction_percent.reset();
    row.removed = pick(4) == 0;
    return row;
  });
  // An audit row is written once: no number comes twice.
  static std::uint64_t audited = 0;
  some(pick, changes.audit, 2, [&] { return sample_audit(++audited); });
  if (pick(2) == 0) {
    changes.sequences = Sequences{.next_batch = 1 + pick(100),
                                  .next_number = 1 + pick(100),
                                  .next_template = 1 + pick(100),
                                  .next_worker = 1 + pick(100),
                                  .next_event = 1 + pick(100)};
  }
}

template <class Left, class Right>
std::string unless_equal(const char* what, const Left& left, const Right& right) {
  return left == right ? std::string() : std::string(what) + " differ; ";
}

bool same_templates(const std::vector<TemplateRow>& left, const std::vector<TemplateRow>& right) {
  return std::equal(
      left.begin(), left.end(), right.begin(), right.end(),
      [](const TemplateRow& a, const TemplateRow& b) { return a.id == b.id && *a.body == *b.body; });
}

bool same_items(const std::vector<ItemBlockRow>& left, const std::vector<ItemBlockRow>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const ItemBlockRow& a, const ItemBlockRow& b) {
                      return a.batch == b.batch && a.segment == b.segment && a.first_item == b.first_item &&
                             *a.items == *b.items;
                    });
}

std::string batch_difference(History& left, History& right, BatchId id) {
  std::string found = unless_equal("batches", left.batch(id), right.batch(id));
  found += unless_equal("segments", left.segments(id), right.segments(id));
  found += unless_equal("overrides", left.overrides(id), right.overrides(id));
  found += unless_equal("state runs", left.state_runs(id), right.state_runs(id));
  found += unless_equal("events of a batch", left.events("default", id, {}), right.events("default", id, {}));
  found += unless_equal("tasks", left.tasks({.batch = id, .states = {}}, {}),
                        right.tasks({.batch = id, .states = {}}, {}));
  const TaskFilter failed{.batch = id, .first = 3, .last = 30, .states = {TaskState::failed}};
  found += unless_equal("failed tasks", left.tasks(failed, {.after = 5, .limit = 4}),
                        right.tasks(failed, {.after = 5, .limit = 4}));
  const TaskFilter two{.batch = id, .states = {TaskState::failed, TaskState::ready}};
  found += unless_equal("tasks in two states", left.tasks(two, {}), right.tasks(two, {}));
  for (Position position = 0; position < kPositions; ++position) {
    found += unless_equal("attempts", left.attempts(id, position), right.attempts(id, position));
  }
  for (std::uint32_t segment = 0; segment < kSegments; ++segment) {
    for (std::uint64_t item = 0; item < 4 * kBlockRows; ++item) {
      found += unless_equal("items", left.item(id, segment, item), right.item(id, segment, item));
    }
  }
  return found;
}

}  // namespace

BatchRow sample_batch(BatchId id) {
  BatchRow row;
  row.id = id;
  row.name = "batch " + std::to_string(id);
  row.owner = "ada";
  row.state = BatchState::running;
  row.held = true;
  row.closed = false;
  row.priority = -5;
  row.max_running = 7;
  row.task_count = 28;
  row.counts = {1, 2, 3, 4, 5, 6, 7};
  row.created_wall_us = 1'760'000'000'000'000;
  row.started_wall_us = 1'760'000'000'000'001;
  row.ended_wall_us = 1'760'000'000'000'002;
  row.revivable = false;
  row.reason = "because";
  return row;
}

SegmentRow sample_segment(BatchId batch, std::uint32_t ordinal, Position first, std::uint64_t count,
                          TaskNumber number) {
  SegmentRow row;
  row.batch = batch;
  row.ordinal = ordinal;
  row.first_position = first;
  row.count = count;
  row.first_index = 1000 + first;
  row.step = 3;
  row.first_number = number;
  row.template_id = 1;
  row.has_items = true;
  row.dependencies = {{.kind = DependencyKind::task, .any_end = true, .batch = 3, .index = 17}};
  return row;
}

TemplateRow sample_template(TemplateId id, const std::string& word) {
  auto body = std::make_shared<TaskTemplate>();
  body->name = "template " + std::to_string(id);
  body->command.words = {{{PieceKind::literal, 0, word}}, {{PieceKind::literal, 0, std::string("a\0b", 3)}}};
  body->environment = {{"A", "\xff"}};
  body->retries = 3;
  return {id, body};
}

ItemBlockRow sample_items(BatchId batch, std::uint32_t segment, std::uint64_t first, std::uint64_t rows) {
  auto items = std::make_shared<ItemBlock>();
  items->columns = {"id", "path"};
  for (std::uint64_t row = 0; row < rows; ++row) {
    items->bytes += std::to_string(first + row);
    items->ends.push_back(static_cast<std::uint32_t>(items->bytes.size()));
    items->bytes += "/data/" + std::to_string(segment);
    items->ends.push_back(static_cast<std::uint32_t>(items->bytes.size()));
  }
  return {batch, segment, first, items};
}

TaskRow sample_running(BatchId batch, Position position, std::uint32_t attempt) {
  TaskRow row;
  row.batch = batch;
  row.position = position;
  row.state = TaskState::running;
  row.attempt.number = attempt;
  row.attempt.incarnation = 3;
  row.attempt.worker = 2;
  row.attempt.granted_wall_us = 1'760'000'000'000'000 + static_cast<Micros>(position);
  return row;
}

TaskRow sample_finished(BatchId batch, Position position, TaskState state) {
  TaskRow row = sample_running(batch, position);
  row.state = state;
  row.by_dependency = true;
  row.retries = {.user = 1, .oom = 2, .launch = 3, .staging = 4, .worker_lost = 5, .evicted = 6};
  row.not_before_wall_us = 1'760'000'000'000'123;
  row.attempt.state = state == TaskState::succeeded ? AttemptState::succeeded : AttemptState::failed;
  row.attempt.end = sample_end();
  row.attempt.end.outcome = row.attempt.state;
  return row;
}

WorkerRow sample_worker(WorkerId id) {
  WorkerRow row;
  row.id = id;
  row.name = "node" + std::to_string(id);
  row.spool_id = "f00";
  row.state = WorkerState::online;
  row.facts = {.host = "h",
               .boot_id = "b",
               .version = "1",
               .capacity = {.cpu_slots = 4, .gpu_slots = 2, .cpus = 8, .mem_mb = 16384, .disk_mb = 99},
               .gpus = {"A100", ""},
               .process_id = 321,
               .tasks_are_root = true};
  row.cpu_slots = 0;
  row.gpu_slots = 1;
  row.offers = {{"lanes", 2}, {"license", 4}};
  row.labels = {{"storage", "lustre"}, {"zone", "b"}};
  row.serves = "align";
  row.lease_us = 3'600'000'000;
  row.promised_us = 7'200'000'000;
  row.let_in_by = "ada";
  row.returns_as = WorkerState::draining;
  row.reason = "disk swap";
  row.quarantines = 2;
  row.quarantined_until_wall_us = 1'760'000'000'000'000;
  row.created_wall_us = 5;
  row.last_seen_wall_us = 6;
  return row;
}

LimitRow sample_limit(LimitScope scope, const std::string& name) {
  LimitRow row;
  row.scope = scope;
  row.name = name;
  row.max_running = 20;
  row.max_cpus = 0;
  row.weight = 3;
  return row;
}

EventRow sample_event(std::uint64_t seq, BatchId batch) {
  EventRow row;
  row.seq = seq;
  row.wall_us = 1'760'000'000'000'000;
  row.kind = EventKind::attempt_failed;
  row.batch = batch;
  row.index = 17;
  row.attempt = 2;
  row.worker = 3;
  row.who = "ada";
  row.text = "exit 1";
  return row;
}

TokenRow sample_token(std::uint64_t id) {
  TokenRow row;
  row.id = id;
  row.kind = "agent";
  row.owner = "ada";
  row.worker = "node-1";
  row.spool_id = "spool";
  row.project = "atlas";
  row.role = "viewer";
  row.note = "for \xc3\xa9t\xc3\xa9";
  row.hash = std::string("\0\x01\xff", 3);
  row.created_wall_us = 4;
  row.expires_wall_us = 5;
  row.last_used_wall_us = 6;
  row.revoked_wall_us = 7;
  return row;
}

UserRow sample_user(const std::string& name) {
  return {.name = name, .roles = {{"*", Role::viewer}, {"atlas", Role::operator_}}, .created_wall_us = 3};
}

ProjectRow sample_project(const std::string& name) {
  return {.name = name, .note = "what it is", .closed = true, .created_wall_us = 3};
}

SecretRow sample_secret(const std::string& name) {
  SecretRow row;
  row.project = "atlas";
  row.name = name;
  row.note = "of the \"archive\"";
  row.sealed = std::string("\1\0\xff sealed", 10);
  row.changed_by = "ada";
  row.created_wall_us = 3;
  row.changed_wall_us = 4;
  return row;
}

FlavorRow sample_flavor(const std::string& name) {
  FlavorRow row;
  row.flavor.key = {"ovh", "GRA11", name};
  row.flavor.cpus = 30;
  row.flavor.ram_mb = 92'160;
  row.flavor.disk_mb = 819'200;
  row.flavor.bandwidth_mbps = 4'000;
  row.flavor.gpu = "V100";
  row.flavor.gpu_mem_mb = 32'768;
  row.flavor.tags = "NG";
  row.flavor.price_micro = 4'000'000;
  row.flavor.currency = "USD";
  row.flavor.cost_micro = 3'700'000;
  row.flavor.eviction_percent = 5;
  return row;
}

AuditRow sample_audit(std::uint64_t seq) {
  AuditRow row;
  row.seq = seq;
  row.wall_us = 17;
  row.who = "ada";
  row.token = 3;
  row.role = "operator";
  row.project = "atlas";
  row.address = "::1";
  row.action = "batch.cancel";
  row.object = "42.1-7";
  row.result = "E401";
  row.request = "1-2";
  row.hash = std::string("\0\xff\x01", 3);
  return row;
}

KeyRow sample_key(const std::string& key, BatchId batch) {
  KeyRow row;
  row.project = "default";
  row.key = key;
  row.body_hash = std::string("\0\xff hash", 7);
  row.batch = batch;
  row.batch_name = "named";
  row.first_index = 4;
  row.last_index = 9;
  row.count = 6;
  row.first_number = 100;
  row.created_wall_us = 8;
  row.answer = R"({"name":"été"})";
  return row;
}

Changes submit_changes(BatchId batch, std::uint64_t count, TaskNumber first_number) {
  Changes changes;
  BatchRow row = sample_batch(batch);
  row.task_count = count;
  row.counts = {};
  row.counts[static_cast<std::size_t>(TaskState::ready)] = count;
  changes.batches.push_back(row);
  SegmentRow segment = sample_segment(batch, 0, 0, count, first_number);
  segment.dependencies.clear();
  segment.template_id = batch;
  changes.segments.push_back(segment);
  changes.templates.push_back(sample_template(batch));
  changes.sequences =
      Sequences{.next_batch = batch + 1, .next_number = first_number + count, .next_template = batch + 1};
  return changes;
}

Changes random_changes(const Pick& pick) {
  Changes changes;
  some(pick, changes.batches, 3, [&] { return random_batch(pick, 1 + pick(kBatches)); });
  some(pick, changes.segments, 2, [&] { return random_segment(pick); });
  some(pick, changes.templates, 2,
       [&] { return sample_template(1 + pick(kTemplates), one_of(pick, kNames)); });
  some(pick, changes.item_blocks, 2, [&] {
    return sample_items(1 + pick(kBatches), static_cast<std::uint32_t>(pick(kSegments)), kBlockRows * pick(3),
                        1 + pick(kBlockRows));
  });
  some(pick, changes.overrides, 2, [&] {
    return OverrideRow{.batch = 1 + pick(kBatches),
                       .ordinal = static_cast<std::uint32_t>(pick(3)),
                       .first = pick(5),
                       .last = 5 + pick(5),
                       .template_id = 1 + pick(kTemplates)};
  });
  some(pick, changes.cleared_state_runs, 1, [&] { return 1 + pick(kBatches); });
  some(pick, changes.state_runs, 3, [&] { return random_state_run(pick); });
  some(pick, changes.tasks, 6, [&] { return random_task(pick); });
  some(pick, changes.attempts, 2, [&] {
    return AttemptRow{
        .batch = 1 + pick(kBatches), .position = pick(kPositions), .attempt = random_attempt(pick)};
  });
  random_rest(pick, changes);
  return changes;
}

std::string difference(const BatchSnapshot& left, const BatchSnapshot& right) {
  std::string found = unless_equal("batch rows", left.batch, right.batch);
  found += unless_equal("segments", left.segments, right.segments);
  found += unless_equal("overrides", left.overrides, right.overrides);
  found += unless_equal("state runs", left.state_runs, right.state_runs);
  found += unless_equal("tasks", left.tasks, right.tasks);
  if (!same_templates(left.templates, right.templates)) found += "templates differ; ";
  if (!same_items(left.item_blocks, right.item_blocks)) found += "item blocks differ; ";
  return found.empty() ? found : "loaded batch " + std::to_string(left.batch.id) + ": " + found;
}

std::string difference(const StoreSnapshot& left, const StoreSnapshot& right) {
  std::string found = unless_equal("incarnations", left.incarnation, right.incarnation);
  found += unless_equal("sequences", left.sequences, right.sequences);
  found += unless_equal("loaded workers", left.workers, right.workers);
  found += unless_equal("loaded limits", left.limits, right.limits);
  found += unless_equal("loaded flavors", left.flavors, right.flavors);
  if (left.batches.size() != right.batches.size()) return found + "the loaded batches are not the same ones";
  for (std::size_t i = 0; i < left.batches.size(); ++i)
    found += difference(left.batches[i], right.batches[i]);
  return found;
}

std::string difference(History& left, History& right) {
  std::string found = unless_equal("pages of batches", left.batches({}), right.batches({}));
  found += unless_equal("second pages", left.batches({.after = 4, .limit = 2}),
                        right.batches({.after = 4, .limit = 2}));
  for (BatchId id = 0; id <= kBatches + 1; ++id) found += batch_difference(left, right, id);
  for (const std::string project : {"default", "other", "none"}) {
    found += unless_equal("newest batches", left.newest_batch(project), right.newest_batch(project));
    for (const std::string& name : kNames) {
      for (const auto closed : {History::Closed::excluded, History::Closed::included}) {
        found += unless_equal("newest batches of a name", left.newest_batch_named(project, name, closed),
                              right.newest_batch_named(project, name, closed));
      }
    }
  }
  for (TemplateId id = 0; id <= kTemplates; ++id) {
    const auto a = left.task_template(id);
    const auto b = right.task_template(id);
    if ((a == nullptr) != (b == nullptr) || (a != nullptr && *a != *b)) found += "templates differ; ";
  }
  for (TaskNumber number = 0; number < 100 * (kBatches + 2); number += 3) {
    found += unless_equal("tasks of a number", left.task_of_number(number), right.task_of_number(number));
  }
  for (const std::string& name : kNames)
    found += unless_equal("keys", left.key("default", name), right.key("default", name));
  found += unless_equal("workers", left.workers(), right.workers());
  found += unless_equal("limits", left.limits(), right.limits());
  found += unless_equal("flavors", left.flavors(), right.flavors());
  for (const std::string project : {"default", "other", "none"}) {
    found += unless_equal("events", left.events(project, 0, {}), right.events(project, 0, {}));
    found += unless_equal("later events", left.events(project, 0, {.after = 9, .limit = 3}),
                          right.events(project, 0, {.after = 9, .limit = 3}));
    found += unless_equal("totals", left.total_counts(project), right.total_counts(project));
    found +=
        unless_equal("batches of a project", left.batches_of(project, {}), right.batches_of(project, {}));
    found += unless_equal("later batches of a project", left.batches_of(project, {.after = 4, .limit = 2}),
                          right.batches_of(project, {.after = 4, .limit = 2}));
  }
  return found;
}

std::string difference(AccessStore& left, AccessStore& right) {
  return unless_equal("tokens", left.tokens(), right.tokens()) +
         unless_equal("users", left.users(), right.users()) +
         unless_equal("projects", left.projects(), right.projects()) +
         unless_equal("secrets", left.secrets(), right.secrets()) +
         unless_equal("audit rows", left.audit({}), right.audit({})) +
         unless_equal("newest audit rows", left.newest_audit(), right.newest_audit());
}

}  // namespace muster::store
