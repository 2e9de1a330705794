// Limits of users, projects and labels: what runs is counted as it starts and ends, and never counted anew.
// A limit lowered below what runs stops nothing that runs; nothing new starts until there is room under it.
#include <algorithm>
#include <limits>

#include "engine/state.h"

namespace muster::engine {

namespace {

std::uint64_t left_of(const Usage& usage, const Resources& wanted) {
  std::uint64_t left = std::numeric_limits<std::uint64_t>::max();
  if (usage.limit.max_running) {
    const std::uint64_t most = *usage.limit.max_running;
    left = most > usage.running ? most - usage.running : 0;
  }
  if (usage.limit.max_cpus) {
    const std::uint64_t most = *usage.limit.max_cpus;
    left = std::min(left, most > usage.cpus ? (most - usage.cpus) / cores_of(wanted) : 0);
  }
  return left;
}

}  // namespace

Usage& Engine::State::usage_of(LimitScope scope, const std::string& name) {
  const auto [found, fresh] = usage.try_emplace({scope, name});
  if (fresh) {
    found->second.limit.scope = scope;
    found->second.limit.name = name;
  }
  return found->second;
}

void Engine::State::tie_labels(Worker& worker) {
  worker.of_labels.clear();
  for (const auto& [name, value] : worker.row.labels)
    worker.of_labels.push_back(&usage_of(LimitScope::label, name + "=" + value));
}

void Engine::State::count_use(Batch& batch, Worker& worker, const Resources& wanted, int sign) {
  if (batch.of_user == nullptr) {
    batch.of_user = &usage_of(LimitScope::user, batch.row.owner);
    batch.of_project = &usage_of(LimitScope::project, batch.row.project);
  }
  const std::uint64_t cores = cores_of(wanted);
  const auto count = [&](Usage& one) {
    MUSTER_CHECK(sign > 0 || (one.running > 0 && one.cpus >= cores), "what ends was counted when it began");
    one.running = sign > 0 ? one.running + 1 : one.running - 1;
    one.cpus = sign > 0 ? one.cpus + cores : one.cpus - cores;
  };
  count(*batch.of_user);
  count(*batch.of_project);
  for (Usage* label : worker.of_labels) {
    count(*label);
    if (sign > 0 || label->limit.says_nothing()) continue;
    // Every worker with this label has more room now.
    for (const auto& [id, other] : workers) {
      if (std::find(other.of_labels.begin(), other.of_labels.end(), label) != other.of_labels.end())
        freed.insert(id);
    }
  }
}

std::uint64_t Engine::State::quota_left(const Batch& batch, const Resources& wanted) const {
  const auto left_in = [&](LimitScope scope, const std::string& name) {
    const auto found = usage.find({scope, name});
    return found == usage.end() ? std::numeric_limits<std::uint64_t>::max() : left_of(found->second, wanted);
  };
  if (batch.of_user != nullptr)
    return std::min(left_of(*batch.of_user, wanted), left_of(*batch.of_project, wanted));
  return std::min(left_in(LimitScope::user, batch.row.owner),
                  left_in(LimitScope::project, batch.row.project));
}

std::uint64_t Engine::State::label_left(const Worker& worker, const Resources& wanted) const {
  std::uint64_t left = std::numeric_limits<std::uint64_t>::max();
  for (const Usage* label : worker.of_labels) left = std::min(left, left_of(*label, wanted));
  return left;
}

const LimitRow* Engine::State::full_limit(const Batch& batch, const Resources& wanted) const {
  for (const auto& [scope, name] :
       {std::pair(LimitScope::user, batch.row.owner), std::pair(LimitScope::project, batch.row.project)}) {
    const auto found = usage.find({scope, name});
    if (found != usage.end() && left_of(found->second, wanted) == 0) return &found->second.limit;
  }
  return nullptr;
}

void Engine::State::on(const SetLimit& input) {
  const LimitRow& row = input.limit;
  const auto refuse_value = [&](const std::string& what, const std::string& next) {
    reply(input.request, Error{ErrorKind::usage, kMalformedValue, what, next});
  };
  const bool is_label = row.scope == LimitScope::label;
  const std::size_t equals = row.name.find('=');
  if (is_label && (equals == std::string::npos || !is_resource_name(row.name.substr(0, equals)) ||
                   !is_label_value(row.name.substr(equals + 1)))) {
    return refuse_value("a limit on a label names it as NAME=VALUE", "for instance label:storage=lustre");
  }
  if (row.name.empty() || row.name.size() > 200)
    return refuse_value("a limit needs the name of what it limits", "for instance user:ann");
  if (row.weight == 0 || row.weight > 1'000'000)
    return refuse_value("a weight is 1 to 1000000", "2 gets twice the share of 1");
  if (row.weight != 1 && row.scope != LimitScope::user)
    return refuse_value("only users have a weight", "set it on user:NAME");
  Changed answer;
  answer.count = 1;
  if (input.dry_run) return reply(input.request, std::move(answer));
  Usage& one = usage_of(row.scope, row.name);
  one.limit = row;
  unblock_all();
  decision.changes.limits.push_back(row);
  std::string text = std::string(to_text(row.scope)) + ":" + row.name;
  if (row.says_nothing()) text += " no limit";
  if (row.max_running) text += " max-running " + std::to_string(*row.max_running);
  if (row.max_cpus) text += " max-cpus " + std::to_string(*row.max_cpus);
  if (row.weight != 1) text += " weight " + std::to_string(row.weight);
  journal(EventKind::limit_changed, 0, std::move(text), input.principal.user);
  reply(input.request, std::move(answer));
}

const std::map<FlavorKey, Flavor>& Engine::flavors() const { return state_->flavors; }

std::vector<LimitView> Engine::limits() const {
  std::vector<LimitView> views;
  for (const auto& [key, usage] : state_->usage) {
    if (!usage.limit.says_nothing()) views.push_back({usage.limit, usage.running, usage.cpus});
  }
  return views;
}

}  // namespace muster::engine
