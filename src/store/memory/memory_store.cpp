// MemoryStore: rows in ordered maps.
// Must hold: what comes back is what a disk would give back; a value that is not stored is not remembered here either.
#include "store/memory/memory_store.h"

#include <algorithm>

#include "core/check.h"
#include "store/stored_form.h"

namespace muster::store {

namespace {

template <class Map>
auto values_of(const Map& map) {
  std::vector<typename Map::mapped_type> values;
  values.reserve(map.size());
  for (const auto& entry : map) values.push_back(entry.second);
  return values;
}

BatchSnapshot::Task without_end(const TaskRow& row) {
  return {.position = row.position,
          .state = row.state,
          .by_dependency = row.by_dependency,
          .retries = row.retries,
          .not_before_wall_us = row.not_before_wall_us,
          .attempt_number = row.attempt.number,
          .incarnation = row.attempt.incarnation,
          .attempt_state = row.attempt.state,
          .worker = row.attempt.worker,
          .granted_wall_us = row.attempt.granted_wall_us};
}

template <class Map>
bool same_targets(const Map& left, const Map& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const auto& a, const auto& b) {
    return a.first == b.first && (a.second == b.second || *a.second == *b.second);
  });
}

// A project without tasks counts as one that was never there.
bool same_counts(const std::map<std::string, TaskCounts>& left,
                 const std::map<std::string, TaskCounts>& right) {
  const auto holds = [](const auto& these, const auto& those) {
    return std::all_of(these.begin(), these.end(), [&](const auto& entry) {
      const auto found = those.find(entry.first);
      return entry.second == (found == those.end() ? TaskCounts{} : found->second);
    });
  };
  return holds(left, right) && holds(right, left);
}

}  // namespace

// ---- Store

StoreSnapshot MemoryStore::load() {
  ++incarnation_;
  return look();
}

StoreSnapshot MemoryStore::look() const {
  StoreSnapshot snapshot;
  snapshot.incarnation = incarnation_;
  snapshot.sequences = sequences_;
  snapshot.workers = values_of(shared_->workers);
  snapshot.limits = values_of(shared_->limits);
  snapshot.flavors = values_of(shared_->flavors);
  std::set<BatchId> wanted = shared_->loaded;
  for (const BatchId id : shared_->loaded) {
    for (const auto& [ordinal, segment] : find(id)->segments) {
      for (const Dependency& dependency : segment.dependencies) wanted.insert(dependency.batch);
    }
  }
  for (const BatchId id : wanted) {
    const Batch* batch = find(id);
    if (batch != nullptr && batch->row) snapshot.batches.push_back(snapshot_of(*batch));
  }
  return snapshot;
}

void MemoryStore::commit(const Changes& changes) {
  for (const AuditRow& row : changes.audit) {
    if (shared_->audit.contains(row.seq)) throw StoreUnknown("a row of the audit log is there already");
  }
  for (const BatchRow& row : changes.batches) put_batch(row);
  for (const SegmentRow& row : changes.segments) put_segment(row);
  for (const TemplateRow& row : changes.templates) shared_.change().templates[row.id] = row.body;
  Batches& batches = batches_.change();
  for (const ItemBlockRow& row : changes.item_blocks) {
    batches[row.batch].change().item_blocks[{row.segment, row.first_item}] = row.items;
  }
  for (const OverrideRow& row : changes.overrides) batches[row.batch].change().overrides[row.ordinal] = row;
  put_state_runs(changes);
  for (const TaskRow& row : changes.tasks) batches[row.batch].change().tasks[row.position] = stored_form(row);
  for (const AttemptRow& row : changes.attempts) {
    batches[row.batch].change().attempts[{row.position, row.attempt.number}] = stored_form(row);
  }
  for (const WorkerRow& row : changes.workers) shared_.change().workers[row.id] = row;
  for (const LimitRow& row : changes.limits) shared_.change().limits[{row.scope, row.name}] = row;
  for (const FlavorRow& row : changes.flavors) {
    if (row.removed) {
      shared_.change().flavors.erase(row.flavor.key);
    } else {
      shared_.change().flavors[row.flavor.key] = row.flavor;
    }
  }
  for (const EventRow& row : changes.events) shared_.change().events[row.seq] = row;
  for (const KeyRow& row : changes.keys) shared_.change().keys[{row.project, row.key}] = row;
  put_access(changes);
  if (changes.sequences) sequences_ = *changes.sequences;
}

void MemoryStore::put_batch(const BatchRow& row) {
  Batch& batch = batches_.change()[row.id].change();
  Shared& shared = shared_.change();
  if (batch.row) {
    TaskCounts& before = shared.total_counts[batch.row->project];
    for (std::size_t i = 0; i < kTaskStates; ++i) before[i] -= batch.row->counts[i];
    if (batch.row->name != row.name || batch.row->project != row.project) {
      shared.batches_of_name[{batch.row->project, batch.row->name}].erase(row.id);
      shared.batches_of_project[batch.row->project].erase(row.id);
    }
  }
  TaskCounts& totals = shared.total_counts[row.project];
  for (std::size_t i = 0; i < kTaskStates; ++i) totals[i] += row.counts[i];
  shared.batches_of_name[{row.project, row.name}].insert(row.id);
  shared.batches_of_project[row.project].insert(row.id);
  if (is_loaded(row.state, row.revivable)) {
    shared.loaded.insert(row.id);
  } else {
    shared.loaded.erase(row.id);
  }
  batch.row = row;
}

void MemoryStore::put_segment(const SegmentRow& row) {
  Batch& batch = batches_.change()[row.batch].change();
  Shared& shared = shared_.change();
  const auto old = batch.segments.find(row.ordinal);
  if (old != batch.segments.end()) shared.segment_of_number.erase(old->second.first_number);
  shared.segment_of_number[row.first_number] = {row.batch, row.ordinal};
  batch.segments[row.ordinal] = row;
}

void MemoryStore::put_state_runs(const Changes& changes) {
  Batches& batches = batches_.change();
  for (const BatchId id : changes.cleared_state_runs) {
    const auto batch = batches.find(id);
    if (batch != batches.end()) batch->second.change().state_runs.clear();
  }
  for (const StateRunRow& row : changes.state_runs) batches[row.batch].change().state_runs[row.first] = row;
}

void MemoryStore::put_access(const Changes& changes) {
  if (changes.tokens.empty() && changes.users.empty() && changes.projects.empty() &&
      changes.secrets.empty() && changes.audit.empty())
    return;
  Shared& shared = shared_.change();
  for (const TokenRow& row : changes.tokens) shared.tokens[row.id] = row;
  for (const UserRow& row : changes.users) {
    if (row.removed) {
      shared.users.erase(row.name);
    } else {
      shared.users[row.name] = row;
    }
  }
  for (const ProjectRow& row : changes.projects) {
    if (row.removed) {
      shared.projects.erase(row.name);
    } else {
      shared.projects[row.name] = row;
    }
  }
  for (const SecretRow& row : changes.secrets) {
    if (row.removed) {
      shared.secrets.erase({row.project, row.name});
    } else {
      shared.secrets[{row.project, row.name}] = row;
    }
  }
  for (const AuditRow& row : changes.audit) shared.audit.emplace(row.seq, row);
}

std::optional<BatchSnapshot> MemoryStore::load_batch(BatchId id) {
  const Batch* batch = find(id);
  if (batch == nullptr || !batch->row) return std::nullopt;
  return snapshot_of(*batch);
}

BatchSnapshot MemoryStore::snapshot_of(const Batch& batch) const {
  BatchSnapshot snapshot;
  snapshot.batch = *batch.row;
  snapshot.segments = values_of(batch.segments);
  snapshot.overrides = values_of(batch.overrides);
  snapshot.state_runs = values_of(batch.state_runs);
  std::set<TemplateId> named;
  for (const SegmentRow& segment : snapshot.segments) named.insert(segment.template_id);
  for (const OverrideRow& row : snapshot.overrides) named.insert(row.template_id);
  for (const TemplateId id : named) {
    const auto body = shared_->templates.find(id);
    if (body != shared_->templates.end()) snapshot.templates.push_back({id, body->second});
  }
  for (const auto& [place, items] : batch.item_blocks) {
    snapshot.item_blocks.push_back({batch.row->id, place.first, place.second, items});
  }
  snapshot.tasks.reserve(batch.tasks.size());
  for (const auto& [position, row] : batch.tasks) snapshot.tasks.push_back(without_end(row));
  return snapshot;
}

const MemoryStore::Batch* MemoryStore::find(BatchId id) const {
  const auto found = batches_->find(id);
  return found == batches_->end() ? nullptr : &*found->second;
}

// ---- History

std::optional<BatchRow> MemoryStore::batch(BatchId id) {
  const Batch* batch = find(id);
  return batch == nullptr ? std::nullopt : batch->row;
}

std::optional<BatchId> MemoryStore::newest_batch_named(const std::string& project, const std::string& name,
                                                       Closed closed) {
  const auto found = shared_->batches_of_name.find({project, name});
  if (found == shared_->batches_of_name.end()) return std::nullopt;
  for (auto id = found->second.rbegin(); id != found->second.rend(); ++id) {
    if (closed == Closed::included || !find(*id)->row->closed) return *id;
  }
  return std::nullopt;
}

std::optional<BatchId> MemoryStore::newest_batch(const std::string& project) {
  const auto found = shared_->batches_of_project.find(project);
  if (found == shared_->batches_of_project.end() || found->second.empty()) return std::nullopt;
  return *found->second.rbegin();
}

std::optional<std::pair<BatchId, Position>> MemoryStore::task_of_number(TaskNumber number) {
  auto after = shared_->segment_of_number.upper_bound(number);
  if (after == shared_->segment_of_number.begin()) return std::nullopt;
  const auto [id, ordinal] = std::prev(after)->second;
  const SegmentRow& segment = find(id)->segments.at(ordinal);
  if (number - segment.first_number >= segment.count) return std::nullopt;
  return std::pair(id, segment.first_position + (number - segment.first_number));
}

std::vector<BatchRow> MemoryStore::batches(const Page& page) {
  std::vector<BatchRow> rows;
  const std::uint32_t limit = page_limit(page);
  const Batches& all = *batches_;
  auto next = page.after == 0 ? all.end() : all.lower_bound(page.after);
  while (next != all.begin() && rows.size() < limit) {
    --next;
    if (next->second->row) rows.push_back(*next->second->row);
  }
  return rows;
}

std::vector<BatchRow> MemoryStore::batches_of(const std::string& project, const Page& page) {
  std::vector<BatchRow> rows;
  const auto found = shared_->batches_of_project.find(project);
  if (found == shared_->batches_of_project.end()) return rows;
  const std::uint32_t limit = page_limit(page);
  auto next = page.after == 0 ? found->second.end() : found->second.lower_bound(page.after);
  while (next != found->second.begin() && rows.size() < limit) rows.push_back(*find(*--next)->row);
  return rows;
}

std::vector<SegmentRow> MemoryStore::segments(BatchId id) {
  const Batch* batch = find(id);
  return batch == nullptr ? std::vector<SegmentRow>{} : values_of(batch->segments);
}

std::vector<OverrideRow> MemoryStore::overrides(BatchId id) {
  const Batch* batch = find(id);
  return batch == nullptr ? std::vector<OverrideRow>{} : values_of(batch->overrides);
}

std::vector<StateRunRow> MemoryStore::state_runs(BatchId id) {
  const Batch* batch = find(id);
  return batch == nullptr ? std::vector<StateRunRow>{} : values_of(batch->state_runs);
}

std::shared_ptr<const TaskTemplate> MemoryStore::task_template(TemplateId id) {
  const auto found = shared_->templates.find(id);
  return found == shared_->templates.end() ? nullptr : found->second;
}

std::vector<std::string> MemoryStore::item(BatchId batch_id, std::uint32_t segment, std::uint64_t item) {
  const Batch* batch = find(batch_id);
  if (batch == nullptr) return {};
  auto after = batch->item_blocks.upper_bound({segment, item});
  if (after == batch->item_blocks.begin()) return {};
  const auto& [place, items] = *std::prev(after);
  if (place.first != segment) return {};
  return row_of(*items, item - place.second);
}

std::vector<TaskRow> MemoryStore::tasks(const TaskFilter& filter, const Page& page) {
  std::vector<TaskRow> rows;
  const Batch* batch = find(filter.batch);
  if (batch == nullptr) return rows;
  const std::uint32_t limit = page_limit(page);
  auto next = batch->tasks.lower_bound(std::max(filter.first, page.after));
  for (; next != batch->tasks.end() && next->first <= filter.last && rows.size() < limit; ++next) {
    const TaskRow& row = next->second;
    if (!filter.states.empty() &&
        std::find(filter.states.begin(), filter.states.end(), row.state) == filter.states.end()) {
      continue;
    }
    rows.push_back(row);
  }
  return rows;
}

std::vector<AttemptRow> MemoryStore::attempts(BatchId batch_id, Position position) {
  std::vector<AttemptRow> rows;
  const Batch* batch = find(batch_id);
  if (batch == nullptr) return rows;
  auto next = batch->attempts.lower_bound({position, 0});
  for (; next != batch->attempts.end() && next->first.first == position; ++next) rows.push_back(next->second);
  return rows;
}

std::vector<WorkerRow> MemoryStore::workers() { return values_of(shared_->workers); }
std::vector<LimitRow> MemoryStore::limits() { return values_of(shared_->limits); }
std::vector<Flavor> MemoryStore::flavors() { return values_of(shared_->flavors); }

std::vector<EventRow> MemoryStore::events(const std::string& project, BatchId batch, const Page& page) {
  std::vector<EventRow> rows;
  const std::uint32_t limit = page_limit(page);
  const auto& all = shared_->events;
  auto next = page.after == 0 ? all.end() : all.lower_bound(page.after);
  while (next != all.begin() && rows.size() < limit) {
    --next;
    const EventRow& row = next->second;
    const Batch* of = row.batch == 0 ? nullptr : find(row.batch);
    const bool seen = row.batch == 0 || (of != nullptr && of->row && of->row->project == project);
    if (seen && (batch == 0 || row.batch == batch)) rows.push_back(row);
  }
  return rows;
}

std::optional<KeyRow> MemoryStore::key(const std::string& project, const std::string& key) {
  const auto found = shared_->keys.find({project, key});
  if (found == shared_->keys.end()) return std::nullopt;
  return found->second;
}

TaskCounts MemoryStore::total_counts(const std::string& project) {
  const auto found = shared_->total_counts.find(project);
  return found == shared_->total_counts.end() ? TaskCounts{} : found->second;
}

// ---- AccessStore

std::vector<TokenRow> MemoryStore::tokens() { return values_of(shared_->tokens); }
std::vector<UserRow> MemoryStore::users() { return values_of(shared_->users); }
std::vector<ProjectRow> MemoryStore::projects() { return values_of(shared_->projects); }

std::vector<SecretRow> MemoryStore::secrets() { return values_of(shared_->secrets); }

std::vector<AuditRow> MemoryStore::audit(const Page& page) {
  std::vector<AuditRow> rows;
  const std::uint32_t limit = page_limit(page);
  for (auto next = shared_->audit.upper_bound(page.after);
       next != shared_->audit.end() && rows.size() < limit; ++next) {
    rows.push_back(next->second);
  }
  return rows;
}

std::optional<AuditRow> MemoryStore::newest_audit() {
  if (shared_->audit.empty()) return std::nullopt;
  return shared_->audit.rbegin()->second;
}

// ---- comparison

bool MemoryStore::same(const Batch& left, const Batch& right) {
  return left.row == right.row && left.segments == right.segments &&
         same_targets(left.item_blocks, right.item_blocks) && left.overrides == right.overrides &&
         left.state_runs == right.state_runs && left.tasks == right.tasks && left.attempts == right.attempts;
}

// What was written and cleared again leaves no trace that counts.
bool MemoryStore::same(const Batches& left, const Batches& right) {
  const auto next_kept = [](auto at, const Batches& batches) {
    while (at != batches.end() && same(*at->second, Batch{})) ++at;
    return at;
  };
  auto a = next_kept(left.begin(), left);
  auto b = next_kept(right.begin(), right);
  while (a != left.end() && b != right.end() && a->first == b->first) {
    if (!a->second.shares_with(b->second) && !same(*a->second, *b->second)) return false;
    a = next_kept(std::next(a), left);
    b = next_kept(std::next(b), right);
  }
  return a == left.end() && b == right.end();
}

// The tables of numbers, names and loaded batches follow from the rows.
bool MemoryStore::same(const Shared& left, const Shared& right) {
  return same_targets(left.templates, right.templates) && left.workers == right.workers &&
         left.limits == right.limits && left.flavors == right.flavors && left.events == right.events &&
         left.keys == right.keys && left.tokens == right.tokens && left.users == right.users &&
         left.projects == right.projects && left.secrets == right.secrets && left.audit == right.audit &&
         same_counts(left.total_counts, right.total_counts);
}

bool operator==(const MemoryStore& left, const MemoryStore& right) {
  if (left.incarnation_ != right.incarnation_ || left.sequences_ != right.sequences_) return false;
  if (!left.shared_.shares_with(right.shared_) && !MemoryStore::same(*left.shared_, *right.shared_))
    return false;
  return left.batches_.shares_with(right.batches_) || MemoryStore::same(*left.batches_, *right.batches_);
}

}  // namespace muster::store
