// The agent's turn: one input, then starts that became possible, then what keepers and server have to hear.
// What it tells the server is a level: everything at a full message, and in between what changed since the last one.
#include "agent/agent.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "agent/state.h"

namespace muster::agent {

Agent::Agent(AgentOptions options) : state_(std::make_unique<State>()) {
  state_->capacity = options.facts.capacity;
  state_->options = std::move(options);
}
Agent::~Agent() = default;
Agent::Agent(Agent&&) noexcept = default;
Agent& Agent::operator=(Agent&&) noexcept = default;

AgentDecision Agent::handle(const Input& input, Now now) {
  State& state = *state_;
  state.now = now;
  std::visit([&](const auto& one) { state.on(one); }, input);
  state.dispatch();
  state.tell_keepers();
  state.tell_server();
  return std::exchange(state.decision, {});
}

void Agent::State::on(const Connected& input) {
  session = input.session;
  sent_seq = 0;
  seen_seq = 0;
  templates.clear();
  facts_sent_mono_us = 0;
  full_due_mono_us = now.mono_us;
  for (auto& [ref, task] : tasks) {
    task.told = false;
    if (patient.contains(ref)) task.patience_until_mono_us = now.mono_us + options.log_patience_us;
  }
}

void Agent::State::on(const Disconnected&) { session = 0; }

void Agent::State::on(const ServerSaid& input) {
  const ServerMessage& message = input.message;
  if (session == 0 || message.session != session || message.seq <= seen_seq) return;
  seen_seq = message.seq;
  if (now.mono_us >= lease_deadline_us) give_back_waiting();
  if (facts_sent_mono_us != 0 && message.echo_sent_mono_us >= facts_sent_mono_us) facts_news = false;
  if (message.echo_sent_mono_us != 0) {
    lease_deadline_us =
        std::max(lease_deadline_us, agent_deadline_us(message.echo_sent_mono_us, message.lease_us));
  }
  if (message.sync_interval_us > 0) sync_interval_us = message.sync_interval_us;
  slots_known = true;
  capacity = options.facts.capacity;
  if (message.cpu_slots) capacity.cpu_slots = *message.cpu_slots;
  if (message.gpu_slots) capacity.gpu_slots = *message.gpu_slots;
  capacity.named = message.named;
  for (const AttemptRef& ref : message.forget) forget(ref);
  for (const TemplateDefinition& definition : message.templates) {
    templates[definition.id] = std::make_shared<const TaskTemplate>(definition.body);
  }
  for (const Grant& grant : message.grants) take_grant(grant);
  for (const Stop& stop : message.stops) take_stop(stop);
}

void Agent::State::on(const LogsTaken& input) {
  const auto found = keepers.find(input.keeper);
  const LogPlace place{input.segment, input.offset};
  if (found != keepers.end() && place > found->second.logs_taken) {
    if (place.segment > found->second.logs_taken.segment)
      ask(input.keeper).logs_taken_segment = place.segment;
    found->second.logs_taken = place;
  }
  const std::set<AttemptRef> all = patient;
  for (const AttemptRef& ref : all) {
    const Task& task = tasks.at(ref);
    if (task.keeper != input.keeper || task.log_end > place) continue;
    patient.erase(ref);
    end_news.push_back(ref);
  }
}

void Agent::State::on(const FactsChanged& input) {
  const Capacity before = options.facts.capacity;
  options.facts = input.facts;
  if (capacity.cpu_slots == before.cpu_slots) capacity.cpu_slots = input.facts.capacity.cpu_slots;
  if (capacity.gpu_slots == before.gpu_slots) capacity.gpu_slots = input.facts.capacity.gpu_slots;
  capacity.cpus = input.facts.capacity.cpus;
  capacity.mem_mb = input.facts.capacity.mem_mb;
  capacity.disk_mb = input.facts.capacity.disk_mb;
  facts_news = true;
  facts_sent_mono_us = 0;
}

void Agent::State::on(const Tick&) {
  if (session == 0) return;
  const std::set<AttemptRef> all = patient;
  for (const AttemptRef& ref : all) {
    Task& task = tasks.at(ref);
    if (task.patience_until_mono_us > now.mono_us) continue;
    task.end.log_cut = true;
    patient.erase(ref);
    end_news.push_back(ref);
  }
}

bool Agent::State::log_is_through(const Task& task) const {
  if (task.end.stdout_bytes + task.end.stderr_bytes == 0) return true;
  const auto found = keepers.find(task.keeper);
  return found != keepers.end() && found->second.logs_taken >= task.log_end;
}

void Agent::State::tell_server() {
  if (session == 0) {
    phase_news.clear();
    end_news.clear();
    return;
  }
  AgentMessage message;
  message.full = now.mono_us >= full_due_mono_us;
  const bool facts_untold = facts_news && facts_sent_mono_us == 0;
  if (message.full) {
    full_due_mono_us = now.mono_us + sync_interval_us;
    for (auto& [ref, task] : tasks) {
      if (task.place != Place::ended || patient.contains(ref)) {
        // An end whose log is still on its way is not told yet: to the server it executes.
        message.have.push_back({ref, task.place == Place::ended ? AttemptState::executing : task.phase});
      } else {
        message.finished.push_back(task.end);
        task.told = true;
      }
    }
  } else {
    for (const Have& news : phase_news) {
      const auto task = tasks.find(news.attempt);
      if (task != tasks.end() && task->second.place != Place::ended)
        message.have.push_back({news.attempt, task->second.phase});
    }
    for (const AttemptRef& ref : end_news) {
      const auto task = tasks.find(ref);
      if (task == tasks.end() || task->second.told) continue;
      message.finished.push_back(task->second.end);
      task->second.told = true;
    }
  }
  phase_news.clear();
  end_news.clear();
  if (!message.full && message.have.empty() && message.finished.empty() && !facts_untold) return;
  if (facts_news) {  // in each message until one that carried them was answered
    message.facts = options.facts;
    if (facts_untold) facts_sent_mono_us = now.mono_us;
  }
  message.session = session;
  message.seq = ++sent_seq;
  message.seen_seq = seen_seq;
  message.sent_mono_us = now.mono_us;
  decision.to_server.push_back(std::move(message));
}

Micros Agent::next_due_us() const {
  if (state_->session == 0) return std::numeric_limits<Micros>::max();
  Micros due = state_->full_due_mono_us;
  for (const AttemptRef& ref : state_->patient)
    due = std::min(due, state_->tasks.at(ref).patience_until_mono_us);
  return due;
}

std::size_t Agent::size() const { return state_->tasks.size(); }

bool Agent::remembers(KeeperId keeper) const {
  return std::any_of(state_->tasks.begin(), state_->tasks.end(),
                     [&](const auto& entry) { return entry.second.keeper == keeper; });
}

bool Agent::knows(TaskRef task, std::uint32_t number) const {
  const auto first = state_->tasks.lower_bound(AttemptRef{task.batch, task.index, number, 0});
  return first != state_->tasks.end() && first->first.task() == task && first->first.number == number;
}

std::vector<std::string> Agent::audit() const {
  std::vector<std::string> broken;
  const State& state = *state_;
  const KeeperId newest = state.keepers.empty() ? 0 : state.keepers.rbegin()->first;
  InUse reserved;
  std::uint64_t in_run_queue = 0;
  std::set<std::uint32_t> gpus;
  for (const auto& [ref, task] : state.tasks) {
    if (task.place == Place::run_queue && task.keeper == newest) ++in_run_queue;
    if (task.place == Place::at_once || (task.place == Place::run_queue && task.keeper != newest))
      reserved.add(task.resources);
    if (task.place != Place::at_once) continue;
    for (const std::uint32_t gpu : task.gpus) {
      if (!gpus.insert(gpu).second) broken.push_back("two tasks hold GPU " + std::to_string(gpu));
    }
  }
  if (in_run_queue != state.in_run_queue) broken.push_back("the run queue is not counted right");
  if (reserved != state.reserved) broken.push_back("what is reserved is not counted right");
  if (gpus != state.gpus_taken) broken.push_back("the GPUs taken are not those that tasks hold");
  return broken;
}

}  // namespace muster::agent
