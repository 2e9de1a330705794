// Grants, stops and starts: in order of arrival, with the same fits() as the server.
// Plain tasks go to the keeper's run queue ahead of time; a task that needs more waits until it fits, and nothing passes it.
#include <algorithm>
#include <charconv>

#include "agent/state.h"
#include "core/check.h"

namespace muster::agent {

namespace {

void set_variable(std::vector<std::pair<std::string, std::string>>& environment, std::string name,
                  std::string value) {
  const auto found = std::find_if(environment.begin(), environment.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (found != environment.end()) {
    found->second = std::move(value);
  } else {
    environment.emplace_back(std::move(name), std::move(value));
  }
}

}  // namespace

void Agent::State::take_grant(const Grant& grant) {
  const auto found = templates.find(grant.template_id);
  if (found == templates.end())
    return;  // heals with the next full message: the server misses it and says it all again
  const TaskTemplate& body = *found->second;
  const std::size_t columns = body.columns.size();
  std::vector<std::string_view> row;
  for (std::uint64_t k = 0; k < grant.count; ++k) {
    const AttemptRef ref{grant.batch, grant.first_index + k * grant.step, grant.attempt, grant.incarnation};
    if (tasks.contains(ref)) continue;
    row.clear();
    for (std::size_t column = 0; column < columns && (k + 1) * columns <= grant.fields.size(); ++column) {
      row.push_back(grant.fields[k * columns + column]);
    }
    Task& task = tasks[ref];
    task.resources = body.resources;
    task.grace_us = body.grace_us;
    if (refuse_without_secrets(ref, task, grant)) continue;
    task.start = make_start(ref, grant.first_number + k, body, row);
    for (const GrantSecret& secret : grant.secrets)
      set_variable(task.start.environment, secret.variable, secret.value);
    task.scratch = task.start.scratch;
    waiting.push_back(ref);
  }
}

// A task that would lack a secret is not started: it fails here, and says which one and why.
bool Agent::State::refuse_without_secrets(const AttemptRef& ref, Task& task, const Grant& grant) {
  for (const GrantSecret& secret : grant.secrets) {
    if (secret.problem.empty()) continue;
    Finished end;
    end.outcome = AttemptState::failed;
    end.cause = Cause::launch;
    end.message = "no secret " + secret.name + ": " + secret.problem;
    end_task(ref, task, std::move(end));
    return true;
  }
  return false;
}

KeeperStart Agent::State::make_start(const AttemptRef& ref, TaskNumber number, const TaskTemplate& body,
                                     std::span<const std::string_view> fields) const {
  ExpandedCommand expanded = expand_command(body.command, ref.index, fields);
  KeeperStart start;
  start.attempt = ref;
  start.arguments = std::move(expanded.argv);
  start.environment = options.environment;
  auto& environment = start.environment;
  for (const auto& [name, value] : body.environment) set_variable(environment, name, value);
  for (auto& [name, value] : expanded.env) set_variable(environment, name, std::move(value));
  const std::string batch = std::to_string(ref.batch);
  const std::string index = std::to_string(ref.index);
  const std::uint32_t cpus =
      body.resources.cpus > 0 ? body.resources.cpus : std::max(1U, body.resources.cpu_slots);
  environment.emplace_back("MUSTER_BATCH_ID", batch);
  environment.emplace_back("MUSTER_TASK_ID", batch + "." + index);
  environment.emplace_back("MUSTER_TASK_INDEX", index);
  environment.emplace_back("MUSTER_TASK_NUMBER", std::to_string(number));
  environment.emplace_back("MUSTER_ATTEMPT", std::to_string(ref.number));
  environment.emplace_back("MUSTER_CPUS", std::to_string(cpus));
  environment.emplace_back("MUSTER_MEM_MB", std::to_string(body.resources.mem_mb));
  environment.emplace_back("MUSTER_GPUS", std::to_string(body.resources.gpu_slots));
  set_variable(environment, "CPU", std::to_string(cpus));
  if (body.working_directory == WorkingDirectory::attempt) {
    start.scratch = options.work_folder + "/" + batch + "/" + index + "/" + std::to_string(ref.number);
    set_variable(environment, "INPUT", start.scratch + "/input");
    set_variable(environment, "OUTPUT", start.scratch + "/output");
    set_variable(environment, "TEMP", start.scratch + "/tmp");
  } else {
    start.cwd = body.cwd;
  }
  start.time_limit_us = body.time_limit_us;
  start.grace_us = body.grace_us;
  start.mem_mb = body.resources.mem_mb;
  start.log_max_bytes = body.log_max_bytes;
  start.records_first = body.rerun == Rerun::never;
  return start;
}

// Their lease is over: they may be running elsewhere, and a new lease is not for them.
void Agent::State::give_back_waiting() {
  for (const AttemptRef& ref : std::exchange(waiting, {})) {
    const auto found = tasks.find(ref);
    if (found == tasks.end() || found->second.place != Place::waiting) continue;
    Finished end;
    end.outcome = AttemptState::refused;
    end.message = "the lease was over before it was started";
    end_task(ref, found->second, std::move(end));
  }
}

void Agent::State::dispatch() {
  if (keepers.empty() || now.mono_us >= lease_deadline_us) return;  // without a lease nothing is started
  while (!waiting.empty()) {
    const auto found = tasks.find(waiting.front());
    if (found == tasks.end() || found->second.place != Place::waiting) {
      waiting.pop_front();  // stopped or forgotten meanwhile
      continue;
    }
    if (!hand_over(found->first, found->second)) return;
    waiting.pop_front();
  }
}

bool Agent::State::hand_over(const AttemptRef& ref, Task& task) {
  InUse in_use = reserved;
  in_use.cpu_slots += in_run_queue;
  in_use.tasks += in_run_queue;
  const Fit fit = fits(task.resources, capacity, in_use);
  if (fit == Fit::too_big) {
    Finished end;
    end.outcome = AttemptState::refused;
    end.message = "this worker has become too small for it";
    end_task(ref, task, std::move(end));
    return true;
  }
  const KeeperId newest = keepers.rbegin()->first;
  if (task.resources.is_plain()) {
    const std::uint64_t width =
        capacity.cpu_slots > reserved.cpu_slots ? capacity.cpu_slots - reserved.cpu_slots : 0;
    if (reserved.exclusive > 0 || in_run_queue >= width + options.run_queue_depth) return false;
    task.place = Place::run_queue;
    ++in_run_queue;
    task.start.when = StartWhen::in_run_queue;
  } else {
    if (fit != Fit::fits) return false;
    task.place = Place::at_once;
    reserved.add(task.resources);
    for (std::uint32_t gpu = 0; task.gpus.size() < task.resources.gpu_slots; ++gpu) {
      if (gpus_taken.insert(gpu).second) task.gpus.push_back(gpu);
    }
  }
  if (capacity.gpu_slots > 0) {
    std::string devices;
    for (const std::uint32_t gpu : task.gpus) devices += (devices.empty() ? "" : ",") + std::to_string(gpu);
    set_variable(task.start.environment, "CUDA_VISIBLE_DEVICES", devices);
  }
  task.keeper = newest;
  task.start.note = note_of(task);
  ask(newest).starts.push_back(std::move(task.start));
  task.start = {};
  return true;
}

void Agent::State::release(Task& task) {
  if (task.place == Place::run_queue) {
    if (!keepers.empty() && task.keeper == keepers.rbegin()->first) {
      MUSTER_CHECK(in_run_queue > 0, "what is in the run queue was counted");
      --in_run_queue;
    } else {
      reserved.remove(task.resources);  // of an older keeper: counted one by one
    }
  } else if (task.place == Place::at_once) {
    reserved.remove(task.resources);
    for (const std::uint32_t gpu : task.gpus) gpus_taken.erase(gpu);
  }
}

void Agent::State::end_task(const AttemptRef& ref, Task& task, Finished end) {
  release(task);
  task.place = Place::ended;
  task.phase = end.outcome;
  task.end = std::move(end);
  task.end.attempt = ref;
  if (task.end.ended_wall_us == 0) task.end.ended_wall_us = now.wall_us;
  if (task.end.outcome == AttemptState::succeeded && !task.scratch.empty()) {
    decision.remove_folders.push_back({task.scratch});
  }
  if (log_is_through(task)) {
    end_news.push_back(ref);
  } else {
    task.patience_until_mono_us = now.mono_us + options.log_patience_us;
    patient.insert(ref);
  }
}

void Agent::State::take_stop(const Stop& stop) {
  const auto found = tasks.find(stop.attempt);
  if (found == tasks.end()) return;
  Task& task = found->second;
  if (task.place == Place::ended) {
    if (stop.reason == StopReason::stale) forget(stop.attempt);
    return;
  }
  if (stop.reason == StopReason::recall) return recall(stop.attempt, task);
  task.stop = stop.reason;
  if (task.place == Place::waiting) {
    if (stop.reason == StopReason::stale) return forget(stop.attempt);
    Finished end;
    end.outcome = stop.reason == StopReason::cancel ? AttemptState::cancelled : AttemptState::refused;
    end.message = "stopped before its start";
    return end_task(stop.attempt, task, std::move(end));
  }
  task.phase = AttemptState::stopping;
  phase_news.push_back({stop.attempt, task.phase});
  ask(task.keeper).stops.push_back({stop.attempt, stop.reason == StopReason::stale ? 0 : task.grace_us});
}

// Another worker has room for it now. What was started, or is stopped already, stays what it is.
void Agent::State::recall(const AttemptRef& ref, Task& task) {
  if (task.place == Place::waiting) {
    Finished end;
    end.outcome = AttemptState::refused;
    end.message = "taken back before its start";
    return end_task(ref, task, std::move(end));
  }
  if (task.place == Place::run_queue && task.phase == AttemptState::assigned)
    ask(task.keeper).stops.push_back({ref, 0, true});
}

void Agent::State::forget(const AttemptRef& ref) {
  const auto found = tasks.find(ref);
  if (found == tasks.end()) return;
  Task& task = found->second;
  if (task.place != Place::ended && task.place != Place::waiting)
    return;  // it runs: only its end can be forgotten
  if (task.keeper != 0 && keepers.contains(task.keeper)) ask(task.keeper).forget.push_back(ref);
  patient.erase(ref);
  tasks.erase(found);
}

std::string note_of(const Task& task) {
  const Resources& r = task.resources;
  std::string note = std::to_string(static_cast<int>(task.place)) + " " + std::to_string(r.cpu_slots) + " " +
                     std::to_string(r.gpu_slots) + " " + std::to_string(r.cpus) + " " +
                     std::to_string(r.mem_mb) + " " + std::to_string(r.disk_mb) + " " +
                     std::to_string(task.grace_us);
  for (const std::uint32_t gpu : task.gpus) note += " " + std::to_string(gpu);
  if (r.sharing == Sharing::exclusive) note += " exclusive";
  for (const auto& [name, amount] : r.named) note += " " + name + "=" + std::to_string(amount);
  return task.scratch.empty() ? note : note + " /" + task.scratch;
}

namespace {

// "exclusive" and "license=2", behind the numbers of a note.
void apply_words(std::string_view words, Resources& resources) {
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    if (word == "exclusive") resources.sharing = Sharing::exclusive;
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    std::uint64_t amount = 0;
    std::from_chars(word.data() + equals + 1, word.data() + word.size(), amount);
    resources.named.emplace_back(word.substr(0, equals), amount);
  }
  if (!normalize(resources.named)) resources.named.clear();
}

}  // namespace

void apply_note(const std::string& note, Task& task) {
  const std::size_t path = note.find(" /");
  if (path != std::string::npos) task.scratch = note.substr(path + 2);
  std::vector<std::uint64_t> numbers;
  const char* at = note.data();
  const char* end = note.data() + std::min(path, note.size());
  while (at < end) {
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(at, end, number);
    if (parsed.ec != std::errc{}) break;
    numbers.push_back(number);
    at = parsed.ptr < end ? parsed.ptr + 1 : end;
  }
  if (numbers.size() < 7) return;  // of another version: counted as a plain task
  apply_words({at, end}, task.resources);
  task.place = numbers[0] == static_cast<std::uint64_t>(Place::at_once) ? Place::at_once : Place::run_queue;
  task.resources.cpu_slots = static_cast<std::uint32_t>(numbers[1]);
  task.resources.gpu_slots = static_cast<std::uint32_t>(numbers[2]);
  task.resources.cpus = static_cast<std::uint32_t>(numbers[3]);
  task.resources.mem_mb = numbers[4];
  task.resources.disk_mb = numbers[5];
  task.grace_us = static_cast<Micros>(numbers[6]);
  for (std::size_t i = 7; i < numbers.size(); ++i)
    task.gpus.push_back(static_cast<std::uint32_t>(numbers[i]));
}

}  // namespace muster::agent
